//! Other claims and scopes for a user, unless somebody else has changed them meanwhile.

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use passgrant::store::users::change::Revision;
use passgrant::user::User;

use crate::console::field::Wrong;
use crate::console::layout;
use crate::console::line::Line;
use crate::console::users::claims::{Rows, Scopes};
use crate::console::users::seen::Seen;
use crate::console::users::{Named, SECTION, address, back_to, revision_of};
use crate::console::visit::{Button, DO, EDIT, Posted, Visit};
use crate::failure::{Failure, IF_REVISION};
use crate::user::{prepared, unknown};

pub(super) const PATH: &str = "/users/edit";

pub(super) async fn show(visit: Visit, Query(Named { name }): Query<Named>) -> Result<Response, Failure> {
    let user = found(&visit, &name).await?;
    let (rows, scopes) = (Rows::of(&user.claims), Scopes::of(user.allowed_scopes.as_ref()));
    Ok(Form { user: &user, rows: &rows, scopes: &scopes }.page(&visit, &html! {}, &Wrong::default()))
}

pub(super) async fn found(visit: &Visit, name: &str) -> Result<User, Failure> {
    let username = prepared(&visit.context(), name)?;
    visit.store().users.get(&username).await?.ok_or_else(|| unknown(&username))
}

/// The form, and the user as it is in the table.
struct Form<'a> {
    user: &'a User,
    rows: &'a Rows,
    scopes: &'a Scopes,
}

impl Form<'_> {
    fn page(&self, visit: &Visit, above: &Markup, wrong: &Wrong) -> Response {
        let name = self.user.username.as_str();
        let form = html! {
            input type="hidden" name="name" value=(name);
            (revision_of(self.user))
            (Seen::of(self.user).markup())
            (self.rows.markup())
            (self.scopes.markup(wrong))
            div.actions {
                button.main { "Look at the change" }
                (Rows::more())
                a.button href=(address(name)) { "Cancel" }
            }
        };
        let content = html! {
            (wrong.summary())
            (above)
            p { "To remove a claim, empty its name and its value. The user's sessions go on, and what is new is in the next tokens." }
            (visit.unless_read_only(|| visit.form(PATH, form)))
        };
        visit.page(SECTION, &format!("Claims and scopes of {name}"), content)
    }
}

/// The form of somebody else who has the name by now, for whom nothing was typed.
fn namesake(visit: &Visit, user: &User) -> Response {
    let above = html! {
        (layout::trouble("The user that you saw is gone, and another one has the name by now. Nothing of yours was written."))
        p {
            "The form below is the other user's, as it is. "
            a href=(address(user.username.as_str())) { "Leave it as it is" }
        }
    };
    let (rows, scopes) = (Rows::of(&user.claims), Scopes::of(user.allowed_scopes.as_ref()));
    Form { user, rows: &rows, scopes: &scopes }.page(visit, &above, &Wrong::default())
}

/// The form after somebody else has changed the user: what was typed into it, and otherwise what is there now.
fn overtaken(visit: &Visit, user: &User, seen: &Seen, rows: Rows, scopes: Scopes) -> Response {
    if !seen.is_of(user) {
        return namesake(visit, user);
    }
    let (rows, scopes) = seen.merged(user, rows, scopes);
    let changes = seen.changes(user, &rows, &scopes);
    let headings = ["Claim", "As you saw it", "In the table now", "In the form below"];
    let above = html! {
        (layout::trouble("Somebody else has changed this user meanwhile. Nothing of yours was written."))
        @if changes.is_empty() {
            p { "The claims and scopes are as you saw them: the password or the state was changed." }
        } @else {
            (layout::table("What somebody else has changed", headings, changes))
        }
        p {
            "The form below has what you typed, and what is there now wherever you changed nothing. "
            a href=(address(user.username.as_str())) { "Leave it as it is" }
        }
    };
    Form { user, rows: &rows, scopes: &scopes }.page(visit, &above, &Wrong::default())
}

pub(super) async fn run(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let user = found(&visit, posted.text("name")).await?;
    let seen = Seen::posted(&posted).unwrap_or_else(|| Seen::of(&user));
    let (mut rows, scopes) = (Rows::posted(&posted, &seen.claims), Scopes::posted(&posted));
    let (is_right, revision) = (rows.check(&user.claims), posted.text(IF_REVISION));
    if !Revision::of(&user).is(revision) {
        return Ok(overtaken(&visit, &user, &seen, rows, scopes));
    }
    let form = Form { user: &user, rows: &rows, scopes: &scopes };
    if posted.is_ticked(Rows::MORE) || posted.text(DO) == EDIT {
        return Ok(form.page(&visit, &html! {}, &Wrong::default()));
    }
    if !is_right {
        return Ok(form.page(&visit, &html! {}, &Rows::wrong()));
    }
    let name = user.username.as_str();
    let line = rows.given(Line::of("user update").argument(name), &user.claims);
    let line = scopes.changed(line, user.allowed_scopes.as_ref());
    if !line.has_options() {
        return Ok(form.page(&visit, &html! {}, &Wrong::about_field("claims", "there is nothing to change")));
    }
    let line = line.option("--if-revision", revision);
    if !posted.is_confirmed() {
        let back = address(name);
        let button = Button { label: "Change the user", is_dangerous: false, has_form: true, back: &back };
        let (question, warnings) = (format!("Change {name}?"), layout::warnings(&rows.warnings(&user.claims)));
        return Ok(visit.confirm_with(SECTION, &question, &line, (PATH, &posted), button, &warnings));
    }
    match visit.run(line.clone()).await {
        Ok(done) => Ok(visit.done(SECTION, &format!("User {name} is changed."), &line, &done, back_to(name))),
        Err(failure) if failure.is_overtaken() => {
            Ok(overtaken(&visit, &found(&visit, name).await?, &seen, rows, scopes))
        }
        Err(failure) => Ok(form.page(&visit, &html! {}, &Wrong::of(&failure))),
    }
}
