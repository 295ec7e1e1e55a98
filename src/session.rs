//! Sessions: a login that a client keeps alive by refresh tokens (RFC 6749, section 6; RFC 9700, section 4.14.2).
//!
//! A refresh token is a handle, which names the session, and a secret, which each use replaces. The next secret is
//! derived from the one presented and a salt that is written in the same conditional write as its digest. Whoever
//! presents the same secret again inside the grace period reads that salt and derives the same successor: there is
//! never a second line of descent, and a lost answer costs nothing. Any other secret under a known handle is an old
//! one, which only a thief or a victim still holds: the session ends.

pub mod refresh_token;

use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::audience::Audience;
use crate::authenticate::client::AuthenticatedClient;
use crate::authenticate::user::{AuthenticatedUser, NotResumed, PastLogin};
use crate::authorize::Authorization;
use crate::client::id::ClientId;
use crate::client::{Client, RefreshPolicy};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::random::{Random, RandomFailed};
use crate::scope::Scope;
use crate::session::refresh_token::{RefreshToken, SessionId};
use crate::store::item::SCHEMA;
use crate::store::key;
use crate::store::outcome::StoreError;
use crate::store::tokens::{Rotated, StoredRotation, StoredSession, Tokens};
use crate::telemetry::record::{Alert, RequestRecord};
use crate::user::{User, Username};

const SALT_BYTES: usize = 16;

/// A session that a login is about to begin.
pub struct NewSession {
    token: RefreshToken,
    stored: StoredSession,
    is_kept_alive: bool,
}

impl NewSession {
    /// The session of the authorized user with the client, under a fresh token. Every user who can be disabled has one, so
    /// that the tokens of each login end with the user; other users, whom only a delegated verifier knows, have none.
    /// Nothing is stored yet.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn begin(authorization: &Authorization, random: &dyn Random) -> Result<Option<Self>, RandomFailed> {
        let (client, user) = (authorization.client(), authorization.user());
        if !user.is_stored() {
            return Ok(None);
        }
        let token = RefreshToken::generate(random)?;
        let is_kept_alive = client.is_given_refresh_token(authorization.scope());
        let now = user.auth_time();
        let (not_after, expires_at) = if is_kept_alive {
            let not_after = now + client.refresh.lifetime;
            (not_after, idle_end(now, &client.refresh, not_after))
        } else {
            // It is there for its access token only, which no use keeps alive.
            let not_after = now + client.access_token_lifetime;
            (not_after, not_after)
        };
        let stored = StoredSession {
            id: token.session_id().key(),
            schema: SCHEMA,
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
        Ok(Some(Self { token, stored, is_kept_alive }))
    }

    /// The session's identifier.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.token.session_id()
    }

    /// Stores the session, and gives its first refresh token where the client is given one.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not.
    pub async fn store(self, tokens: &Tokens) -> Result<Option<RefreshToken>, StoreError> {
        tokens.put_session(&self.stored).await?;
        Ok(self.is_kept_alive.then_some(self.token))
    }
}

fn idle_end(now: Timestamp, policy: &RefreshPolicy, not_after: Timestamp) -> Timestamp {
    not_after.min(now + policy.idle_lifetime)
}

/// A secret that is answered, and what it was to its session when the request came. A superseded one is not.
enum Accepted {
    /// It is the live one.
    Live,
    /// It was replaced within the grace period, by what it and this salt give.
    Replaced { salt: Vec<u8> },
}

impl Accepted {
    fn new(token: &RefreshToken, session: &StoredSession, policy: &RefreshPolicy, now: Timestamp) -> Option<Self> {
        if token.is(&session.secret_digest) {
            return Some(Self::Live);
        }
        let rotation = session.rotation.as_ref().filter(|rotation| now.since(rotation.rotated_at) <= policy.grace)?;
        salt_after(token, rotation).map(|salt| Self::Replaced { salt })
    }
}

