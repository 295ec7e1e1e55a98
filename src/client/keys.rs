//! The public keys that a client registers, to sign its assertions with the private halves (RFC 7523, section 3).

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::signing::Algorithm;
use crate::signing::jwk::{PublicKey, UnusableKey};

/// Members of private keys, and of secrets (RFC 7518, section 6).
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

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
    /// Two keys have the same name.
    #[error("two keys have the same kid")]
    SameName,
    /// A key cannot be used.
    #[error("key {number} of the set {problem}")]
    Key {
        /// Which key, counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: KeyProblem,
    },
}

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// It is private, or a secret.
    #[error("is private, or a secret: register the public half alone")]
    Private,
    /// It is not for signatures.
    #[error("is not for verifying signatures: its use is not sig, or its key_ops lack verify")]
    Use,
    /// Its kind is unknown, or its members are malformed.
    #[error("is not an RSA, P-256, P-384 or Ed25519 public key in JWK form")]
    Kind,
    /// Its numbers are wrong.
    #[error("{0}")]
    Unusable(UnusableKey),
    /// It signs with nothing that is verified here.
    #[error("is on P-521, for which signatures are not verified here: take P-256, P-384, Ed25519 or RSA")]
    Unverified,
    /// Its `alg` is not one of its kind.
    #[error("has an alg that does not fit it")]
    Algorithm,
    /// Its `kid` is not a string of reasonable length.
    #[error("has a kid that is not a string of 1 to {} bytes", ClientKeys::MAX_NAME_BYTES)]
    Name,
}

/// A registered key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ClientKey {
    #[serde(flatten)]
    key: PublicKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    /// The one algorithm it may be used with; absent: each that fits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<Algorithm>,
}

impl ClientKey {
    fn parse(members: Map<String, Value>) -> Result<Self, KeyProblem> {
        if PRIVATE_MEMBERS.iter().any(|member| members.contains_key(*member)) {
            return Err(KeyProblem::Private);
        }
        let is_verify = |operation: &Value| operation == "verify";
        let verifies = |operations: &Value| operations.as_array().is_some_and(|array| array.iter().any(is_verify));
        let for_signatures = members.get("use").is_none_or(|usage| usage == "sig");
        if !for_signatures || !members.get("key_ops").is_none_or(verifies) {
            return Err(KeyProblem::Use);
        }
        let kid = members.get("kid").map(|kid| kid.as_str().filter(|kid| is_name(kid)).ok_or(KeyProblem::Name));
        let kid = kid.transpose()?.map(str::to_owned);
        let alg = members.get("alg").cloned();
        let key: PublicKey = serde_json::from_value(Value::Object(members)).map_err(|_| KeyProblem::Kind)?;
        key.check().map_err(KeyProblem::Unusable)?;
        if !key.algorithms().iter().any(|algorithm| Algorithm::OF_ASSERTIONS.contains(algorithm)) {
            return Err(KeyProblem::Unverified);
        }
        let alg = alg.map(|alg| {
            let alg = alg.as_str().and_then(|alg| alg.parse().ok());
            alg.filter(|alg| key.fits(*alg)).ok_or(KeyProblem::Algorithm)
        });
        let alg = alg.transpose()?;
        Ok(Self { key, kid, alg })
    }
}

fn is_name(kid: &str) -> bool {
    (1..=ClientKeys::MAX_NAME_BYTES).contains(&kid.len())
}

/// A client's key set (RFC 7517, section 5): public keys alone, each of which can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKeys(Vec<ClientKey>);

#[derive(Serialize)]
struct Written<'a> {
    keys: &'a [ClientKey],
}

#[derive(Deserialize)]
struct Read {
    keys: Vec<Map<String, Value>>,
}

impl ClientKeys {
    /// The longest key set that is read, in bytes.
    pub const MAX_BYTES: usize = 16 * 1024;
    /// The most keys in a set.
    pub const MAX_KEYS: usize = 10;
    /// The longest `kid`, in bytes.
    pub const MAX_NAME_BYTES: usize = 256;

