//! Signing: JSON Web Signatures (RFC 7515) by keys that live in KMS or, for the local server, in the process.

#[cfg(feature = "cli")]
pub mod in_process;
pub mod jwk;
pub mod kms;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::aws::AwsError;
use crate::client::named;
use crate::error::Error;
#[cfg(feature = "cli")]
use crate::signing::in_process::InProcessKey;
use crate::signing::jwk::{Jwk, PublicKey};
use crate::signing::kms::KmsKey;

/// A signature algorithm for JSON Web Signatures (RFC 7518, section 3.1).
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
}

impl Algorithm {
    /// Every algorithm, in the order metadata lists them.
    pub const ALL: [Self; 6] = [Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Ps384, Self::Ps512];

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
        }
    }

    /// The digest of `message` under the algorithm's hash function.
    #[must_use]
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rs256 | Self::Ps256 => Sha256::digest(message).to_vec(),
            Self::Rs384 | Self::Ps384 => Sha384::digest(message).to_vec(),
            Self::Rs512 | Self::Ps512 => Sha512::digest(message).to_vec(),
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
    #[error("no configured signing key fits {0}")]
    NoKey(Algorithm),
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
            SigningError::NoKey(_) | SigningError::Key { .. } | SigningError::Claims(_) => {
                Self::server_error().because(error)
            }
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
    async fn public(&self) -> Result<&PublicKey, SigningError> {
        match self {
            Self::Kms(key) => key.public().await,
            #[cfg(feature = "cli")]
            Self::InProcess(key) => Ok(key.public()),
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
            let public = key.public().await?;
            if public.fits(algorithm) {
                return Ok(Signer { key, algorithm, key_id: public.key_id() });
            }
        }
        Err(SigningError::NoKey(algorithm))
    }

    /// The claims of a JWT that one of these keys signed and whose header says `typ`; none for any other text.
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not tell one of the keys.
    pub async fn verify(&self, typ: &str, jwt: &str) -> Result<Option<Map<String, Value>>, SigningError> {
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
            let public = key.public().await?;
            if public.key_id() == parts.header.kid && public.verifies(algorithm, parts.signed, &parts.signature) {
                return Ok(parts.claims());
            }
        }
        Ok(None)
    }

    /// The algorithms that some key can sign with.
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not tell one of the keys.
    pub async fn algorithms(&self) -> Result<Vec<Algorithm>, SigningError> {
        let mut algorithms = Algorithm::ALL.to_vec();
        let mut fitting = Vec::new();
        for key in &self.keys {
            let public = key.public().await?;
            fitting.extend(algorithms.extract_if(.., |algorithm| public.fits(*algorithm)));
        }
        Ok(fitting)
    }

    /// The public keys, each once, in order (RFC 7517, section 5).
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not tell one of them.
    pub async fn published(&self) -> Result<Vec<&Jwk>, SigningError> {
        let mut published: Vec<&Jwk> = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let jwk = key.public().await?.jwk();
            if !published.contains(&jwk) {
                published.push(jwk);
            }
        }
        Ok(published)
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
    fn claims(&self) -> Option<Map<String, Value>> {
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
