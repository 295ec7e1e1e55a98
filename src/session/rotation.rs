//! Rotation: a refresh token is presented, and replaced by its successor.
//!
//! The next secret is derived from the one presented and a salt that is written in the same conditional write as its
//! digest. A request that presents the same secret again within the grace period reads that salt and derives the same
//! successor: there is never a second line of descent, and a lost answer does no harm. Any other secret with a known
//! handle is an old one, which only a thief or a victim still holds: the session ends.

use std::ops::Deref;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::authenticate::client::AuthenticatedClient;
use crate::client::RefreshPolicy;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::random::RandomFailed;
use crate::session::refresh_token::RefreshToken;
use crate::session::{OtherClient, Session, Sessions, idle_end};
use crate::store::outcome::StoreError;
use crate::store::sessions::{Rotated, StoredRotation, StoredSession};
use crate::telemetry::record::{Alert, RequestRecord};

const SALT_BYTES: usize = 16;

/// A secret that is accepted, and what it was to its session when the request arrived. One that was superseded is not
/// accepted.
enum Accepted {
    /// It is the live one.
    Live,
    /// It was replaced within the grace period, by the secret that is derived from it and this salt.
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

/// The salt with which `rotation` derived the live secret, if `token` is the one it replaced.
fn salt_after(token: &RefreshToken, rotation: &StoredRotation) -> Option<Vec<u8>> {
    if token.is(&rotation.parent_digest) { URL_SAFE_NO_PAD.decode(&rotation.salt).ok() } else { None }
}

/// Why a refresh token is not accepted. This is for the log: the client is told `invalid_grant` in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedRefresh {
    /// The session has ended, was revoked, or never existed.
    #[error("no such session")]
    Unknown,
    /// The session belongs to another client. It is left as it is.
    #[error(transparent)]
    OtherClient(#[from] OtherClient),
    /// The session's idle or absolute lifetime is over.
    #[error("the session expired")]
    Expired,
    /// The token had been replaced: either a thief presents it now, or a thief used it first. The session has been
    /// ended.
    #[error("the refresh token was used again; the session is revoked")]
    Reused,
}

/// Why a refresh did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is not accepted.
    #[error(transparent)]
    Refused(#[from] RefusedRefresh),
    /// DynamoDB did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There was no randomness.
    #[error(transparent)]
    Random(#[from] RandomFailed),
    /// The token was accepted, but while the request was served, others replaced both it and its successor.
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

/// A session that was opened with a refresh token that its client may present. Whether the token is accepted is decided
/// when the session is opened: however long the request then takes, an accepted token is not judged again by a later
/// time.
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

impl Session {
    /// Whether `token` would still be accepted. Asking changes nothing.
    #[must_use]
    pub fn is_answered_to(&self, token: &RefreshToken, policy: &RefreshPolicy, now: Timestamp) -> bool {
        Accepted::new(token, &self.stored, policy, now).is_some()
    }
}

impl Sessions {
    /// Opens the session of `token` for `client`. A token that was replaced too long ago ends the session.
    ///
    /// # Errors
    /// [`RefreshError`] when the token is not accepted or the store does not answer.
    pub async fn open(
        &self,
        token: RefreshToken,
        client: &AuthenticatedClient,
        now: Timestamp,
        record: &RequestRecord,
    ) -> Result<OpenSession, RefreshError> {
        let id = token.session_id();
        let stored = self.stored.get(id.as_str()).await?.ok_or(RefusedRefresh::Unknown)?;
        let session = Session { id, stored };
        session.check_client(client).map_err(RefusedRefresh::from)?;
        record.sid(session.id.as_str());
        record.sub(session.stored.sub.as_str());
        if now >= session.expires_at() {
            return Err(RefusedRefresh::Expired.into());
        }
        let Some(accepted) = Accepted::new(&token, &session.stored, &client.refresh, now) else {
            record.alert(Alert::RefreshTokenReused);
            self.revoke(&session).await?;
            return Err(RefusedRefresh::Reused.into());
        };
        Ok(OpenSession { token, session, accepted })
    }

    /// Replaces the token that a session was opened with, and returns its successor: the same one for all requests that
    /// present the same token at the same time, or again within the grace period.
    ///
    /// # Errors
    /// [`RefreshError`] when the session ended meanwhile, when others have replaced the token's successor as well, or
    /// when the store does not answer. The token is then still accepted if it would have been without this request.
    pub async fn rotate(
        &self,
        opened: OpenSession,
        policy: &RefreshPolicy,
        now: Timestamp,
    ) -> Result<RefreshToken, RefreshError> {
        let OpenSession { token, session, accepted } = opened;
        if let Accepted::Replaced { salt } = accepted {
            return Ok(token.successor(&salt));
        }
        let salt = self.random.bytes::<SALT_BYTES>()?;
        let next = token.successor(&*salt);
        let rotation = StoredRotation {
            parent_digest: token.secret_digest(),
            salt: URL_SAFE_NO_PAD.encode(*salt),
            rotated_at: now,
        };
        let expires_at = idle_end(now, policy, session.stored.not_after);
        match self.stored.rotate(session.id.as_str(), &next.secret_digest(), &rotation, expires_at).await? {
            Rotated::Won => Ok(next),
            Rotated::Gone => Err(RefusedRefresh::Unknown.into()),
            // Another request has replaced it since it was accepted as the live one. Whenever that was, it has only one
            // successor.
            Rotated::Lost(session) => {
                let salt = session.rotation.as_ref().and_then(|rotation| salt_after(&token, rotation));
                let salt = salt.ok_or(RefreshError::Overtaken)?;
                Ok(token.successor(&salt))
            }
        }
    }
}
