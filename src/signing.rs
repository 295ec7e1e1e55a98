//! Signing: JSON Web Signatures (RFC 7515) by keys that live in KMS or, for the local server, in the process.

mod ecdsa;
#[cfg(feature = "cli")]
pub mod in_process;
pub mod jwk;
pub mod kms;
mod verification;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::try_join_all;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use subtle::ConstantTimeEq as _;

use crate::aws::AwsError;
use crate::client::named;
use crate::error::Error;
use crate::json::Object;
#[cfg(feature = "cli")]
use crate::signing::in_process::InProcessKey;
use crate::signing::jwk::Jwk;
use crate::signing::kms::KmsKey;

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
    /// A key is not what it should be.
    #[error("the signing key {key} {problem}")]
    Key {
        /// The key as it was configured.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The claims could not be written as JSON.
    #[error("the claims could not be serialised")]
    Claims(#[from] serde_json::Error),
}

impl From<SigningError> for Error {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Kms(error) => error.into(),
            SigningError::NoKey { .. }
            | SigningError::TooLong { .. }
            | SigningError::Key { .. }
            | SigningError::Claims(_) => Self::server_error().because(error),
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
            Self::Public(jwk) => jwk.key().fits(algorithm),
            Self::Secret { algorithm: own, .. } => *own == algorithm,
        }
    }

    fn published(&self) -> Option<&Jwk> {
        match self {
            Self::Public(jwk) => Some(jwk),
            Self::Secret { .. } => None,
        }
    }
}

/// One signing key.
pub enum SigningKey {
    /// A key in KMS.
    Kms(KmsKey),
    /// A key in this process.
    #[cfg(feature = "cli")]
    InProcess(InProcessKey),
}

impl SigningKey {
    async fn verification(&self) -> Result<&VerificationKey, SigningError> {
        match self {
            Self::Kms(key) => key.verification().await,
            #[cfg(feature = "cli")]
            Self::InProcess(key) => Ok(key.verification()),
        }
    }

    async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match self {
            Self::Kms(key) => key.sign(algorithm, message).await,
            #[cfg(feature = "cli")]
            Self::InProcess(key) => key.sign(algorithm, message),
        }
    }
}

impl SigningKey {
    /// Whether `signature` is this key's, of `message`. A secret key tells by signing again.
    async fn signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<bool, SigningError> {
        match self.verification().await? {
            VerificationKey::Public(jwk) => Ok(jwk.key().verify(algorithm, message, signature)),
            VerificationKey::Secret { algorithm: own, .. } if *own != algorithm => Ok(false),
            VerificationKey::Secret { .. } => match self.sign(algorithm, message).await {
                Ok(own) => Ok(own.ct_eq(signature).into()),
                Err(SigningError::TooLong { .. }) => Ok(false),
                Err(error) => Err(error),
            },
        }
    }
}

/// The configured keys, in order: the first that fits an algorithm signs, all are published.
pub struct KeyRing {
    keys: Vec<SigningKey>,
}

impl KeyRing {
    /// A ring of `keys`.
    #[must_use]
    pub fn new(keys: Vec<SigningKey>) -> Self {
        Self { keys }
    }

    /// The key that signs with `algorithm`.
    ///
    /// # Errors
    /// [`SigningError`] when no key fits, or KMS does not tell.
    pub async fn signer(&self, algorithm: Algorithm) -> Result<Signer<'_>, SigningError> {
        for key in &self.keys {
            let verification = key.verification().await?;
            if verification.fits(algorithm) {
                return Ok(Signer { key, algorithm, key_id: verification.key_id() });
            }
        }
        Err(SigningError::NoKey { algorithm, fitting: self.algorithms().await? })
    }

    /// The algorithms that a key fits, in the order metadata lists them.
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not tell one of the keys.
    pub async fn algorithms(&self) -> Result<Vec<Algorithm>, SigningError> {
        let keys = self.verification_keys().await?;
        let fitting = |algorithm: &Algorithm| keys.iter().any(|key| key.fits(*algorithm));
        Ok(Algorithm::ALL.into_iter().filter(fitting).collect())
    }

    /// The claims of a JWT that one of these keys signed and whose header says `typ`; none for any other text.
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not tell one of the keys.
    pub async fn verify(&self, typ: &str, jwt: &str) -> Result<Option<Object>, SigningError> {
        let Some(parts) = SignedParts::read(jwt) else {
            return Ok(None);
        };
        let Ok(algorithm) = parts.header.alg.parse() else {
            return Ok(None);
        };
        if parts.header.typ != typ {
            return Ok(None);
        }
        for key in &self.keys {
            let named = key.verification().await?.key_id() == parts.header.kid;
            if named && key.signed(algorithm, parts.signed, &parts.signature).await? {
                return Ok(parts.claims());
            }
        }
        Ok(None)
    }

    /// The public keys, each once, in order (RFC 7517, section 5).
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not tell one of the keys.
    pub async fn published(&self) -> Result<Vec<&Jwk>, SigningError> {
        let mut published: Vec<&Jwk> = Vec::with_capacity(self.keys.len());
        for jwk in self.verification_keys().await?.into_iter().filter_map(VerificationKey::published) {
            if !published.contains(&jwk) {
                published.push(jwk);
            }
        }
        Ok(published)
    }

    async fn verification_keys(&self) -> Result<Vec<&VerificationKey>, SigningError> {
        try_join_all(self.keys.iter().map(SigningKey::verification)).await
    }
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'a str,
    alg: Algorithm,
    kid: &'a str,
}

/// A JWT in compact serialisation, taken apart and not verified (RFC 7515, section 7.1).
struct SignedParts<'a> {
    header: ReadHeader,
    claims: &'a str,
    signed: &'a [u8],
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct ReadHeader {
    typ: String,
    alg: String,
    kid: String,
}

impl<'a> SignedParts<'a> {
    fn read(jwt: &'a str) -> Option<Self> {
        let (signed, signature) = jwt.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        Some(Self { header, claims, signed: signed.as_bytes(), signature: URL_SAFE_NO_PAD.decode(signature).ok()? })
    }

    /// The claims, to be read once the signature is verified.
    fn claims(&self) -> Option<Object> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(self.claims).ok()?).ok()
    }
}

/// A key and the algorithm it is about to sign with.
pub struct Signer<'a> {
    key: &'a SigningKey,
    algorithm: Algorithm,
    key_id: &'a str,
}

impl Signer<'_> {
    /// Signs `claims` as a JWT in compact serialisation (RFC 7515, section 7.1) whose header says `typ`.
    ///
    /// # Errors
    /// [`SigningError`] when the claims cannot be written or the key does not sign.
    pub async fn sign<C: Serialize>(&self, typ: &str, claims: &C) -> Result<String, SigningError> {
        let header = serde_json::to_vec(&Header { typ, alg: self.algorithm, kid: self.key_id })?;
        let claims = serde_json::to_vec(claims)?;
        let mut jwt = URL_SAFE_NO_PAD.encode(header);
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut jwt);
        let signature = self.key.sign(self.algorithm, jwt.as_bytes()).await?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Ok(jwt)
    }
}
