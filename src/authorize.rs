//! Authorization: what a request is granted, of what its client may have and its user may grant.

pub mod audience;
pub mod scope;

use crate::audience::Audience;
use crate::authenticate::client::AuthenticatedClient;
use crate::authenticate::user::AuthenticatedUser;
use crate::authorize::scope::{GrantedScope, RequestedScope};
use crate::error::Error;
use crate::scope::Scope;

/// What a client may do in a user's name. Its parts are proofs, and only this module puts them together: nothing is minted
/// before each check was made.
pub struct Authorization {
    client: AuthenticatedClient,
    user: AuthenticatedUser,
    subject: String,
    scope: GrantedScope,
    audiences: Vec<Audience>,
}

impl Authorization {
    /// Of a login by `user`, for what was requested or is the default, as far as the user may grant it.
    ///
    /// # Errors
    /// `invalid_scope` where the user may not grant what was asked for by name; [`Error::server_error`] where the user has
    /// no value for the client's `sub`.
    pub fn of_login(
        client: AuthenticatedClient,
        user: AuthenticatedUser,
        scope: RequestedScope,
        audiences: Vec<Audience>,
        empty: &Scope,
    ) -> Result<Self, Error> {
        let scope = scope.grant(&user, empty)?;
        Self::new(client, user, scope, audiences)
    }

    /// Of a session that goes on, for what was `requested` or all that is left of the scope it `held`.
    ///
    /// # Errors
    /// `invalid_scope` where more is requested than is left; [`Error::server_error`] as for a login.
    pub fn of_session(
        client: AuthenticatedClient,
        user: AuthenticatedUser,
        requested: Option<Scope>,
        held: &Scope,
        audiences: Vec<Audience>,
        empty: &Scope,
    ) -> Result<Self, Error> {
        let scope = GrantedScope::of_session(requested, held, &client, &user, empty)?;
        Self::new(client, user, scope, audiences)
    }

    fn new(
        client: AuthenticatedClient,
        user: AuthenticatedUser,
        scope: GrantedScope,
        audiences: Vec<Audience>,
    ) -> Result<Self, Error> {
        let subject = client.claim_map.subject(&client.id, &user)?;
        Ok(Self { client, user, subject, scope, audiences })
    }

    /// Who may act.
    #[must_use]
    pub fn client(&self) -> &AuthenticatedClient {
        &self.client
    }

    /// In whose name.
    #[must_use]
    pub fn user(&self) -> &AuthenticatedUser {
        &self.user
    }

    /// What the user is called to this client: the `sub` of its tokens.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// For what.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        self.scope.as_scope()
    }

    /// At which resource servers; none stands for the issuer itself.
    #[must_use]
    pub fn audiences(&self) -> &[Audience] {
        &self.audiences
    }
}
