//! One client: what it is, and what can be done with it.

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use passgrant::audience::Audience;
use passgrant::client::{Client, Grant};
use passgrant::clock::{Day, Span};
use passgrant::jose::algorithm::Algorithm;
use passgrant::store::clients::Revision;

use crate::console::clients::steps::Step;
use crate::console::clients::{CHANGE, LastUse, SECRET, Which, at, requests, state};
use crate::console::layout::{self, Section};
use crate::console::line::Line;
use crate::console::visit::Visit;
use crate::failure::Failure;
use crate::output::{date, rfc3339};

pub(super) async fn one(visit: Visit, Query(which): Query<Which>) -> Result<Response, Failure> {
    let read = which.read(&visit).await?;
    page(&visit, &read, None).await
}

/// The page of a client, below what was refused, if something was.
pub(super) async fn page(visit: &Visit, read: &Revision, refused: Option<&Failure>) -> Result<Response, Failure> {
    let last_use = visit.store().client_uses.last(&read.client).await?;
    let client = &read.client;
    let content = html! {
        @if let Some(failure) = refused {
            (layout::trouble(&failure.reason()))
            p { "Nothing was changed. This is the client as it is now." }
        }
        (what(read, last_use))
        @if !visit.console().read_only { (actions(visit, read)) }
        (requests::ready(visit, client, &serde_json::Value::Null))
        (visit.command(&Line::of("client show").argument(client.id.as_str())))
    };
    Ok(visit.page(Section::Clients, &format!("Client {}", client.id), content))
}

fn what(read: &Revision, last_use: Option<Day>) -> Markup {
    let client = &read.client;
    let code = |text: String| html! { @if text.is_empty() { "none" } @else { span.code { (text) } } };
    let secrets = client.authentication.secrets().iter().map(|secret| {
        let created = rfc3339(secret.created_at());
        html! {
            div {
                span.code { (secret.id()) } ", created " span.moment { (created) }
                @if let Some(end) = secret.not_after { ", expires " span.moment { (rfc3339(end)) } }
            }
        }
    });
    let keys = client.authentication.keys().map(|keys| keys.names().collect::<Vec<_>>()).unwrap_or_default();
    let claims = client.claim_map.iter().map(|(claim, source)| format!("{claim}={source}"));
    let refresh = &client.refresh;
    let algorithm = client.signing_algorithm.map_or("the algorithm of the server", Algorithm::as_str);
    layout::facts([
        ("State", state(client, LastUse::Noted(last_use))),
        ("Name", html! { (client.name.as_deref().unwrap_or("none")) }),
        ("Last use of the password grant", html! { (last_use.map_or("never noted".to_owned(), date)) }),
        ("The password grant ends", html! { (end(client)) }),
        ("Grants", code(spaced(&client.grants))),
        ("Capabilities", code(spaced(&client.capabilities))),
        ("Authenticates by", html! { span.code { (client.authentication.method()) } }),
        (
            "Secrets",
            html! { @if client.authentication.secrets().is_empty() { "none" } @for secret in secrets { (secret) } },
        ),
        ("Keys", listed(keys.into_iter())),
        ("Scopes", code(client.scopes.to_string())),
        ("Default scopes", code(client.default_scopes.to_string())),
        (
            "Audiences",
            html! { @if client.audiences.is_empty() { "the issuer" } @else { (listed(client.audiences.iter().map(Audience::to_string))) } },
        ),
        (
            "Chains",
            html! { @if client.chains.is_empty() { "the server's" } @else { span.code { (spaced(&client.chains)) } } },
        ),
        (
            "Access tokens",
            html! { (client.access_token_format) ", signed with " (algorithm) ", valid for " (Span(client.access_token_lifetime)) },
        ),
        ("Claims", listed(claims)),
        (
            "Sessions",
            html! {
                "at most " (Span(refresh.lifetime)) ", " (Span(refresh.idle_lifetime)) " without a refresh; grace " (Span(refresh.grace))
                @if refresh.needs_offline_access { "; only with offline_access" }
            },
        ),
        ("Created", html! { (rfc3339(client.created_at)) }),
        ("Changed", html! { (rfc3339(client.updated_at)) }),
        ("Revision", html! { span.code { (read) } }),
    ])
}

/// When the password grant ends for it.
fn end(client: &Client) -> String {
    match client.password_grant_end {
        _ if !client.may_use(Grant::Password) => "it may not use it".to_owned(),
        Some(end) => format!("{}, announced {}", rfc3339(end.until), rfc3339(end.announced_at)),
        None => "no end".to_owned(),
    }
}

fn listed(values: impl Iterator<Item = String>) -> Markup {
    let values: Vec<String> = values.collect();
    html! { @if values.is_empty() { "none" } @for value in values { div.code { (value) } } }
}

fn spaced<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn actions(visit: &Visit, read: &Revision) -> Markup {
    let id = read.client.id.as_str();
    html! {
        div.actions {
            a.button.main href=(at(CHANGE, id)) { "Change" }
            @if read.client.authentication.method().has_secret() { a.button href=(at(SECRET, id)) { "New secret" } }
            (Step::buttons(visit, read))
        }
    }
}
