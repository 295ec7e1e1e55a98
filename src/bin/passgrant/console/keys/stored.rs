//! The wrapped keys that are stored, listed or not, and the end of one.

use axum::response::Response;
use maud::{Markup, html};
use passgrant::clock::Timestamp;

use crate::console::layout::{self, Section};
use crate::console::line::Line;
use crate::console::visit::{Button, Posted, Visit};
use crate::failure::Failure;
use crate::output::rfc3339;

pub(super) const DELETE: &str = "/keys/delete";

/// All of them, if there are any. A data folder has none.
pub(super) async fn table(visit: &Visit) -> Markup {
    if visit.console().place.data.is_some() {
        return html! {};
    }
    let line = Line::of("key list").flag("--stored");
    let listed = match visit.run(line.clone()).await {
        Ok(done) => rows(visit, &done.result),
        Err(failure) => layout::trouble(&failure.reason()),
    };
    html! { h2 { "Wrapped keys that are stored" } (listed) (visit.command(&line)) }
}

fn rows(visit: &Visit, keys: &serde_json::Value) -> Markup {
    let keys = keys.as_array().map(Vec::as_slice).unwrap_or_default();
    let may_change = !visit.console().read_only;
    let rows = keys.iter().map(|key| {
        let text = |member: &str| key[member].as_str().unwrap_or_default();
        let created = key["created_at"].as_u64().map(|seconds| rfc3339(Timestamp::from_unix(seconds)));
        [
            html! { (text("name")) },
            html! { span.code { (text("kid")) } },
            html! { (text("kind")) },
            html! { span.code { (text("listed_as")) } },
            html! { span.moment { (created.unwrap_or_default()) } },
            html! { @if may_change { (delete_button(visit, text("name"), text("kid"))) } },
        ]
    });
    html! {
        @if keys.is_empty() {
            p { "There are none." }
        } @else {
            (layout::table(
                "Whether they sign or not",
                ["Name", "Key ID", "Kind", "Listed as", "Created", "Delete"],
                rows,
            ))
        }
    }
}

fn delete_button(visit: &Visit, name: &str, kid: &str) -> Markup {
    visit.danger(DELETE, &[("name", name), ("if-kid", kid)], ("Delete", &format!("Delete the key {name}")))
}

pub(super) async fn delete(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let name = posted.text("name");
    let line = Line::of("key delete").argument(name).optional("--if-kid", posted.some("if-kid"));
    if !posted.is_confirmed() {
        let back = Section::Keys.path();
        let button = Button { label: "Delete it", is_dangerous: true, has_form: false, back };
        let consequence = html! {
            p {
                "Nothing brings it back. Tokens that it signed are refused once no instance has it any more, so it should have \
                 been off the list for as long as they are valid."
            }
        };
        let question = format!("Delete the key {name}, for good?");
        return Ok(visit.confirm_with(Section::Keys, &question, &line, (DELETE, &posted), button, &consequence));
    }
    let done = visit.run(line.clone()).await?;
    let way = html! { p { a.button href=(Section::Keys.path()) { "To the keys" } } };
    Ok(visit.done(Section::Keys, &format!("The key {name} is deleted."), &line, &done, way))
}
