//! Sessions: logins that clients keep alive with refresh tokens (RFC 6749, section 6; RFC 9700, section 4.14.2).
//!
//! A refresh token is a handle, which names the session, and a secret, which each use replaces. [`new`] begins a
//! session, and [`rotation`] continues it.

pub mod new;
pub mod refresh_token;
pub mod rotation;

use std::sync::Arc;

use crate::audience::Audience;
use crate::authenticate::user::{AuthenticatedUser, NotResumed, PastLogin};
use crate::client::id::ClientId;
use crate::client::{Client, RefreshPolicy};
use crate::clock::Timestamp;
use crate::random::Random;
use crate::scope::Scope;
use crate::session::refresh_token::SessionId;
use crate::store::outcome::StoreError;
use crate::store::pages::Pages;
use crate::store::sessions::{StoredSession, StoredSessions};
use crate::store::users::Users;
use crate::user::{Subject, User, Username};

/// Begins, finds, continues and ends sessions.
pub struct Sessions {
    stored: StoredSessions,
    users: Users,
    random: Arc<dyn Random>,
}

impl Sessions {
    /// The sessions in `stored`, of the users in `users`.
    #[must_use]
    pub fn new(stored: StoredSessions, users: Users, random: Arc<dyn Random>) -> Self {
        Self { stored, users, random }
    }

    /// The session called `id`; `None` if it has ended, was revoked, or never existed.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer.
    pub async fn find(&self, id: SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let stored = self.stored.get(id.as_str()).await?;
        Ok(stored.map(|stored| Session { id, stored }).filter(|session| now < session.expires_at()))
    }

    /// The sessions of a user, those included that have ended and are still stored, by reading the whole table: for the
    /// command line only.
    #[must_use]
    pub fn of_user(&self, username: &Username) -> Pages<'_, Session> {
        self.stored.of_user(username, |sid, stored| Session { id: SessionId::from(sid), stored })
    }

    /// The sessions in one of `segments` parts of the table, the first of which is 0, those included that have ended and
    /// are still stored: for the command line only.
    #[must_use]
    pub fn segment(&self, segment: u32, segments: u32) -> Pages<'_, Session> {
        self.stored.segment(segment, segments, |sid, stored| Session { id: SessionId::from(sid), stored })
    }

    /// The user's proof of authentication, which is the login that began `session`, if what was proven then still
    /// holds.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer; [`NotResumed`] as in [`Session::resume`].
    pub async fn resume(&self, session: &Session) -> Result<Result<AuthenticatedUser, NotResumed>, StoreError> {
        Ok(session.resume(self.users.get_known(session.username()).await?))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer.
    pub async fn revoke(&self, session: &Session) -> Result<(), StoreError> {
        self.stored.delete(session.id.as_str()).await
    }

    /// Opens a connection to DynamoDB.
    pub(crate) async fn open_connection(&self) -> Result<(), StoreError> {
        self.stored.open_connection().await
    }
}

/// Why a session does not belong to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtherClient {
    /// It belongs to a client with another identifier.
    #[error("the session belongs to another client")]
    OtherId,
    /// It belongs to an earlier client that was registered under the same identifier.
    #[error("the session belongs to an earlier client with the same id")]
    Earlier,
}

/// The end of the idle lifetime of a session that is used `now`, or of its absolute lifetime if that is earlier.
fn idle_end(now: Timestamp, policy: &RefreshPolicy, not_after: Timestamp) -> Timestamp {
    not_after.min(now + policy.idle_lifetime)
}

/// A session that has not ended.
pub struct Session {
    id: SessionId,
    stored: StoredSession,
}

impl Session {
    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// The client that it belongs to.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.stored.client_id
    }

    /// The scope of the login.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.stored.scope
    }

    /// The audiences of the login.
    #[must_use]
    pub fn audiences(&self) -> &[Audience] {
        &self.stored.audiences
    }

    /// Its user.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.stored.sub
    }

    /// The username of its user.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.stored.username
    }

    /// When it began.
    #[must_use]
    pub fn auth_time(&self) -> Timestamp {
        self.stored.auth_time
    }

    /// When it ends, unless it is refreshed or revoked before.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.stored.expires_at
    }

    /// Checks that it belongs to `client`, in the same registration.
    ///
    /// # Errors
    /// [`OtherClient`] when it does not.
    pub fn check_client(&self, client: &Client) -> Result<(), OtherClient> {
        if self.stored.client_id != client.id {
            return Err(OtherClient::OtherId);
        }
        if self.stored.client_incarnation != client.incarnation {
            return Err(OtherClient::Earlier);
        }
        Ok(())
    }

    /// The user's proof of authentication, which is the login that began the session, if `user` is the same, may still
    /// log in with the same password, and has not been signed out everywhere since then.
    ///
    /// # Errors
    /// [`NotResumed`] when the user no longer exists, is disabled, is another user with the same username, or has
    /// another password, or when all of the user's sessions were ended.
    pub fn resume(&self, user: Option<User>) -> Result<AuthenticatedUser, NotResumed> {
        let past = PastLogin {
            subject: &self.stored.sub,
            password_generation: self.stored.password_generation,
            session_generation: self.stored.session_generation,
            asserted_claims: &self.stored.asserted_claims,
            auth_time: self.stored.auth_time,
        };
        AuthenticatedUser::resume(&past, user)
    }
}
