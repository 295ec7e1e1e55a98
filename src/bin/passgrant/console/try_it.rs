//! A login and a refresh, as a client makes them, and what the answer means.

mod explain;

use std::sync::Arc;

use axum::response::Response;
use axum::routing::{Router, get, post};
use maud::{Markup, html};
use passgrant::issuer::path;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::console::field::{Field, Wrong};
use crate::console::layout::{self, Section};
use crate::console::service::Service;
use crate::console::visit::{Posted, Visit};
use crate::console::{Console, try_it::explain::explained};
use crate::failure::Failure;
use crate::terminal::shell_word;
use crate::wire::caller::{Authentication, Caller, form_encoded};
use crate::wire::{Answer, Wire};

/// A login begins a session, and a wrong password counts.
const READ_ONLY: &str =
    "a login would be a real one, and this console changes nothing: it was started with --read-only";
const LOGIN: &str = "/try";
const REFRESH: &str = "/try/refresh";

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route(LOGIN, get(show).post(log_in)).route(REFRESH, post(refresh))
}

/// What the last login got, to be refreshed: it is nowhere in a page.
pub(super) struct Tried {
    client: Caller,
    refresh_token: Zeroizing<String>,
}

/// How a client can authenticate here.
const METHODS: [(&str, &str); 3] = [
    ("client_secret_basic", "client_secret_basic: secret in the header Authorization"),
    ("client_secret_post", "client_secret_post: secret in the form"),
    ("none", "none: a public client"),
];

/// How a client authenticates by the method called `name`.
fn authentication(name: &str, secret: Zeroizing<String>) -> Authentication {
    match name {
        "client_secret_post" => Authentication::Post(secret),
        "none" => Authentication::None,
        _ => Authentication::Basic(secret),
    }
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let service = Service::of(&visit.console().place);
    let content = match &service {
        Some(service) => html! {
            p { "What a client sends to " span.code { (service.at(path::TOKEN)) } ", and what it gets. This really logs in: it begins a session, and a wrong password counts." }
            @if visit.console().read_only { p { (READ_ONLY) "." } } @else { (form(&visit, None)) }
        },
        None => {
            html! { p { "There is no service to log in at: start one with " span.code { "passgrant serve" } " on this folder." } }
        }
    };
    Ok(visit.page(Section::Try, "Try it", content))
}

/// The form, filled in as `posted` was, but for its secrets.
fn form(visit: &Visit, posted: Option<&Posted>) -> Markup {
    let wrong = Wrong::default();
    let value = |name: &str| posted.map(|posted| posted.text(name)).unwrap_or_default();
    let field = |name, label, hint| Field { name, label, hint, value: value(name) };
    let fields = html! {
        fieldset {
            legend { "The client" }
            (field("client_id", "Client ID", "As in the list of clients.").text(&wrong))
            (field("method", "How it authenticates", "As the client is registered.").select(&METHODS, &wrong))
            p.hint { "A client that authenticates by " span.code { "private_key_jwt" } " cannot be tried here: its private key does not belong on a page." }
            (Field { name: "client_secret", label: "Client secret", hint: "Empty for a public client.", value: "" }.password(&wrong))
        }
        fieldset {
            legend { "The user" }
            (field("username", "Username", "").text(&wrong))
            (Field { name: "password", label: "Password", hint: "", value: "" }.password(&wrong))
        }
        fieldset {
            legend { "The request" }
            (field("scope", "Scope", "Separated by spaces. Without one, the client gets its default.").text(&wrong))
            (field("resource", "Resource", "Which of the client's audiences the token is for (RFC 8707), separated by spaces. Without one, for all of them.").text(&wrong))
            (field("auth_chain", "Verifier chain", "Who checks the password, if the client has several chains. Without one, the client's own, or else the default of the server.").text(&wrong))
        }
        button.main { "Ask for tokens" }
    };
    visit.form(LOGIN, fields)
}

