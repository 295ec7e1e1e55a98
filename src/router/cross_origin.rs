//! Cross-origin requests of browser applications (Fetch, section 3.3), for the configured origins only.
//!
//! The function answers them itself, so that every front door behaves alike. Credentials, which would be cookies, are
//! never allowed: nothing here uses cookies.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

/// Whether `request` is a preflight: it asks whether one of `origins` may send another request.
pub(crate) fn is_preflight(origins: &[HeaderValue], request: &Request<Bytes>) -> bool {
    let headers = request.headers();
    let asks = request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    asks && allowed(origins, headers).is_some()
}

/// The answer to a preflight, for a path that takes the methods in `allow`.
pub(crate) fn preflight(allow: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(allow));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// Lets one of `origins` read the answer.
pub(crate) fn allow(origins: &[HeaderValue], request: &HeaderMap, response: &mut HeaderMap) {
    if origins.is_empty() {
        return;
    }
    response.append(VARY, HeaderValue::from_name(ORIGIN));
    if let Some(origin) = allowed(origins, request) {
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let exposed = HeaderValue::from_static("deprecation, retry-after, sunset, www-authenticate, x-request-id");
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

fn allowed<'a>(origins: &'a [HeaderValue], headers: &HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    origins.iter().find(|allowed| *allowed == origin)
}
