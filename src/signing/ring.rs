//! The keys of a service: which of them signs, which are published, and what happens to one that cannot be used.
//!
//! A listed key that is disabled, about to be deleted, denied or of the wrong kind is left out as long as another key
//! works. The description of a key is fetched once. What is wrong with a key is believed for a while, so that no caller
//! can keep KMS busy, and a key that works again comes back by itself.

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::OnceCell;

use crate::clock::Timestamp;
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Jwk;
use crate::jose::jws::{self, Expected, Unverified};
use crate::json::Object;
use crate::signing::envelope::{EnvelopeKey, Envelopes};
#[cfg(feature = "cli")]
use crate::signing::error::KeyFileError;
use crate::signing::error::SigningError;
use crate::signing::in_process::InProcessKey;
use crate::signing::kms::{KmsKey, PinnedKey};
use crate::signing::listed::ListedKey;
#[cfg(feature = "cli")]
use crate::signing::on_demand::OnDemandKey;
use crate::signing::trouble::Trouble;
use crate::signing::verification_key::VerificationKey;

/// One signing key.
pub enum SigningKey {
    /// A key in KMS.
    Kms(KmsKey),
    /// A wrapped key, which signs in this process.
    Envelope(EnvelopeKey),
    /// A key in this process.
    InProcess(InProcessKey),
    /// A key in this process, made the first time it is needed.
    #[cfg(feature = "cli")]
    OnDemand(OnDemandKey),
}

impl SigningKey {
    /// The key that is listed as `listed`: in KMS, or one of `envelopes`.
    #[must_use]
    pub fn listed(listed: &ListedKey, envelopes: &Envelopes) -> Self {
        match listed.envelope() {
            Some(_) => Self::Envelope(EnvelopeKey::new(envelopes.clone(), listed.clone())),
            None => Self::Kms(KmsKey::new(envelopes.kms(), listed.clone())),
        }
    }
}

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
enum UsableKey<'a> {
    Pinned(&'a PinnedKey),
    InProcess(&'a InProcessKey),
}

impl<'a> UsableKey<'a> {
    fn verification(self) -> &'a VerificationKey {
        match self {
            Self::Pinned(key) => key.verification(),
            Self::InProcess(key) => key.verification(),
        }
    }

    async fn sign(self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match self {
            Self::Pinned(key) => key.sign(algorithm, message).await,
            Self::InProcess(key) => key.sign(algorithm, message),
        }
    }
}

/// A key, and its state.
struct Slot {
    key: SigningKey,
    /// What a listed key turned out to be, once it is known.
    fetched: OnceCell<Fetched>,
    unusable: Trouble,
    not_signing: Trouble,
    not_verifying: Trouble,
}

impl Slot {
    fn new(key: SigningKey) -> Self {
        let [unusable, not_signing, not_verifying] = Default::default();
        Self { key, fetched: OnceCell::new(), unusable, not_signing, not_verifying }
    }

    /// The name that an operator knows the key by.
    fn name(&self) -> String {
        match &self.key {
            SigningKey::Kms(key) => key.listed().to_string(),
            SigningKey::Envelope(key) => key.listed().to_string(),
            SigningKey::InProcess(key) => key.verification().key_id().to_owned(),
            #[cfg(feature = "cli")]
            SigningKey::OnDemand(key) => key.algorithm().to_string(),
        }
    }

    /// The algorithm that the key is made for, if it is made on demand.
    fn made_for(&self) -> Option<Algorithm> {
        match &self.key {
            SigningKey::Kms(_) | SigningKey::Envelope(_) | SigningKey::InProcess(_) => None,
            #[cfg(feature = "cli")]
            SigningKey::OnDemand(key) => key.makes(),
        }
    }

