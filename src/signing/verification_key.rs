//! What tokens are verified with.

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Jwk;

/// What tokens are verified with, as far as it is not secret.
#[derive(Debug)]
pub enum VerificationKey {
    /// The public half of a key pair.
    Public(Jwk),
    /// A secret that signs and verifies, and is never published.
    Secret {
        /// Names the key, and tells nothing of it.
        key_id: String,
        /// The one algorithm it is made for.
        algorithm: Algorithm,
    },
}

impl VerificationKey {
    pub(super) fn key_id(&self) -> &str {
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

    /// The one algorithm that the key signs with; none where there are more.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Public(jwk) => jwk.algorithm(),
            Self::Secret { algorithm, .. } => Some(*algorithm),
        }
    }
}
