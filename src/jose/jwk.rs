//! Public keys as JSON Web Keys (RFC 7517) named by their thumbprints (RFC 7638).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pkcs1::RsaPublicKeyRef;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use spki::der::Decode as _;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use thiserror::Error;

use crate::jose::algorithm::Algorithm;

/// RSA keys (RFC 8017, appendix A.1).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// Keys on a curve that the parameters name (RFC 5480, section 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// Ed25519 (RFC 8410, section 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// What precedes the two coordinates of an uncompressed point (SEC 1, section 2.3.3).
pub(super) const UNCOMPRESSED: u8 = 4;

/// A public key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnusableKey {
    /// It is not encoded as it should be, or it is of another kind.
    #[error("is not an RSA, P-256, P-384, P-521 or Ed25519 public key")]
    Encoding,
    /// RFC 7518, section 3.3 requires at least 2048 bits; more than 8192 would only cost time.
    #[error(
        "is an RSA key with fewer than 2048 or more than 8192 bits, or with an exponent that is even, 1 or too large"
    )]
    Rsa,
    /// A coordinate is not as long as those of the curve are.
    #[error("has a coordinate of the wrong length")]
    Coordinate,
    /// It is bound to an algorithm of another kind of key.
    #[error("does not fit {0}, which it is bound to")]
    Misfit(Algorithm),
}

/// Bytes that JSON holds as base64url without padding (RFC 7515, section 2).
#[derive(Clone, PartialEq, Eq)]
pub struct Base64Url(Vec<u8>);

impl Base64Url {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Base64Url {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Display for Base64Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl fmt::Debug for Base64Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Base64Url {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Base64Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        URL_SAFE_NO_PAD.decode(String::deserialize(deserializer)?).map(Self).map_err(de::Error::custom)
    }
}

/// A curve of RFC 7518, section 6.2.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Curve {
    /// NIST P-256.
    #[serde(rename = "P-256")]
    P256,
    /// NIST P-384.
    #[serde(rename = "P-384")]
    P384,
    /// NIST P-521.
    #[serde(rename = "P-521")]
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The curve's object identifier (RFC 5480, section 2.1.1.1).
    const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::P384 => "1.3.132.0.34",
            Self::P521 => "1.3.132.0.35",
        })
    }

    /// The length of a coordinate, in bytes.
    const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A curve of RFC 8037, section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EdwardsCurve {
    /// Ed25519.
    Ed25519,
}

/// A public key with the members of a JWK (RFC 7518, section 6; RFC 8037, section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicKey {
    /// An RSA key.
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus.
        n: Base64Url,
        /// The exponent.
        e: Base64Url,
    },
    /// A point on a NIST curve.
    #[serde(rename = "EC")]
    Ec {
        /// The curve.
        crv: Curve,
        /// The first coordinate.
        x: Base64Url,
        /// The second one.
        y: Base64Url,
    },
    /// A point on an Edwards curve.
    #[serde(rename = "OKP")]
    Okp {
        /// The curve.
        crv: EdwardsCurve,
        /// The point, encoded.
        x: Base64Url,
    },
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER (RFC 5280, section 4.1).
    ///
    /// # Errors
    /// [`UnusableKey`] when it is not a key that this service signs with.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, UnusableKey> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| UnusableKey::Encoding)?;
        let encoded = info.subject_public_key.as_bytes().ok_or(UnusableKey::Encoding)?;
        let key = match info.algorithm.oid {
            RSA_ENCRYPTION => {
                let key = RsaPublicKeyRef::from_der(encoded).map_err(|_| UnusableKey::Encoding)?;
                Self::Rsa { n: key.modulus.as_bytes().into(), e: key.public_exponent.as_bytes().into() }
            }
            EC_PUBLIC_KEY => {
                let named = info.algorithm.parameters_oid().map_err(|_| UnusableKey::Encoding)?;
                let crv = Curve::ALL.into_iter().find(|curve| curve.oid() == named).ok_or(UnusableKey::Encoding)?;
                let point = encoded.strip_prefix(&[UNCOMPRESSED]).ok_or(UnusableKey::Encoding)?;
                let (x, y) = point.split_at_checked(crv.width()).ok_or(UnusableKey::Coordinate)?;
                Self::Ec { crv, x: x.into(), y: y.into() }
            }
            ED25519 => Self::Okp { crv: EdwardsCurve::Ed25519, x: encoded.into() },
            _ => return Err(UnusableKey::Encoding),
        };
        key.check().map(|()| key)
    }

    /// The point on a NIST curve, not compressed (SEC 1, section 2.3.3); none of another key.
    pub(crate) fn point(&self) -> Option<Vec<u8>> {
        match self {
            Self::Ec { x, y, .. } => Some([&[UNCOMPRESSED], x.as_bytes(), y.as_bytes()].concat()),
            Self::Rsa { .. } | Self::Okp { .. } => None,
        }
    }

    /// Checks that the numbers are those of a usable key.
    ///
    /// # Errors
    /// [`UnusableKey`] if they are not.
    pub fn check(&self) -> Result<(), UnusableKey> {
        match self {
            Self::Rsa { n, e } => {
                let (n, e) = (n.as_bytes(), e.as_bytes());
                // A modulus begins with a set bit, so that a number of this many bytes has all of their bits.
                let modulus =
                    (256..=1024).contains(&n.len()) && n[0] >= 0x80 && n.last().is_some_and(|byte| byte % 2 == 1);
                let exponent = match e {
                    [one] => *one > 1,
                    [first, .., _] => *first > 0 && e.len() <= 4,
                    [] => false,
                };
                let exponent = exponent && e.last().is_some_and(|byte| byte % 2 == 1);
                if modulus && exponent { Ok(()) } else { Err(UnusableKey::Rsa) }
            }
            Self::Ec { crv, x, y } => {
                let whole = [x, y].iter().all(|coordinate| coordinate.as_bytes().len() == crv.width());
                if whole { Ok(()) } else { Err(UnusableKey::Coordinate) }
            }
            Self::Okp { crv: EdwardsCurve::Ed25519, x } => {
                if x.as_bytes().len() == 32 {
                    Ok(())
                } else {
                    Err(UnusableKey::Coordinate)
                }
            }
        }
    }

    /// The algorithms that the private key may sign with.
    #[must_use]
    pub const fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::Rsa { .. } => &[
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
            ],
            Self::Ec { crv: Curve::P256, .. } => &[Algorithm::Es256],
            Self::Ec { crv: Curve::P384, .. } => &[Algorithm::Es384],
            Self::Ec { crv: Curve::P521, .. } => &[Algorithm::Es512],
            Self::Okp { crv: EdwardsCurve::Ed25519, .. } => &[Algorithm::EdDsa],
        }
    }

    /// Whether the private key may sign with `algorithm`.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms().contains(&algorithm)
    }

    /// RFC 7638, section 3: SHA-256 over the required members only, in lexicographic order, without white space.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let members = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { crv, x, y } => format!(r#"{{"crv":"{}","kty":"EC","x":"{x}","y":"{y}"}}"#, crv.as_str()),
            Self::Okp { crv: EdwardsCurve::Ed25519, x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }
}