async fn log_in(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let service = service(&visit)?;
    if visit.console().read_only {
        return Err(Failure::refused(READ_ONLY));
    }
    let client = Caller {
        id: posted.text("client_id").to_owned(),
        authentication: authentication(posted.text("method"), posted.secret("client_secret")),
    };
    let (username, password) = (posted.text("username"), posted.secret("password"));
    let mut parameters = vec![("grant_type", "password"), ("username", username), ("password", &password)];
    parameters.extend(posted.some("scope").map(|scope| ("scope", scope)));
    parameters.extend(posted.text("resource").split_whitespace().map(|resource| ("resource", resource)));
    parameters.extend(posted.some("auth_chain").map(|chain| ("auth_chain", chain)));
    let answer = sent(&client, &service, &parameters).await?;
    let curl = curl(&client, &service, &parameters);
    visit.console().keep_tried(answer.json().as_ref().and_then(|tokens| Tried::of(client, tokens)));
    let content = html! {
        (answered(&visit, &answer, &curl))
        h2 { "Another login" }
        (form(&visit, Some(&posted)))
    };
    Ok(visit.page(Section::Try, "A password request", content))
}

async fn refresh(visit: Visit, _posted: Posted) -> Result<Response, Failure> {
    if visit.console().read_only {
        return Err(Failure::refused(READ_ONLY));
    }
    let service = service(&visit)?;
    let Some(Tried { client, refresh_token }) = visit.console().take_tried() else {
        return Err(Failure::refused("there is no refresh token to use: log in first"));
    };
    let parameters = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
    let answer = sent(&client, &service, &parameters).await?;
    let curl = curl(&client, &service, &parameters);
    visit.console().keep_tried(answer.json().as_ref().and_then(|tokens| Tried::of(client, tokens)));
    let content = html! {
        p { "The previous refresh token has been replaced. It is still accepted within the grace period of the client; if it is used later, the session ends, because it could be a thief who uses it." }
        (answered(&visit, &answer, &curl))
        h2 { "Another login" }
        (form(&visit, None))
    };
    Ok(visit.page(Section::Try, "A refresh", content))
}

fn service(visit: &Visit) -> Result<Service, Failure> {
    Service::of(&visit.console().place).ok_or_else(|| Failure::refused("there is no service to send a request to"))
}

/// What came back, and what it means.
fn answered(visit: &Visit, answer: &Answer, curl: &str) -> Markup {
    let body = answer.json().unwrap_or_default();
    let has_session = visit.console().has_tried();
    html! {
        @if answer.status.is_success() {
            (layout::success(html! { p { "Answered with " (answer.status.as_u16()) ": tokens." } }))
        } @else {
            (layout::trouble(&format!("Answered with {}.", answer.status.as_u16())))
        }
        (layout::copied("The same with curl: set the variables in it first", curl))
        (explained(&body, answer))
        @if has_session {
            (visit.form(REFRESH, html! { button { "Use the refresh token" } }))
        }
    }
}

impl Tried {
    fn of(client: Caller, tokens: &Value) -> Option<Self> {
        let refresh_token = Zeroizing::new(tokens["refresh_token"].as_str()?.to_owned());
        Some(Self { client, refresh_token })
    }
}

async fn sent(client: &Caller, service: &Service, parameters: &[(&str, &str)]) -> Result<Answer, Failure> {
    let (headers, form) = client.request(parameters);
    Ok(Wire::default().post(&service.at(path::TOKEN), headers, form).await?)
}

/// The request for a shell, in which the secrets are variables.
fn curl(client: &Caller, service: &Service, parameters: &[(&str, &str)]) -> String {
    let mut words = vec!["curl".to_owned()];
    let id = || shell_word(&format!("client_id={}", client.id));
    match &client.authentication {
        // What HTTP Basic takes is form-encoded (RFC 6749, section 2.3.1).
        Authentication::Basic(secret) => {
            let is_plain = form_encoded(secret) == **secret;
            let variable = if is_plain { "CLIENT_SECRET" } else { "CLIENT_SECRET_FORM_ENCODED" };
            words.push(format!("-u {}:\"${variable}\"", shell_word(&form_encoded(&client.id))));
        }
        Authentication::Post(_) => {
            words.push(format!("--data-urlencode {} --data-urlencode client_secret=\"$CLIENT_SECRET\"", id()));
        }
        Authentication::None => words.push(format!("--data-urlencode {}", id())),
    }
    words.extend(parameters.iter().map(|(name, value)| match *name {
        "password" => "--data-urlencode password=\"$PASSWORD\"".to_owned(),
        "refresh_token" => "-d refresh_token=\"$REFRESH_TOKEN\"".to_owned(),
        "grant_type" => format!("-d grant_type={value}"),
        name => format!("--data-urlencode {}", shell_word(&format!("{name}={value}"))),
    }));
    words.push(shell_word(&service.at(path::TOKEN)));
    words.join(" \\\n  ")
}
