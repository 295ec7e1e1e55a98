//! The changes of a client that need no form: it is disabled, enabled or deleted once that is confirmed.

use axum::response::Response;
use maud::{Markup, html};
use passgrant::store::clients::Revision;

use crate::console::clients::{ID, LIST, ONE, REVISION, at, read, show, which};
use crate::console::layout::Section;
use crate::console::line::Line;
use crate::console::visit::{Button, Posted, Visit};
use crate::failure::Failure;

/// A change of a client that was looked at in one revision. In its texts, `{}` is the client.
pub(super) struct Step {
    pub(super) path: &'static str,
    command: &'static str,
    label: &'static str,
    question: &'static str,
    consequence: &'static str,
    said: &'static str,
    is_dangerous: bool,
}

const DISABLE: Step = Step {
    path: "/clients/disable",
    command: "client disable",
    label: "Disable",
    question: "Keep the client {} from authenticating?",
    consequence: "It gets no tokens until it is enabled again, and its sessions wait for that. APIs that verify JWTs by themselves \
                  accept those that are out until they expire.",
    said: "The client {} is disabled.",
    is_dangerous: true,
};

const ENABLE: Step = Step {
    path: "/clients/enable",
    command: "client enable",
    label: "Enable",
    question: "Let the client {} authenticate again?",
    consequence: "Its sessions go on.",
    said: "The client {} is enabled.",
    is_dangerous: false,
};

const DELETE: Step = Step {
    path: "/clients/delete",
    command: "client delete",
    label: "Delete",
    question: "Delete the client {}, for good?",
    consequence: "Its settings, its secrets and its sessions will be gone: nothing brings them back, not even a new client with the same ID. \
                  APIs that verify JWTs by themselves accept those that are out until they expire. To keep it out for a while, \
                  disable it.",
    said: "The client {} is deleted.",
    is_dangerous: true,
};

pub(super) const ALL: [&Step; 3] = [&DISABLE, &ENABLE, &DELETE];

impl Step {
    /// The buttons below a client.
    pub(super) fn buttons(visit: &Visit, read: &Revision) -> Markup {
        let (id, revision) = (read.client.id.as_str(), read.to_string());
        let button = |step: &Self| {
            let class = if step.is_dangerous { "danger" } else { "" };
            visit.form(step.path, html! { (which(id, &revision)) button class=(class) { (step.label) } })
        };
        html! { (button(if read.client.disabled { &ENABLE } else { &DISABLE })) (button(&DELETE)) }
    }

    pub(super) async fn take(&self, visit: Visit, posted: Posted) -> Result<Response, Failure> {
        let id = posted.exact(ID);
        let line = Line::of(self.command).argument(id).optional("--if-revision", posted.some(REVISION));
        if !posted.is_confirmed() {
            let (question, label, back) = (self.question.replace("{}", id), format!("{} it", self.label), at(ONE, id));
            let button = Button { label: &label, is_dangerous: self.is_dangerous, has_form: false, back: &back };
            let consequence = html! { p { (self.consequence) } };
            return Ok(visit.confirm_with(
                Section::Clients,
                &question,
                &line,
                (self.path, &posted),
                button,
                &consequence,
            ));
        }
        let done = match visit.run(line.clone()).await {
            Ok(done) => done,
            Err(failure) => return refused(&visit, id, failure).await,
        };
        let back = if self.path == DELETE.path { LIST.to_owned() } else { at(ONE, id) };
        let content = html! { div.actions { a.button.main href=(back) { "Go on" } } };
        Ok(visit.done(Section::Clients, &self.said.replace("{}", id), &line, &done, content))
    }
}

/// What is answered if a change of the client `id` is refused: if somebody else was quicker, the client as it is now.
pub(super) async fn refused(visit: &Visit, id: &str, failure: Failure) -> Result<Response, Failure> {
    if failure.is_overtaken() {
        let read = read(visit, id).await?;
        return show::page(visit, &read, Some(&failure)).await;
    }
    Err(failure)
}
