//! A new user.

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use passgrant::json::Object;
use zeroize::Zeroizing;

use crate::console::field::{Field, Wrong};
use crate::console::layout;
use crate::console::line::Line;
use crate::console::users::claims::{Rows, Scopes};
use crate::console::users::password::{self, of_password, typed_twice};
use crate::console::users::{Named, SECTION, back_to};
use crate::console::visit::{Button, DO, EDIT, Posted, Visit};
use crate::failure::Failure;
use crate::user::{already_exists, prepared};

pub(super) const PATH: &str = "/users/new";

pub(super) async fn show(visit: Visit, Query(Named { name }): Query<Named>) -> Response {
    Form { name: &name, rows: &Rows::default(), scopes: &Scopes::default() }.page(&visit, &Wrong::default())
}

struct Form<'a> {
    name: &'a str,
    rows: &'a Rows,
    scopes: &'a Scopes,
}

impl Form<'_> {
    fn page(&self, visit: &Visit, wrong: &Wrong) -> Response {
        let hint = "What the user types to log in, such as an e-mail address. It never changes.";
        let form = html! {
            fieldset {
                legend { "Who is it?" }
                (Field { name: "username", label: "Username", hint, value: self.name }.text(wrong))
            }
            (self.rows.markup())
            (self.scopes.markup(wrong))
            div.actions {
                button.main { "Go on to the password" }
                (Rows::more())
                a.button href=(SECTION.path()) { "Cancel" }
            }
        };
        let content = html! {
            (wrong.summary())
            (visit.unless_read_only(|| visit.form(PATH, form)))
        };
        visit.page(SECTION, "New user", content)
    }

    /// What would be refused by now, without the password.
    async fn check(&self, visit: &Visit) -> Result<(), Wrong> {
        self.line(Zeroizing::default()).parsed().map_err(|failure| Wrong::of(&failure))?;
        let username = prepared(&visit.context(), self.name).map_err(|failure| of_name(&failure))?;
        match visit.store().users.get(&username).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(of_name(&already_exists(&username))),
            Err(error) => Err(Wrong::of(&error.into())),
        }
    }

    fn line(&self, password: Zeroizing<String>) -> Line {
        let line = self.rows.given(Line::of("user create").argument(self.name), &Object::new());
        self.scopes.given(line).input("--password-stdin", "password.txt", password)
    }

    /// Asks for the password, which no form sends twice.
    fn ask(&self, visit: &Visit, posted: &Posted, wrong: &Wrong) -> Response {
        let fields = html! {
            (wrong.summary())
            (layout::warnings(&self.rows.warnings(&Object::new())))
            (password::fields(visit, wrong))
        };
        let button = Button { label: "Create the user", is_dangerous: false, has_form: true, back: SECTION.path() };
        let question = format!("Create the user {}?", self.name);
        visit.confirm_with(SECTION, &question, &self.line(Zeroizing::default()), (PATH, posted), button, &fields)
    }
}

pub(super) async fn run(visit: Visit, posted: Posted) -> Result<Response, Failure> {
    let none = Object::new();
    let (mut rows, scopes) = (Rows::posted(&posted, &none), Scopes::posted(&posted));
    let is_right = rows.check(&none);
    let form = Form { name: posted.text("username"), rows: &rows, scopes: &scopes };
    if posted.is_ticked(Rows::MORE) || posted.text(DO) == EDIT {
        return Ok(form.page(&visit, &Wrong::default()));
    }
    if !is_right {
        return Ok(form.page(&visit, &Rows::wrong()));
    }
    if let Err(wrong) = form.check(&visit).await {
        return Ok(form.page(&visit, &wrong));
    }
    if !posted.is_confirmed() {
        return Ok(form.ask(&visit, &posted, &Wrong::default()));
    }
    let password = match typed_twice(&posted) {
        Ok(password) => password,
        Err(wrong) => return Ok(form.ask(&visit, &posted, &wrong)),
    };
    let line = form.line(password);
    match visit.run(line.clone()).await {
        Ok(done) => {
            let name = done.result["username"].as_str().unwrap_or(form.name);
            Ok(visit.done(SECTION, &format!("User {name} is created."), &line, &done, next(name)))
        }
        Err(failure) => Ok(form.ask(&visit, &posted, &of_password(&failure))),
    }
}

fn next(name: &str) -> Markup {
    html! {
        (back_to(name))
        p { "The user can log in at once: " a href="/try" { "try it" } "." }
    }
}

fn of_name(failure: &Failure) -> Wrong {
    Wrong::about_field("username", &failure.reason())
}
