//! The refresh grant: a refresh token for fresh tokens (RFC 6749, section 6).

use crate::authenticate::client::AuthenticatedClient;
use crate::authorize::{self, Authorization};
use crate::client::Grant;
use crate::clock::Timestamp;
use crate::endpoint::token::grant::{TokenResponse, requested_scope};
use crate::error::Error;
use crate::form::Form;
use crate::scope::Scope;
use crate::service::Service;
use crate::session::OpenSession;
use crate::session::refresh_token::RefreshToken;
use crate::telemetry::record::RequestRecord;

/// RFC 6749, section 6.
pub(super) struct RefreshRequest<'a> {
    refresh_token: &'a str,
    scope: Option<Scope>,
    resources: Vec<&'a str>,
}

impl<'a> RefreshRequest<'a> {
    pub(super) fn read(form: &'a Form) -> Result<Self, Error> {
        const NO_TOKEN: Error = Error::invalid_request("The refresh_token parameter is missing.");

        Ok(Self {
            refresh_token: form.value("refresh_token").ok_or(NO_TOKEN)?,
            scope: requested_scope(form)?,
            resources: form.values("resource").collect(),
        })
    }

    /// The token is judged by when the request `came`. The rotation comes last: a request that fails before it leaves
    /// the token as it was.
    pub(super) async fn answer(
        self,
        service: &Service,
        client: AuthenticatedClient,
        came: Timestamp,
        record: &RequestRecord,
    ) -> Result<TokenResponse, Error> {
        let refused = |reason: &str| Error::invalid_refresh_token().because(reason);
        let token = RefreshToken::parse(self.refresh_token).map_err(|error| refused(&error.to_string()))?;
        let session = OpenSession::open(token, &client, &service.tokens, came, record).await?;
        if !client.may_use(Grant::Password) {
            return Err(refused("the client may not use the password grant any more"));
        }
        let audiences = authorize::audience::still_held(session.audiences(), &client.audiences)
            .ok_or_else(|| refused("the client has none of the session's audiences any more"))?;
        let audiences = authorize::audience::granted(&self.resources, &audiences)?;
        let user = service.users.get(session.username()).await?;
        let user = session.resume(user).map_err(|reason| refused(&reason.to_string()))?;
        let empty = &service.config.empty_scope;
        let authorization = Authorization::of_session(client, user, self.scope, session.scope(), audiences, empty)?;

        let minted = service.mint.mint(&authorization, Some(&session.id()), service.clock.now()).await?;
        let now = service.clock.now();
        let refresh_token = session.rotate(authorization.client(), &service.tokens, now, &*service.random).await?;
        Ok(TokenResponse::new(&authorization, minted, Some(&refresh_token)))
    }
}
