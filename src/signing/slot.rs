//! A key of the ring, with what is known about it and what was wrong with it.

use tokio::sync::OnceCell;

use crate::clock::Timestamp;
use crate::jose::algorithm::Algorithm;
use crate::jose::jws::Unverified;
use crate::signing::error::SigningError;
use crate::signing::in_process::InProcessKey;
use crate::signing::key::SigningKey;
use crate::signing::kms::PinnedKey;
use crate::signing::trouble::Trouble;
use crate::signing::verification_key::VerificationKey;

/// What was fetched for a listed key.
enum Fetched {
    Pinned(PinnedKey),
    Unwrapped(InProcessKey),
}

impl Fetched {
    fn usable(&self) -> UsableKey<'_> {
        match self {
            Self::Pinned(key) => UsableKey::Pinned(key),
            Self::Unwrapped(key) => UsableKey::InProcess(key),
        }
    }
}

/// A key that can be asked to sign.
#[derive(Clone, Copy)]
pub(super) enum UsableKey<'a> {
    Pinned(&'a PinnedKey),
    InProcess(&'a InProcessKey),
}

impl<'a> UsableKey<'a> {
    pub(super) fn verification(self) -> &'a VerificationKey {
        match self {
            Self::Pinned(key) => key.verification(),
            Self::InProcess(key) => key.verification(),
        }
    }

    pub(super) async fn sign(self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match self {
            Self::Pinned(key) => key.sign(algorithm, message).await,
            Self::InProcess(key) => key.sign(algorithm, message),
        }
    }
}

/// A key, and its state.
pub(super) struct Slot {
    pub(super) key: SigningKey,
    /// What a listed key turned out to be, once it is known.
    fetched: OnceCell<Fetched>,
    pub(super) unusable: Trouble,
    pub(super) not_signing: Trouble,
    not_verifying: Trouble,
}

impl Slot {
    pub(super) fn new(key: SigningKey) -> Self {
        let [unusable, not_signing, not_verifying] = Default::default();
        Self { key, fetched: OnceCell::new(), unusable, not_signing, not_verifying }
    }

    /// The name that an operator knows the key by.
    pub(super) fn name(&self) -> String {
        match &self.key {
            SigningKey::Kms(key) => key.listed().to_string(),
            SigningKey::Envelope(key) => key.listed().to_string(),
            SigningKey::InProcess(key) => key.verification().key_id().to_owned(),
            #[cfg(feature = "cli")]
            SigningKey::OnDemand(key) => key.algorithm().to_string(),
        }
    }

    /// The algorithm that the key is made for, if it is made on demand.
    pub(super) fn made_for(&self) -> Option<Algorithm> {
        match &self.key {
            SigningKey::Kms(_) | SigningKey::Envelope(_) | SigningKey::InProcess(_) => None,
            #[cfg(feature = "cli")]
            SigningKey::OnDemand(key) => key.makes(),
        }
    }

    /// The key, fetched if it is not known yet; `None` if it cannot be used or has not been made yet.
    pub(super) async fn usable(&self, now: Timestamp) -> Result<Option<UsableKey<'_>>, SigningError> {
        match &self.key {
            SigningKey::Kms(key) => self.fetch(async || key.pin().await.map(Fetched::Pinned), now).await,
            SigningKey::Envelope(key) => self.fetch(async || key.open().await.map(Fetched::Unwrapped), now).await,
            SigningKey::InProcess(_) => Ok(self.known()),
            #[cfg(feature = "cli")]
            SigningKey::OnDemand(_) => Ok(self.known()),
        }
    }

    async fn fetch(
        &self,
        fetch: impl AsyncFnOnce() -> Result<Fetched, SigningError>,
        now: Timestamp,
    ) -> Result<Option<UsableKey<'_>>, SigningError> {
        let fetched = self.fetched.get_or_try_init(|| async {
            if self.unusable.lasts(now) {
                return Err(None);
            }
            fetch().await.map_err(|error| {
                self.unusable.note(|| self.name(), &error, now);
                (!error.blames_the_key()).then_some(error)
            })
        });
        match fetched.await {
            Ok(key) => Ok(Some(key.usable())),
            Err(None) => Ok(None),
            Err(Some(error)) => Err(error),
        }
    }

    /// The key, as far as it is known. Neither KMS nor DynamoDB is called.
    pub(super) fn known(&self) -> Option<UsableKey<'_>> {
        match &self.key {
            SigningKey::Kms(_) | SigningKey::Envelope(_) => self.fetched.get().map(Fetched::usable),
            SigningKey::InProcess(key) => Some(UsableKey::InProcess(key)),
            #[cfg(feature = "cli")]
            SigningKey::OnDemand(key) => key.made().map(UsableKey::InProcess),
        }
    }

    /// Whether the signature was made by `key`, the key of this slot. A MAC under a key in KMS is verified by KMS,
    /// which is not asked again for a while after it refused.
    pub(super) async fn signed(
        &self,
        key: UsableKey<'_>,
        jwt: &Unverified<'_>,
        now: Timestamp,
    ) -> Result<bool, SigningError> {
        let (algorithm, message, signature) = (jwt.algorithm, jwt.signed, &jwt.signature);
        match (key.verification(), key) {
            (VerificationKey::Public(jwk), _) => Ok(jwk.key().verify(algorithm, message, signature)),
            (VerificationKey::Secret { .. }, UsableKey::Pinned(key)) => {
                if self.not_verifying.lasts(now)
                    && let Some(error) = self.not_verifying.error(|| self.name())
                {
                    return Err(error);
                }
                let verified = key.verify_mac(algorithm, message, signature).await;
                verified.inspect_err(|error| self.not_verifying.note(|| self.name(), error, now))
            }
            (VerificationKey::Secret { .. }, UsableKey::InProcess(key)) => {
                Ok(key.verify_mac(algorithm, message, signature))
            }
        }
    }
}
