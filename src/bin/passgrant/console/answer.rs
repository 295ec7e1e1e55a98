//! What is answered when something is refused or does not work.
//!
//! Whatever finds that answers without a page. [`dressed`] makes the page of it, in one place, so that the refusals of the
//! web framework look no different from those of a command.

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};

use crate::console::Console;
use crate::console::layout::{self, Section};
use crate::failure::Failure;

/// More than the framework has to say about a request.
const MAX_REASON_BYTES: usize = 4 * 1024;

/// What a page will say about an answer that has none yet.
#[derive(Clone)]
struct Unsaid {
    title: String,
    reason: String,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match &self {
            Self::Failed(_) => failed(StatusCode::SERVICE_UNAVAILABLE, &self),
            Self::Missing { kind, .. } => {
                bare(StatusCode::NOT_FOUND, Unsaid { title: format!("No such {kind}"), reason: self.reason() })
            }
            _ => failed(StatusCode::BAD_REQUEST, &self),
        }
    }
}

/// The answer that says what was refused, or did not work.
pub(super) fn failed(status: StatusCode, failure: &Failure) -> Response {
    bare(status, Unsaid { title: title(status).to_owned(), reason: failure.reason() })
}

fn bare(status: StatusCode, unsaid: Unsaid) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(unsaid);
    response
}

const fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "Refused",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::PAYLOAD_TOO_LARGE => "Too large",
        StatusCode::REQUEST_TIMEOUT => "Too slow",
        StatusCode::SERVICE_UNAVAILABLE => "Not available",
        _ => "That did not work",
    }
}

/// `response`, with a page if it is a refusal or a failure that has none. Without `console`, as for a browser that has not
/// entered, the page says nothing about what that works on. It leads back to where `path` belongs.
pub(super) async fn dressed(console: Option<&Console>, path: &str, response: Response) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || is_page(response.headers()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Unsaid { title, reason } = match parts.extensions.remove() {
        Some(unsaid) => unsaid,
        None => Unsaid { title: title(status).to_owned(), reason: framework_reason(status, body).await },
    };
    let section = console.and_then(|_| Section::of(path));
    let content = html! {
        (layout::trouble(&reason))
        (ways(section))
    };
    let page = layout::page(console, section, &title, content).into_response();
    let (page, body) = page.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.extend(page.headers);
    Response::from_parts(parts, body)
}

/// Where to go from there.
fn ways(section: Option<Section>) -> Markup {
    html! {
        div.actions {
            @if let Some(section) = section.filter(|section| *section != Section::Overview) {
                a.button href=(section.path()) { (section.way()) }
            }
            a.button href=(Section::Overview.path()) { (Section::Overview.way()) }
        }
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// What the framework says about a request that comes to no page.
async fn framework_reason(status: StatusCode, body: Body) -> String {
    if status == StatusCode::METHOD_NOT_ALLOWED {
        return "this address is not for requests of this kind".to_owned();
    }
    let body = to_bytes(body, MAX_REASON_BYTES).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&body);
    match said.trim() {
        "" => "the request cannot be answered".to_owned(),
        said => format!("the address is not complete, or not as this page makes it: {said}"),
    }
}

/// The answer for an address that is none of the page's.
pub(super) async fn nothing_here() -> Response {
    failed(StatusCode::NOT_FOUND, &Failure::refused("there is no such page"))
}

/// The answer to HEAD where that must not do what GET does.
pub(super) async fn not_this_way() -> Response {
    let refused =
        failed(StatusCode::METHOD_NOT_ALLOWED, &Failure::refused("this address is to be opened in a browser"));
    ([(ALLOW, "GET")], refused).into_response()
}
