//! Which requests are looked at: those of the browser that entered, made by this page itself.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;

use crate::console::access::{Access, InUse};
use crate::console::{Console, answer, assets};
use crate::failure::Failure;

/// Nothing is loaded from anywhere else, nothing is inline, and no other page shows this one in a frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// Only of what is loaded before anybody has asked for it.
const PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// With the origin of this page, which `no-referrer` would hide from its own forms.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (REFERRER_POLICY, "same-origin"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "clipboard-write=(self)"),
];

/// Refuses every request that is not of this page and of the browser that entered.
pub(super) async fn admit(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = match judged(&console, &request) {
        Ok(used) => {
            // Who has not entered is not told what the console works on.
            let shown = used.is_some().then_some(&*console);
            let response = answer::dressed(shown, &path, next.run(request).await).await;
            in_use(response, used)
        }
        Err(reason) => {
            let refused = answer::failed(StatusCode::FORBIDDEN, &Failure::refused(reason));
            answer::dressed(None, &path, refused).await
        }
    };
    let headers = response.headers_mut();
    headers.extend(HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// `response`, which keeps the page in use until it is over: it may grow for longer than the page may be idle.
fn in_use(response: Response, used: Option<InUse>) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        Body::new(body.inspect_frame(move |_| {
            let _still = &used;
        }))
    })
}

/// Whether `request` is answered; if not, why.
fn judged(console: &Console, request: &Request) -> Result<Option<InUse>, &'static str> {
    let headers = request.headers();
    let access = &console.access;
    let is_to_this_page = match request.uri().authority() {
        Some(authority) => authority.as_str() == access.host(),
        None => true,
    };
    if !is_to_this_page || !is_only(headers, &HOST, access.host()) {
        return Err("the request is for another host than the address that was printed");
    }
    let path = request.uri().path();
    let is_entrance = path.starts_with("/enter/");
    if !is_of_this_page(access, request) || !is_from_this_page(headers, is_entrance) {
        return Err("the request was made by another page");
    }
    // What a page looks like is no secret, and that of a refusal needs it.
    if is_entrance || [assets::STYLE, assets::SCRIPT, assets::ICON].contains(&path) {
        return Ok(None);
    }
    access.admit(headers).map(Some).ok_or(
        "this browser has not opened the one-time address that `passgrant console` printed, or another one has: \
         start the console again",
    )
}

/// Whether the origin of `request` is this page, if a request of its method has one.
fn is_of_this_page(access: &Access, request: &Request) -> bool {
    match request.headers().get(ORIGIN) {
        Some(_) => is_only(request.headers(), &ORIGIN, &access.origin()),
        None => request.method() == Method::GET || request.method() == Method::HEAD,
    }
}

/// Whether a browser says that this page, or a person, has made the request. A page of another port is of the same site, and
/// gets the cookie sent along.
fn is_from_this_page(headers: &HeaderMap, is_entrance: bool) -> bool {
    let value = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    if headers.get_all(FETCH_SITE).iter().count() > 1 {
        return false;
    }
    match value(FETCH_SITE) {
        // Whoever follows the one-time address, wherever it was written down, has it. It is followed by a person, and
        // spent by nothing that a page loads, or a browser loads ahead.
        _ if is_entrance => matches!(value(FETCH_DEST), None | Some(b"document")) && value(PURPOSE).is_none(),
        None | Some(b"same-origin" | b"none") => true,
        Some(_) => false,
    }
}

/// Whether there is one header `name`, with this value.
fn is_only(headers: &HeaderMap, name: &HeaderName, expected: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    matches!((values.next(), values.next()), (Some(value), None) if value.as_bytes() == expected.as_bytes())
}
