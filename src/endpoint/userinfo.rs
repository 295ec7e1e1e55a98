//! `/oauth2/userinfo`: the claims of the bearer (OpenID Connect Core, section 5.3).

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::claims;
use crate::endpoint::presented::LiveToken;
use crate::error::{Error, Kind};
use crate::form::{Form, MAX_BODY_BYTES};
use crate::json::Value;
use crate::response::{self, Caching};
use crate::scope::OPENID;
use crate::service::Service;
use crate::telemetry::record::RequestRecord;

/// Answers a userinfo request. The token comes in the `Authorization` header, or in the form that a POST sends.
///
/// # Errors
/// Those of RFC 6750, section 3.1; [`Error::unavailable`], [`Error::server_error`].
pub async fn respond(
    service: &Service,
    request: &Request<Bytes>,
    record: &RequestRecord,
) -> Result<Response<Bytes>, Error> {
    let form = posted_form(request)?;
    let text = presented(request.headers(), form.as_ref())?;
    let token = LiveToken::read(service, text, record).await?.ok_or(const { Error::invalid_token() })?;
    if let Some(client_id) = token.claims.get("client_id").and_then(Value::as_str) {
        record.client(client_id);
    }
    let user = token.user.filter(|_| token.scope.names(OPENID)).ok_or(const { Error::insufficient_scope() })?;
    let mut answer = claims::of_scope(&token.scope, &user);
    answer.insert("sub".to_owned(), token.claims.get("sub").cloned().unwrap_or(Value::Null));
    response::json(StatusCode::OK, &answer, Caching::Forbidden)
}

/// The form of a POST request. The body of any other request is ignored, and so is a body that is not a form (RFC 6750,
/// section 2.2).
fn posted_form(request: &Request<Bytes>) -> Result<Option<Form>, Error> {
    if request.method() != Method::POST || !Form::is_said_in(request.headers()) {
        return Ok(None);
    }
    let form = Form::parse(request.headers(), request.body());
    form.map(Some).map_err(|error| match error.kind() {
        Kind::InvalidRequest => Error::new(Kind::InvalidBearerRequest, error.description()),
        _ => error,
    })
}

/// The token, which must not be sent in more than one way (RFC 6750, section 2).
fn presented<'a>(headers: &'a HeaderMap, form: Option<&'a Form>) -> Result<&'a str, Error> {
    const TWO_WAYS: Error =
        Error::invalid_bearer_request("The access token is sent both in the Authorization header and in the form.");

    match form.and_then(|form| form.value("access_token")) {
        Some(_) if headers.contains_key(AUTHORIZATION) => Err(TWO_WAYS),
        Some(token) => Ok(token),
        None => bearer(headers),
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Err(Error::missing_token()),
        (Some(value), None) if value.len() <= MAX_BODY_BYTES => value,
        _ => return Err(Error::invalid_token()),
    };
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim_matches(' ')) } else { Err(Error::missing_token()) }
}
