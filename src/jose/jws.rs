//! JSON Web Tokens in compact serialisation (RFC 7515, section 7.1): assembled, and taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::json::{Object, Value};

/// The longest token that is signed, in bytes: no request could present a longer one.
pub const MAX_BYTES: usize = 16 * 1024;
/// The length of the longest encoded signature, which is that of an RSA key of 8192 bits.
const MAX_SIGNATURE_CHARACTERS: usize = 1366;

/// Why a token cannot be assembled.
#[derive(Debug, Error)]
pub enum Unsignable {
    /// It is longer than any that could be presented.
    #[error(
        "the header and claims of the token to be signed have {bytes} bytes, and no request could present more than {MAX_BYTES} including the signature"
    )]
    TooLong {
        /// The length of header and claims, encoded.
        bytes: usize,
    },
    /// The claims could not be written as JSON.
    #[error("the claims could not be serialised")]
    Claims(#[from] serde_json::Error),
}

/// The header of what is signed.
#[derive(Serialize)]
pub(crate) struct Header<'a> {
    pub(crate) typ: &'a str,
    pub(crate) alg: Algorithm,
    pub(crate) kid: &'a str,
}

#[derive(Deserialize)]
struct ReadHeader {
    typ: String,
    alg: Algorithm,
    kid: String,
}

/// What is signed: a header with `typ`, `alg` and `kid`, and `claims`, which are JSON.
///
/// # Errors
/// [`Unsignable`] when the token would be too long, whichever key signs it.
pub(crate) fn to_sign(typ: &str, alg: Algorithm, kid: &str, claims: &[u8]) -> Result<String, Unsignable> {
    let mut signed = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&Header { typ, alg, kid })?);
    signed.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut signed);
    if signed.len() + 1 + MAX_SIGNATURE_CHARACTERS <= MAX_BYTES {
        Ok(signed)
    } else {
        Err(Unsignable::TooLong { bytes: signed.len() })
    }
}

/// The token that consists of what was signed and its signature.
pub(crate) fn with_signature(mut signed: String, signature: &[u8]) -> String {
    signed.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut signed);
    signed
}

/// A token taken apart, with each part except the signature still encoded. Nothing in it has been verified.
pub(crate) struct Compact<'a> {
    header: &'a str,
    claims: &'a str,
    /// What the signature covers.
    pub(crate) signed: &'a str,
    pub(crate) signature: Zeroizing<Vec<u8>>,
}

impl<'a> Compact<'a> {
    /// `None` for text that is not three parts, the last of them in base64url.
    pub(crate) fn read(jwt: &'a str) -> Option<Self> {
        let (signed, signature) = jwt.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let signature = Zeroizing::new(URL_SAFE_NO_PAD.decode(signature).ok()?);
        Some(Self { header, claims, signed, signature })
    }

    pub(crate) fn header<T: DeserializeOwned>(&self) -> Option<T> {
        json(self.header)
    }

    pub(crate) fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        json(self.claims)
    }
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&Zeroizing::new(URL_SAFE_NO_PAD.decode(part).ok()?)).ok()
}

/// What a token must say about itself before any work is done on its signature.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its `typ` header parameter.
    pub typ: &'a str,
    /// Its `iss`.
    pub issuer: &'a Issuer,
    /// The time at which it must not have expired.
    pub now: Timestamp,
}

/// A token that says what is expected, but has not been verified: what it says may only be used to refuse it.
pub(crate) struct Unverified<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: String,
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Zeroizing<Vec<u8>>,
    claims: Object,
}