    /// The key, fetched if it is not known yet; `None` if it cannot be used or has not been made yet.
    async fn usable(&self, now: Timestamp) -> Result<Option<UsableKey<'_>>, SigningError> {
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
    fn known(&self) -> Option<UsableKey<'_>> {
        match &self.key {
            SigningKey::Kms(_) | SigningKey::Envelope(_) => self.fetched.get().map(Fetched::usable),
            SigningKey::InProcess(key) => Some(UsableKey::InProcess(key)),
            #[cfg(feature = "cli")]
            SigningKey::OnDemand(key) => key.made().map(UsableKey::InProcess),
        }
    }

    /// Whether the signature was made by `key`, the key of this slot. A MAC under a key in KMS is verified by KMS,
    /// which is not asked again for a while after it refused.
    async fn signed(&self, key: UsableKey<'_>, jwt: &Unverified<'_>, now: Timestamp) -> Result<bool, SigningError> {
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

/// The configured keys, in order: the first usable one that fits an algorithm signs, and all usable ones are published.
pub struct KeyRing {
    slots: Vec<Slot>,
}

impl KeyRing {
    /// A ring of `keys`.
    #[must_use]
    pub fn new(keys: Vec<SigningKey>) -> Self {
        Self { slots: keys.into_iter().map(Slot::new).collect() }
    }

    /// Signs `claims` with `algorithm`, as a JWT in compact serialisation (RFC 7515, section 7.1) whose header says
    /// `typ`. A key that turns out not to sign is skipped in favour of the next one that fits, and is asked after that
    /// one for a while.
    ///
    /// # Errors
    /// [`SigningError`] when no key fits, none of the keys that fit signs, KMS does not answer, or the token is too
    /// long.
    pub async fn sign<C: Serialize>(
        &self,
        algorithm: Algorithm,
        typ: &str,
        claims: &C,
        now: Timestamp,
    ) -> Result<String, SigningError> {
        let claims = serde_json::to_vec(claims)?;
        let mut refused = None;
        for (index, slot) in self.in_turn(now) {
            #[cfg(feature = "cli")]
            if let SigningKey::OnDemand(key) = &slot.key
                && key.algorithm() == algorithm
            {
                match key.make().await {
                    // Without a secret, no key fits.
                    Ok(()) | Err(KeyFileError::NoPair(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let usable = slot.usable(now).await?.filter(|key| self.is_consistent(index, *key, now));
            let Some(key) = usable.filter(|key| key.verification().fits(algorithm)) else {
                continue;
            };
            let signed = jws::to_sign(typ, algorithm, key.verification().key_id(), &claims)?;
            match key.sign(algorithm, signed.as_bytes()).await {
                Ok(signature) => {
                    slot.not_signing.clear();
                    return Ok(jws::with_signature(signed, &signature));
                }
                Err(error) if error.blames_the_key() => {
                    slot.not_signing.note(|| slot.name(), &error, now);
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match refused {
            Some(error) => Err(error),
            None => Err(self.no_key(algorithm, self.algorithms(now).await?)),
        }
    }

    /// Finds out whether a usable key fits `algorithm`.
    ///
    /// # Errors
    /// [`SigningError`] when none does, or KMS does not say what one of the keys is.
    pub async fn check(&self, algorithm: Algorithm, now: Timestamp) -> Result<(), SigningError> {
        let fitting = self.algorithms(now).await?;
        if fitting.contains(&algorithm) { Ok(()) } else { Err(self.no_key(algorithm, fitting)) }
    }

    /// The algorithms that a usable key fits, or a key that would be made on demand, in the order in which metadata
    /// lists them.
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not say what one of the keys is, or none of them can be used.
    pub async fn algorithms(&self, now: Timestamp) -> Result<Vec<Algorithm>, SigningError> {
        let keys = self.usable(now).await?;
        let fitting = |algorithm: &Algorithm| {
            keys.iter().any(|key| key.verification().fits(*algorithm)) || self.makes_for(*algorithm)
        };
        Ok(Algorithm::ALL.into_iter().filter(fitting).collect())
    }

    /// The keys that tokens are verified with, in order, including secrets.
    ///
    /// # Errors
    /// As [`KeyRing::published`].
    pub async fn verification_keys(&self, now: Timestamp) -> Result<Vec<&VerificationKey>, SigningError> {
        Ok(self.usable(now).await?.into_iter().map(UsableKey::verification).collect())
    }

    /// The public keys in order, each once (RFC 7517, section 5).
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not say what one of the keys is, or none of them can be used.
    pub async fn published(&self, now: Timestamp) -> Result<Vec<&Jwk>, SigningError> {
        let mut published: Vec<&Jwk> = Vec::with_capacity(self.slots.len());
        for key in self.verification_keys(now).await? {
            if let VerificationKey::Public(jwk) = key
                && !published.contains(&jwk)
            {
                published.push(jwk);
            }
        }
        Ok(published)
    }

    /// The claims of a JWT that one of these keys signed and that is as `expected`; `None` for any other text.
    /// What the JWT says about itself is checked before its signature, and at most one key is asked to verify the
    /// signature.
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not say what one of the keys is, refuses to verify, or no key can be used.
    pub async fn verify(&self, expected: &Expected<'_>, jwt: &str) -> Result<Option<Object>, SigningError> {
        let Some(jwt) = Unverified::read(jwt, expected) else {
            return Ok(None);
        };
        let (mut unknown, mut some_usable) = (None, false);
        for (index, slot) in self.slots.iter().enumerate() {
            let usable = match slot.usable(expected.now).await {
                Ok(key) => key.filter(|key| self.is_consistent(index, *key, expected.now)),
                // Another key may be the right one.
                Err(error) => {
                    unknown.get_or_insert(error);
                    None
                }
            };
            let Some(key) = usable else { continue };
            if key.verification().key_id() == jwt.key_id && key.verification().fits(jwt.algorithm) {
                return Ok(slot.signed(key, &jwt, expected.now).await?.then(|| jwt.verified()));
            }
            some_usable = true;
        }
        match unknown.or_else(|| self.trouble().filter(|_| !some_usable)) {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// Every usable key, in order. If there is none, what is wrong with the first key.
    async fn usable(&self, now: Timestamp) -> Result<Vec<UsableKey<'_>>, SigningError> {
        let found = join_all(self.slots.iter().map(|slot| slot.usable(now))).await;
        let found = found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().enumerate();
        let usable: Vec<_> =
            found.filter_map(|(index, key)| key.filter(|key| self.is_consistent(index, *key, now))).collect();
        match self.trouble() {
            Some(error) if usable.is_empty() => Err(error),
            _ => Ok(usable),
        }
    }

    /// Whether no key before this one is the same key for another algorithm, as two names in KMS may turn out to be.
    /// Verifiers would find two keys under one `kid`.
    fn is_consistent(&self, index: usize, key: UsableKey<'_>, now: Timestamp) -> bool {
        let own = key.verification();
        let contradicts = |other: UsableKey<'_>| {
            let other = other.verification();
            other.key_id() == own.key_id() && other.algorithm() != own.algorithm()
        };
        let Some(other) = self.slots[..index].iter().find(|slot| slot.known().is_some_and(contradicts)) else {
            return true;
        };
        let slot = &self.slots[index];
        let problem = format!("is the same key as {}, and not for the same algorithms", other.name());
        slot.unusable.note(|| slot.name(), &SigningError::Key { key: slot.name(), problem }, now);
        false
    }

    /// The keys in the order in which they are asked to sign: those that recently failed to sign come last.
    fn in_turn(&self, now: Timestamp) -> impl Iterator<Item = (usize, &Slot)> {
        let (last, first): (Vec<_>, Vec<_>) =
            self.slots.iter().enumerate().partition(|(_, slot)| slot.not_signing.lasts(now));
        first.into_iter().chain(last)
    }

    fn trouble(&self) -> Option<SigningError> {
        self.slots.iter().find_map(|slot| slot.unusable.error(|| slot.name()))
    }

    fn makes_for(&self, algorithm: Algorithm) -> bool {
        self.slots.iter().any(|slot| slot.made_for() == Some(algorithm))
    }

    fn no_key(&self, algorithm: Algorithm, fitting: Vec<Algorithm>) -> SigningError {
        if self.slots.iter().any(|slot| slot.made_for().is_some()) {
            return SigningError::NoSecret(algorithm);
        }
        SigningError::NoKey { algorithm, fitting }
    }
}
