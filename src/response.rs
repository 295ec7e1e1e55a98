//! From answers to bytes and headers.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, PRAGMA, REFERRER_POLICY,
    RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::clock::Timestamp;
use crate::error::{Error, Kind};

/// Who may cache an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Nobody (RFC 6749, section 5.1).
    Forbidden,
    /// Anybody, for a few minutes.
    Public,
}

/// An answer with a JSON body.
///
/// # Errors
/// `server_error` when the body cannot be written as JSON.
pub fn json<B: Serialize>(status: StatusCode, body: &B, caching: Caching) -> Result<Response<Bytes>, Error> {
    let body = serde_json::to_vec(body).map_err(|error| Error::server_error().because(error))?;
    Ok(whole(status, "application/json", Bytes::from(body), caching))
}

/// A page for a person: a browser loads and runs nothing on it, and no other page may embed it.
#[must_use]
pub fn page(status: StatusCode, html: &'static str) -> Response<Bytes> {
    const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    let body = Bytes::from_static(html.as_bytes());
    let mut response = whole(status, "text/html; charset=utf-8", body, Caching::Forbidden);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn whole(status: StatusCode, media_type: &'static str, body: Bytes, caching: Caching) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match caching {
        Caching::Forbidden => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        }
        Caching::Public => {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        }
    }
    response
}

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// Announces that what was answered has been deprecated since `deprecated_at` (RFC 9745, section 2) and ends at `end` (RFC
/// 8594, section 3), which is never the earlier of the two (RFC 9745, section 4).
pub fn announce_end(headers: &mut HeaderMap, deprecated_at: Timestamp, end: Timestamp) {
    let deprecated_at = deprecated_at.min(end).as_unix();
    // A date that cannot be written has no header.
    let end = i64::try_from(end.as_unix()).map(DateTime::from_secs).ok().and_then(|end| end.fmt(Format::HttpDate).ok());
    let [deprecated_at, end] = [Some(format!("@{deprecated_at}")), end]
        .map(|value| value.and_then(|value| HeaderValue::from_str(&value).ok()));
    headers.extend(deprecated_at.map(|value| (DEPRECATION, value)));
    headers.extend(end.map(|value| (SUNSET, value)));
}

/// An answer that says nothing.
fn bare(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[derive(Serialize)]
struct ErrorBody {
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'static str>,
}

/// The answer to a request that failed (RFC 6749, section 5.2).
#[must_use]
pub fn error(error: &Error, detailed: bool) -> Response<Bytes> {
    let (status, code) = error.kind().answer();
    if error.kind() == Kind::PastTheFront {
        return bare(status);
    }
    let body = ErrorBody { error: code, error_description: detailed.then_some(error.description().as_str()) };
    let mut response = json(status, &body, Caching::Forbidden).unwrap_or_else(|_| {
        let mut response = Response::new(Bytes::from_static(br#"{"error":"server_error"}"#));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    let headers = response.headers_mut();
    match error.kind() {
        Kind::InvalidClient => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Basic realm="passgrant", charset="UTF-8""#));
        }
        Kind::MissingToken => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="passgrant""#));
        }
        Kind::InvalidBearerRequest => {
            let challenge = r#"Bearer realm="passgrant", error="invalid_request""#;
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        Kind::InvalidToken => {
            let challenge = r#"Bearer realm="passgrant", error="invalid_token""#;
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        Kind::InsufficientScope => {
            let challenge = r#"Bearer realm="passgrant", error="insufficient_scope", scope="openid""#;
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        Kind::MethodNotAllowed { allow } => {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        Kind::BodyCoded => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        Kind::InvalidRequest
        | Kind::BodyTooLarge
        | Kind::HeadTooLarge
        | Kind::NotReceived
        | Kind::InvalidGrant
        | Kind::UnauthorizedClient
        | Kind::UnsupportedGrantType
        | Kind::UnsupportedResponseType
        | Kind::InvalidScope
        | Kind::InvalidTarget
        | Kind::PastTheFront
        | Kind::NotFound
        | Kind::Unavailable
        | Kind::ServerError => {}
    }
    if let Some(time) = error.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(time.as_secs().max(1)));
    }
    response
}
