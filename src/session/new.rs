//! The beginning of sessions.

use crate::authorize::Authorization;
use crate::random::RandomFailed;
use crate::session::refresh_token::{RefreshToken, SessionId};
use crate::session::{Sessions, idle_end};
use crate::store::outcome::StoreError;
use crate::store::sessions::StoredSession;

/// A session that a login is about to begin.
pub struct NewSession {
    token: RefreshToken,
    stored: StoredSession,
    is_kept_alive: bool,
}

impl NewSession {
    /// The session's identifier.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.token.session_id()
    }
}

impl Sessions {
    /// A session of the authorized user with the client, under a fresh token. Every user who can be disabled gets one,
    /// so that the tokens of each login end with the user; for other users, whom only a delegated verifier knows, there
    /// is none. Nothing is stored yet.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn begin(&self, authorization: &Authorization) -> Result<Option<NewSession>, RandomFailed> {
        let (client, user) = (authorization.client(), authorization.user());
        if !user.is_stored() {
            return Ok(None);
        }
        let token = RefreshToken::generate(&*self.random)?;
        let is_kept_alive = client.is_given_refresh_token(authorization.scope());
        let now = user.auth_time();
        let (not_after, expires_at) = if is_kept_alive {
            let not_after = now + client.refresh.lifetime;
            (not_after, idle_end(now, &client.refresh, not_after))
        } else {
            // It exists only for its access token, which no use keeps alive.
            let not_after = now + client.access_token_lifetime;
            (not_after, not_after)
        };
        let stored = StoredSession {
            client_id: client.id.clone(),
            client_incarnation: client.incarnation.clone(),
            username: user.username.clone(),
            sub: user.subject.clone(),
            password_generation: user.password_generation,
            session_generation: user.session_generation,
            asserted_claims: user.asserted_claims().clone(),
            scope: authorization.scope().clone(),
            audiences: authorization.audiences().to_vec(),
            auth_time: now,
            not_after,
            expires_at,
            secret_digest: token.secret_digest(),
            rotation: None,
        };
        Ok(Some(NewSession { token, stored, is_kept_alive }))
    }

    /// Stores a session, and returns its first refresh token if the client is given one.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer.
    pub async fn store(&self, session: NewSession) -> Result<Option<RefreshToken>, StoreError> {
        self.stored.put(session.id().as_str(), &session.stored).await?;
        Ok(session.is_kept_alive.then_some(session.token))
    }
}
