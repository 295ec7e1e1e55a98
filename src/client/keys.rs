//! The public keys that a client registers, to sign its assertions with the private halves (RFC 7523, section 3).

mod problem;

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::{Map, Value};

pub use crate::client::keys::problem::{KeyProblem, LeftOut, OfNoUse, UnusableKeys};
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Curve, EdwardsCurve, PublicKey};

/// Members of private keys, and of secrets (RFC 7518, section 6).
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// A registered key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ClientKey {
    #[serde(flatten)]
    key: PublicKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    /// The only algorithm it may be used with; absent: any that fits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<Algorithm>,
}

/// What a member of a key set is to this service.
enum Member {
    Key(ClientKey),
    OfNoUse(OfNoUse),
}

impl Member {
    /// Private members are looked for first: a private key must not be here, whatever its kind.
    fn parse(members: Map<String, Value>) -> Result<Self, KeyProblem> {
        if PRIVATE_MEMBERS.iter().any(|member| members.contains_key(*member)) {
            return Err(KeyProblem::Private);
        }
        if let Some(reason) = of_no_use(&members)? {
            return Ok(Self::OfNoUse(reason));
        }
        let kid = members.get("kid").map(|kid| kid.as_str().filter(|kid| is_name(kid)).ok_or(KeyProblem::Name));
        let kid = kid.transpose()?.map(str::to_owned);
        let alg = members.get("alg").cloned();
        let key: PublicKey = serde_json::from_value(Value::Object(members)).map_err(|_| KeyProblem::Kind)?;
        key.check().map_err(KeyProblem::Unusable)?;
        if !key.algorithms().iter().any(|algorithm| algorithm.is_of_assertions()) {
            return Ok(Self::OfNoUse(OfNoUse::Unverified));
        }
        let alg = alg.map(|alg| {
            let alg = alg.as_str().and_then(|alg| alg.parse().ok());
            alg.filter(|alg| key.fits(*alg)).ok_or(KeyProblem::Algorithm)
        });
        let alg = alg.transpose()?;
        Ok(Self::Key(ClientKey { key, kid, alg }))
    }
}

/// Why a key is to be left out, judging only by what it says about itself.
fn of_no_use(members: &Map<String, Value>) -> Result<Option<OfNoUse>, KeyProblem> {
    let usage = members.get("use").map(|usage| usage.as_str().ok_or(KeyProblem::Use)).transpose()?;
    let operations =
        members.get("key_ops").map(|operations| operations.as_array().ok_or(KeyProblem::Use)).transpose()?;
    let verifies = operations.is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
    if usage.is_some_and(|usage| usage != "sig") || !verifies {
        return Ok(Some(OfNoUse::Use));
    }
    let kind = members.get("kty").and_then(Value::as_str).ok_or(KeyProblem::Kind)?;
    let curve = || members.get("crv").filter(|curve| curve.is_string()).ok_or(KeyProblem::Kind);
    let is_known = match kind {
        "RSA" => true,
        "EC" => Curve::deserialize(curve()?).is_ok(),
        "OKP" => EdwardsCurve::deserialize(curve()?).is_ok(),
        _ => return Ok(Some(OfNoUse::Kind)),
    };
    if !is_known {
        return Ok(Some(OfNoUse::Curve));
    }
    let is_unknown = |alg: &str| alg.parse::<Algorithm>().is_err();
    Ok(members.get("alg").and_then(Value::as_str).is_some_and(is_unknown).then_some(OfNoUse::Algorithm))
}

fn is_name(kid: &str) -> bool {
    (1..=ClientKeys::MAX_NAME_BYTES).contains(&kid.len())
}

