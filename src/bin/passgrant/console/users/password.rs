//! A new password.

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use passgrant::store::users::change::Revision;
use zeroize::Zeroizing;

use crate::console::field::{Field, Wrong};
use crate::console::line::Line;
use crate::console::users::{Named, SECTION, address, back_to, edit, one};
use crate::console::visit::{Posted, Visit};
use crate::failure::{Failure, IF_REVISION};

pub(super) const PATH: &str = "/users/password";

/// The fields of a password: that of the option, and the same once more. Neither is sent again by a form that asks.
const PASSWORD: &str = "password-stdin";
const AGAIN: &str = "password-again-stdin";

const DIFFER: &str = "the two passwords differ";

pub(super) async fn show(visit: Visit, Query(Named { name }): Query<Named>) -> Result<Response, Failure> {
    let user = edit::found(&visit, &name).await?;
    Ok(page(&visit, (user.username.as_str(), &Revision::of(&user).to_string()), &Wrong::default()))
}

fn page(visit: &Visit, (name, revision): (&str, &str), wrong: &Wrong) -> Response {
    let form = html! {
        input type="hidden" name="name" value=(name);
        input type="hidden" name=(IF_REVISION) value=(revision);
        (fields(visit, wrong))
        div.actions { button.main { "Set the password" } a.button href=(address(name)) { "Cancel" } }
    };
    let content = html! {
        (wrong.summary())
        p { "It ends every session of the user, and a lock if there is one." }
        (visit.unless_read_only(|| visit.form(PATH, form)))
        (visit.command(&line(name, revision, Zeroizing::default())))
    };
    visit.page(SECTION, &format!("A new password for {name}"), content)
}

/// The two fields of a new password.
pub(super) fn fields(visit: &Visit, wrong: &Wrong) -> Markup {
    let least = visit.console().place.config.password_min_length;
    let hint = format!("At least {least} characters, and none of those that attackers try first.");
    html! {
        (Field { name: PASSWORD, label: "Password", hint: &hint, value: "" }.password(wrong))
        (Field { name: AGAIN, label: "The password again", hint: "It is not shown: type it twice to catch typing errors.", value: "" }.password(wrong))
    }
}

/// The password of a form, if it was typed twice.
pub(super) fn typed_twice(posted: &Posted) -> Result<Zeroizing<String>, Wrong> {
    let password = posted.secret(PASSWORD);
    if *password == *posted.secret(AGAIN) { Ok(password) } else { Err(Wrong::about_field(AGAIN, DIFFER)) }
}

fn line(name: &str, revision: &str, password: Zeroizing<String>) -> Line {
    let line = Line::of("user set-password").argument(name).option("--if-revision", revision);
    line.input("--password-stdin", "password.txt", password)
}

pub(super) async fn run(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let (name, revision) = (posted.text("name"), posted.text(IF_REVISION));
    let password = match typed_twice(&posted) {
        Ok(password) => password,
        Err(wrong) => return Ok(page(&visit, (name, revision), &wrong)),
    };
    let line = line(name, revision, password);
    match visit.run(line.clone()).await {
        Ok(done) => Ok(visit.done(SECTION, &format!("User {name} has a new password."), &line, &done, back_to(name))),
        Err(failure) if failure.is_overtaken() => one::overtaken(&visit, name, &failure).await,
        Err(failure) => Ok(page(&visit, (name, revision), &of_password(&failure))),
    }
}

/// What is refused without naming an option is the password.
pub(super) fn of_password(failure: &Failure) -> Wrong {
    let reason = failure.reason();
    if reason.contains("password") { Wrong::about_field(PASSWORD, &reason) } else { Wrong::of(failure) }
}
