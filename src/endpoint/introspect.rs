//! `POST /oauth2/introspect`: what a token stands for (RFC 7662).

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::authenticate::client::AuthenticatedClient;
use crate::authorize;
use crate::client::Capability;
use crate::endpoint::presented::LiveToken;
use crate::error::Error;
use crate::form::Form;
use crate::json::{Object, Value};
use crate::response::{self, Caching};
use crate::service::Service;
use crate::session::Session;
use crate::session::refresh_token::RefreshToken;
use crate::telemetry::record::RequestRecord;

/// Answers an introspection request. The caller is authenticated before the token is looked at.
///
/// # Errors
/// Those of RFC 7662, section 2.3; [`Error::unavailable`], [`Error::server_error`].
pub async fn respond(
    service: &Service,
    request: &Request<Bytes>,
    record: &RequestRecord,
) -> Result<Response<Bytes>, Error> {
    const NO_TOKEN: Error = Error::invalid_request("The token parameter is missing.");
    const NOT_CAPABLE: Error = Error::unauthorized_client("The client may not introspect tokens.");

    let form = Form::parse(request.headers(), request.body())?;
    let token = form.value("token").ok_or(NO_TOKEN)?;
    let caller = service.authenticate_client(request.headers(), &form, record).await?;
    if !caller.has(Capability::Introspect) {
        return Err(NOT_CAPABLE);
    }
    // Access tokens of any client, but refresh tokens of the caller only: a resource server that mistakes a refresh
    // token for an access token must not be told that it is active.
    let active = match RefreshToken::parse(token) {
        Ok(token) => refresh_token(service, &caller, &token).await?,
        Err(_) => access_token(service, token, record).await?,
    };
    let answer = active.unwrap_or_else(|| Object::from([("active".to_owned(), false.into())]));
    response::json(StatusCode::OK, &answer, Caching::Forbidden)
}

async fn access_token(service: &Service, text: &str, record: &RequestRecord) -> Result<Option<Object>, Error> {
    let Some(token) = LiveToken::read(service, text, record).await? else {
        return Ok(None);
    };
    let mut answer = token.claims;
    answer.insert("active".to_owned(), true.into());
    answer.insert("token_type".to_owned(), "Bearer".into());
    if let Some(user) = token.user {
        answer.insert("username".to_owned(), user.username.as_str().into());
    }
    Ok(Some(answer))
}

async fn refresh_token(
    service: &Service,
    caller: &AuthenticatedClient,
    token: &RefreshToken,
) -> Result<Option<Object>, Error> {
    let now = service.clock.now();
    let session = service.sessions.find(token.session_id(), now).await?;
    let answered =
        |session: &Session| session.check_client(caller).is_ok() && session.is_answered_to(token, &caller.refresh, now);
    let Some(session) = session.filter(answered) else {
        return Ok(None);
    };
    let Ok(user) = service.sessions.resume(&session).await? else {
        return Ok(None);
    };
    if authorize::audience::still_held(session.audiences(), &caller.audiences).is_none() {
        return Ok(None);
    }
    let scope = authorize::scope::still_held(session.scope(), caller, Some(&user), &service.config.empty_scope);
    let answer = [
        ("active", true.into()),
        ("token_type", "refresh_token".into()),
        ("scope", scope.to_string().into()),
        ("client_id", session.client_id().as_str().into()),
        ("username", session.username().as_str().into()),
        ("sub", caller.claim_map.subject(&caller.id, &user)?.into()),
        ("iss", service.issuer.as_str().into()),
        ("iat", session.auth_time().as_unix().into()),
        ("nbf", session.auth_time().as_unix().into()),
        ("exp", session.expires_at().as_unix().into()),
    ];
    Ok(Some(answer.map(|(name, value): (&str, Value)| (name.to_owned(), value)).into()))
}
