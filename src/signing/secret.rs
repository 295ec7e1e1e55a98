//! Secrets that the service shares with the verifiers of its tokens (RFC 7518, section 3.2).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::jose::algorithm::Algorithm;

/// The message whose MAC names a secret. It cannot be a token: the signed part of a token contains no NUL.
const KEY_ID_MESSAGE: &[u8] = b"passgrant kid of a shared secret\0";

/// Why bytes are not a valid secret for an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnusableSecret {
    /// The algorithm uses key pairs, not secrets.
    #[error("{0} has key pairs: a secret is for HS256, HS384 or HS512")]
    OfPairs(Algorithm),
    /// The secret has the wrong length.
    #[error("a secret for {algorithm} has {}, and this one has {bytes} bytes", lengths(*algorithm))]
    Length {
        /// The algorithm.
        algorithm: Algorithm,
        /// The length.
        bytes: usize,
    },
}

fn lengths(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Hs384 => "48 or 64 bytes",
        Algorithm::Hs512 => "64 bytes",
        _ => "32, 48 or 64 bytes",
    }
}

/// A secret for one algorithm, wiped when it is dropped.
pub struct SharedSecret {
    algorithm: Algorithm,
    secret: Zeroizing<Vec<u8>>,
}

impl SharedSecret {
    /// The lengths that a secret may have, in bytes: those of the hashes. A longer one would be hashed first, and be no
    /// stronger.
    const LENGTHS: [usize; 3] = [32, 48, 64];

    /// Takes `secret` as a secret for `algorithm`. It must be at least as long as the algorithm's hash (RFC 7518,
    /// section 3.2).
    ///
    /// # Errors
    /// [`UnusableSecret`] otherwise.
    pub fn new(algorithm: Algorithm, secret: Zeroizing<Vec<u8>>) -> Result<Self, UnusableSecret> {
        if algorithm.is_of_key_pair() {
            return Err(UnusableSecret::OfPairs(algorithm));
        }
        let bytes = secret.len();
        if !Self::LENGTHS.contains(&bytes) || bytes < algorithm.hash().length() {
            return Err(UnusableSecret::Length { algorithm, bytes });
        }
        Ok(Self { algorithm, secret })
    }

    /// The algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes of the secret, for the code that stores it.
    #[cfg(feature = "cli")]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.secret
    }

    /// A name for the secret that is the same wherever it is used: a MAC of constant text, which reveals no more about
    /// the secret than the MAC of any token does.
    #[must_use]
    pub fn key_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.authenticated::<Sha256Mac>(KEY_ID_MESSAGE).unwrap_or_default())
    }

    /// The MAC of `message`; `None` for any algorithm other than the secret's.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        match algorithm {
            _ if algorithm != self.algorithm => None,
            Algorithm::Hs256 => self.authenticated::<Sha256Mac>(message),
            Algorithm::Hs384 => self.authenticated::<Sha384Mac>(message),
            Algorithm::Hs512 => self.authenticated::<Sha512Mac>(message),
            _ => None,
        }
    }

    /// Whether `mac` is the MAC of `message` under this secret; compared in constant time.
    pub(super) fn verify(&self, algorithm: Algorithm, message: &[u8], mac: &[u8]) -> bool {
        match algorithm {
            _ if algorithm != self.algorithm => false,
            Algorithm::Hs256 => self.verified::<Sha256Mac>(message, mac),
            Algorithm::Hs384 => self.verified::<Sha384Mac>(message, mac),
            Algorithm::Hs512 => self.verified::<Sha512Mac>(message, mac),
            _ => false,
        }
    }

    fn authenticated<M: Mac + KeyInit>(&self, message: &[u8]) -> Option<Vec<u8>> {
        Some(self.mac::<M>(message)?.finalize().into_bytes().to_vec())
    }

    fn verified<M: Mac + KeyInit>(&self, message: &[u8], mac: &[u8]) -> bool {
        self.mac::<M>(message).is_some_and(|own| own.verify_slice(mac).is_ok())
    }

    /// `None` for no secret: HMAC takes keys of any length.
    fn mac<M: Mac + KeyInit>(&self, message: &[u8]) -> Option<M> {
        let mut mac = <M as KeyInit>::new_from_slice(&self.secret).ok()?;
        mac.update(message);
        Some(mac)
    }
}

type Sha256Mac = Hmac<Sha256>;
type Sha384Mac = Hmac<Sha384>;
type Sha512Mac = Hmac<Sha512>;

impl fmt::Debug for SharedSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SharedSecret").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(algorithm: Algorithm, bytes: usize) -> Result<SharedSecret, UnusableSecret> {
        SharedSecret::new(algorithm, Zeroizing::new(vec![0x5A; bytes]))
    }

    #[test]
    fn a_secret_is_as_long_as_a_hash_and_not_shorter_than_that_of_its_algorithm() {
        for (algorithm, lengths) in
            [(Algorithm::Hs256, [32, 48, 64].as_slice()), (Algorithm::Hs384, &[48, 64]), (Algorithm::Hs512, &[64])]
        {
            for bytes in 0..=130 {
                assert_eq!(secret(algorithm, bytes).is_ok(), lengths.contains(&bytes), "{algorithm} {bytes}");
            }
        }
        for algorithm in Algorithm::of_key_pairs() {
            assert_eq!(secret(algorithm, 64).expect_err("a pair"), UnusableSecret::OfPairs(algorithm));
        }
        let text = secret(Algorithm::Hs384, 32).expect_err("too short").to_string();
        assert_eq!(text, "a secret for HS384 has 48 or 64 bytes, and this one has 32 bytes");
    }

    #[test]
    fn the_mac_is_that_of_rfc_7515_appendix_a_1() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let signed = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let mac = URL_SAFE_NO_PAD.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").expect("base64url");
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(key).expect("base64url"));
        let secret = SharedSecret::new(Algorithm::Hs256, secret).expect("64 bytes");
        assert_eq!(secret.sign(Algorithm::Hs256, signed.as_bytes()).as_ref(), Some(&mac));
        assert!(secret.verify(Algorithm::Hs256, signed.as_bytes(), &mac));
        for other in [&mac[..31], &[0; 32], &[]] {
            assert!(!secret.verify(Algorithm::Hs256, signed.as_bytes(), other));
        }
        for other in Algorithm::ALL.into_iter().filter(|other| *other != Algorithm::Hs256) {
            assert_eq!(secret.sign(other, signed.as_bytes()), None, "{other}");
            assert!(!secret.verify(other, signed.as_bytes(), &mac), "{other}");
        }
    }

    #[test]
    fn a_secret_always_has_the_same_name_and_another_secret_a_different_one() {
        let one = secret(Algorithm::Hs256, 32).expect("a secret").key_id();
        assert_eq!((one.len(), &one), (43, &secret(Algorithm::Hs256, 32).expect("a secret").key_id()));
        assert_ne!(one, secret(Algorithm::Hs256, 48).expect("a secret").key_id());
        assert!(!format!("{:?}", secret(Algorithm::Hs256, 32)).contains("90"), "never shown");
    }
}