    /// Parses a key set. Members that mean nothing here are left out (RFC 7517, section 4).
    ///
    /// # Errors
    /// [`UnusableKeys`] when a key in it is private, too weak, of another kind, or not for signatures, or when the set
    /// is malformed or too large.
    pub fn parse(json: &str) -> Result<Self, UnusableKeys> {
        if json.len() > Self::MAX_BYTES {
            return Err(UnusableKeys::TooLong);
        }
        let read: Read = serde_json::from_str(json).map_err(|_| UnusableKeys::Malformed)?;
        if !(1..=Self::MAX_KEYS).contains(&read.keys.len()) {
            return Err(UnusableKeys::Count);
        }
        let parse =
            |(at, members)| ClientKey::parse(members).map_err(|problem| UnusableKeys::Key { number: at + 1, problem });
        let keys: Vec<ClientKey> = read.keys.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        let mut names = HashSet::new();
        if !keys.iter().filter_map(|key| key.kid.as_ref()).all(|kid| names.insert(kid)) {
            return Err(UnusableKeys::SameName);
        }
        Ok(Self(keys))
    }

    /// The keys that may have signed with `algorithm` under the name `kid`. A key without a name fits every name.
    pub(crate) fn fitting(&self, algorithm: Algorithm, kid: Option<&str>) -> impl Iterator<Item = &PublicKey> {
        let fits = move |key: &&ClientKey| {
            let named = kid.is_none_or(|kid| key.kid.as_deref().is_none_or(|own| own == kid));
            named && key.key.fits(algorithm) && key.alg.is_none_or(|alg| alg == algorithm)
        };
        self.0.iter().filter(fits).map(|key| &key.key)
    }

    /// The keys' names, or where they have none their thumbprints (RFC 7638), for listings.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|key| key.kid.clone().unwrap_or_else(|| key.key.thumbprint()))
    }
}

/// Written as JSON text, and parsed as strictly when it is read again.
impl Serialize for ClientKeys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = serde_json::to_string(&Written { keys: &self.0 }).map_err(ser::Error::custom)?;
        serializer.serialize_str(&json)
    }
}

