//! The secrets of clients that authenticate with one.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::random::{Random, RandomFailed};

/// Why a secret that somebody chose is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RefusedSecret {
    /// It holds characters that no secret may (RFC 6749, appendix A.2).
    #[error("a secret holds only printable ASCII characters")]
    Characters,
    /// It is too short to be a secret, or too long.
    #[error("a secret has {} to {} characters", ClientSecret::MIN_BYTES, ClientSecret::MAX_BYTES)]
    Length,
    /// It is so short that it may be guessed, by requests or from a stolen table.
    #[error("a secret of fewer than {} characters may be guessed", ClientSecret::GOOD_BYTES)]
    Weak,
}

/// Whether a chosen secret may be so short that it can be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeakSecrets {
    /// It may not.
    Refused,
    /// It may: the person who chose it insists.
    Allowed,
}

/// A client secret as its holder knows it. It cannot be printed, and is wiped when dropped.
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// The shortest secret, in bytes.
    pub const MIN_BYTES: usize = 8;
    /// The shortest secret that is not weak, in bytes: 128 bits, if every character holds six.
    pub const GOOD_BYTES: usize = 22;
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
    ///
    /// # Errors
    /// [`RefusedSecret`] when it holds anything but `%x20-7E`, is too short or too long, or is weak and may not be.
    pub fn chosen(secret: Zeroizing<String>, weak: WeakSecrets) -> Result<Self, RefusedSecret> {
        if !secret.bytes().all(|byte| matches!(byte, 0x20..=0x7E)) {
            return Err(RefusedSecret::Characters);
        }
        if !(Self::MIN_BYTES..=Self::MAX_BYTES).contains(&secret.len()) {
            return Err(RefusedSecret::Length);
        }
        let secret = Self(secret);
        if weak == WeakSecrets::Refused && secret.is_weak() { Err(RefusedSecret::Weak) } else { Ok(secret) }
    }

    /// Whether it is so short that it may be guessed.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.0.len() < Self::GOOD_BYTES
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
    /// The first moment at which the secret is no longer accepted; absent for a secret that does not end.
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

    /// What the secret is called in listings; it says nothing about the secret.
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

    /// Whether `presented` is this secret, in time that depends only on the length of `presented`.
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

/// A number of secrets that no client holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a client has 1 to {} secrets, not {}", Secrets::MAX, .0)]
pub struct SecretCount(usize);

/// The secrets of a client: one, or two while one replaces the other.
#[derive(Clone, Debug)]
pub struct Secrets(Vec<StoredSecret>);

impl Secrets {
    /// The most secrets that a client holds at once, so that one can be rotated without an outage.
    pub const MAX: usize = 2;
    /// The longest that a secret keeps working after it was replaced.
    pub const MAX_OVERLAP: Duration = Duration::from_hours(365 * 24);

    /// These secrets, the newest last.
    ///
    /// # Errors
    /// [`SecretCount`] when there is none, or more than [`Secrets::MAX`].
    pub fn new(secrets: Vec<StoredSecret>) -> Result<Self, SecretCount> {
        if (1..=Self::MAX).contains(&secrets.len()) { Ok(Self(secrets)) } else { Err(SecretCount(secrets.len())) }
    }

    /// The secrets.
    #[must_use]
    pub fn as_slice(&self) -> &[StoredSecret] {
        &self.0
    }

    /// These secrets once there is `new`: the last of those that are live keeps working for `overlap`, at most
    /// [`Secrets::MAX_OVERLAP`], or for as long as it would have worked anyway, if that is less.
    #[must_use]
    pub fn rotated(&self, new: StoredSecret, now: Timestamp, overlap: Duration) -> Self {
        let mut kept = Vec::with_capacity(Self::MAX);
        if !overlap.is_zero() {
            kept.extend(self.0.iter().rfind(|secret| secret.is_live(now)).cloned().map(|mut old| {
                let end = now + overlap.min(Self::MAX_OVERLAP);
                old.not_after = Some(old.not_after.map_or(end, |planned| planned.min(end)));
                old
            }));
        }
        kept.push(new);
        Self(kept)
    }
}

impl From<StoredSecret> for Secrets {
    fn from(secret: StoredSecret) -> Self {
        Self(vec![secret])
    }
}

