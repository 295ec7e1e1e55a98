//! The keys that tokens are verified with.

use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Jwk;

/// A key that tokens are verified with, as far as it is not secret.
#[derive(Debug)]
pub enum VerificationKey {
    /// The public half of a key pair.
    Public(Jwk),
    /// A secret that signs and verifies, and is never published.
    Secret {
        /// Names the key, and reveals nothing about it.
        key_id: String,
        /// The only algorithm it is made for.
        algorithm: Algorithm,
    },
}

impl Serialize for VerificationKey {
    /// A public key as a JWK; a secret as a JWK without its `k`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key_id, algorithm) = match self {
            Self::Public(jwk) => return jwk.serialize(serializer),
            Self::Secret { key_id, algorithm } => (key_id, algorithm),
        };
        let mut shown = serializer.serialize_struct("VerificationKey", 4)?;
        shown.serialize_field("kty", "oct")?;
        shown.serialize_field("use", "sig")?;
        shown.serialize_field("kid", key_id)?;
        shown.serialize_field("alg", algorithm)?;
        shown.end()
    }
}

impl VerificationKey {
    /// The key's `kid`.
    #[must_use]
    pub fn key_id(&self) -> &str {
        match self {
            Self::Public(jwk) => jwk.key_id(),
            Self::Secret { key_id, .. } => key_id,
        }
    }

    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Public(jwk) => jwk.fits(algorithm),
            Self::Secret { algorithm: own, .. } => *own == algorithm,
        }
    }

    /// The only algorithm that the key signs with; `None` if there are several.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Public(jwk) => jwk.algorithm(),
            Self::Secret { algorithm, .. } => Some(*algorithm),
        }
    }
}
