//! `/oauth2/userinfo`: the claims of the bearer (OpenID Connect Core, section 5.3).

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response, StatusCode};

use crate::claims;
use crate::endpoint::presented::PresentedToken;
use crate::error::Error;
use crate::form::MAX_BODY_BYTES;
use crate::json::Value;
use crate::response::{self, Caching};
use crate::scope::OPENID;
use crate::service::Service;

/// Answers a userinfo request. The token is taken from the `Authorization` header alone.
///
/// # Errors
/// Those of RFC 6750, section 3.1; [`Error::unavailable`], [`Error::server_error`].
pub async fn respond(service: &Service, request: &Request<Bytes>) -> Result<Response<Bytes>, Error> {
    let text = bearer(request.headers())?;
    let token = PresentedToken::read(service, text).await?.ok_or(const { Error::invalid_token() })?;
    let scope = token.scope();
    let user = token.user.filter(|_| scope.names(OPENID)).ok_or(const { Error::insufficient_scope() })?;
    let mut answer = claims::of_scope(&scope, &user);
    answer.insert("sub".to_owned(), token.claims.get("sub").cloned().unwrap_or(Value::Null));
    response::json(StatusCode::OK, &answer, Caching::Forbidden)
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
