//! What is wrong with a key set that a client registers, and which of its keys are left out.

use std::fmt;

use thiserror::Error;

use crate::client::keys::ClientKeys;
use crate::jose::jwk::UnusableKey;

/// Why a key set cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnusableKeys {
    /// It is too long.
    #[error("a key set has at most {} bytes", ClientKeys::MAX_BYTES)]
    TooLong,
    /// It is not JSON of the form of RFC 7517, section 5.
    #[error("a key set is a JSON object with an array of keys, called keys (RFC 7517)")]
    Malformed,
    /// It holds no key, or too many.
    #[error("a key set has 1 to {} keys", ClientKeys::MAX_KEYS)]
    Count,
    /// No key in it verifies an assertion.
    #[error("no key of the set can be used: {}", listed(.0))]
    NoneOfUse(Vec<LeftOut>),
    /// Two keys have the same name.
    #[error("two keys have the same kid")]
    SameName,
    /// A key must not be there, or is malformed.
    #[error("key {number} of the set {problem}")]
    Key {
        /// Which key, counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: KeyProblem,
    },
}

fn listed(left_out: &[LeftOut]) -> String {
    left_out.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What is wrong with a key, so that its set is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// It is private, or a secret.
    #[error("is private, or a secret: register only the public half")]
    Private,
    /// Its kind is missing, or its members are malformed.
    #[error("is not an RSA, P-256, P-384 or Ed25519 public key in JWK form")]
    Kind,
    /// Its numbers are wrong.
    #[error("{0}")]
    Unusable(UnusableKey),
    /// Its `use` is not a string, or its `key_ops` are not an array.
    #[error("has a use that is not a string, or key_ops that are not an array")]
    Use,
    /// Its `alg` is not one of its kind.
    #[error("has an alg that does not fit it")]
    Algorithm,
    /// Its `kid` is not a string of reasonable length.
    #[error("has a kid that is not a string of 1 to {} bytes", ClientKeys::MAX_NAME_BYTES)]
    Name,
}

/// A key that is left out of a set because it cannot be used here (RFC 7517, section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which key, counted from 1.
    pub number: usize,
    /// Its `kid`, where it has one.
    pub kid: Option<String>,
    /// Why.
    pub reason: OfNoUse,
}

/// The `kid` is quoted: the maker of the set chose it, and it may hold control sequences for a terminal.
impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kid {
            Some(kid) => write!(formatter, "key {} ({kid:?}) {}", self.number, self.reason),
            None => write!(formatter, "key {} {}", self.number, self.reason),
        }
    }
}

/// Why a key cannot be used here, though nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OfNoUse {
    /// It is not for signatures.
    #[error("is not for verifying signatures: its use is not sig, or its key_ops lack verify")]
    Use,
    /// Its `kty` is not known here.
    #[error("has a kty that is not known here: choose RSA, EC or OKP")]
    Kind,
    /// Its `crv` is not known here.
    #[error("is on a curve that is not known here: choose P-256, P-384 or Ed25519")]
    Curve,
    /// No signature that it can make is verified here.
    #[error("is on P-521, for which signatures are not verified here: choose P-256, P-384, Ed25519 or RSA")]
    Unverified,
    /// Its `alg` is not known here.
    #[error("has an alg that is not known here")]
    Algorithm,
}
