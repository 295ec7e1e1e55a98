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

/// What the client asks for and may ask for; the resource owner's own limits are not applied yet.
#[derive(Clone, Debug)]
pub struct RequestedScope {
    scope: Scope,
    explicit: bool,
}

impl RequestedScope {
    /// The scope named in a password request, or without one the client's default, or without that the server's,
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

    /// Applies the resource owner's limits: what was asked for by name must fit them, a default is cut to them.
    /// Where nothing is left, `empty` is granted.
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

/// What is left of a scope that was `granted` before, of what `client` may have by now and `user`, where one is known,
/// may grant by now. The scope that is granted where nothing else is, `empty`, takes no right to lose.
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
    /// The scope named in a refresh request, or without one what is left of the session's. Where that is nothing, it is
    /// `empty`, as it was told to the client: naming it asks for no more.
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
