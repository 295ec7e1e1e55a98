//! Public keys as JSON Web Keys (RFC 7517) named by their thumbprints (RFC 7638).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pkcs1::RsaPublicKeyRef;
use pkcs1::der::Decode as _;
use ring::signature::{self, RsaPublicKeyComponents};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use spki::SubjectPublicKeyInfoRef;
use thiserror::Error;

use crate::signing::Algorithm;

/// The object identifier of RSA keys (RFC 8017, appendix A.1).
const RSA_ENCRYPTION: spki::ObjectIdentifier = spki::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A public key that cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnusableKey {
    /// The encoding is not a `SubjectPublicKeyInfo` of a known kind.
    #[error("is not an RSA public key")]
    Encoding,
    /// RFC 7518, section 3.3 asks for 2048 bits at least.
    #[error("has fewer than 2048 bits")]
    TooShort,
}

/// A signature key as `jwks_uri` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    /// Left out for a key that may sign with more than one algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<Algorithm>,
    n: String,
    e: String,
}

/// A public key, and what its private half may sign with.
#[derive(Debug)]
pub struct PublicKey {
    jwk: Jwk,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER (RFC 5280, section 4.1).
    ///
    /// # Errors
    /// [`UnusableKey`] when it is not a key that this service signs with.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, UnusableKey> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| UnusableKey::Encoding)?;
        if info.algorithm.oid != RSA_ENCRYPTION {
            return Err(UnusableKey::Encoding);
        }
        let key = info.subject_public_key.as_bytes().ok_or(UnusableKey::Encoding)?;
        let key = RsaPublicKeyRef::from_der(key).map_err(|_| UnusableKey::Encoding)?;
        let modulus = key.modulus.as_bytes();
        if modulus.len() < 256 {
            return Err(UnusableKey::TooShort);
        }
        let n = URL_SAFE_NO_PAD.encode(modulus);
        let e = URL_SAFE_NO_PAD.encode(key.public_exponent.as_bytes());
        let kid = rsa_thumbprint(&n, &e);
        Ok(Self { jwk: Jwk { kty: "RSA", usage: "sig", kid, alg: None, n, e } })
    }

    /// The key's `kid`.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.jwk.kid
    }

    /// The key for publication.
    #[must_use]
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let parameters = match algorithm {
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        };
        let (Ok(n), Ok(e)) = (URL_SAFE_NO_PAD.decode(&self.jwk.n), URL_SAFE_NO_PAD.decode(&self.jwk.e)) else {
            return false;
        };
        RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
    }

    /// Whether the key can sign with `algorithm`.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => self.jwk.kty == "RSA",
        }
    }
}

/// RFC 7638, section 3: SHA-256 over the required members alone, in lexicographic order, without white space.
fn rsa_thumbprint(n: &str, e: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638_section_3_1() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        assert_eq!(rsa_thumbprint(n, "AQAB"), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
