//! The form of a client: what is sent with it, and what becomes of that.

mod fields;

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use passgrant::client::Client;
use passgrant::client::authentication::{AuthMethod, ClientAuthentication};
use passgrant::client::id::{ClientId, Incarnation};
use passgrant::client::secret::{ClientSecret, StoredSecret};
use passgrant::clock::{Clock as _, SystemClock};
use passgrant::random::OsRandom;
use passgrant::store::clients::Revision;

use crate::client::already_exists;
use crate::console::clients::form::fields::Filled;
use crate::console::clients::options::Values;
use crate::console::clients::preview::{Sought, drafted};
use crate::console::clients::secret::{STDIN, Source};
use crate::console::clients::{CHANGE, ID, LIST, NEW, ONE, REVISION, Which, at, read, requests};
use crate::console::field::Wrong;
use crate::console::layout::{self, Section};
use crate::console::line::{Done, Line};
use crate::console::visit::{Button, DO, EDIT, Posted, Visit};
use crate::failure::Failure;

/// The button that looks at tokens, and changes nothing.
const LOOK: &str = "look";

/// What was sent with the form.
struct Sent {
    id: String,
    values: Values,
    keys: String,
    source: Source,
    sought: Sought,
    /// Which revision of the client was changed; empty for a new one.
    revision: String,
}

impl Sent {
    fn with(posted: &Posted) -> Self {
        let is_typed = posted.text(REVISION).is_empty();
        Self {
            id: if is_typed { posted.text(ID) } else { posted.exact(ID) }.to_owned(),
            values: Values::sent(posted),
            keys: posted.text("jwks-file").to_owned(),
            source: Source::sent(posted),
            sought: Sought::sent(posted),
            revision: posted.text(REVISION).to_owned(),
        }
    }

    /// The form with nothing in it but what `client` has.
    fn of(id: &str, revision: &str, client: &Client) -> Self {
        Self {
            id: id.to_owned(),
            values: Values::of(client),
            keys: String::new(),
            source: Source::default(),
            sought: Sought::default(),
            revision: revision.to_owned(),
        }
    }

    /// The command line that makes what the form says from what is there `before`.
    fn line(&self, command: &str, before: &Client) -> Line {
        let line = self.values.changes(&Values::of(before), Line::of(command).argument(&self.id));
        if self.keys.is_empty() { line } else { line.reading("--jwks-file", "-", "jwks.json", &self.keys) }
    }

    /// Whether the client may be given a secret that somebody chose: it comes to have one, and standard input is free.
    fn takes_secret(&self, before: Option<&Client>) -> bool {
        let had_none = before.is_none_or(|client| client.authentication.secrets().is_empty());
        had_none && self.keys.is_empty() && self.values.method().is_some_and(AuthMethod::has_secret)
    }
}

/// A form that was sent, for a new client or for one that is there.
struct Change<'a> {
    visit: &'a Visit,
    posted: &'a Posted,
    sent: &'a Sent,
    existing: Option<&'a Revision>,
    line: Line,
}

pub(super) async fn new(visit: Visit) -> Result<Response, Failure> {
    let sent = Sent::of("", "", &blank()?);
    Ok(shown(&visit, &sent, None, &Wrong::default(), &html! {}))
}

pub(super) async fn existing(visit: Visit, Query(which): Query<Which>) -> Result<Response, Failure> {
    let read = which.read(&visit).await?;
    let sent = Sent::of(&which.id, &read.to_string(), &read.client);
    Ok(shown(&visit, &sent, Some(&read), &Wrong::default(), &html! {}))
}

pub(super) async fn create(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let sent = Sent::with(&posted);
    let line = sent.line("client create", &blank()?);
    Change { visit: &visit, posted: &posted, sent: &sent, existing: None, line }.answer().await
}

pub(super) async fn change(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let sent = Sent::with(&posted);
    let current = read(&visit, &sent.id).await?;
    if !current.is(&sent.revision) {
        return Ok(overtaken(&visit, &posted, &current));
    }
    let line = sent.line("client update", &current.client);
    Change { visit: &visit, posted: &posted, sent: &sent, existing: Some(&current), line }.answer().await
}

