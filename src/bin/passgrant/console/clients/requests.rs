//! What a client can do with what it was given: its secret, once, and requests that are ready to be sent.

mod libraries;

use maud::{Markup, html};
use passgrant::client::authentication::AuthMethod;
use passgrant::client::{Client, Grant};
use passgrant::issuer::{Issuer, MalformedIssuer, path};
use serde_json::Value;

use crate::console::Place;
use crate::console::layout;
use crate::console::service::Service;
use crate::console::visit::Visit;
use crate::terminal::shell_word;
use crate::wire::caller::form_encoded;

/// Where a local server is found unless it is told otherwise.
const USUAL_URL: &str = "http://127.0.0.1:8080";

/// The service of `place`, and whether it is there: of a data folder on which no server runs, the one that would.
pub(super) fn service(place: &Place) -> Result<(Service, bool), MalformedIssuer> {
    if let Some(service) = Service::of(place) {
        return Ok((service, true));
    }
    let url = place.config.issuer.as_ref().map_or(USUAL_URL, Issuer::as_str);
    Ok((Service { issuer: Issuer::parse(url)?, url: url.to_owned() }, false))
}

/// The new secret, if `result` has one.
pub(super) fn secret(result: &Value) -> Markup {
    html! {
        @if let Some(secret) = result["client_secret"].as_str() {
            section.secret {
                h2 { "The secret, shown only this once" }
                p { "Nobody can look it up again, here or anywhere. A client that loses it gets a new one." }
                (layout::copied("The secret", secret))
            }
        }
    }
}

/// Requests for a token, with the secret in `result` if that has one.
pub(super) fn ready(visit: &Visit, client: &Client, result: &Value) -> Markup {
    let Ok((service, is_there)) = service(&visit.console().place) else { return html! {} };
    if !client.may_use(Grant::Password) {
        return html! {};
    }
    let method = client.authentication.method();
    let secret = result["client_secret"].as_str().unwrap_or("SECRET");
    let request = Request { service: &service, client, secret };
    html! {
        h2 { "Ready to send" }
        @if !is_there {
            p.quiet { "No server is running on this folder. These are for one that is started with " span.code { "passgrant serve" } "." }
        }
        @if method == AuthMethod::PrivateKeyJwt {
            p { "A client of the method private_key_jwt signs an assertion for each request: that is for a library." }
        } @else {
            p { "Put in the name and the password of a user, and this gets tokens." }
            (layout::copied("curl", &request.curl()))
        }
        details {
            summary { "The same with a library" }
            p.quiet {
                @match method {
                    AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => "The secret is read from the environment variable CLIENT_SECRET.",
                    AuthMethod::PrivateKeyJwt => "The private key is read from private.json, a JSON Web Key.",
                    AuthMethod::None => "A public client has no secret.",
                }
            }
            @for (library, text) in request.libraries() { (layout::copied(library, &text)) }
        }
    }
}

struct Request<'a> {
    service: &'a Service,
    client: &'a Client,
    secret: &'a str,
}

impl Request<'_> {
    /// What the request names: everything that the client may have, unless a default of its own says what it gets.
    fn scope(&self) -> Option<String> {
        let Client { scopes, default_scopes, .. } = self.client;
        (!scopes.is_empty() && default_scopes.is_empty()).then(|| scopes.to_string())
    }

    fn curl(&self) -> String {
        let id = self.client.id.as_str();
        let field = |name: &str, value: &str| format!("--data-urlencode {}", shell_word(&format!("{name}={value}")));
        let mut words = vec!["curl".to_owned()];
        match self.client.authentication.method() {
            AuthMethod::ClientSecretBasic => {
                let credentials = format!("{}:{}", form_encoded(id), form_encoded(self.secret));
                words.push(format!("-u {}", shell_word(&credentials)));
            }
            AuthMethod::ClientSecretPost => words.extend([field("client_id", id), field("client_secret", self.secret)]),
            AuthMethod::PrivateKeyJwt | AuthMethod::None => words.push(field("client_id", id)),
        }
        words.push("-d grant_type=password".to_owned());
        // In quotes, as what is put in their place may need them.
        words.extend(["username=USERNAME", "password=PASSWORD"].map(|field| format!("--data-urlencode '{field}'")));
        words.extend(self.scope().map(|scope| field("scope", &scope)));
        words.push(shell_word(&self.service.at(path::TOKEN)));
        words.join(" \\\n  ")
    }
}
