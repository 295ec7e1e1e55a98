//! The scope that a request is granted (RFC 6749, sections 3.3 and 6).

use thiserror::Error;

use crate::client::Client;
use crate::error::Error;
use crate::scope::Scope;
use crate::user::User;

/// A scope beyond what the client, the resource owner or the session holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the scope is beyond what may be granted")]
pub struct BeyondGrant;

impl From<BeyondGrant> for Error {
    fn from(_: BeyondGrant) -> Self {
        const { Self::invalid_scope("The scope is beyond what may be granted.") }
    }
}

/// What the client asks for and may have. The resource owner's own limits have not been applied yet.
#[derive(Clone, Debug)]
pub struct RequestedScope {
    scope: Scope,
    explicit: bool,
}

impl RequestedScope {
    /// The scope that a password request names. If it names none, the client's default or, without one, the server's,
    /// cut to what the client may have.
    ///
    /// # Errors
    /// [`BeyondGrant`] when the request names a token that the client may not have.
    pub fn of_client(requested: Option<Scope>, client: &Client, server_default: &Scope) -> Result<Self, BeyondGrant> {
        match requested {
            Some(scope) if client.scopes.includes(&scope) => Ok(Self { scope, explicit: true }),
            Some(_) => Err(BeyondGrant),
            None => {
                let default = if client.default_scopes.is_empty() { server_default } else { &client.default_scopes };
                Ok(Self { scope: default.intersection(&client.scopes), explicit: false })
            }
        }
    }

    /// Applies the resource owner's limits: a scope that the request names must be within them, and a default is cut to
    /// them. If nothing is left, `empty` is granted.
    ///
    /// # Errors
    /// [`BeyondGrant`] when the request names a token that the resource owner may not grant.
    pub fn grant(self, user: &User, empty: &Scope) -> Result<GrantedScope, BeyondGrant> {
        let scope = match &user.allowed_scopes {
            Some(allowed) if self.explicit && !allowed.includes(&self.scope) => return Err(BeyondGrant),
            Some(allowed) => self.scope.intersection(allowed),
            None => self.scope,
        };
        Ok(GrantedScope(if scope.is_empty() { empty.clone() } else { scope }))
    }
}

/// What is left of a scope that was `granted` before: what `client` may still have and `user`, if one is known, may
/// still grant. `empty`, which is granted when nothing else is, depends on no right that could be lost.
#[must_use]
pub fn still_held(granted: &Scope, client: &Client, user: Option<&User>, empty: &Scope) -> Scope {
    if granted == empty {
        return granted.clone();
    }
    let held = granted.intersection(&client.scopes);
    match user.and_then(|user| user.allowed_scopes.as_ref()) {
        Some(allowed) => held.intersection(allowed),
        None => held,
    }
}

/// A scope that the client may have and the resource owner may grant. Only [`RequestedScope::grant`] and
/// [`GrantedScope::of_session`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedScope(Scope);

impl GrantedScope {
    /// The scope that a refresh request names, or without one what is left of the session's. If nothing is left,
    /// `empty` stands in for it; since the client was told so, naming it asks for no more.
    ///
    /// # Errors
    /// [`BeyondGrant`] when the request names a token that is not among those.
    pub fn of_session(
        requested: Option<Scope>,
        session: &Scope,
        client: &Client,
        user: &User,
        empty: &Scope,
    ) -> Result<Self, BeyondGrant> {
        let held = still_held(session, client, Some(user), empty);
        let held = if held.is_empty() { empty.clone() } else { held };
        match requested {
            Some(scope) if held.includes(&scope) => Ok(Self(scope)),
            Some(_) => Err(BeyondGrant),
            None => Ok(Self(held)),
        }
    }

    /// The scope itself.
    #[must_use]
    pub fn as_scope(&self) -> &Scope {
        &self.0
    }
}
