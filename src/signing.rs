//! Signing: JSON Web Signatures (RFC 7515) by keys that live in KMS or, for the local server, in the process.

mod ecdsa;
#[cfg(feature = "cli")]
pub mod in_process;
pub mod jwk;
mod jwt;
pub mod kms;
pub mod listed;
#[cfg(feature = "cli")]
pub mod on_demand;
mod ring;
mod trouble;
mod verification;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::aws::AwsError;
use crate::client::named;
use crate::error::Error;
#[cfg(feature = "cli")]
use crate::signing::in_process::KeyFileError;
use crate::signing::jwk::Jwk;
pub use crate::signing::jwt::Expected;
pub use crate::signing::ring::{KeyRing, SigningKey};
pub use crate::signing::trouble::RETRY_AFTER;

/// A signature or MAC algorithm for JSON Web Signatures (RFC 7518, section 3.1; RFC 8037, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl Algorithm {
    /// Every algorithm, in the order metadata lists them.
    pub const ALL: [Self; 13] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// The algorithms of key pairs, whose public half verifies.
    pub const OF_KEY_PAIRS: [Self; 10] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The value of the `alg` header parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }
}

named!(Algorithm);

/// Why a token could not be signed, or the keys not be published.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// KMS did not do it.
    #[error(transparent)]
    Kms(#[from] AwsError),
    /// No configured key fits the algorithm.
    #[error("no configured signing key fits {algorithm}; they fit {}", list(fitting))]
    NoKey {
        /// The algorithm that was asked for.
        algorithm: Algorithm,
        /// Those that the configured keys fit.
        fitting: Vec<Algorithm>,
    },
    /// The token is longer than what KMS signs with the algorithm.
    #[error(
        "a token of {bytes} bytes is to be signed with {algorithm}, for which KMS takes {} at most",
        kms::MAX_MESSAGE_BYTES
    )]
    TooLong {
        /// The algorithm.
        algorithm: Algorithm,
        /// The length of header and claims, encoded.
        bytes: usize,
    },
    /// The token is longer than what anybody could present.
    #[error(
        "a token of more than {bytes} bytes is to be signed, and no request could present more than {} with its signature",
        jwt::MAX_BYTES
    )]
    NotPresentable {
        /// The length of header and claims, encoded.
        bytes: usize,
    },
    /// A key is not what it should be.
    #[error("the signing key {key} {problem}")]
    Key {
        /// The key as it is listed.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The algorithm is one of shared secrets, for which the local server makes no key.
    #[error("no signing key is made for {0}: it needs a secret that both sides share, and this server keeps none")]
    NoSecret(Algorithm),
    /// The local server could not make a key.
    #[cfg(feature = "cli")]
    #[error("a signing key could not be made: {0}")]
    NotMade(#[from] KeyFileError),
    /// The claims could not be written as JSON.
    #[error("the claims could not be serialised")]
    Claims(#[from] serde_json::Error),
}

impl From<SigningError> for Error {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Kms(error) => error.into(),
            SigningError::NoKey { .. }
            | SigningError::NoSecret(_)
            | SigningError::TooLong { .. }
            | SigningError::NotPresentable { .. }
            | SigningError::Key { .. }
            | SigningError::Claims(_) => Self::server_error().because(error),
            #[cfg(feature = "cli")]
            SigningError::NotMade(_) => Self::server_error().because(error),
        }
    }
}

fn list(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|algorithm| algorithm.as_str()).collect::<Vec<_>>().join(", ")
}

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
    fn key_id(&self) -> &str {
        match self {
            Self::Public(jwk) => jwk.key_id(),
            Self::Secret { key_id, .. } => key_id,
        }
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Public(jwk) => jwk.fits(algorithm),
            Self::Secret { algorithm: own, .. } => *own == algorithm,
        }
    }

    /// The one algorithm that the key signs with; none where there are more.
    fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Public(jwk) => jwk.algorithm(),
            Self::Secret { algorithm, .. } => Some(*algorithm),
        }
    }
}