impl<'a> Unverified<'a> {
    /// `None` for text that no key of this service can have signed, or that is not what is expected.
    pub(crate) fn read(jwt: &'a str, expected: &Expected<'_>) -> Option<Self> {
        if jwt.len() > MAX_BYTES {
            return None;
        }
        let jwt = Compact::read(jwt)?;
        let header: ReadHeader = jwt.header()?;
        if header.typ != expected.typ {
            return None;
        }
        let claims: Object = jwt.claims()?;
        let is_of_issuer = claims.get("iss").and_then(Value::as_str) == Some(expected.issuer.as_str());
        let is_live =
            claims.get("exp").and_then(Value::as_u64).is_some_and(|exp| expected.now < Timestamp::from_unix(exp));
        let ReadHeader { alg: algorithm, kid: key_id, .. } = header;
        let Compact { signed, signature, .. } = jwt;
        (is_of_issuer && is_live).then_some(Self { algorithm, key_id, signed: signed.as_bytes(), signature, claims })
    }

    /// Its claims, for a caller that has verified the signature.
    pub(crate) fn verified(self) -> Object {
        self.claims
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000);

    fn reads(header: &Value, claims: &Value) -> bool {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        reads_text(&format!("{}.{}.AAAA", part(header), part(claims)))
    }

    fn reads_text(jwt: &str) -> bool {
        let issuer = Issuer::parse("https://id.example.com").expect("an issuer");
        Unverified::read(jwt, &Expected { typ: "at+jwt", issuer: &issuer, now: NOW }).is_some()
    }

    #[test]
    fn a_token_that_does_not_say_what_is_expected_is_refused_unverified() {
        let header = json!({"typ": "at+jwt", "alg": "HS256", "kid": "k"});
        let claims = json!({"iss": "https://id.example.com", "exp": 1_001});
        assert!(reads(&header, &claims));
        for (member, value) in [
            ("typ", json!("JWT")),
            ("typ", json!(null)),
            ("alg", json!("none")),
            ("alg", json!(1)),
            ("kid", json!(null)),
        ] {
            let mut other = header.clone();
            other[member] = value;
            assert!(!reads(&other, &claims), "{other}");
        }
        for (member, value) in [
            ("iss", json!("https://id.example.com/")),
            ("iss", json!(null)),
            ("exp", json!(1_000)),
            ("exp", json!("1001")),
            ("exp", json!(1_001.5)),
            ("exp", json!(null)),
        ] {
            let mut other = claims.clone();
            other[member] = value;
            assert!(!reads(&header, &other), "{other}");
        }
        assert!(!reads(&header, &json!(["iss"])) && !reads(&json!([]), &claims));
    }

    #[test]
    fn a_token_has_three_parts_of_base64url() {
        let jwt = with_signature(
            to_sign("at+jwt", Algorithm::Es256, "k", br#"{"iss":"https://id.example.com","exp":2000}"#).expect("JSON"),
            &[1; 64],
        );
        assert!(reads_text(&jwt));
        let parts: Vec<_> = jwt.split('.').collect();
        let [header, claims, signature] = parts[..] else { panic!("three parts") };
        for text in [
            String::new(),
            "..".to_owned(),
            format!("{header}.{claims}"),
            format!("{header}.{claims}.{claims}.{signature}"),
            format!("{header}.{claims}.{signature}="),
            format!("{header}.{claims}=.{signature}"),
            format!("{header} .{claims}.{signature}"),
        ] {
            assert!(!reads_text(&text), "{text}");
        }
    }

    #[test]
    fn a_token_that_is_longer_than_any_that_is_signed_is_not_decoded() {
        let claims = |bytes: usize| {
            json!({"iss": "https://id.example.com", "exp": 2_000, "x": "x".repeat(bytes)}).to_string().into_bytes()
        };
        let longest = (0..MAX_BYTES)
            .rev()
            .find_map(|bytes| to_sign("at+jwt", Algorithm::Rs512, "k", &claims(bytes)).ok())
            .expect("a length");
        let jwt = with_signature(longest, &[1; 1024]);
        assert!((MAX_BYTES - 4..=MAX_BYTES).contains(&jwt.len()), "{}", jwt.len());
        assert!(reads_text(&jwt));
        assert!(!reads_text(&format!("{jwt}AAAA")));
    }
}
