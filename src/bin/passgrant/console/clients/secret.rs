//! The secret of a client: whether it is made or chosen, and a new one in place of it.

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use zeroize::Zeroizing;

use crate::console::clients::{ID, ONE, REVISION, SECRET, Which, at, read, requests, steps, which};
use crate::console::field::{Field, Wrong, choices};
use crate::console::layout::Section;
use crate::console::line::Line;
use crate::console::visit::{Button, Posted, Visit};
use crate::failure::Failure;

/// Where a secret comes from.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// It is made.
    #[default]
    Made,
    /// It is asked for when the change is confirmed, so that no form has to be sent twice with it.
    Chosen,
}

/// The field that tells where it comes from.
const SOURCE: &str = "secret";
const MADE: &str = "made";
const CHOSEN: &str = "chosen";
/// The field with a chosen one, which is that of the option.
pub(super) const STDIN: &str = "secret-stdin";

impl Source {
    pub(super) fn sent(posted: &Posted) -> Self {
        if posted.text(SOURCE) == CHOSEN { Self::Chosen } else { Self::Made }
    }

    /// The field that asks for it.
    pub(super) fn field(self, legend: &str) -> Markup {
        let offered = [
            (MADE, "Make one", "It is shown once, after it is saved."),
            (CHOSEN, "The client has one already", "It is asked for before anything is saved."),
        ];
        choices("radio", SOURCE, legend, &offered, |value| match self {
            Self::Made => value == MADE,
            Self::Chosen => value == CHOSEN,
        })
    }

    /// `line`, with the chosen secret, if one is.
    pub(super) fn on(self, line: Line, posted: &Posted) -> Line {
        match self {
            Self::Made => line,
            Self::Chosen => line.input("--secret-stdin", "secret.txt", secret(posted)),
        }
    }

    /// The field for a chosen secret.
    pub(super) fn asked(self, wrong: &Wrong) -> Markup {
        let hint = "22 to 512 characters, as the client has it.";
        match self {
            Self::Made => html! {},
            Self::Chosen => Field { name: STDIN, label: "The secret of the client", hint, value: "" }.password(wrong),
        }
    }
}

fn secret(posted: &Posted) -> Zeroizing<String> {
    posted.secret(STDIN)
}

pub(super) async fn ask(visit: Visit, Query(asked): Query<Which>) -> Result<Response, Failure> {
    let read = asked.read(&visit).await?;
    Ok(form(&visit, (&asked.id, &read.to_string()), "24h", Source::Made, &Wrong::default()))
}

fn form(visit: &Visit, (id, revision): (&str, &str), overlap: &str, source: Source, wrong: &Wrong) -> Response {
    let overlaps = Field {
        name: "overlap",
        label: "The old secret keeps working for",
        hint: "As in 24h or 14d: until every instance of the client has the new one. 0s if the old one has leaked.",
        value: overlap,
    };
    let fields = html! {
        (which(id, revision))
        (overlaps.text(wrong))
        (source.field("The new secret"))
        div.actions { button.main { "Go on" } a.button href=(at(ONE, id)) { "Cancel" } }
    };
    let content = html! { (wrong.summary()) (visit.unless_read_only(|| visit.form(SECRET, fields))) };
    visit.page(Section::Clients, &format!("A new secret for {id}"), content)
}

pub(super) async fn rotate(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let (id, overlap, source) = (posted.exact(ID), posted.text("overlap"), Source::sent(&posted));
    let line = Line::of("client rotate-secret").argument(id).option("--overlap", overlap);
    let line = source.on(line.optional("--if-revision", posted.some(REVISION)), &posted);
    let ask = |wrong: &Wrong| {
        let question = format!("Give the client {id} a new secret?");
        let button =
            Button { label: "Give it the new secret", is_dangerous: false, has_form: false, back: &at(ONE, id) };
        let fields = html! { (wrong.summary()) (source.asked(wrong)) };
        visit.confirm_with(Section::Clients, &question, &line, (SECRET, &posted), button, &fields)
    };
    let again = |failure: &Failure| form(&visit, (id, posted.text(REVISION)), overlap, source, &Wrong::of(failure));
    if !posted.is_confirmed() {
        return Ok(match line.parsed() {
            Ok(_) => ask(&Wrong::default()),
            Err(failure) => again(&failure),
        });
    }
    match visit.run(line.clone()).await {
        Ok(done) => {
            let client = read(&visit, id).await?.client;
            let content = html! {
                (requests::secret(&done.result))
                (requests::ready(&visit, &client, &done.result))
                div.actions { a.button.main href=(at(ONE, id)) { "To the client" } }
            };
            Ok(visit.done(Section::Clients, &format!("The client {id} has a new secret."), &line, &done, content))
        }
        Err(failure) if failure.about().as_deref() == Some(STDIN) => Ok(ask(&Wrong::of(&failure))),
        Err(failure) if failure.about().as_deref() == Some("overlap") => Ok(again(&failure)),
        Err(failure) => steps::refused(&visit, id, failure).await,
    }
}