fn digest(salt: &str, secret: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt.as_bytes()).chain_update(b"$").chain_update(secret).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    const NOW: Timestamp = Timestamp::from_unix(1_000);
    const MINUTE: Duration = Duration::from_mins(1);

    fn stored(not_after: Option<u64>) -> StoredSecret {
        let secret = ClientSecret::generate(&OsRandom).expect("randomness");
        let mut stored = StoredSecret::new(&secret, Timestamp::from_unix(0), &OsRandom).expect("randomness");
        stored.not_after = not_after.map(Timestamp::from_unix);
        stored
    }

    fn ends(secrets: &Secrets) -> Vec<(String, Option<u64>)> {
        let end = |secret: &StoredSecret| (secret.id().to_owned(), secret.not_after.map(Timestamp::as_unix));
        secrets.as_slice().iter().map(end).collect()
    }

    #[test]
    fn a_stored_secret_matches_only_itself_and_prints_nothing() {
        let secret = ClientSecret::generate(&OsRandom).expect("randomness");
        let stored = StoredSecret::new(&secret, Timestamp::from_unix(0), &OsRandom).expect("randomness");
        assert!(bool::from(stored.matches(secret.expose().as_bytes())));
        assert!(!bool::from(stored.matches(b"")));
        assert!(!bool::from(stored.matches(&secret.expose().as_bytes()[1..])));
        assert!(!format!("{stored:?}").contains(&stored.digest));
    }

    #[test]
    fn a_chosen_secret_is_bounded_and_a_weak_one_is_taken_only_where_somebody_insists() {
        let chosen = |text: &str, weak| ClientSecret::chosen(Zeroizing::new(text.to_owned()), weak).map(|_| ());
        for (text, refused, allowed) in [
            ("x".repeat(7), Err(RefusedSecret::Length), Err(RefusedSecret::Length)),
            ("x".repeat(8), Err(RefusedSecret::Weak), Ok(())),
            ("x".repeat(21), Err(RefusedSecret::Weak), Ok(())),
            ("x".repeat(22), Ok(()), Ok(())),
            ("x".repeat(512), Ok(()), Ok(())),
            ("x".repeat(513), Err(RefusedSecret::Length), Err(RefusedSecret::Length)),
            ("\t".repeat(30), Err(RefusedSecret::Characters), Err(RefusedSecret::Characters)),
            ("\u{e9}".repeat(30), Err(RefusedSecret::Characters), Err(RefusedSecret::Characters)),
        ] {
            assert_eq!(chosen(&text, WeakSecrets::Refused), refused, "{text}");
            assert_eq!(chosen(&text, WeakSecrets::Allowed), allowed, "{text}");
        }
        assert!(!ClientSecret::generate(&OsRandom).expect("randomness").is_weak());
    }

    #[test]
    fn a_client_holds_one_or_two_secrets() {
        for count in 0..5 {
            let secrets = Secrets::new((0..count).map(|_| stored(None)).collect());
            assert_eq!(secrets.is_ok(), (1..=2).contains(&count), "{count}");
        }
    }

    #[test]
    fn the_secret_before_ends_after_the_overlap_and_the_one_before_that_at_once() {
        let (oldest, old, new) = (stored(Some(1_030)), stored(None), stored(None));
        let (old_id, new_id) = (old.id().to_owned(), new.id().to_owned());
        let rotated = Secrets(vec![oldest, old]).rotated(new, NOW, MINUTE);
        assert_eq!(ends(&rotated), [(old_id, Some(1_060)), (new_id, None)]);
    }

    #[test]
    fn an_overlap_never_lengthens_a_secrets_life_and_ends_within_a_year() {
        let rotated = Secrets::from(stored(Some(1_030))).rotated(stored(None), NOW, MINUTE);
        assert_eq!(rotated.as_slice()[0].not_after, Some(Timestamp::from_unix(1_030)));
        let rotated = Secrets::from(stored(None)).rotated(stored(None), NOW, Duration::MAX);
        assert_eq!(rotated.as_slice()[0].not_after, Some(NOW + Secrets::MAX_OVERLAP));
    }

    #[test]
    fn without_an_overlap_or_a_live_secret_only_the_new_one_stays() {
        assert_eq!(Secrets::from(stored(None)).rotated(stored(None), NOW, Duration::ZERO).as_slice().len(), 1);
        assert_eq!(Secrets::from(stored(Some(1_000))).rotated(stored(None), NOW, MINUTE).as_slice().len(), 1);
    }
}
