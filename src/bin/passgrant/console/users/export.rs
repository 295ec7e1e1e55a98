//! All users, as a file to save.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::Query;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use maud::{Markup, html};
use passgrant::random::OsRandom;
use serde::Deserialize;

use crate::console::line::Line;
use crate::console::private_folder::PrivateFolder;
use crate::console::users::SECTION;
use crate::console::visit::{Button, Posted, Visit};
use crate::console::{attachment, field, layout, overview, stream};
use crate::failure::Failure;

pub(super) const PATH: &str = "/users/export";
pub(super) const FILE: &str = "/users/export/file";

/// What the file is called.
const NAME: &str = "users.jsonl";
/// The option, and the box that asks for it.
const HASHES: &str = "with-password-hashes";

/// The file that was written and not saved yet: there is one at most.
#[derive(Default)]
pub(in crate::console) struct Exports(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    folder: Option<PrivateFolder>,
    /// Whether nothing is kept any more: an export may end after the console.
    is_over: bool,
}

impl Exports {
    fn keep(&self, folder: PrivateFolder) {
        let mut kept = self.kept();
        kept.folder = (!kept.is_over).then_some(folder);
    }

    fn take(&self, id: &str) -> Option<PrivateFolder> {
        self.kept().folder.take_if(|folder| folder.id == id)
    }

    /// Removes everything, also what may still come.
    pub(in crate::console) fn clear(&self) {
        *self.kept() = Kept { folder: None, is_over: true };
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn show(visit: Visit) -> Response {
    let about = visit.store().users.about_items().await.ok();
    let hashes = [(
        HASHES,
        "with the hashes of the passwords",
        "Whoever has them can guess the passwords: keep the file as secret as the passwords.",
    )];
    let form = html! {
        @if visit.console().read_only {
            p.hint { "Without the hashes of the passwords: this console was started with --read-only." }
        } @else {
            (field::choices("checkbox", HASHES, "What is in it", &hashes, |_| false))
        }
        div.actions { button.main { "Write the file" } a.button href=(SECTION.path()) { "Cancel" } }
    };
    let content = html! {
        p {
            "All users with their claims, as JSON lines, which " span.code { "user import" } " takes back. It reads the whole table"
            @if let Some(items) = about { ": " (overview::duration(items)) }
            "."
        }
        (visit.form(PATH, form))
    };
    visit.page(SECTION, "Export users", content)
}

pub(super) async fn run(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let folder = PrivateFolder::new("export", &OsRandom)?;
    let to = folder.file(NAME).to_string_lossy().into_owned();
    let line = Line::of("user export").option("--to", &to).in_folder(&folder.path().to_string_lossy());
    let line = if posted.is_ticked(HASHES) { line.flag("--with-password-hashes") } else { line };
    if posted.is_ticked(HASHES) && !posted.is_confirmed() {
        let button = Button { label: "Write the file", is_dangerous: true, has_form: false, back: PATH };
        return Ok(visit.confirm(SECTION, "Export users with their hashes?", &line, (PATH, &posted), button));
    }
    let about = visit.store().users.about_items().await.ok();
    Ok(stream::page(visit, SECTION, "The export of the users", line, ("users", about), PATH, move |visit, done| {
        if done.failure.is_some() {
            html! {}
        } else {
            written(visit, folder, &done.result["users"])
        }
    }))
}

fn written(visit: &Visit, folder: PrivateFolder, users: &serde_json::Value) -> Markup {
    let address = format!("{FILE}?export={}", folder.id);
    visit.console().exports.keep(folder);
    html! {
        (layout::success(html! { p { (users) " users are in the file." } }))
        p { "It can be saved once. It is in a private folder on this machine until then, or until the console ends." }
        div.actions { a.button.main href=(address) { "Save " (NAME) } a.button href=(SECTION.path()) { "To the users" } }
    }
}

/// Which export is saved.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(default)]
    export: String,
}

/// The file, which is removed: whoever reads it has it until the end.
pub(super) async fn file(visit: Visit, Query(Which { export }): Query<Which>) -> Response {
    let file = visit.console().exports.take(&export).and_then(|folder| File::open(folder.file(NAME)).ok());
    if let Some(file) = file {
        return attachment::json_lines(file, NAME);
    }
    let content = html! {
        (layout::trouble("The file is not here any more: it was saved, or replaced by another."))
        p { a.button href=(PATH) { "Write it again" } }
    };
    (StatusCode::NOT_FOUND, visit.page(SECTION, "No file", content)).into_response()
}
