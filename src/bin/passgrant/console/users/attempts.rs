//! Whom the limits on guessing keep out.

use std::time::Duration;

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use passgrant::clock::{Span, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::console::field::{Field, Wrong, choices};
use crate::console::layout;
use crate::console::line::{Done, Line};
use crate::console::stream;
use crate::console::users::act::Act;
use crate::console::users::{SECTION, link};
use crate::console::visit::Visit;
use crate::output::rfc3339;

pub(super) const PATH: &str = "/attempts";

/// What is to be listed besides.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    network: String,
    all: Option<String>,
}

pub(super) async fn show(visit: Visit, Query(Asked { network, all }): Query<Asked>) -> Response {
    let items = visit.store().sessions.about_items().await.ok();
    let addresses = network.split([' ', ',']).filter(|address| !address.is_empty());
    let line = addresses.fold(Line::of("attempts list"), |line, address| line.option("--network", address));
    let line = if all.is_some() { line.flag("--all") } else { line };
    stream::page(visit, SECTION, "Who is kept out", line, ("items", items), "/users", move |visit, done| {
        html! { (listed(visit, &done)) (again(&network, all.is_some())) }
    })
}

/// The form that lists it again, with more.
fn again(network: &str, all: bool) -> Markup {
    let hint = "Which are stored as digests: what counts for these is listed. Separated by spaces.";
    let addresses = Field { name: "network", label: "Addresses to recognise", hint, value: network };
    let also = [("yes", "Also what counts without keeping anybody out", "")];
    html! {
        details open[all || !network.is_empty()] {
            summary { "List more" }
            form action=(PATH) {
                (addresses.text(&Wrong::default()))
                (choices("checkbox", "all", "What is listed", &also, |_| all))
                div.actions { button { "List again" } span.hint { "It reads the tables." } }
            }
        }
    }
}

fn listed(visit: &Visit, done: &Done) -> Markup {
    let of = |member: &str| done.result[member].as_array().map(Vec::as_slice).unwrap_or_default();
    let (names, sources) = (of("names"), of("sources"));
    let budgets = names.iter().flat_map(|name| {
        ["strangers", "familiar"].into_iter().filter_map(move |from| {
            let budget = &name[from];
            budget.is_object().then(|| cells(visit, name, from, budget))
        })
    });
    html! {
        @if names.is_empty() {
            p { "No username is locked or slowed down." }
        } @else {
            p { "Each name has two budgets: one for the places that it is known to log in from, and one for everybody else." }
            (layout::table(
                "Usernames that are locked or slowed down",
                ["Username", "From", "Wrong passwords", "State", "Until", "Unlock"],
                budgets,
            ))
        }
        @if sources.is_empty() {
            p { "No source has guessed at too many names." }
        } @else {
            (layout::table(
                "Sources that have guessed at too many names",
                ["Source", "Names", "State", "Until"],
                sources.iter().map(source),
            ))
        }
        p { a.button href="/users" { "To the users" } }
    }
}

fn cells(visit: &Visit, name: &Value, from: &str, budget: &Value) -> [Markup; 6] {
    let username = name["username"].as_str();
    let nobody = || html! { "nobody\u{2019}s: " span.code { (name["key"].as_str().unwrap_or_default()) } };
    let state = match (budget["state"].as_str(), budget["interval"].as_u64()) {
        (Some("slowed"), Some(seconds)) => format!("one every {}", Span(Duration::from_secs(seconds))),
        (state, _) => state.unwrap_or_default().to_owned(),
    };
    [
        username.map_or_else(nobody, link),
        html! { @if from == "strangers" { "anywhere else" } @else { "familiar places" } },
        html! { (budget["counted"]) },
        html! { span.tag.careful { (state) } },
        html! { span.moment { (moment(&budget["until"])) } },
        html! {
            @if let Some(name) = username.filter(|_| !visit.console().read_only) { (Act::Unlock.button(visit, name)) }
        },
    ]
}

fn source(source: &Value) -> [Markup; 4] {
    let name = source["network"].as_str().or(source["key"].as_str()).unwrap_or_default();
    let state = if source["exhausted"] == true { "exhausted" } else { "open" };
    [
        html! { span.code { (name) } },
        html! { (source["usernames"]) },
        html! { span.tag.careful { (state) } },
        html! { span.moment { (moment(&source["until"])) } },
    ]
}

fn moment(value: &Value) -> String {
    value.as_u64().map_or("now".to_owned(), |seconds| rfc3339(Timestamp::from_unix(seconds)))
}
