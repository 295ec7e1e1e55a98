//! Why something was not signed, or a key not used.

#[cfg(feature = "cli")]
use std::io;

#[cfg(feature = "cli")]
use thiserror::Error;

use crate::aws::AwsError;
use crate::error::Error;
use crate::jose::algorithm::Algorithm;
#[cfg(feature = "cli")]
use crate::jose::jwk::UnusableKey;
use crate::jose::jws::Unsignable;
#[cfg(feature = "cli")]
use crate::signing::secret::UnusableSecret;
use crate::store::outcome::StoreError;

/// The longest message that KMS signs as it is, in bytes: with `EdDSA`, and with a MAC.
pub const MAX_MESSAGE_BYTES: usize = 4096;

/// Why a token could not be signed, or the keys could not be published.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// KMS did not do its part.
    #[error(transparent)]
    Kms(#[from] AwsError),
    /// DynamoDB did not return a wrapped key.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No configured key fits the algorithm.
    #[error("no configured signing key fits {algorithm}; they fit {}", list(fitting))]
    NoKey {
        /// The algorithm that was asked for.
        algorithm: Algorithm,
        /// The algorithms that the configured keys fit.
        fitting: Vec<Algorithm>,
    },
    /// The token is longer than KMS signs with the algorithm.
    #[error(
        "a token of {bytes} bytes is to be signed with {algorithm}, for which KMS takes {} at most",
        MAX_MESSAGE_BYTES
    )]
    TooLong {
        /// The algorithm.
        algorithm: Algorithm,
        /// The length of the header and claims, encoded.
        bytes: usize,
    },
    /// The token cannot be put together.
    #[error(transparent)]
    Unsignable(#[from] Unsignable),
    /// A key is not what it should be.
    #[error("the signing key {key} {problem}")]
    Key {
        /// The key as it is listed.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The algorithm uses shared secrets, and the local server makes no key for it.
    #[error(
        "no signing key is made for {0}: it needs a secret that both sides share, and this server keeps none (`passgrant key import` gives it one)"
    )]
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
            SigningError::Store(error) => error.into(),
            SigningError::NoKey { .. }
            | SigningError::NoSecret(_)
            | SigningError::TooLong { .. }
            | SigningError::Unsignable(_)
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

#[cfg(feature = "cli")]
/// Why a key file could not be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The file could not be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
    /// The file holds no key of a known kind in PKCS#8.
    #[error("it holds no RSA, P-256, P-384, P-521 or Ed25519 private key in PKCS#8 (DER)")]
    Encoding,
    /// The key is too weak, or of the wrong kind.
    #[error("its key {0}")]
    Key(#[from] UnusableKey),
    /// The file holds no secret for its algorithm.
    #[error("{0}")]
    Secret(#[from] UnusableSecret),
    /// A key could not be generated.
    #[error("a key could not be generated")]
    Generate,
    /// The algorithm uses secrets that both sides share, which cannot be made up here.
    #[error("{0} needs a secret that both sides share, and this server keeps none")]
    NoPair(Algorithm),
}
