//! The secrets of clients that authenticate with one.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::random::{Random, RandomFailed};

/// A client secret as its holder knows it. It cannot be printed, and is wiped when dropped.
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// The longest secret, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// A fresh secret of 256 random bits, in characters that form-encoding leaves as they are.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomFailed> {
        let bytes = random.bytes::<32>()?;
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// A secret that somebody chose.
    #[must_use]
    pub fn chosen(secret: Zeroizing<String>) -> Self {
        Self(secret)
    }

    /// The secret itself, for the one place that shows or compares it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A client secret at rest: a salted SHA-256 digest, and when it ends.
#[derive(Clone, Serialize, Deserialize)]
pub struct StoredSecret {
    id: String,
    salt: String,
    digest: String,
    created_at: Timestamp,
    /// The first moment at which the secret is no longer accepted; absent for a secret without an end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_after: Option<Timestamp>,
}

impl StoredSecret {
    /// Digests a secret under a fresh salt.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn new(secret: &ClientSecret, now: Timestamp, random: &dyn Random) -> Result<Self, RandomFailed> {
        let salt = URL_SAFE_NO_PAD.encode(*random.bytes::<16>()?);
        let digest = URL_SAFE_NO_PAD.encode(digest(&salt, secret.expose().as_bytes()));
        let id = URL_SAFE_NO_PAD.encode(*random.bytes::<6>()?);
        Ok(Self { id, salt, digest, created_at: now, not_after: None })
    }

    /// A secret that nothing matches: its digest is empty.
    #[must_use]
    pub(crate) fn unmatchable() -> Self {
        let empty = String::new;
        Self { id: empty(), salt: empty(), digest: empty(), created_at: Timestamp::from_unix(0), not_after: None }
    }

    /// What the secret is called in listings; says nothing of the secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When the secret was set.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Whether the secret has not ended at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.not_after.is_none_or(|end| now < end)
    }

    /// Whether `presented` is this secret, in time that depends on the length of `presented` alone.
    #[must_use]
    pub fn matches(&self, presented: &[u8]) -> Choice {
        let presented = URL_SAFE_NO_PAD.encode(digest(&self.salt, presented));
        presented.as_bytes().ct_eq(self.digest.as_bytes())
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StoredSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

fn digest(salt: &str, secret: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt.as_bytes()).chain_update(b"$").chain_update(secret).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    #[test]
    fn a_stored_secret_matches_itself_alone_and_prints_nothing() {
        let secret = ClientSecret::generate(&OsRandom).expect("randomness");
        let stored = StoredSecret::new(&secret, Timestamp::from_unix(0), &OsRandom).expect("randomness");
        assert!(bool::from(stored.matches(secret.expose().as_bytes())));
        assert!(!bool::from(stored.matches(b"")));
        assert!(!bool::from(stored.matches(&secret.expose().as_bytes()[1..])));
        assert!(!format!("{stored:?}").contains(&stored.digest));
    }
}
