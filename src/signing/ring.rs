//! The keys of a service: which of them signs, which are published, and what happens to one that cannot be used.
//!
//! A listed key that is disabled, about to be deleted, denied or of the wrong kind is left out as long as another key
//! works. The description of a key is fetched once. What is wrong with a key is believed for a while, so that no caller
//! can keep KMS busy, and a key that works again comes back by itself.

use futures_util::future::join_all;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Jwk;
use crate::jose::jws::{self, Expected, Unverified};
use crate::json::Object;
#[cfg(feature = "cli")]
use crate::signing::error::KeyFileError;
use crate::signing::error::SigningError;
use crate::signing::key::SigningKey;
use crate::signing::slot::{Slot, UsableKey};
use crate::signing::verification_key::VerificationKey;

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
        self.sign_json(algorithm, typ, &serde_json::to_vec(claims)?, now).await
    }

    async fn sign_json(
        &self,
        algorithm: Algorithm,
        typ: &str,
        claims: &[u8],
        now: Timestamp,
    ) -> Result<String, SigningError> {
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
            let signed = jws::to_sign(typ, algorithm, key.verification().key_id(), claims)?;
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

    /// Every key, in order, including secrets: for whoever is not content with the keys that are left when one cannot be
    /// used. A key that is made on demand and has not been made is not missed.
    ///
    /// # Errors
    /// [`SigningError`] for the first key that cannot be used, or that was asked to sign and lately did not.
    pub async fn all(&self, now: Timestamp) -> Result<Vec<&VerificationKey>, SigningError> {
        let found = join_all(self.slots.iter().map(|slot| slot.usable(now))).await;
        let mut keys = Vec::with_capacity(self.slots.len());
        for (index, (slot, found)) in self.slots.iter().zip(found).enumerate() {
            let usable = found?.filter(|key| self.is_consistent(index, *key, now));
            let trouble = match usable {
                Some(_) if slot.not_signing.lasts(now) => &slot.not_signing,
                Some(key) => {
                    keys.push(key.verification());
                    continue;
                }
                None => &slot.unusable,
            };
            if let Some(error) = trouble.error(|| slot.name()) {
                return Err(error);
            }
        }
        Ok(keys)
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