/// What `rotation` derived the live secret with, where `token` is the one it replaced.
fn salt_after(token: &RefreshToken, rotation: &StoredRotation) -> Option<Vec<u8>> {
    if token.is(&rotation.parent_digest) { URL_SAFE_NO_PAD.decode(&rotation.salt).ok() } else { None }
}

/// Why a refresh token is not accepted. For the log: the client is told `invalid_grant`, whichever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The session ended, was revoked, or never was.
    #[error("no such session")]
    Unknown,
    /// The session is another client's. It is left as it is.
    #[error("the session is another client's")]
    OtherClient,
    /// The session is with an earlier client that was registered under the same identifier.
    #[error("the session is with an earlier client of the same id")]
    EarlierClient,
    /// The session's idle or absolute lifetime is over.
    #[error("the session expired")]
    Expired,
    /// The token was replaced: it was stolen, or its thief used it first. The session has been ended.
    #[error("the refresh token was used again; the session is revoked")]
    Reused,
    /// The user is gone, disabled, or has another password since, or all of the user's sessions were ended.
    #[error("the user is gone or disabled, changed the password, or was signed out everywhere")]
    User,
}

/// Why a refresh did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is not accepted.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// DynamoDB did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There was no randomness.
    #[error(transparent)]
    Random(#[from] RandomFailed),
    /// The token was accepted, and while the request went on, others replaced it and its successor too.
    #[error("the refresh token and its successor were replaced while the request was served")]
    Overtaken,
}

impl From<RefreshError> for Error {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Refused(reason) => Self::invalid_refresh_token().because(reason),
            RefreshError::Store(error) => error.into(),
            RefreshError::Random(error) => error.into(),
            RefreshError::Overtaken => Self::unavailable().because(error),
        }
    }
}

/// A session that has not ended.
pub struct Session(StoredSession);

impl Session {
    /// The session called `id`; none when it ended, was revoked, or never was.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer.
    pub async fn find(id: &SessionId, tokens: &Tokens, now: Timestamp) -> Result<Option<Self>, StoreError> {
        let stored = tokens.get_session(&id.key()).await?;
        Ok(stored.filter(|stored| now < stored.expires_at).map(Self))
    }

    /// The sessions of a user that have not ended, by reading the whole table: for the command line alone.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer.
    pub async fn of_user(username: &Username, tokens: &Tokens, now: Timestamp) -> Result<Vec<Self>, StoreError> {
        let stored = tokens.sessions_of(username).await?;
        Ok(stored.into_iter().filter(|stored| now < stored.expires_at).map(Self).collect())
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> SessionId {
        SessionId::from(self.0.id.trim_start_matches(key::SESSION))
    }

    /// The client it is with.
    #[must_use]
    pub fn client_id(&self) -> &ClientId {
        &self.0.client_id
    }

    /// The scope of the login.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// The audiences of the login.
    #[must_use]
    pub fn audiences(&self) -> &[Audience] {
        &self.0.audiences
    }

    /// The username it is for.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.0.username
    }

    /// When it began.
    #[must_use]
    pub fn auth_time(&self) -> Timestamp {
        self.0.auth_time
    }

