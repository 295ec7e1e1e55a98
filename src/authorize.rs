//! Authorization: what a request is granted, out of what its client may have and its user may grant.

pub mod audience;
pub mod scope;

use crate::audience::Audience;
use crate::authenticate::client::AuthenticatedClient;
use crate::authenticate::user::AuthenticatedUser;
use crate::authorize::scope::{GrantedScope, RequestedScope};
use crate::error::Error;
use crate::scope::Scope;

/// What a client may do on a user's behalf. Its parts are proofs, and only this module puts them together: nothing is
/// minted before every check has been made.
pub struct Authorization {
    client: AuthenticatedClient,
    user: AuthenticatedUser,
    subject: String,
    scope: GrantedScope,
    audiences: Vec<Audience>,
}

impl Authorization {
    /// The authorization of a login by `user`: the requested or default scope, as far as the user may grant it, or
    /// `empty` if nothing is left of a default.
    ///
    /// # Errors
    /// `invalid_scope` when the user may not grant a scope that the request names; [`Error::server_error`] when the
    /// user has no value for the client's `sub`.
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

    /// The authorization of a session that continues: the `requested` scope, or all that is left of the scope that it
    /// `held`.
    ///
    /// # Errors
    /// `invalid_scope` when more is requested than is left; [`Error::server_error`] as for a login.
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

    /// The client that may act.
    #[must_use]
    pub fn client(&self) -> &AuthenticatedClient {
        &self.client
    }

    /// The user on whose behalf it acts.
    #[must_use]
    pub fn user(&self) -> &AuthenticatedUser {
        &self.user
    }

    /// What the user is called to this client: the `sub` of its tokens.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The scope that it was granted.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        self.scope.as_scope()
    }

    /// The resource servers that it may call; an empty list stands for the issuer itself.
    #[must_use]
    pub fn audiences(&self) -> &[Audience] {
        &self.audiences
    }
}
