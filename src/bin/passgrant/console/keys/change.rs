//! Keys that are made, and secrets that are imported.

use axum::response::Response;
use maud::{Markup, html};
use passgrant::jose::algorithm::Algorithm;

use crate::console::field::{Field, Wrong};
use crate::console::layout::Section;
use crate::console::line::Line;
use crate::console::visit::{Button, DO, EDIT, Posted, Visit};

pub(super) const CREATE: &str = "/keys/create";
pub(super) const IMPORT: &str = "/keys/import";

/// How a secret is written.
const ENCODINGS: [(&str, &str); 3] =
    [("base64", "base64"), ("hex", "hexadecimal digits"), ("text", "the characters themselves")];

/// What is in a form, but for the secret, which is typed again.
#[derive(Default)]
struct Filled<'a> {
    name: &'a str,
    alg: &'a str,
    encoding: &'a str,
}

impl<'a> Filled<'a> {
    fn of(posted: &'a Posted) -> Self {
        Self { name: posted.text("name"), alg: posted.text("alg"), encoding: posted.text("encoding") }
    }
}

/// Where the forms are.
pub(super) fn ways() -> Markup {
    html! {
        div.actions {
            a.button.main href=(CREATE) { "Make a key" }
            a.button href=(IMPORT) { "Import a secret" }
        }
    }
}

pub(super) async fn ask_create(visit: Visit) -> Response {
    create_page(&visit, &Filled { alg: "RS256", ..Filled::default() }, &Wrong::default())
}

pub(super) async fn ask_import(visit: Visit) -> Response {
    import_page(&visit, &Filled { alg: "HS256", encoding: "base64", ..Filled::default() }, &Wrong::default())
}

fn create_page(visit: &Visit, filled: &Filled<'_>, wrong: &Wrong) -> Response {
    let algorithms = algorithms(Algorithm::is_of_key_pair);
    let fields = html! {
        (name(visit, filled.name, wrong))
        (Field { name: "alg", label: "Algorithm", hint: "What the key signs with.", value: filled.alg }.select(&algorithms, wrong))
        (buttons("Go on"))
    };
    page(visit, "Make a key", CREATE, fields, wrong)
}

fn import_page(visit: &Visit, filled: &Filled<'_>, wrong: &Wrong) -> Response {
    let algorithms = algorithms(|algorithm| !algorithm.is_of_key_pair());
    let fields = html! {
        p { "For an API that verifies tokens with a secret that both sides share. It is published nowhere." }
        (name(visit, filled.name, wrong))
        (Field { name: "alg", label: "Algorithm", hint: "What the secret is for.", value: filled.alg }.select(&algorithms, wrong))
        (Field { name: "encoding", label: "How the secret is written", hint: "The bytes count, and not the characters.", value: filled.encoding }.select(&ENCODINGS, wrong))
        (Field { name: "secret-stdin", label: "The secret", hint: "32, 48 or 64 bytes. Whoever has it can make tokens.", value: "" }.password(wrong))
        (buttons("Import it"))
    };
    page(visit, "Import a secret", IMPORT, fields, wrong)
}

fn page(visit: &Visit, title: &str, path: &str, fields: Markup, wrong: &Wrong) -> Response {
    let content = html! {
        (wrong.summary())
        (visit.unless_read_only(|| visit.form(path, fields)))
    };
    visit.page(Section::Keys, title, content)
}

fn buttons(label: &str) -> Markup {
    html! { div.actions { button.main { (label) } a.button href=(Section::Keys.path()) { "Cancel" } } }
}

fn algorithms(fits: impl Fn(Algorithm) -> bool) -> Vec<(&'static str, &'static str)> {
    let fitting = Algorithm::ALL.into_iter().filter(|algorithm| fits(*algorithm));
    fitting.map(|algorithm| (algorithm.as_str(), algorithm.as_str())).collect()
}

/// A data folder has one key for each algorithm; a wrapped key has a name.
fn name(visit: &Visit, value: &str, wrong: &Wrong) -> Markup {
    html! {
        @if visit.console().place.data.is_none() {
            (Field { name: "name", label: "Name", hint: "By which it is listed, as envelope:NAME. KMS wraps it.", value }.text(wrong))
        }
    }
}

fn named(command: &str, posted: &Posted) -> Line {
    let line = Line::of(command).option("--alg", posted.text("alg"));
    posted.some("name").into_iter().fold(line, Line::argument)
}

pub(super) async fn create(visit: Visit, posted: Posted) -> Response {
    let line = named("key create", &posted);
    if let Err(failure) = line.parsed() {
        return create_page(&visit, &Filled::of(&posted), &Wrong::of(&failure));
    }
    if !posted.is_confirmed() {
        let button = Button { label: "Make it", is_dangerous: false, has_form: true, back: Section::Keys.path() };
        return visit.confirm(Section::Keys, "Make a key?", &line, (CREATE, &posted), button);
    }
    if posted.exact(DO) == EDIT {
        return create_page(&visit, &Filled::of(&posted), &Wrong::default());
    }
    match visit.run(line.clone()).await {
        Ok(done) => visit.done(Section::Keys, "The key is made.", &line, &done, back()),
        Err(failure) => create_page(&visit, &Filled::of(&posted), &Wrong::of(&failure)),
    }
}

pub(super) async fn import(visit: Visit, posted: Posted) -> Response {
    let line = named("key import", &posted).option("--encoding", posted.text("encoding"));
    let line = line.input("--secret-stdin", "shared.secret", posted.secret("secret-stdin"));
    match visit.run(line.clone()).await {
        Ok(done) => visit.done(Section::Keys, "The secret is imported.", &line, &done, back()),
        Err(failure) => import_page(&visit, &Filled::of(&posted), &Wrong::of(&failure)),
    }
}

fn back() -> Markup {
    html! { div.actions { a.button.main href=(Section::Keys.path()) { "To the keys" } } }
}