impl Change<'_> {
    async fn answer(self) -> Result<Response, Failure> {
        let (visit, posted, sent) = (self.visit, self.posted, self.sent);
        let (is_look, has_changes) = (posted.text(DO) == LOOK, self.line.has_options());
        if posted.text(DO) == EDIT {
            return Ok(self.again(&Wrong::default(), &html! {}));
        }
        if !posted.is_confirmed() {
            let drafted = self.drafted().await;
            let (client, warnings) = match drafted {
                Ok(drafted) => drafted,
                Err(failure) => return Ok(self.again(&Wrong::of(&failure), &html! {})),
            };
            if is_look {
                return Ok(match sent.sought.tokens(visit, &client).await {
                    Ok(tokens) => self.again(&Wrong::default(), &html! { (layout::warnings(&warnings)) (tokens) }),
                    Err(failure) => self.again(&Wrong::of(&failure), &html! {}),
                });
            }
            if self.existing.is_some() && !has_changes {
                let wrong = Wrong::about_field("", "Nothing is different: there is nothing to save.");
                return Ok(self.again(&wrong, &html! {}));
            }
            return Ok(self.ask(&Wrong::default(), &warnings));
        }
        let line = self.complete();
        match visit.run(line.clone()).await {
            Ok(done) => self.made(&line, &done).await,
            Err(failure) if failure.is_overtaken() => Ok(overtaken(visit, posted, &read(visit, &sent.id).await?)),
            Err(failure) if failure.about().as_deref() == Some(STDIN) => Ok(self.ask(&Wrong::of(&failure), &[])),
            Err(failure) => Ok(self.again(&Wrong::of(&failure), &html! {})),
        }
    }

    /// The client that it comes to, with every reason for which it would be refused by now.
    async fn drafted(&self) -> Result<(Client, Vec<String>), Failure> {
        let before = self.existing.map(|read| &read.client);
        let drafted = drafted(self.visit, before, &self.line).await?;
        if self.existing.is_none() && self.visit.store().clients.get(&drafted.0.id).await?.is_some() {
            return Err(already_exists(&drafted.0.id));
        }
        Ok(drafted)
    }

    /// The line with everything that the form itself does not say.
    fn complete(&self) -> Line {
        let seen = self.existing.map(ToString::to_string);
        let line = self.line.clone().optional("--if-revision", seen.as_deref());
        if self.takes_secret() { self.sent.source.on(line, self.posted) } else { line }
    }

    fn takes_secret(&self) -> bool {
        self.sent.takes_secret(self.existing.map(|read| &read.client))
    }

    fn again(&self, wrong: &Wrong, above: &Markup) -> Response {
        shown(self.visit, self.sent, self.existing, wrong, above)
    }

    fn ask(&self, wrong: &Wrong, warnings: &[String]) -> Response {
        let id = self.sent.id.as_str();
        let (question, label, path, back) = match self.existing {
            None => (format!("Create the client {id}?"), "Create it", NEW, LIST.to_owned()),
            Some(_) => (format!("Change the client {id}?"), "Change it", CHANGE, at(ONE, id)),
        };
        let secret = if self.takes_secret() {
            self.sent.source.asked(wrong)
        } else {
            html! {}
        };
        let fields = html! { (wrong.summary()) (layout::warnings(warnings)) (secret) };
        let button = Button { label, is_dangerous: false, has_form: true, back: &back };
        self.visit.confirm_with(Section::Clients, &question, &self.complete(), (path, self.posted), button, &fields)
    }

    /// What became of it: with the secret, if there is a new one, and the requests that the client can send.
    async fn made(&self, line: &Line, done: &Done) -> Result<Response, Failure> {
        let id = self.sent.id.as_str();
        let said = if self.existing.is_some() { "changed" } else { "registered" };
        let client = read(self.visit, id).await?.client;
        let content = html! {
            (requests::secret(&done.result))
            (requests::ready(self.visit, &client, &done.result))
            div.actions { a.button.main href=(at(ONE, id)) { "To the client" } a.button href=(LIST) { "All clients" } }
        };
        Ok(self.visit.done(Section::Clients, &format!("The client {id} is {said}."), line, done, content))
    }
}

/// The form, below what there is to say about it.
fn shown(visit: &Visit, sent: &Sent, existing: Option<&Revision>, wrong: &Wrong, above: &Markup) -> Response {
    let title = match existing {
        Some(read) => format!("Change the client {}", read.client.id),
        None => "New client".to_owned(),
    };
    let content = html! { (wrong.summary()) (above) (Filled { sent, existing, wrong }.form(visit)) };
    visit.page(Section::Clients, &title, content)
}

/// The form after somebody else has changed the client: what was changed in it, and otherwise what is there now. It is then meant
/// for the client as it is now.
fn overtaken(visit: &Visit, posted: &Posted, current: &Revision) -> Response {
    let (sent, theirs) = (Sent::with(posted), Values::of(&current.client));
    if !current.is_of_registration(&sent.revision) {
        let wrong = Wrong::about_field(
            "",
            "The client that you saw is gone, and another one is registered under its ID by now. Nothing of yours has been \
             saved. The form is the other client's, as it is.",
        );
        let other = Sent::of(&sent.id, &current.to_string(), &current.client);
        return shown(visit, &other, Some(current), &wrong, &html! {});
    }
    let seen = Values::were_seen(posted);
    let seen = seen.as_ref().unwrap_or(&theirs);
    let values = sent.values.merged(seen, &theirs);
    let text = |text: &str| html! { @if text.is_empty() { "nothing" } @else { span.code.words { (text) } } };
    let row = |name| {
        let link = html! { a href={ "#" (name) } { (name) } };
        [link, text(seen.get(name)), text(theirs.get(name)), text(values.get(name))]
    };
    let rows: Vec<_> = seen.differences(&theirs).map(row).collect();
    let above = html! {
        @if rows.is_empty() {
            p { "The fields are as you saw them: its state, its secret or its keys were changed." }
        } @else {
            (layout::table("What somebody else has changed", ["Option", "As you saw it", "There now", "In the form below"], rows))
        }
    };
    let wrong = Wrong::about_field(
        "",
        "Somebody else has changed this client meanwhile. Nothing of yours has been saved. The form has what you changed, \
         and what is there now wherever you changed nothing.",
    );
    let sent = Sent { revision: current.to_string(), values, ..sent };
    shown(visit, &sent, Some(current), &wrong, &above)
}

/// A client that has nothing but the defaults.
fn blank() -> Result<Client, Failure> {
    let now = SystemClock.now();
    let secret = StoredSecret::new(&ClientSecret::generate(&OsRandom)?, now, &OsRandom)?;
    let authentication = ClientAuthentication::SecretBasic(secret.into());
    Ok(Client::new(ClientId::parse("new")?, Incarnation::generate(&OsRandom)?, authentication, now))
}