/// A public key for signatures, as `jwks_uri` publishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    #[serde(flatten)]
    key: PublicKey,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    /// Left out for a key that signs with more than one algorithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<Algorithm>,
}

impl Jwk {
    /// `key`, named by its thumbprint, for every algorithm that fits it.
    #[must_use]
    pub fn new(key: PublicKey) -> Self {
        let alg = match key.algorithms() {
            [one] => Some(*one),
            _ => None,
        };
        Self { usage: "sig", kid: key.thumbprint(), alg, key }
    }

    /// `key`, named by its thumbprint, for `algorithm` only.
    ///
    /// # Errors
    /// [`UnusableKey::Misfit`] when the algorithm does not fit the key.
    pub fn bound(key: PublicKey, algorithm: Algorithm) -> Result<Self, UnusableKey> {
        if key.fits(algorithm) {
            Ok(Self { alg: Some(algorithm), ..Self::new(key) })
        } else {
            Err(UnusableKey::Misfit(algorithm))
        }
    }

    /// Whether the key signs with `algorithm`.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.alg.map_or_else(|| self.key.fits(algorithm), |own| own == algorithm)
    }

    /// The only algorithm that the key signs with; `None` if there are several.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.alg
    }

    /// The key's `kid`.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.kid
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(json: &str) -> PublicKey {
        serde_json::from_str(json).expect("a key")
    }

    #[test]
    fn the_thumbprints_are_those_of_rfc_7638_section_3_1_and_rfc_8037_appendix_a_3() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let rsa = key(&format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB"}}"#));
        assert_eq!(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        let ed25519 = key(r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#);
        assert_eq!(ed25519.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn an_rsa_key_has_2048_to_8192_bits_and_an_odd_exponent_above_1() {
        let rsa = |bytes: usize, first: u8, last: u8, e: &[u8]| {
            let mut n = vec![0xAA; bytes];
            (n[0], n[bytes - 1]) = (first, last);
            PublicKey::Rsa { n: n.as_slice().into(), e: e.into() }.check()
        };
        for e in [[1, 0, 1].as_slice(), &[3], &[1, 1], &[0x80, 0, 0, 1]] {
            assert_eq!(rsa(256, 0x80, 1, e), Ok(()), "{e:?}");
        }
        assert_eq!(rsa(1024, 0x80, 1, &[3]), Ok(()));
        for e in [[].as_slice(), &[0], &[1], &[2], &[0, 3], &[1, 0], &[1, 0, 0, 0, 1]] {
            assert_eq!(rsa(256, 0x80, 1, e), Err(UnusableKey::Rsa), "{e:?}");
        }
        for (bytes, first, last) in [(255, 0x80, 1), (256, 0x7F, 1), (257, 0, 1), (256, 0x80, 2), (1025, 0x80, 1)] {
            assert_eq!(rsa(bytes, first, last, &[3]), Err(UnusableKey::Rsa), "{bytes} {first} {last}");
        }
    }

    #[test]
    fn a_bound_key_fits_its_own_algorithm_only_and_names_it() {
        let n = format!("u{}", "A".repeat(341));
        let rsa = || PublicKey::Rsa {
            n: URL_SAFE_NO_PAD.decode(&n).expect("base64url").as_slice().into(),
            e: [3].as_slice().into(),
        };
        let bound = Jwk::bound(rsa(), Algorithm::Ps384).expect("it fits");
        let fitting: Vec<_> = Algorithm::ALL.into_iter().filter(|algorithm| bound.fits(*algorithm)).collect();
        assert_eq!((fitting, bound.algorithm()), (vec![Algorithm::Ps384], Some(Algorithm::Ps384)));
        assert_eq!(serde_json::to_value(&bound).expect("JSON")["alg"], "PS384");
        assert_eq!(bound.key_id(), Jwk::new(rsa()).key_id(), "the same key under the same name");
        for misfit in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
            assert_eq!(Jwk::bound(rsa(), misfit), Err(UnusableKey::Misfit(misfit)));
        }
    }

    #[test]
    fn garbage_is_not_a_key() {
        for der in [[].as_slice(), b"garbage", &[0x30, 0]] {
            assert_eq!(PublicKey::from_spki_der(der), Err(UnusableKey::Encoding));
        }
    }
}
