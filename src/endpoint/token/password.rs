//! The password grant: a username and a password for tokens (RFC 6749, section 4.3).

use crate::audience::Audience;
use crate::authenticate::client::AuthenticatedClient;
use crate::authenticate::user::{self, AuthenticatedUser, Login};
use crate::authorize::scope::RequestedScope;
use crate::authorize::{self, Authorization};
use crate::chain::{Chain, NotSelected};
use crate::endpoint::token::grant::{TokenResponse, requested_scope};
use crate::error::Error;
use crate::form::Form;
use crate::scope::Scope;
use crate::service::Service;
use crate::session::NewSession;
use crate::telemetry::record::RequestRecord;

/// RFC 6749, section 4.3.2.
pub(super) struct PasswordRequest<'a> {
    username: &'a str,
    password: &'a str,
    auth_chain: Option<&'a str>,
    scope: Option<Scope>,
    resources: Vec<&'a str>,
}

impl<'a> PasswordRequest<'a> {
    pub(super) fn read(form: &'a Form) -> Result<Self, Error> {
        const NO_CREDENTIALS: Error = Error::invalid_request("The username or password parameter is missing.");

        Ok(Self {
            username: form.value("username").ok_or(NO_CREDENTIALS)?,
            password: form.value("password").ok_or(NO_CREDENTIALS)?,
            auth_chain: form.value("auth_chain"),
            scope: requested_scope(form)?,
            resources: form.values("resource").collect(),
        })
    }

    pub(super) async fn answer(
        self,
        service: &Service,
        client: AuthenticatedClient,
        record: &RequestRecord,
    ) -> Result<TokenResponse, Error> {
        if !service.config.password_grant {
            return Err(Error::unsupported_grant_type("The password grant is switched off."));
        }
        let scope = RequestedScope::of_client(self.scope, &client, &service.config.default_scope)?;
        let audiences = authorize::audience::granted(&self.resources, &client.audiences)?;
        let chain = chain(self.auth_chain, service, &client)?;
        record.chain(chain.name().as_str());
        let profile = service.config.username_profile;
        let login = Login { username: self.username, password: self.password, profile, client_id: &client.id };
        let now = service.clock.now();
        let (user, attempt) = user::authenticate(login, chain, service.backends(), now, record).await?;
        // Whatever becomes of the request from here, the password was right.
        let (answer, ()) =
            tokio::join!(issue(service, client, user, scope, audiences, record), service.attempts.right(attempt));
        answer
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

/// Makes what is answered to a resource owner who proved who they are. The session is stored while the tokens are signed.
async fn issue(
    service: &Service,
    client: AuthenticatedClient,
    user: AuthenticatedUser,
    scope: RequestedScope,
    audiences: Vec<Audience>,
    record: &RequestRecord,
) -> Result<TokenResponse, Error> {
    let authorization = Authorization::of_login(client, user, scope, audiences, &service.config.empty_scope)?;
    let session = NewSession::begin(&authorization, &*service.random)?;
    let session_id = session.as_ref().map(NewSession::id);
    if let Some(sid) = &session_id {
        record.sid(sid.as_str());
    }
    let minted = service.mint.mint(&authorization, session_id.as_ref(), service.clock.now());
    let stored = async {
        match session {
            Some(session) => session.store(&service.tokens).await.map_err(Error::from),
            None => Ok(None),
        }
    };
    let (minted, refresh_token) = tokio::try_join!(minted, stored)?;
    Ok(TokenResponse::new(&authorization, minted, refresh_token.as_ref()))
}
