//! What is done to a user with one button, after a look at the command.

use axum::response::Response;
use maud::{Markup, html};
use passgrant::user::User;

use crate::console::line::Line;
use crate::console::users::{SECTION, address, back_to, one, revision_of};
use crate::console::visit::{Button, Posted, Visit};
use crate::failure::{Failure, IF_REVISION};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Disable,
    Enable,
    Unlock,
    Delete,
}

impl Act {
    pub(super) const ALL: [Self; 4] = [Self::Disable, Self::Enable, Self::Unlock, Self::Delete];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Disable => "/users/disable",
            Self::Enable => "/users/enable",
            Self::Unlock => "/users/unlock",
            Self::Delete => "/users/delete",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Disable => "Disable",
            Self::Enable => "Enable",
            Self::Unlock => "Unlock",
            Self::Delete => "Delete",
        }
    }

    const fn command(self) -> &'static str {
        match self {
            Self::Disable => "user disable",
            Self::Enable => "user enable",
            Self::Unlock => "user unlock",
            Self::Delete => "user delete",
        }
    }

    fn question(self, name: &str) -> String {
        match self {
            Self::Disable => format!("Disable {name}, and end all of their sessions for good?"),
            Self::Enable => format!("Let {name} log in again?"),
            Self::Unlock => format!("Forget the wrong passwords tried for {name}?"),
            Self::Delete => format!("Delete {name}, for good?"),
        }
    }

    const fn consequence(self) -> &'static str {
        match self {
            Self::Disable => {
                "The user gets no tokens until enabled again, with a new login. APIs that verify JWTs by themselves accept those \
                 that are out until they expire."
            }
            Self::Enable => "Sessions of before stay ended.",
            Self::Unlock => {
                "Whoever knows the password can log in at once. The places that the user is known from stay known."
            }
            Self::Delete => {
                "The password, the claims and all sessions will be gone: nothing brings the user back. Another user under this name \
                 has another subject. APIs that verify JWTs by themselves accept those that are out until they expire. To keep the \
                 user out and the data here, disable the user."
            }
        }
    }

    fn said(self, name: &str) -> String {
        match self {
            Self::Disable => format!("User {name} is disabled."),
            Self::Enable => format!("User {name} is enabled."),
            Self::Unlock => format!("The username {name} is unlocked."),
            Self::Delete => format!("User {name} is deleted."),
        }
    }

    const fn is_dangerous(self) -> bool {
        matches!(self, Self::Disable | Self::Delete)
    }

    /// The button for a username, whoever has it.
    pub(super) fn button(self, visit: &Visit, name: &str) -> Markup {
        self.form(visit, name, &html! {})
    }

    /// The button for a user as it was seen.
    pub(super) fn button_of(self, visit: &Visit, user: &User) -> Markup {
        self.form(visit, user.username.as_str(), &revision_of(user))
    }

    fn form(self, visit: &Visit, name: &str, revision: &Markup) -> Markup {
        let class = if self.is_dangerous() { "danger" } else { "" };
        let fields = html! {
            input type="hidden" name="name" value=(name);
            (revision)
            button class=(class) aria-label={ (self.label()) " " (name) } { (self.label()) }
        };
        visit.form(self.path(), fields)
    }
}

pub(super) async fn run(visit: Visit, posted: Posted, act: Act) -> Result<Response, Failure> {
    let name = posted.text("name");
    let line = Line::of(act.command()).argument(name).optional("--if-revision", posted.some(IF_REVISION));
    if !posted.is_confirmed() {
        let back = address(name);
        let button = Button { label: act.label(), is_dangerous: act.is_dangerous(), has_form: false, back: &back };
        let consequence = html! { p { (act.consequence()) } };
        return Ok(visit.confirm_with(
            SECTION,
            &act.question(name),
            &line,
            (act.path(), &posted),
            button,
            &consequence,
        ));
    }
    let done = match visit.run(line.clone()).await {
        Err(failure) if failure.is_overtaken() => return one::overtaken(&visit, name, &failure).await,
        done => done?,
    };
    let way = if act == Act::Delete {
        html! { p { a.button href="/users" { "To the users" } } }
    } else {
        back_to(name)
    };
    Ok(visit.done(SECTION, &act.said(name), &line, &done, way))
}
