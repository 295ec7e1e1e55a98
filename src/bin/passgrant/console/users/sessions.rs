//! The sessions of a user, and their end.

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use passgrant::clock::Timestamp;
use serde_json::Value;

use crate::console::layout;
use crate::console::line::{Done, Line};
use crate::console::stream;
use crate::console::users::{Named, SECTION, about, address, client_link, edit, one, revision_of};
use crate::console::visit::{Button, Posted, Visit};
use crate::failure::{Failure, IF_REVISION};
use crate::output::rfc3339;

/// What the end of a session means.
const LOST: &str = "The client gets no more tokens from it: its refresh token is refused at once, and the user has to log in again. \
                    APIs that verify JWTs by themselves accept an access token that is out until it expires.";

pub(super) const END: &str = "/users/sessions/end";
pub(super) const END_ALL: &str = "/users/sessions/end-all";

pub(super) async fn show(visit: Visit, Query(Named { name }): Query<Named>) -> Response {
    let items = visit.store().sessions.about_items().await.ok();
    let line = Line::of("session list").option("--user", &name);
    let back = address(&name);
    let revision = revision(&visit, &name).await;
    let title = format!("Sessions of {name}");
    stream::page(visit, SECTION, &title, line, ("items", items), &back, move |visit, done| {
        listed(visit, (&name, &revision), &done)
    })
}

/// The field that says as whom somebody sees the user now.
async fn revision(visit: &Visit, name: &str) -> Markup {
    let user = edit::found(visit, name).await.ok();
    html! { @if let Some(user) = user { (revision_of(&user)) } }
}

fn listed(visit: &Visit, (name, revision): (&str, &Markup), done: &Done) -> Markup {
    let sessions = done.result.as_array().map(Vec::as_slice).unwrap_or_default();
    let may_change = !visit.console().read_only;
    let rows = sessions.iter().map(|session| {
        let text = |member: &str| session[member].as_str().unwrap_or_default();
        let moment = |member: &str| rfc3339(Timestamp::from_unix(session[member].as_u64().unwrap_or_default()));
        let scopes: Vec<&str> = session["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        [
            client_link(text("client_id")),
            html! { span.moment { (moment("auth_time")) } },
            html! { span.moment { (moment("expires_at")) } },
            html! { @for scope in scopes { span.tag { (scope) } " " } },
            html! { @if may_change { (end_button(visit, name, text("sid"))) } },
            html! { span.code { (text("sid")) } },
        ]
    });
    let all = html! { input type="hidden" name="name" value=(name); (revision) button.danger { "End all of them" } };
    html! {
        @if sessions.is_empty() {
            p { "There are none: nobody is logged in as " (name) "." }
        } @else {
            (layout::table("The oldest first", ["Client", "Since", "Until", "Scopes", "End", "Session"], rows))
        }
        div.actions {
            @if may_change && !sessions.is_empty() { (visit.form(END_ALL, all)) }
            a.button href=(address(name)) { "To " (name) }
        }
    }
}

fn end_button(visit: &Visit, name: &str, sid: &str) -> Markup {
    visit.danger(END, &[("name", name), ("sid", sid)], ("End", &format!("End the session {sid}")))
}

pub(super) async fn end(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let line = Line::of("session revoke").argument(posted.text("sid"));
    run(&visit, &posted, line, END, "End this session?", "The session has been ended.").await
}

pub(super) async fn end_all(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let name = posted.text("name");
    let line = Line::of("session revoke").option("--user", name).optional("--if-revision", posted.some(IF_REVISION));
    let question = format!("End every session of {name}?");
    run(&visit, &posted, line, END_ALL, &question, &format!("Every session of {name} has been ended.")).await
}

async fn run(
    visit: &Visit,
    posted: &Posted,
    line: Line,
    path: &str,
    question: &str,
    said: &str,
) -> Result<Response, Failure> {
    let back = about("/users/sessions", posted.text("name"));
    if !posted.is_confirmed() {
        let button = Button { label: "End", is_dangerous: true, has_form: false, back: &back };
        let lost = html! { p { (LOST) } };
        return Ok(visit.confirm_with(SECTION, question, &line, (path, posted), button, &lost));
    }
    let done = match visit.run(line.clone()).await {
        Err(failure) if failure.is_overtaken() => return one::overtaken(visit, posted.text("name"), &failure).await,
        done => done?,
    };
    let way = html! {
        div.actions {
            a.button href=(address(posted.text("name"))) { "To " (posted.text("name")) }
            a.button href=(back) { "Read the sessions again" }
        }
    };
    Ok(visit.done(SECTION, said, &line, &done, way))
}
