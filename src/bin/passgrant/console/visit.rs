//! A visit: one request of the operator, with the tables and what it sent.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::request::Parts;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use maud::{Markup, html};
use passgrant::audit::Origin;
use passgrant::clock::SystemClock;
use passgrant::random::OsRandom;
use passgrant::store::Store;
use tokio::sync::OnceCell;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::Context;
use crate::audit::Audit;
use crate::console::layout::{self, Section};
use crate::console::lease::Lease;
use crate::console::line::{Done, Line};
use crate::console::{Console, answer};
use crate::database::Database;
use crate::failure::Failure;
use crate::output::{Kept, Output};
use crate::secret_input::SecretInput;
use crate::stop::Stop;

/// More than any form of a page has, but for files: a user's claims may have 400 KiB, and a form that changes them has them
/// twice, with three bytes for some.
const MAX_FORM_BYTES: usize = 3 * 1024 * 1024;

/// The name of the field that proves that a form is one of this page's own.
pub(super) const TOKEN: &str = "form_token";

/// The name of the buttons of a form that has several.
pub(super) const DO: &str = "do";
/// The button that goes back to the form, with everything that was in it.
pub(super) const EDIT: &str = "edit";

/// The name of the field of a change that has been looked at.
const CONFIRMED: &str = "confirmed";

/// What a request is answered with.
pub(super) struct Visit {
    console: Arc<Console>,
    lease: Lease,
}

impl FromRequestParts<Arc<Console>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(_: &mut Parts, console: &Arc<Console>) -> Result<Self, Response> {
        match console.databases.lease().await {
            Ok(lease) => Ok(Self { console: Arc::clone(console), lease }),
            Err(failure) => Err(answer::failed(StatusCode::SERVICE_UNAVAILABLE, &failure)),
        }
    }
}

impl Visit {
    pub(super) fn console(&self) -> &Arc<Console> {
        &self.console
    }

    pub(super) fn store(&self) -> &Store {
        self.lease.store()
    }

    /// What a command works with, whose output is kept and who reads `secrets` in place of standard input.
    pub(super) fn context_with(&self, output: Output, secrets: SecretInput) -> Context {
        let place = &self.console.place;
        Context {
            config: Arc::clone(&place.config),
            outputs: place.outputs.clone(),
            output,
            secrets,
            stop: Stop::default(),
            audit: Audit::new(Origin::Console, place.audit_log.as_deref()),
            account: Arc::clone(&place.account),
            clock: SystemClock,
            random: OsRandom,
            data: place.data.clone(),
            database: OnceCell::new_with(Some(Database::lent(self.store().clone()))),
        }
    }

    /// The same for something that prints nothing and reads nothing.
    pub(super) fn context(&self) -> Context {
        self.context_with(Output::Kept(Kept::default()), SecretInput::Given(Zeroizing::default()))
    }

    /// Runs a command.
    pub(super) async fn run(&self, line: Line) -> Result<Done, Failure> {
        line.run(self, None).await
    }

    /// A whole page.
    pub(super) fn page(&self, section: Section, title: &str, content: Markup) -> Response {
        layout::page(Some(&self.console), Some(section), title, content).into_response()
    }

    /// A form that is sent to `path`.
    pub(super) fn form(&self, path: &str, content: Markup) -> Markup {
        html! {
            form method="post" action=(path) {
                input type="hidden" name=(TOKEN) value=(self.console.access.form_token(path));
                (content)
            }
        }
    }

    /// A button at which something is lost, which sends `fields` to `path`. `about` says what it is for to who does not see it.
    pub(super) fn danger(&self, path: &str, fields: &[(&str, &str)], (label, about): (&str, &str)) -> Markup {
        let content = html! {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button.danger aria-label=(about) { (label) }
        };
        self.form(path, content)
    }

    /// A form that changes something, or why there is none.
    pub(super) fn unless_read_only(&self, form: impl FnOnce() -> Markup) -> Markup {
        html! {
            @if self.console.read_only { p { "This console changes nothing: it was started with --read-only." } }
            @else { (form()) }
        }
    }

