//! A key in this process.

#[cfg(feature = "cli")]
use zeroize::Zeroizing;

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Jwk, PublicKey, UnusableKey};
use crate::signing::error::SigningError;
#[cfg(feature = "cli")]
use crate::signing::made::MadePair;
use crate::signing::pair::KeyPair;
use crate::signing::secret::SharedSecret;
use crate::signing::verification_key::VerificationKey;

/// A key in memory: a key pair, or a shared secret.
pub struct InProcessKey {
    material: Material,
    verification: VerificationKey,
}

/// The material that signs.
pub(super) enum Material {
    Pair(KeyPair),
    Secret(SharedSecret),
    /// A key pair that was made here, with aws-lc-rs. That library also makes keys; the Lambda function does without
    /// it.
    #[cfg(feature = "cli")]
    Made(MadePair),
}

impl InProcessKey {
    /// The key pair whose private half is in `pkcs8`; `None` if `public` is not its other half.
    pub(super) fn of_pair(pkcs8: &[u8], public: PublicKey) -> Option<Self> {
        let pair = KeyPair::new(pkcs8, &public)?;
        Some(Self { material: Material::Pair(pair), verification: VerificationKey::Public(Jwk::new(public)) })
    }

    /// A secret that is shared with others.
    #[must_use]
    pub fn of_secret(secret: SharedSecret) -> Self {
        let verification = VerificationKey::Secret { key_id: secret.key_id(), algorithm: secret.algorithm() };
        Self { material: Material::Secret(secret), verification }
    }

    #[cfg(feature = "cli")]
    pub(super) fn of_made(pair: MadePair) -> Result<Self, crate::signing::error::KeyFileError> {
        let jwk = Jwk::new(pair.public_key()?);
        Ok(Self { material: Material::Made(pair), verification: VerificationKey::Public(jwk) })
    }

    /// The same key, for `algorithm` only.
    ///
    /// # Errors
    /// [`UnusableKey::Misfit`] when the algorithm does not fit the key.
    pub fn bound_to(self, algorithm: Algorithm) -> Result<Self, UnusableKey> {
        let verification = match self.verification {
            VerificationKey::Public(jwk) => VerificationKey::Public(Jwk::bound(jwk.key().clone(), algorithm)?),
            secret @ VerificationKey::Secret { .. } if secret.fits(algorithm) => secret,
            VerificationKey::Secret { .. } => return Err(UnusableKey::Misfit(algorithm)),
        };
        Ok(Self { verification, ..self })
    }

    /// The key that its tokens are verified with.
    #[must_use]
    pub fn verification(&self) -> &VerificationKey {
        &self.verification
    }

    /// What has to be kept of the key: its PKCS#8, or the secret; `None` for a key that was neither made nor imported
    /// here.
    #[cfg(feature = "cli")]
    pub(super) fn to_file(&self) -> Option<Zeroizing<Vec<u8>>> {
        match &self.material {
            Material::Made(pair) => pair.to_pkcs8().ok(),
            Material::Secret(secret) => Some(Zeroizing::new(secret.bytes().to_vec())),
            Material::Pair(_) => None,
        }
    }

    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let signature = match &self.material {
            Material::Pair(pair) => pair.sign(algorithm, message),
            Material::Secret(secret) => secret.sign(algorithm, message),
            #[cfg(feature = "cli")]
            Material::Made(pair) => pair.sign(algorithm, message),
        };
        signature.ok_or_else(|| SigningError::Key {
            key: self.verification.key_id().to_owned(),
            problem: "did not sign".to_owned(),
        })
    }

    /// Whether `mac` is the MAC of `message` under this secret; never true for a key pair.
    pub(super) fn verify_mac(&self, algorithm: Algorithm, message: &[u8], mac: &[u8]) -> bool {
        match &self.material {
            Material::Secret(secret) => secret.verify(algorithm, message, mac),
            Material::Pair(_) => false,
            #[cfg(feature = "cli")]
            Material::Made(_) => false,
        }
    }
}
