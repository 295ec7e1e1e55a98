//! `POST /oauth2/revoke`: a client no longer needs a token (RFC 7009).

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::json;

use crate::authenticate::client::AuthenticatedClient;
use crate::client::Capability;
use crate::endpoint::presented::PresentedToken;
use crate::error::Error;
use crate::form::Form;
use crate::response::{self, Caching};
use crate::service::Service;
use crate::session::refresh_token::RefreshToken;
use crate::telemetry::record::{Decision, RequestRecord};

/// Answers a revocation request: 200 whether or not there was such a token, and whether or not it was the caller's. The
/// kind of a token can be seen from the token itself, so `token_type_hint` is not needed.
///
/// # Errors
/// Those of RFC 7009, section 2.2.1; [`Error::unavailable`], [`Error::server_error`].
pub async fn respond(
    service: &Service,
    request: &Request<Bytes>,
    record: &RequestRecord,
) -> Result<Response<Bytes>, Error> {
    const NO_TOKEN: Error = Error::invalid_request("The token parameter is missing.");

    record.decision(Decision::Revocation);
    let form = Form::parse(request.headers(), request.body())?;
    let token = form.value("token").ok_or(NO_TOKEN)?;
    let caller = service.authenticate_client(request.headers(), &form, record).await?;
    match RefreshToken::parse(token) {
        Ok(token) => revoke_session(service, &caller, &token, record).await?,
        Err(_) => revoke_access_token(service, &caller, token, record).await?,
    }
    response::json(StatusCode::OK, &json!({}), Caching::Forbidden)
}

fn may_revoke(caller: &AuthenticatedClient, owner: &str) -> bool {
    caller.id.as_str() == owner || caller.has(Capability::Revoke)
}

/// Any refresh token of the session will do, even one that has been replaced: the client that holds it wants the
/// session to end.
async fn revoke_session(
    service: &Service,
    caller: &AuthenticatedClient,
    token: &RefreshToken,
    record: &RequestRecord,
) -> Result<(), Error> {
    let Some(session) = service.sessions.find(token.session_id(), service.clock.now()).await? else {
        return Ok(());
    };
    record.sid(session.id().as_str());
    record.sub(session.subject().as_str());
    if !may_revoke(caller, session.client_id().as_str()) {
        record.decision(Decision::LeftAlone);
        return Ok(());
    }
    service.sessions.revoke(&session).await?;
    record.decision(Decision::SessionEnded);
    Ok(())
}

async fn revoke_access_token(
    service: &Service,
    caller: &AuthenticatedClient,
    text: &str,
    record: &RequestRecord,
) -> Result<(), Error> {
    let Some(token) = PresentedToken::read(service, text).await? else {
        return Ok(());
    };
    token.note_session(record);
    if !token.client_id().is_some_and(|owner| may_revoke(caller, owner)) {
        record.decision(Decision::LeftAlone);
        return Ok(());
    }
    token.revoke(service).await?;
    record.decision(Decision::TokenRevoked);
    Ok(())
}
