//! What is read only when it is asked for: each page grows while it reads.

use std::sync::Arc;

use axum::response::Response;
use axum::routing::{Router, get};
use maud::{Markup, html};
use passgrant::clock::Timestamp;
use serde_json::Value;

use crate::console::layout::{self, Section};
use crate::console::line::{Done, Line};
use crate::console::service::Service;
use crate::console::visit::Visit;
use crate::console::{Console, clients, stream};
use crate::failure::Failure;
use crate::output::rfc3339;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/reports/clients", get(clients))
        .route("/reports/sessions", get(sessions))
        .route("/reports/endpoint", get(endpoint))
}

async fn clients(visit: Visit) -> Response {
    let line = Line::of("client report");
    stream::page(visit, Section::Overview, "Who still uses the grant", line, ("clients", None), "/", |_, done| {
        let rows = rows(&done).iter().map(|client| {
            let id = text(client, "client_id");
            let state = state(client);
            [
                html! { a href=(clients::address(id)) { (id) } },
                html! { (text(client, "name")) },
                html! { span.moment { @match moment(client, "last_use_day") { Some(day) => (day.split('T').next().unwrap_or_default()), None => "never noted" } } },
                html! { span.moment { @match moment(client, "password_grant_until") { Some(end) => (end), None => "no end" } } },
                html! { (state) },
            ]
        });
        html! {
            (layout::table(
                "What needs attention comes first",
                ["Client", "Name", "Last use", "The grant ends", "State"],
                rows,
            ))
        }
    })
}

fn state(client: &Value) -> Markup {
    let (state, days) = (text(client, "state"), client["days"].as_u64().unwrap_or_default());
    html! {
        @match state {
            "active" => span.tag.careful { "active" },
            "ending" => span.tag.careful { "ends in " (days) " days" },
            "idle" => span.tag { "idle for " (days) " days" },
            "ended" => span.tag.good { "ended" },
            _ => span.tag { "never used" },
        }
        @if client["disabled"] == true { " " span.tag.bad { "disabled" } }
    }
}

async fn sessions(visit: Visit) -> Response {
    let total = visit.store().sessions.about_items().await.ok();
    let line = Line::of("session report");
    stream::page(visit, Section::Overview, "Sessions by client", line, ("items", total), "/", |_, done| {
        let lines = rows(&done);
        let most = lines.iter().filter_map(|line| line["sessions"].as_u64()).max().unwrap_or(1);
        let rows = lines.iter().map(|line| {
            let (id, count) = (text(line, "client_id"), line["sessions"].as_u64().unwrap_or_default());
            [
                html! { a href=(clients::address(id)) { (id) } },
                layout::bar(count, most),
                html! { (count) },
                html! { span.moment { (moment(line, "last_login").unwrap_or_default()) } },
                html! { span.moment { (moment(line, "last_end").unwrap_or_default()) } },
            ]
        });
        html! {
            (layout::table(
                "Sessions that are stored and have not expired. One that a change to its user or its client has ended still counts until then.",
                ["Client", "Share", "Sessions", "Last login", "The last one ends"],
                rows,
            ))
            @if lines.is_empty() { p { "There are no sessions." } }
        }
    })
}

async fn endpoint(visit: Visit) -> Result<Response, Failure> {
    let service = Service::of(&visit.console().place);
    let service =
        service.ok_or_else(|| Failure::refused("no server is running on this folder: there is nothing to examine"))?;
    let line = Line::of("doctor").argument(service.issuer.as_str());
    let show = |_: &Visit, done: Done| {
        let findings = done.result["findings"].as_array().map(Vec::as_slice).unwrap_or_default().iter();
        let told =
            findings.map(|found| (text(found, "check"), text(found, "verdict").to_owned(), text(found, "detail")));
        layout::findings("A verdict for each check", &told.collect::<Vec<_>>())
    };
    Ok(stream::page(visit, Section::Overview, "The endpoint", line, ("checks", None), "/", show))
}

fn rows(done: &Done) -> &[Value] {
    done.result.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_default()
}

fn moment(value: &Value, member: &str) -> Option<String> {
    value[member].as_u64().map(|seconds| rfc3339(Timestamp::from_unix(seconds)))
}