    /// When it ends if nothing happens.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.0.expires_at
    }

    /// Whether it is with `client`, in the same registration.
    ///
    /// # Errors
    /// [`Refused::OtherClient`] or [`Refused::EarlierClient`] when it is not.
    pub fn check_client(&self, client: &Client) -> Result<(), Refused> {
        if self.0.client_id != client.id {
            return Err(Refused::OtherClient);
        }
        if self.0.client_incarnation != client.incarnation {
            return Err(Refused::EarlierClient);
        }
        Ok(())
    }

    /// The user's proof of authentication, which is the login that began the session, if `user` is the same, may still
    /// log in with the same password, and was not signed out everywhere since.
    ///
    /// # Errors
    /// [`Refused::User`] when the user is gone, disabled, another by the same name, has another password, or all of the
    /// user's sessions were ended.
    pub fn resume(&self, user: Option<User>) -> Result<AuthenticatedUser, Refused> {
        let stored = &self.0;
        let past = PastLogin {
            subject: &stored.sub,
            password_generation: stored.password_generation,
            session_generation: stored.session_generation,
            asserted_claims: &stored.asserted_claims,
            auth_time: stored.auth_time,
        };
        AuthenticatedUser::resume(&past, user).map_err(|NotResumed| Refused::User)
    }

    /// Whether `token` would still be answered. Asking changes nothing.
    #[must_use]
    pub fn is_answered_to(&self, token: &RefreshToken, policy: &RefreshPolicy, now: Timestamp) -> bool {
        Accepted::new(token, &self.0, policy, now).is_some()
    }

    /// Ends the session.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not.
    pub async fn revoke(&self, tokens: &Tokens) -> Result<(), StoreError> {
        tokens.delete(&self.0.id).await
    }
}

/// A session that was opened by a refresh token its client may present. What the token was worth is decided when it is
/// opened: however long the request then takes, an accepted token is not judged again by a later clock.
pub struct OpenSession {
    token: RefreshToken,
    session: Session,
    accepted: Accepted,
}

impl Deref for OpenSession {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl OpenSession {
    /// Opens the session of `token` for `client`. A token that was replaced too long ago ends the session.
    ///
    /// # Errors
    /// [`RefreshError`] when the token is not accepted or the store does not answer.
    pub async fn open(
        token: RefreshToken,
        client: &AuthenticatedClient,
        tokens: &Tokens,
        now: Timestamp,
        record: &RequestRecord,
    ) -> Result<Self, RefreshError> {
        let session = Session(tokens.get_session(&token.session_id().key()).await?.ok_or(Refused::Unknown)?);
        session.check_client(client)?;
        record.sid(session.id().as_str());
        record.sub(session.0.sub.as_str());
        if now >= session.0.expires_at {
            return Err(Refused::Expired.into());
        }
        let Some(accepted) = Accepted::new(&token, &session.0, &client.refresh, now) else {
            record.alert(Alert::RefreshTokenReused);
            session.revoke(tokens).await?;
            return Err(Refused::Reused.into());
        };
        Ok(Self { token, session, accepted })
    }

    /// Replaces the token that was presented, and gives its successor: the same one to everybody who presents the
    /// same token at once, or again inside the grace period.
    ///
    /// # Errors
    /// [`RefreshError`] when the session ended meanwhile, others were twice as fast, or the store does not answer; the
    /// token then still answers, if it would have.
    pub async fn rotate(
        self,
        client: &AuthenticatedClient,
        tokens: &Tokens,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<RefreshToken, RefreshError> {
        if let Accepted::Replaced { salt } = self.accepted {
            return Ok(self.token.successor(&salt));
        }
        let salt = random.bytes::<SALT_BYTES>()?;
        let next = self.token.successor(&*salt);
        let rotation = StoredRotation {
            parent_digest: self.token.secret_digest(),
            salt: URL_SAFE_NO_PAD.encode(*salt),
            rotated_at: now,
        };
        let expires_at = idle_end(now, &client.refresh, self.session.0.not_after);
        match tokens.rotate_session(&self.session.0.id, &next.secret_digest(), &rotation, expires_at).await? {
            Rotated::Won => Ok(next),
            Rotated::Gone => Err(Refused::Unknown.into()),
            // Somebody else replaced it since it was accepted as the live one. Whenever that was, it has one successor.
            Rotated::Lost(session) => {
                let salt = session.rotation.as_ref().and_then(|rotation| salt_after(&self.token, rotation));
                let salt = salt.ok_or(RefreshError::Overtaken)?;
                Ok(self.token.successor(&salt))
            }
        }
    }
}
