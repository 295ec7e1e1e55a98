//! Users from a file: it is tried first, and imported when that looks right.

mod receive;
mod result;
pub(super) mod upload;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Query};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{Router, get, post};
use http::StatusCode;
use maud::{Markup, html};
use serde::Deserialize;

use crate::console::field::{Field, Wrong};
use crate::console::users::SECTION;
use crate::console::users::import::upload::{MAX_BYTES, Run, Turn, Upload};
use crate::console::visit::{Posted, TOKEN, Visit};
use crate::console::{Console, layout, stream};

pub(super) const PATH: &str = "/users/import";
const CHECK: &str = "/users/import/check";
const RUN: &str = "/users/import/run";
const REJECTS: &str = "/users/import/rejects";

/// What the other fields of the form may take.
const REST: usize = 1024 * 1024;

pub(super) fn routes() -> Router<Arc<Console>> {
    let most = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX).saturating_add(REST);
    Router::new()
        .route(PATH, get(show).post(receive::receive).layer(DefaultBodyLimit::max(most)))
        .route(CHECK, get(check))
        .route(RUN, post(run))
        .route(REJECTS, get(result::rejects))
}

const FORMATS: [(&str, &str); 9] = [
    ("", "as the file is called: .csv or .jsonl"),
    ("csv", "CSV, with a header"),
    ("jsonl", "JSON lines, as user export writes"),
    ("keycloak", "Keycloak: a realm with its users"),
    ("auth0", "Auth0"),
    ("cognito", "Amazon Cognito, which gives no hashes"),
    ("django", "Django"),
    ("firebase", "Firebase, with its hash parameters"),
    ("shadow", "a shadow file"),
];

const CONFLICTS: [(&str, &str); 3] =
    [("skip", "stays as it is"), ("update", "becomes what the file says"), ("fail", "stops the import")];

async fn show(visit: Visit) -> Response {
    let content = visit.unless_read_only(|| form(&visit));
    visit.page(SECTION, "Import users", content)
}

fn form(visit: &Visit) -> Markup {
    let none = Wrong::default();
    let token = visit.console().access.form_token(PATH);
    html! {
        p {
            "Users from elsewhere keep their passwords, if their hashes come with them. The file is first tried without writing \
             anything. It is kept in a private folder on this machine until its import is complete, a trial finds nothing \
             in it to import, another file is chosen, or the console ends."
        }
        @if let Some(upload) = visit.console().uploads.kept() { (kept(visit, &upload)) }
        form method="post" action=(PATH) enctype="multipart/form-data" {
            input type="hidden" name=(TOKEN) value=(token);
            fieldset {
                legend { "The file" }
                (Field { name: "format", label: "Format", hint: "The system that the file is from.", value: "" }.select(&FORMATS, &none))
                (Field { name: "on-conflict", label: "A user who exists already", hint: "By the username.", value: "skip" }.select(&CONFLICTS, &none))
                (file("firebase-config", "Hash parameters", "Only for Firebase: JSON, with the names in its console."))
                (file("file", "Users", "At most 1 GiB."))
            }
            div.actions { button.main { "Try it, without writing" } a.button href="/users" { "Cancel" } }
        }
    }
}

/// What can be done with the file that is there.
fn kept(visit: &Visit, upload: &Upload) -> Markup {
    let fields = html! {
        input type="hidden" name="upload" value=(upload.id());
        button.main { "Go on with the import" }
    };
    html! {
        h2 { (upload.name) " is still here" }
        @if upload.is_begun() {
            p { "Its import was begun, and is not complete. It goes on from where it was." }
            (visit.form(RUN, fields))
        }
        p { a.button href={ (CHECK) "?upload=" (upload.id()) } { "Try it again, without writing" } }
        h2 { "Another file" }
    }
}

fn file(name: &str, label: &str, hint: &str) -> Markup {
    let described = format!("{name}-hint");
    html! {
        div.field {
            label for=(name) { (label) }
            p.hint id=(described) { (hint) }
            input type="file" id=(name) name=(name) aria-describedby=(described) required[name == "file"];
        }
    }
}

/// Which upload a request is about.
#[derive(Deserialize)]
struct About {
    #[serde(default)]
    upload: String,
    #[serde(default)]
    of: Run,
}

fn gone(visit: &Visit) -> Response {
    let content = html! {
        (layout::trouble("The file is not here any more: it was imported, or replaced by another."))
        p { a.button href=(PATH) { "Choose a file" } }
    };
    (StatusCode::NOT_FOUND, visit.page(SECTION, "No file", content)).into_response()
}

/// The upload called `id`, and the turn to read it; otherwise why it is not read.
async fn turn(visit: &Visit, id: &str) -> Result<(Arc<Upload>, Arc<Turn>), Response> {
    let upload = visit.console().uploads.get(id).ok_or_else(|| gone(visit))?;
    let turn = upload.turn().await.ok_or_else(|| busy(visit))?;
    // Whoever had the turn before may have imported it.
    if upload.has_input() { Ok((upload, turn)) } else { Err(gone(visit)) }
}

fn busy(visit: &Visit) -> Response {
    let content = html! {
        (layout::trouble("This file is being read already, perhaps in another tab: wait until that has ended, or stop it there."))
        p { a.button href=(PATH) { "Back" } }
    };
    (StatusCode::CONFLICT, visit.page(SECTION, "Not twice at a time", content)).into_response()
}

/// Tries an upload, and shows what would become of it.
async fn check(visit: Visit, Query(About { upload, .. }): Query<About>) -> Result<Response, Response> {
    let (upload, turn) = turn(&visit, &upload).await?;
    upload.forget_tried();
    let (line, title) = (upload.line(Run::DryRun).holding(turn), format!("What {} would do", upload.name));
    Ok(stream::page(visit, SECTION, &title, line, ("users", None), PATH, move |visit, done| {
        let onwards = onwards(visit, &upload, &done.result);
        html! { (result::tables(&upload, Run::DryRun, &done)) (onwards) }
    }))
}

/// The button that imports what was tried.
fn onwards(visit: &Visit, upload: &Upload, tried: &serde_json::Value) -> Markup {
    let count = |member: &str| tried[member].as_u64().unwrap_or_default();
    let changes = count("created") + count("updated");
    if changes == 0 && !upload.is_begun() {
        upload.remove_input();
    }
    let fields = html! {
        input type="hidden" name="upload" value=(upload.id());
        input type="hidden" name="total" value=(count("read"));
        button.main {
            @match changes { 1 => "Import 1 user", changes => { "Import " (changes) " users" } }
        }
    };
    html! {
        @if changes == 0 {
            p {
                "There is nothing to import."
                @if !upload.has_input() { " The file has been removed from this machine, except from where you chose it." }
            }
        } @else { (visit.command(&upload.line(Run::Import))) }
        div.actions {
            @if changes > 0 { (visit.form(RUN, fields)) }
            a.button href=(PATH) { "Choose another file" }
        }
    }
}

/// Imports an upload, and removes it when that is complete.
async fn run(visit: Visit, posted: Posted) -> Result<Response, Response> {
    let (upload, turn) = turn(&visit, posted.text("upload")).await?;
    let total = posted.text("total").parse().ok();
    let title = format!("The import of {}", upload.name);
    let line = upload.line(Run::Import).holding(turn.clone());
    Ok(stream::page(visit, SECTION, &title, line, ("users", total), PATH, move |_, done| {
        upload.remove_input();
        drop(turn);
        html! {
            (result::tables(&upload, Run::Import, &done))
            p { "The file has been removed from this machine, except from where you chose it." }
            p { a.button href="/users" { "To the users" } }
        }
    }))
}