    /// A page that asks before `line` is run. Its form sends the fields of `posted` to `path` again, with `confirmed`.
    pub(super) fn confirm(
        &self,
        section: Section,
        question: &str,
        line: &Line,
        form: (&str, &Posted),
        button: Button<'_>,
    ) -> Response {
        self.confirm_with(section, question, line, form, button, &html! {})
    }

    /// The same, with fields of its own: for what is in no form that is sent twice, such as a secret.
    pub(super) fn confirm_with(
        &self,
        section: Section,
        question: &str,
        line: &Line,
        (path, posted): (&str, &Posted),
        button: Button<'_>,
        fields: &Markup,
    ) -> Response {
        let form = html! {
            @for (name, value) in posted.again() { input type="hidden" name=(name) value=(value); }
            input type="hidden" name=(CONFIRMED) value="yes";
            (fields)
            div.actions {
                (button.markup())
                @if button.has_form { button name=(DO) value=(EDIT) formnovalidate { "Back to the form" } }
                a.button href=(button.back) { "Cancel" }
            }
        };
        let content = html! { (self.command(line)) (self.form(path, form)) };
        self.page(section, question, content)
    }

    /// What a change has come to: `said` in a sentence, the warnings, and the command that was run.
    pub(super) fn done(&self, section: Section, said: &str, line: &Line, done: &Done, content: Markup) -> Response {
        let content = html! {
            @if let Some(failure) = &done.failure { (layout::trouble(&failure.reason())) }
            (layout::warnings(&done.warnings))
            (content)
            (self.command(line))
        };
        match done.failure {
            Some(_) => self.page(section, "Not all of that worked", content),
            None => layout::done(&self.console, section, said.trim_end_matches('.'), content).into_response(),
        }
    }

    /// What would do the same at a shell.
    pub(super) fn command(&self, line: &Line) -> Markup {
        layout::command(&line.shown(&self.console.place))
    }
}

/// The button that makes a change, and where the way back leads.
#[derive(Clone, Copy)]
pub(super) struct Button<'a> {
    pub(super) label: &'a str,
    /// Whether something is lost by it.
    pub(super) is_dangerous: bool,
    /// Whether it comes from a form, to which there is a way back.
    pub(super) has_form: bool,
    pub(super) back: &'a str,
}

impl Button<'_> {
    fn markup(&self) -> Markup {
        let class = if self.is_dangerous { "danger" } else { "main" };
        html! { button class=(class) { (self.label) } }
    }
}

/// The fields of a form of this page.
pub(super) struct Posted(Vec<(String, Zeroizing<String>)>);

impl FromRequest<Arc<Console>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let path = request.uri().path().to_owned();
        let refused = |status, reason: &str| answer::failed(status, &Failure::refused(reason));
        let body = Limited::new(request.into_body(), MAX_FORM_BYTES).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                refused(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large")
            } else {
                refused(StatusCode::REQUEST_TIMEOUT, "the form did not arrive in time, or not whole")
            }
        })?;
        let body = body.to_bytes();
        let fields = form_urlencoded::parse(&body);
        let posted =
            Self(fields.map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned()))).collect());
        if !console.access.is_form_token(&path, posted.text(TOKEN)) {
            return Err(refused(StatusCode::FORBIDDEN, "the form is none of this page's: load the page again"));
        }
        Ok(posted)
    }
}

impl Posted {
    /// The text of the field `name`, without spaces around it; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default().trim()
    }

    /// The text of the field `name`, to the letter: of one that a person does not type.
    pub(super) fn exact(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// The text of the field `name`, if there is any.
    pub(super) fn some(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// The values of the fields `name`, as they are.
    pub(super) fn all<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The secret in the field `name`, as it is.
    pub(super) fn secret(&self, name: &str) -> Zeroizing<String> {
        Zeroizing::new(self.all(name).next().unwrap_or_default().to_owned())
    }

    /// Whether the change was looked at, and confirmed.
    pub(super) fn is_confirmed(&self) -> bool {
        self.is_ticked(CONFIRMED)
    }

    /// What is sent again when a change is confirmed. What a command reads on standard input is a secret, which is in no
    /// hidden field.
    fn again(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = |name: &str| [TOKEN, CONFIRMED, DO].contains(&name) || name.ends_with("-stdin");
        self.0.iter().filter(move |(name, _)| !own(name)).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a box is ticked.
    pub(super) fn is_ticked(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}