/// A client's key set (RFC 7517, section 5): only public keys, each of which can be used.
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

    /// Parses a key set, as [`ClientKeys::parse_and_tell`] does.
    ///
    /// # Errors
    /// As there.
    pub fn parse(json: &str) -> Result<Self, UnusableKeys> {
        Self::parse_and_tell(json).map(|(keys, _)| keys)
    }

    /// Parses a key set, and tells which of its keys are left out: those of an unknown kind, and those that are not for
    /// verifying signatures (RFC 7517, section 5). Members that mean nothing here are left out too (section 4).
    ///
    /// # Errors
    /// [`UnusableKeys`] when a key in it is private, malformed or too weak, when none is left, or when the set is
    /// malformed or too large.
    pub fn parse_and_tell(json: &str) -> Result<(Self, Vec<LeftOut>), UnusableKeys> {
        if json.len() > Self::MAX_BYTES {
            return Err(UnusableKeys::TooLong);
        }
        let read: Read = serde_json::from_str(json).map_err(|_| UnusableKeys::Malformed)?;
        if !(1..=Self::MAX_KEYS).contains(&read.keys.len()) {
            return Err(UnusableKeys::Count);
        }
        let (mut keys, mut left_out) = (Vec::new(), Vec::new());
        for (members, number) in read.keys.into_iter().zip(1..) {
            let kid = members.get("kid").and_then(Value::as_str).filter(|kid| is_name(kid)).map(str::to_owned);
            match Member::parse(members).map_err(|problem| UnusableKeys::Key { number, problem })? {
                Member::Key(key) => keys.push(key),
                Member::OfNoUse(reason) => left_out.push(LeftOut { number, kid, reason }),
            }
        }
        if keys.is_empty() {
            return Err(UnusableKeys::NoneOfUse(left_out));
        }
        let mut names = HashSet::new();
        if !keys.iter().filter_map(|key| key.kid.as_ref()).all(|kid| names.insert(kid)) {
            return Err(UnusableKeys::SameName);
        }
        Ok((Self(keys), left_out))
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
    use crate::jose::jwk::UnusableKey;

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

    /// What becomes of `key` in a set with another one.
    fn outcome(key: &Value) -> Result<OfNoUse, KeyProblem> {
        match ClientKeys::parse_and_tell(&json!({ "keys": [ed25519(), key] }).to_string()) {
            Err(UnusableKeys::Key { number: 2, problem }) => Err(problem),
            Ok((keys, left_out)) => match left_out.as_slice() {
                [LeftOut { number: 2, reason, .. }] if keys.0.len() == 1 => Ok(*reason),
                other => panic!("{other:?}"),
            },
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

    fn rsa(bytes: usize) -> Value {
        let modulus = [vec![0xFF; bytes - 1], vec![1]].concat();
        let n = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, modulus);
        json!({ "kty": "RSA", "n": n, "e": "AQAB" })
    }

    #[test]
    fn a_key_that_is_private_or_malformed_is_refused_and_one_of_no_use_left_out_with_the_reason() {
        assert!(parse(&[rsa(256), rsa(512)]).is_ok());
        for member in PRIVATE_MEMBERS {
            assert_eq!(outcome(&with(p256(), member, json!("AA"))), Err(KeyProblem::Private), "{member}");
        }
        for (key, expected) in [
            (json!({ "kty": "oct", "k": "c2VjcmV0" }), Err(KeyProblem::Private)),
            (json!({ "kty": "oct" }), Ok(OfNoUse::Kind)),
            (json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }), Ok(OfNoUse::Kind)),
            (json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "priv": "AA" }), Err(KeyProblem::Private)),
            (json!({}), Err(KeyProblem::Kind)),
            (json!({ "kty": 1 }), Err(KeyProblem::Kind)),
            (with(p256(), "crv", json!("secp256k1")), Ok(OfNoUse::Curve)),
            (with(p256(), "crv", json!(256)), Err(KeyProblem::Kind)),
            (with(ed25519(), "crv", json!("X25519")), Ok(OfNoUse::Curve)),
            (with(ed25519(), "crv", json!("Ed448")), Ok(OfNoUse::Curve)),
            (with(with(p256(), "crv", json!("secp256k1")), "d", json!("AA")), Err(KeyProblem::Private)),
            (with(p256(), "x", json!("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=")), Err(KeyProblem::Kind)),
            (with(p256(), "x", json!("AA")), Err(KeyProblem::Unusable(UnusableKey::Coordinate))),
            (with(p256(), "crv", json!("P-384")), Err(KeyProblem::Unusable(UnusableKey::Coordinate))),
            (with(ed25519(), "x", json!("AA")), Err(KeyProblem::Unusable(UnusableKey::Coordinate))),
            (rsa(255), Err(KeyProblem::Unusable(UnusableKey::Rsa))),
            (rsa(1025), Err(KeyProblem::Unusable(UnusableKey::Rsa))),
            (json!({ "kty": "EC", "crv": "P-521", "x": "A".repeat(88), "y": "A".repeat(88) }), Ok(OfNoUse::Unverified)),
            (with(p256(), "use", json!("enc")), Ok(OfNoUse::Use)),
            (with(with(p256(), "use", json!("enc")), "d", json!("AA")), Err(KeyProblem::Private)),
            (with(p256(), "use", json!(1)), Err(KeyProblem::Use)),
            (with(p256(), "key_ops", json!(["sign"])), Ok(OfNoUse::Use)),
            (with(p256(), "key_ops", json!(["deriveKey"])), Ok(OfNoUse::Use)),
            (with(p256(), "key_ops", json!("verify")), Err(KeyProblem::Use)),
            (with(p256(), "alg", json!("ES384")), Err(KeyProblem::Algorithm)),
            (with(p256(), "alg", json!("HS256")), Err(KeyProblem::Algorithm)),
            (with(p256(), "alg", json!("none")), Ok(OfNoUse::Algorithm)),
            (with(rsa(256), "alg", json!("RSA-OAEP-256")), Ok(OfNoUse::Algorithm)),
            (with(p256(), "alg", json!(1)), Err(KeyProblem::Algorithm)),
            (with(p256(), "kid", json!("")), Err(KeyProblem::Name)),
            (with(p256(), "kid", json!(1)), Err(KeyProblem::Name)),
            (with(p256(), "kid", json!("k".repeat(257))), Err(KeyProblem::Name)),
        ] {
            assert_eq!(outcome(&key), expected, "{key}");
        }
    }

    #[test]
    fn what_is_left_out_is_named_by_its_place_and_its_kid_which_steers_no_terminal() {
        let encryption = with(with(rsa(256), "use", json!("enc")), "kid", json!("e\u{1b}[2J"));
        let keys = [encryption.clone(), ed25519(), json!({ "kty": "oct" })];
        let (_, left_out) = ClientKeys::parse_and_tell(&json!({ "keys": keys }).to_string()).expect("a key is left");
        let told: Vec<_> = left_out.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                r#"key 1 ("e\u{1b}[2J") is not for verifying signatures: its use is not sig, or its key_ops lack verify"#,
                "key 3 has a kty that is not known here: choose RSA, EC or OKP",
            ]
        );
        let refused = parse(&[encryption, json!({ "kty": "oct" })]).expect_err("none is left").to_string();
        assert_eq!(refused, format!("no key of the set can be used: {}; {}", told[0], told[1].replace('3', "2")));
    }

    #[test]
    fn a_key_that_is_left_out_counts_with_the_others_and_its_kid_does_not() {
        let named = |key| with(key, "kid", json!("a"));
        let encryption = named(with(rsa(256), "use", json!("enc")));
        assert!(parse(&[encryption.clone(), named(p256())]).is_ok());
        assert_eq!(parse(&[vec![encryption; 10], vec![p256()]].concat()), Err(UnusableKeys::Count));
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
