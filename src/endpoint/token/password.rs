//! The password grant: tokens for a username and a password (RFC 6749, section 4.3).

use futures_util::future::BoxFuture;

use crate::audience::Audience;
use crate::authenticate::client::AuthenticatedClient;
use crate::authenticate::user::{AuthenticatedUser, Login};
use crate::authorize::scope::RequestedScope;
use crate::authorize::{self, Authorization};
use crate::chain::{Chain, NotSelected};
use crate::endpoint::token::grant::{Asked, GrantRequest, Requested, TokenResponse};
use crate::error::Error;
use crate::form::Form;
use crate::service::Service;
use crate::session::new::NewSession;
use crate::telemetry::record::RequestRecord;

/// RFC 6749, section 4.3.2.
pub(super) struct PasswordRequest<'a> {
    username: &'a str,
    password: &'a str,
    auth_chain: Option<&'a str>,
    requested: Requested<'a>,
}

impl PasswordRequest<'_> {
    pub(super) fn read<'f>(form: &'f Form) -> Result<Box<dyn GrantRequest + 'f>, Error> {
        const NO_CREDENTIALS: Error = Error::invalid_request("The username or password parameter is missing.");

        Ok(Box::new(PasswordRequest {
            username: form.value("username").ok_or(NO_CREDENTIALS)?,
            password: form.value("password").ok_or(NO_CREDENTIALS)?,
            auth_chain: form.value("auth_chain"),
            requested: Requested::read(form)?,
        }))
    }

    async fn respond(self, asked: Asked<'_>) -> Result<TokenResponse, Error> {
        let Asked { service, client, network, record, .. } = asked;
        if !service.config.password_grant {
            return Err(Error::unsupported_grant_type("The password grant is switched off."));
        }
        let scope = RequestedScope::of_client(self.requested.scope, &client, &service.config.default_scope)?;
        let audiences = authorize::audience::granted(&self.requested.resources, &client.audiences)?;
        let chain = chain(self.auth_chain, service, &client)?;
        record.chain(chain.name().as_str());
        let login = Login { username: self.username, password: self.password, client_id: &client.id, network };
        let (user, reservation) = service.users.authenticate(login, chain, service.clock.now(), record).await?;
        // Whatever becomes of the request from here on, the password was right.
        let issued = issue(service, client, user, scope, audiences, record);
        let (answer, ()) = tokio::join!(issued, reservation.right());
        answer
    }
}

impl GrantRequest for PasswordRequest<'_> {
    fn answer<'a>(self: Box<Self>, asked: Asked<'a>) -> BoxFuture<'a, Result<TokenResponse, Error>>
    where
        Self: 'a,
    {
        Box::pin(self.respond(asked))
    }
}

fn chain<'s>(requested: Option<&str>, service: &'s Service, client: &AuthenticatedClient) -> Result<&'s Chain, Error> {
    const UNKNOWN_CHAIN: Error = Error::invalid_request("The auth_chain is unknown, or not one of the client's.");

    let selected = service.config.chains.select(requested, &client.chains);
    selected.map_err(|error| match error {
        NotSelected::NotAllowed => UNKNOWN_CHAIN,
        NotSelected::Unconfigured(_) => Error::server_error().because(error),
    })
}

/// Issues tokens for a resource owner who has been authenticated. The session is stored, and the day of the login noted,
/// while the tokens are signed.
async fn issue(
    service: &Service,
    client: AuthenticatedClient,
    user: AuthenticatedUser,
    scope: RequestedScope,
    audiences: Vec<Audience>,
    record: &RequestRecord,
) -> Result<TokenResponse, Error> {
    let authorization = Authorization::of_login(client, user, scope, audiences, &service.config.empty_scope)?;
    let session = service.sessions.begin(&authorization)?;
    let session_id = session.as_ref().map(NewSession::id);
    if let Some(sid) = &session_id {
        record.sid(sid.as_str());
    }
    let minted = service.mint.mint(&authorization, session_id.as_ref(), service.clock.now());
    let stored = async {
        match session {
            Some(session) => service.sessions.store(session).await.map_err(Error::from),
            None => Ok(None),
        }
    };
    let noted = async {
        service.last_uses.note(&authorization, service.clock.now()).await;
        Ok(())
    };
    let (minted, refresh_token, ()) = tokio::try_join!(minted, stored, noted)?;
    Ok(TokenResponse::new(&authorization, minted, refresh_token.as_ref()))
}
