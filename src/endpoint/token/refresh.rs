//! The refresh grant: fresh tokens for a refresh token (RFC 6749, section 6).

use futures_util::future::BoxFuture;

use crate::authorize::{self, Authorization};
use crate::client::Grant;
use crate::endpoint::token::grant::{Asked, GrantRequest, Requested, TokenResponse};
use crate::error::Error;
use crate::form::Form;
use crate::session::refresh_token::RefreshToken;

/// RFC 6749, section 6.
pub(super) struct RefreshRequest<'a> {
    refresh_token: &'a str,
    requested: Requested<'a>,
}

impl RefreshRequest<'_> {
    pub(super) fn read<'f>(form: &'f Form) -> Result<Box<dyn GrantRequest + 'f>, Error> {
        const NO_TOKEN: Error = Error::invalid_request("The refresh_token parameter is missing.");

        let refresh_token = form.value("refresh_token").ok_or(NO_TOKEN)?;
        Ok(Box::new(RefreshRequest { refresh_token, requested: Requested::read(form)? }))
    }

    /// The token is judged by the time at which the request arrived. The rotation comes last: a request that fails
    /// earlier leaves the token as it was.
    async fn respond(self, asked: Asked<'_>) -> Result<TokenResponse, Error> {
        let Asked { service, client, came, record, .. } = asked;
        let refused = |reason: &str| Error::invalid_refresh_token().because(reason);
        let token = RefreshToken::parse(self.refresh_token).map_err(|error| refused(&error.to_string()))?;
        let session = service.sessions.open(token, &client, came, record).await?;
        if !client.may_use(Grant::Password) {
            return Err(refused("the client may no longer use the password grant"));
        }
        let audiences = authorize::audience::still_held(session.audiences(), &client.audiences)
            .ok_or_else(|| refused("the client no longer has any of the session's audiences"))?;
        let audiences = authorize::audience::granted(&self.requested.resources, &audiences)?;
        let user = service.sessions.resume(&session).await?.map_err(|reason| refused(&reason.to_string()))?;
        let (requested, empty) = (self.requested.scope, &service.config.empty_scope);
        let authorization = Authorization::of_session(client, user, requested, session.scope(), audiences, empty)?;

        let minted = service.mint.mint(&authorization, Some(session.id()), service.clock.now()).await?;
        let policy = &authorization.client().refresh;
        let refresh_token = service.sessions.rotate(session, policy, service.clock.now()).await?;
        Ok(TokenResponse::new(&authorization, minted, Some(&refresh_token)))
    }
}

impl GrantRequest for RefreshRequest<'_> {
    fn answer<'a>(self: Box<Self>, asked: Asked<'a>) -> BoxFuture<'a, Result<TokenResponse, Error>>
    where
        Self: 'a,
    {
        Box::pin(self.respond(asked))
    }
}
