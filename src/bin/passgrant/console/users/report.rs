//! Users by what their passwords are hashed with, and by when they last logged in.

use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use crate::console::layout;
use crate::console::line::{Done, Line};
use crate::console::stream;
use crate::console::users::SECTION;
use crate::console::visit::Visit;

pub(super) async fn show(visit: Visit) -> Response {
    let users = visit.store().users.about_items().await.ok();
    let line = Line::of("user report");
    stream::page(visit, SECTION, "Users by hash and by last login", line, ("users", users), "/users", |_, done| {
        counted(&done)
    })
}

fn counted(done: &Done) -> Markup {
    let report = &done.result;
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let all = number(&report["users"]);
    let passwords = report["passwords"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut hashes: Vec<(String, u64)> = passwords
        .iter()
        .map(|known| {
            let text = |member: &str| known[member].as_str().unwrap_or_default();
            (format!("{} {}", text("algorithm"), text("parameters")), number(&known["users"]))
        })
        .collect();
    hashes.push(("no password".to_owned(), number(&report["without_password"])));
    let months = report["last_login"]["months"].as_object();
    let mut logins: Vec<(String, u64)> =
        months.into_iter().flatten().map(|(month, users)| (month.clone(), number(users))).rev().collect();
    logins.push(("never noted".to_owned(), number(&report["last_login"]["never"])));
    html! {
        (layout::facts([("Users", html! { (all) }), ("Disabled", html! { (number(&report["disabled"])) })]))
        h2 { "What passwords are hashed with" }
        (bars("Users by algorithm and parameters", "Hash", hashes, all))
        h2 { "When users last logged in" }
        (bars("Users by the month of their last login, by UTC", "Month", logins, all))
        p { a.button href="/users" { "To the users" } }
    }
}

fn bars(caption: &str, what: &'static str, counts: Vec<(String, u64)>, all: u64) -> Markup {
    let rows = counts.into_iter().filter(|(_, users)| *users > 0).map(|(name, users)| {
        [html! { span.moment { (name) } }, html! { (users) }, html! { (share(users, all)) }, layout::bar(users, all)]
    });
    layout::table(caption, [what, "Users", "Share", "Picture"], rows)
}

/// Rounded down, so that only everybody is 100 %.
fn share(users: u64, all: u64) -> String {
    match users * 100 / all.max(1) {
        0 if users > 0 => "< 1 %".to_owned(),
        percent => format!("{percent} %"),
    }
}
