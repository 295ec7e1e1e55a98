//! The clients: found, shown, and changed by the commands of `passgrant client`.

mod form;
mod options;
mod preview;
mod requests;
mod secret;
mod show;
mod steps;

use std::sync::Arc;

use axum::extract::Query;
use axum::response::Response;
use axum::routing::{Router, get, post};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use maud::{Markup, html};
use passgrant::client::id::ClientId;
use passgrant::client::{Client, Grant};
use passgrant::clock::{Clock as _, Day, SystemClock};
use passgrant::store::clients::Revision;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::client::report::State;
use crate::client::unknown;
use crate::console::Console;
use crate::console::layout::{self, Section};
use crate::console::visit::Visit;
use crate::failure::{Failure, IF_REVISION};
use crate::output::{date, rfc3339};

const LIST: &str = Section::Clients.path();
const NEW: &str = "/clients/new";
const ONE: &str = "/clients/one";
const CHANGE: &str = "/clients/change";
const SECRET: &str = "/clients/secret";

/// The field that tells which client is meant. Its name is that of the argument of the command.
const ID: &str = "id";
/// The field that tells which revision of it somebody looked at.
const REVISION: &str = IF_REVISION;

/// Of how many clients at most the last use is looked up for one page.
const MOST_LOOKED_UP: usize = 100;
/// How many are looked up at once.
const AT_ONCE: usize = 16;

pub(super) fn routes() -> Router<Arc<Console>> {
    let steps = steps::ALL.into_iter().fold(Router::new(), |routes, step| {
        routes.route(step.path, post(move |visit, posted| step.take(visit, posted)))
    });
    steps
        .route(LIST, get(list))
        .route(NEW, get(form::new).post(form::create))
        .route(ONE, get(show::one))
        .route(CHANGE, get(form::existing).post(form::change))
        .route(SECRET, get(secret::ask).post(secret::rotate))
}

/// The address of the page of a client.
pub(super) fn address(id: &str) -> String {
    at(ONE, id)
}

/// The address of the page at `path` for a client, whose identifier may contain anything.
fn at(path: &str, id: &str) -> String {
    format!("{path}?{}", Serializer::new(String::new()).append_pair(ID, id).finish())
}

/// Which client is meant.
#[derive(Deserialize)]
struct Which {
    id: String,
}

impl Which {
    async fn read(&self, visit: &Visit) -> Result<Revision, Failure> {
        read(visit, &self.id).await
    }
}

async fn read(visit: &Visit, id: &str) -> Result<Revision, Failure> {
    let id = ClientId::parse(id)?;
    let read = visit.store().clients.get_revision(&id).await?;
    read.ok_or_else(|| unknown(&id))
}

/// The fields that say which revision of which client is meant.
fn which(id: &str, revision: &str) -> Markup {
    html! {
        input type="hidden" name=(ID) value=(id);
        input type="hidden" name=(REVISION) value=(revision);
    }
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

async fn list(visit: Visit, Query(Search { q }): Query<Search>) -> Result<Response, Failure> {
    let mut clients = visit.store().clients.list().all().await?;
    let all = clients.len();
    let sought = q.trim().to_lowercase();
    clients.retain(|client| is_found(client, &sought));
    clients.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    let uses = last_uses(&visit, &clients).await?;
    let found = clients.len();
    let caption = if found == all { format!("{all} in all") } else { format!("{found} of {all}") };
    let content = html! {
        div.actions {
            form.row method="get" action=(LIST) role="search" {
                div { label for="q" { "Client ID or name" } input #q name="q" value=(q) autocomplete="off" spellcheck="false"; }
                button { "Search" }
                @if !sought.is_empty() { a.button href=(LIST) { "All clients" } }
            }
            @if !visit.console().read_only { a.button.main href=(NEW) { "New client" } }
        }
        @if all == 0 {
            p { "There are no clients yet. A client is an application that may ask for tokens." }
        } @else if clients.is_empty() {
            p { "No client has " span.code { (q) } " in its ID or name." }
        } @else {
            (layout::table(
                &caption,
                ["Client ID", "Name", "State", "Last use", "The grant ends", "Authenticates by", "Scopes"],
                clients.iter().zip(uses).map(|(client, last_use)| row(client, last_use)),
            ))
            @if found > MOST_LOOKED_UP {
                p.quiet { "The last use is shown for the first " (MOST_LOOKED_UP) ". Search, or see the " a href="/reports/clients" { "report" } " of all." }
            }
        }
    };
    Ok(visit.page(Section::Clients, "Clients", content))
}

fn is_found(client: &Client, sought: &str) -> bool {
    let name = client.name.as_deref().unwrap_or_default();
    [client.id.as_str(), name].iter().any(|text| text.to_lowercase().contains(sought))
}

/// What is known about the last use of a client.
#[derive(Clone, Copy)]
enum LastUse {
    NotLookedUp,
    Noted(Option<Day>),
}

async fn last_uses(visit: &Visit, clients: &[Client]) -> Result<Vec<LastUse>, Failure> {
    let store = &visit.store().client_uses;
    let looked_up = clients.iter().take(MOST_LOOKED_UP).map(|client| store.last(client)).collect::<Vec<_>>();
    let noted: Vec<Option<Day>> = stream::iter(looked_up).buffered(AT_ONCE).try_collect().await?;
    let mut uses: Vec<LastUse> = noted.into_iter().map(LastUse::Noted).collect();
    uses.resize(clients.len(), LastUse::NotLookedUp);
    Ok(uses)
}

fn row(client: &Client, last_use: LastUse) -> [Markup; 7] {
    let has_grant = client.may_use(Grant::Password);
    [
        html! { a href=(address(client.id.as_str())) { (client.id) } },
        html! { (client.name.as_deref().unwrap_or_default()) },
        state(client, last_use),
        html! {
            span.moment {
                @match last_use {
                    LastUse::Noted(Some(day)) => (date(day)),
                    LastUse::Noted(None) if has_grant => "never noted",
                    _ => "",
                }
            }
        },
        html! {
            span.moment {
                @if !has_grant { "not allowed" } @else {
                    @match client.password_grant_end { Some(end) => (rfc3339(end.until)), None => "no end" }
                }
            }
        },
        html! { span.code { (client.authentication.method()) } },
        html! { span.code.words { (client.scopes) } },
    ]
}

/// Whether it may authenticate, and where it is on its way away from the password grant.
fn state(client: &Client, last_use: LastUse) -> Markup {
    let grant = match last_use {
        LastUse::Noted(day) if client.may_use(Grant::Password) => {
            Some(State::of(client.password_grant_end, day, SystemClock.now()))
        }
        _ => None,
    };
    html! {
        @if client.disabled { span.tag.bad { "disabled" } } @else { span.tag.good { "enabled" } }
        @if let Some(grant) = grant {
            " "
            span.tag.careful[matches!(grant, State::Ending(_))] { (grant) }
        }
    }
}
