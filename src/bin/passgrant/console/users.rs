//! The pages about users.

mod act;
mod attempts;
mod browse;
mod claims;
mod create;
mod edit;
mod export;
mod import;
mod one;
mod password;
mod report;
mod seen;
mod sessions;

use std::sync::Arc;

use axum::routing::{Router, get, post};
use maud::{Markup, html};
use passgrant::clock::{Clock as _, SystemClock, Timestamp};
use passgrant::store::users::change::Revision;
use passgrant::user::User;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

pub(super) use crate::console::users::export::Exports;
pub(super) use crate::console::users::import::upload::Uploads;

use crate::console::users::act::Act;
use crate::console::{Console, answer, clients, layout};
use crate::failure::IF_REVISION;
use crate::output::date;

const SECTION: layout::Section = layout::Section::Users;

pub(super) fn routes() -> Router<Arc<Console>> {
    let acts = Act::ALL.into_iter().fold(Router::new(), |routes, act| {
        routes.route(act.path(), post(move |visit, posted| act::run(visit, posted, act)))
    });
    acts.route("/users", get(browse::show))
        .route("/users/find", get(browse::find))
        .route("/users/user", get(one::show))
        .route(create::PATH, get(create::show).post(create::run))
        .route(edit::PATH, get(edit::show).post(edit::run))
        .route(password::PATH, get(password::show).post(password::run))
        .route("/users/sessions", get(sessions::show))
        .route(sessions::END, post(sessions::end))
        .route(sessions::END_ALL, post(sessions::end_all))
        .route(export::PATH, get(export::show).post(export::run))
        .route(export::FILE, get(export::file).head(answer::not_this_way))
        .route("/users/report", get(report::show))
        .route(attempts::PATH, get(attempts::show))
        .merge(import::routes())
}

/// Whose page it is.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

/// The address of the page `path` about the user called `name`.
fn about(path: &str, name: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("name", name).finish();
    format!("{path}?{query}")
}

/// The address of a user's page.
fn address(name: &str) -> String {
    about("/users/user", name)
}

/// A link to a user's page.
fn link(name: &str) -> Markup {
    html! { a href=(address(name)) { (name) } }
}

/// A link to a client's page.
fn client_link(id: &str) -> Markup {
    html! { a href=(clients::address(id)) { (id) } }
}

/// What is at the end of what was done to a user.
fn back_to(name: &str) -> Markup {
    html! { p { a.button href=(address(name)) { "To " (name) } } }
}

/// A user as one of many.
struct Row<'a> {
    name: &'a str,
    sub: &'a str,
    is_disabled: bool,
    last_login: Option<String>,
    created: String,
}

impl<'a> Row<'a> {
    const HEADINGS: [&'static str; 5] = ["Username", "State", "Last login", "Created", "Subject"];

    fn of_json(user: &'a Value) -> Self {
        let day = |member: &str| user[member].as_u64().map(|seconds| date(Timestamp::from_unix(seconds).day()));
        Self {
            name: user["username"].as_str().unwrap_or_default(),
            sub: user["sub"].as_str().unwrap_or_default(),
            is_disabled: user["disabled"] == true,
            last_login: day("last_login_day"),
            created: day("created_at").unwrap_or_default(),
        }
    }

    fn cells(self) -> [Markup; 5] {
        [
            link(self.name),
            state(self.is_disabled),
            html! { span.moment { (self.last_login.as_deref().unwrap_or("never noted")) } },
            html! { span.moment { (self.created) } },
            html! { span.code { (self.sub) } },
        ]
    }
}

fn state(is_disabled: bool) -> Markup {
    html! { @if is_disabled { span.tag.bad { "disabled" } } @else { span.tag.good { "enabled" } } }
}

/// The field that says which revision of a user was seen.
fn revision_of(user: &User) -> Markup {
    html! { input type="hidden" name=(IF_REVISION) value=(Revision::of(user)); }
}

fn now() -> Timestamp {
    SystemClock.now()
}
