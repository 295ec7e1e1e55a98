//! What signs, what is published, and the next step of a rotation.

mod change;
mod stored;

use std::sync::Arc;

use axum::response::Response;
use axum::routing::{Router, get, post};
use maud::{Markup, html};
use passgrant::signing::listed::ListedKey;
use serde_json::Value;

use crate::console::Console;
use crate::console::layout::{self, Section};
use crate::console::line::Line;
use crate::console::visit::Visit;
use crate::doctor;
use crate::failure::Failure;

/// Every cache of the keys has the new one by then: JWT authorizers of API Gateway keep them the longest.
const CACHES: &str = "two hours, or as long as your verifiers keep keys";
/// The longest lifetime that an access token can have.
const TOKENS: &str = "as long as access tokens are valid, 24 hours at most";

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route(Section::Keys.path(), get(show))
        .route(change::CREATE, get(change::ask_create).post(change::create))
        .route(change::IMPORT, get(change::ask_import).post(change::import))
        .route(stored::DELETE, post(stored::delete))
}

async fn show(visit: Visit) -> Result<Response, Failure> {
    let list = Line::of("key list");
    let (content, command) = match visit.run(list.clone()).await {
        Ok(done) => (html! { (layout::warnings(&done.warnings)) (listed(&done.result)) }, visit.command(&list)),
        Err(failure) => (layout::trouble(&failure.reason()), visit.command(&list)),
    };
    let jwks = visit.run(Line::of("key jwks")).await.ok();
    let content = html! {
        (content)
        (command)
        (states(&visit).await)
        @if !visit.console().read_only { (change::ways()) }
        h2 { "What is published" }
        p { "Verifiers fetch it from the JWKS URL of the issuer. Secrets of HS256, HS384 and HS512 are not in it." }
        @match jwks {
            Some(done) => (layout::copied("The JWKS", &format!("{:#}", done.result))),
            None => p { "Nothing can be published." }
        }
        @if visit.console().place.data.is_none() { h2 { "The next step of a rotation" } (rotation(&visit)) }
        (stored::table(&visit).await)
    };
    Ok(visit.page(Section::Keys, "Keys", content))
}

fn listed(keys: &Value) -> Markup {
    let keys = keys.as_array().map(Vec::as_slice).unwrap_or_default();
    let rows = keys.iter().map(|key| {
        let text = |member: &str| key[member].as_str();
        let signs =
            keys.iter().find(|first| first["alg"] == key["alg"]).is_some_and(|first| first["kid"] == key["kid"]);
        [
            html! { span.code { (text("kid").unwrap_or_default()) } },
            html! { (text("kty").unwrap_or_default()) },
            html! { (text("alg").unwrap_or("any that fits")) },
            html! { @if signs { span.tag.good { "signs" } } @else { span.tag { "published only" } } },
        ]
    });
    layout::table(
        "In order: of those that fit an algorithm, the first one signs",
        ["Key ID", "Type", "Algorithm", "Use"],
        rows,
    )
}

/// Whether those of a deployment can be used.
async fn states(visit: &Visit) -> Markup {
    let place = &visit.console().place;
    if place.data.is_some() {
        return html! { p.quiet { "They are files in the data folder, which only its owner can read: one for each algorithm, and there is no rotation." } };
    }
    let findings = doctor::keys(&visit.context()).await;
    layout::findings(
        "Whether they can be used",
        &findings.iter().map(doctor::report::Finding::told).collect::<Vec<_>>(),
    )
}

fn rotation(visit: &Visit) -> Markup {
    let place = &visit.console().place;
    let keys = &place.config.signing_keys;
    let (wrapped, in_kms): (Vec<&ListedKey>, Vec<&ListedKey>) = keys.iter().partition(|key| key.envelope().is_some());
    html! {
        p {
            "Three deployments with two waits: publish the new key, let it sign, take the old one off the list. Nobody is logged out by it. "
            "The list is state: keep it where the next deployment finds it."
        }
        @if !in_kms.is_empty() { h3 { "Keys in KMS" } (in_slots(in_kms.len())) }
        @if !wrapped.is_empty() { h3 { "Keys in envelopes" } (in_envelopes(visit, &wrapped)) }
    }
}

/// The steps with the slots A and B of the templates, of which so many are listed.
fn in_slots(listed: usize) -> Markup {
    html! {
        @if listed == 1 {
            p { "One key is listed. The next step publishes a second one; after it, wait " (CACHES) "." }
            (layout::copied("If A is listed; the other way round if it is B", "sam deploy --parameter-overrides SigningKeys=A,B"))
        } @else {
            p { "Two keys are listed. If the second one is the new one, and has been published for " (CACHES) ", let it sign:" }
            (layout::copied("If A,B is listed, and B is new", "sam deploy --parameter-overrides SigningKeys=B,A"))
            p { "If the first one is the new one, and has signed for " (TOKENS) ", take the old one off the list:" }
            (layout::copied("If B,A is listed, and B is new", "sam deploy --parameter-overrides SigningKeys=B"))
        }
        p.quiet { "With Terraform, it is the variable signing_keys. Give the other parameters as always: an override that is left out goes back to what is in samconfig.toml." }
    }
}

fn in_envelopes(visit: &Visit, keys: &[&ListedKey]) -> Markup {
    let deployed = |keys: &[&str]| format!("sam deploy --parameter-overrides EnvelopeKeys={}", keys.join(","));
    match keys {
        [only] => html! {
            p { "Make a new key, publish it, and wait " (CACHES) ":" }
            (visit.command(&Line::of("key create").argument("NEW")))
            (layout::copied("Then", &deployed(&[&only.to_string(), "envelope:NEW"])))
        },
        [first, second, ..] => {
            let (first, second) = (first.to_string(), second.to_string());
            html! {
                p { "If " span.code { (second) } " is the new one, and has been published for " (CACHES) ", let it sign:" }
                (layout::copied("It signs", &deployed(&[&second, &first])))
                p { "If " span.code { (first) } " is the new one, and has signed for " (TOKENS) ", take the old one off the list:" }
                (layout::copied("The old one is gone", &deployed(&[&first])))
            }
        }
        [] => html! {},
    }
}