impl<'de> Deserialize<'de> for ClientKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// RFC 7515, appendix A.3.
    fn p256() -> Value {
        json!({
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    }

    /// RFC 8037, appendix A.2.
    fn ed25519() -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
    }

    fn with(key: Value, member: &str, value: Value) -> Value {
        let Value::Object(mut members) = key else { panic!("a key is an object") };
        members.insert(member.to_owned(), value);
        Value::Object(members)
    }

    fn parse(keys: &[Value]) -> Result<ClientKeys, UnusableKeys> {
        ClientKeys::parse(&json!({ "keys": keys }).to_string())
    }

    fn problem(key: Value) -> KeyProblem {
        match parse(&[ed25519(), key]) {
            Err(UnusableKeys::Key { number: 2, problem }) => problem,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_set_is_written_without_what_means_nothing_and_read_again() {
        let key = with(with(with(p256(), "kid", json!("a")), "use", json!("sig")), "x5c", json!(["x"]));
        let keys = parse(&[with(key, "alg", json!("ES256")), with(ed25519(), "key_ops", json!(["verify"]))]);
        let keys = keys.expect("a key set");
        let written = serde_json::to_value(&keys).expect("text");
        assert!(!written.as_str().expect("text").contains("x5c"));
        assert_eq!(serde_json::from_value::<ClientKeys>(written).expect("a key set"), keys);
        let names: Vec<_> = keys.names().collect();
        assert_eq!(names, ["a", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]);
    }

    #[test]
    fn a_key_that_is_private_or_of_no_use_is_refused_with_the_reason() {
        let n = |bytes: usize| {
            let modulus = [vec![0xFF; bytes - 1], vec![1]].concat();
            base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, modulus)
        };
        let rsa = |bytes| json!({ "kty": "RSA", "n": n(bytes), "e": "AQAB" });
        assert!(parse(&[rsa(256), rsa(512)]).is_ok());
        for member in PRIVATE_MEMBERS {
            assert_eq!(problem(with(p256(), member, json!("AA"))), KeyProblem::Private, "{member}");
        }
        for (key, expected) in [
            (json!({ "kty": "oct", "k": "c2VjcmV0" }), KeyProblem::Private),
            (json!({ "kty": "oct" }), KeyProblem::Kind),
            (json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }), KeyProblem::Kind),
            (json!({}), KeyProblem::Kind),
            (with(p256(), "crv", json!("secp256k1")), KeyProblem::Kind),
            (with(ed25519(), "crv", json!("X25519")), KeyProblem::Kind),
            (with(p256(), "x", json!("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=")), KeyProblem::Kind),
            (with(p256(), "x", json!("AA")), KeyProblem::Unusable(UnusableKey::Coordinate)),
            (with(p256(), "crv", json!("P-384")), KeyProblem::Unusable(UnusableKey::Coordinate)),
            (with(ed25519(), "x", json!("AA")), KeyProblem::Unusable(UnusableKey::Coordinate)),
            (rsa(255), KeyProblem::Unusable(UnusableKey::Rsa)),
            (rsa(1025), KeyProblem::Unusable(UnusableKey::Rsa)),
            (json!({ "kty": "EC", "crv": "P-521", "x": "A".repeat(88), "y": "A".repeat(88) }), KeyProblem::Unverified),
            (with(p256(), "use", json!("enc")), KeyProblem::Use),
            (with(p256(), "key_ops", json!(["sign"])), KeyProblem::Use),
            (with(p256(), "key_ops", json!("verify")), KeyProblem::Use),
            (with(p256(), "alg", json!("ES384")), KeyProblem::Algorithm),
            (with(p256(), "alg", json!("HS256")), KeyProblem::Algorithm),
            (with(p256(), "alg", json!("none")), KeyProblem::Algorithm),
            (with(p256(), "alg", json!(1)), KeyProblem::Algorithm),
            (with(p256(), "kid", json!("")), KeyProblem::Name),
            (with(p256(), "kid", json!(1)), KeyProblem::Name),
            (with(p256(), "kid", json!("k".repeat(257))), KeyProblem::Name),
        ] {
            assert_eq!(problem(key.clone()), expected, "{key}");
        }
    }

    #[test]
    fn a_set_is_bounded_and_well_formed() {
        assert!(parse(&vec![p256(); 10]).is_ok());
        assert_eq!(parse(&vec![p256(); 11]), Err(UnusableKeys::Count));
        assert_eq!(parse(&[]), Err(UnusableKeys::Count));
        let named = with(p256(), "kid", json!("a"));
        assert_eq!(parse(&[named.clone(), named]), Err(UnusableKeys::SameName));
        for text in ["", "{}", "[]", "null", r#"{"keys":{}}"#, r#"{"keys":["x"]}"#, &p256().to_string()] {
            assert_eq!(ClientKeys::parse(text), Err(UnusableKeys::Malformed), "{text}");
        }
        let long = format!("{}{}", json!({ "keys": [p256()] }), " ".repeat(ClientKeys::MAX_BYTES));
        assert_eq!(ClientKeys::parse(&long), Err(UnusableKeys::TooLong));
    }

    #[test]
    fn keys_are_chosen_by_name_and_by_algorithm() {
        let keys = parse(&[with(p256(), "kid", json!("a")), with(p256(), "alg", json!("ES256")), ed25519()]);
        let keys = keys.expect("a key set");
        let count = |algorithm, kid| keys.fitting(algorithm, kid).count();
        assert_eq!(count(Algorithm::Es256, None), 2);
        assert_eq!(count(Algorithm::Es256, Some("a")), 2, "a key without a name fits every name");
        assert_eq!(count(Algorithm::Es256, Some("b")), 1);
        assert_eq!(count(Algorithm::EdDsa, Some("b")), 1);
        assert_eq!(count(Algorithm::Es384, None), 0);
        assert_eq!(count(Algorithm::Hs256, None), 0);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,64}|[\\[\\]{}\":,a-z0-9]{0,64}") {
            let _ = ClientKeys::parse(&text);
        }
    }
}
