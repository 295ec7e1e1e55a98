//! Finding a user: by name at once, by a part of it, or page by page.

use axum::extract::Query;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use passgrant::user::{User, Username};
use serde::Deserialize;

use crate::console::field::{Field, Wrong};
use crate::console::layout;
use crate::console::line::{Done, Line};
use crate::console::overview;
use crate::console::stream;
use crate::console::users::{Row, SECTION, create, export, import};
use crate::console::visit::Visit;
use crate::failure::Failure;
use crate::output::date;
use crate::user::prepared;

/// How many users are on a page.
const PAGE: u16 = 50;

/// After whom the page begins.
#[derive(Deserialize)]
pub(super) struct From {
    after: Option<String>,
}

pub(super) async fn show(visit: Visit, Query(from): Query<From>) -> Result<Response, Failure> {
    let after = from.after.filter(|name| !name.is_empty());
    let after = after.map(|name| prepared(&visit.context(), &name)).transpose()?;
    let users = &visit.store().users;
    let (page, about) = tokio::join!(users.part(after.as_ref(), PAGE), users.about_items());
    let page = page?;
    let content = html! {
        div.actions {
            @if !visit.console().read_only {
                a.button.main href=(create::PATH) { "New user" }
                a.button href=(import::PATH) { "Import users" }
            }
            a.button href=(export::PATH) { "Export users" }
            a.button href="/users/report" { "Count by hash and login" }
            a.button href="/attempts" { "Who is kept out" }
        }
        (by_name(""))
        (by_part(about.ok()))
        (listed(&page.users, after.as_ref(), page.next.as_ref()))
    };
    Ok(visit.page(SECTION, "Users", content))
}

/// The form that finds a user at once.
pub(super) fn by_name(name: &str) -> Markup {
    let field = Field { name: "name", label: "Username", hint: "The whole name, which is found at once.", value: name };
    html! {
        form action="/users/user" role="search" aria-label="A user by name" {
            div.row { (field.text(&Wrong::default())) div.field { button { "Show the user" } } }
        }
    }
}

/// The form that finds users by what the table has to be read for.
fn by_part(about: Option<u64>) -> Markup {
    let effort = match about {
        Some(items) => format!("Reads the table, until {PAGE} are found: {} at most.", overview::duration(items)),
        None => format!("Reads the table, until {PAGE} are found."),
    };
    let kinds = [("prefix", "names that begin with"), ("sub", "the subject")];
    let by = Field { name: "by", label: "Search for", hint: "As in tokens and logs, for a subject.", value: "prefix" };
    let text = Field { name: "text", label: "Text", hint: &effort, value: "" };
    let none = Wrong::default();
    html! {
        details {
            summary { "Search the whole table" }
            form action="/users/find" role="search" aria-label="Users by a part of the name, or by subject" {
                div.row { (by.select(&kinds, &none)) (text.text(&none)) div.field { button { "Search" } } }
            }
        }
    }
}

fn listed(users: &[User], after: Option<&Username>, next: Option<&Username>) -> Markup {
    let rows = users.iter().map(|user| {
        let row = Row {
            name: user.username.as_str(),
            sub: user.subject.as_str(),
            is_disabled: user.disabled,
            last_login: user.last_login_day.map(date),
            created: date(user.created_at.day()),
        };
        row.cells()
    });
    let onwards = |name: &Username| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("after", name.as_str()).finish();
        format!("/users?{query}")
    };
    html! {
        @if users.is_empty() {
            p { @if after.is_some() { "There are no more users." } @else { "There are no users yet." } }
        } @else {
            (layout::table("Users, in the order in which the table has them", Row::HEADINGS, rows))
        }
        nav.actions aria-label="Pages of users" {
            @if after.is_some() { a.button href="/users" { "First page" } }
            @if let Some(next) = next { a.button href=(onwards(next)) rel="next" { "Next page" } }
        }
    }
}

/// What is looked for.
#[derive(Deserialize)]
pub(super) struct Sought {
    #[serde(default)]
    by: String,
    #[serde(default)]
    text: String,
}

pub(super) async fn find(visit: Visit, Query(sought): Query<Sought>) -> Response {
    let text = sought.text.trim();
    if text.is_empty() {
        return Redirect::to("/users").into_response();
    }
    let option = if sought.by == "sub" { "--sub" } else { "--prefix" };
    let line = Line::of("user find").option(option, text);
    let about = visit.store().users.about_items().await.ok();
    stream::page(visit, SECTION, "Users found", line, ("users", about), "/users", |_, done| found(&done))
}

fn found(done: &Done) -> Markup {
    let users = done.result["users"].as_array().map(Vec::as_slice).unwrap_or_default();
    html! {
        @if users.is_empty() {
            p { "No user was found." }
        } @else {
            (layout::table("Users found, by name", Row::HEADINGS, users.iter().map(|user| Row::of_json(user).cells())))
        }
        @if done.result["complete"] != true {
            p { "There may be more: the rest of the table was not read. A longer beginning of the name finds fewer." }
        }
        p { a.button href="/users" { "To the users" } }
    }
}
