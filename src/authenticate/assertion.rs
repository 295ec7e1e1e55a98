//! Client assertions, `private_key_jwt` (RFC 7521, section 4.2; RFC 7523, sections 2.2 and 3; OpenID Connect Core,
//! section 9): a JWT that proves that its client holds a private key, and that works only once.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, de};
use serde_json::Number;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::client::id::ClientId;
use crate::client::keys::ClientKeys;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::jose::algorithm::Algorithm;
use crate::jose::jws::Compact;
use crate::random::Random;
use crate::store::assertions::UsedAssertions;
use crate::store::outcome::Created;

/// The value of `client_assertion_type` (RFC 7523, section 2.2).
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The longest assertion, in bytes.
const MAX_BYTES: usize = 8 * 1024;
/// The longest `jti`, in bytes.
const MAX_ID_BYTES: usize = 256;
/// How far ahead `exp` may be.
const MAX_LIFETIME: Duration = Duration::from_mins(5);
/// How far the client's clock may differ from this one.
const SKEW: Duration = Duration::from_mins(1);

/// Why an assertion is not accepted. This is for the log: the client is told `invalid_client` in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RefusedAssertion {
    #[error("the assertion is of another type, missing, or too long")]
    Kind,
    #[error("the assertion is not a signed JWT with the claims it must have")]
    Malformed,
    #[error("the assertion is signed with an algorithm that is not accepted")]
    Algorithm,
    #[error("the assertion has the typ of another kind of token, or critical extensions")]
    Header,
    #[error("the assertion's subject is not the client_id of the request")]
    OtherClient,
    #[error("no key of the client verifies the assertion")]
    Signature,
    #[error("the assertion's issuer is not its subject")]
    Issuer,
    #[error("the assertion is for another audience")]
    Audience,
    #[error("the assertion has expired")]
    Expired,
    #[error("the assertion expires too far ahead")]
    TooLong,
    #[error("the assertion's nbf or iat is in the future, or after its exp")]
    Times,
    #[error("the assertion's jti is empty or too long")]
    Id,
    #[error("the assertion was used before")]
    Replayed,
}

/// The header (RFC 7515, section 4.1).
#[derive(Deserialize)]
struct AssertionHeader {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

impl AssertionHeader {
    /// No extension is understood here. A `typ`, if the client sends one, says what the token is meant for.
    fn is_of_an_assertion(&self) -> bool {
        const TYPES: [&str; 2] = ["JWT", "client-authentication+jwt"];
        let is_known = |typ: &String| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known));
        !self.crit && self.typ.as_ref().is_none_or(is_known)
    }
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// The claims (RFC 7523, section 3).
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audiences,
    #[serde(deserialize_with = "numeric_date")]
    exp: Timestamp,
    #[serde(default, deserialize_with = "optional_numeric_date")]
    nbf: Option<Timestamp>,
    #[serde(default, deserialize_with = "optional_numeric_date")]
    iat: Option<Timestamp>,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl Audiences {
    fn name_one_of(&self, accepted: &[String]) -> bool {
        match self {
            Self::One(one) => accepted.contains(one),
            Self::Many(many) => many.iter().any(|one| accepted.contains(one)),
        }
    }
}

/// Seconds since 1970, without their fraction (RFC 7519, section 2). A number so large or so small that it is written
/// with an exponent is not a date.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let number = Number::deserialize(deserializer)?.to_string();
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let seconds = whole.parse().ok().filter(|_| fraction.bytes().all(|byte| byte.is_ascii_digit()));
    seconds.map(Timestamp::from_unix).ok_or_else(|| de::Error::custom("not a NumericDate"))
}

fn optional_numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    numeric_date(deserializer).map(Some)
}

/// An assertion as it was presented. Nothing in it may be believed yet.
pub(super) struct Assertion {
    signed: Zeroizing<String>,
    signature: Zeroizing<Vec<u8>>,
    algorithm: Algorithm,
    key_id: Option<String>,
    claims: Claims,
}

impl Assertion {
    /// Reads a JWT in compact serialisation (RFC 7515, section 7.1).
    pub(super) fn read(text: &str) -> Result<Self, RefusedAssertion> {
        if text.len() > MAX_BYTES {
            return Err(RefusedAssertion::Kind);
        }
        let jwt = Compact::read(text).ok_or(RefusedAssertion::Malformed)?;
        let header: AssertionHeader = jwt.header().ok_or(RefusedAssertion::Malformed)?;
        let claims = jwt.claims().ok_or(RefusedAssertion::Malformed)?;
        let algorithm = Algorithm::of_assertions().find(|algorithm| algorithm.as_str() == header.alg);
        let algorithm = algorithm.ok_or(RefusedAssertion::Algorithm)?;
        if !header.is_of_an_assertion() {
            return Err(RefusedAssertion::Header);
        }
        let Compact { signed, signature, .. } = jwt;
        Ok(Self { signed: Zeroizing::new(signed.to_owned()), signature, algorithm, key_id: header.kid, claims })
    }

    /// The client that it claims to come from: for looking up that client's keys, and for nothing else.
    pub(super) fn claimed_client(&self) -> &str {
        &self.claims.sub
    }

    /// `exp`, `nbf` and `iat`, for the fuzz targets.
    #[cfg(fuzzing)]
    pub(super) fn times(&self) -> [Option<Timestamp>; 3] {
        [Some(self.claims.exp), self.claims.nbf, self.claims.iat]
    }

    /// Whether one of `keys` signed it. If none of them can have, a decoy is tried instead, so that the work does not
    /// reveal whether there is such a client.
    fn is_signed_by(&self, keys: Option<&ClientKeys>) -> bool {
        static DECOYS: LazyLock<Option<ClientKeys>> =
            LazyLock::new(|| ClientKeys::parse(include_str!("decoys.json")).ok());
        let key_id = self.key_id.as_deref();
        let verifies = |keys: &ClientKeys| {
            let mut verified = None;
            for key in keys.fitting(self.algorithm, key_id) {
                verified = Some(key.verify(self.algorithm, self.signed.as_bytes(), &self.signature));
                if verified == Some(true) {
                    break;
                }
            }
            verified
        };
        keys.and_then(verifies).unwrap_or_else(|| {
            let _: Option<bool> = DECOYS.as_ref().and_then(verifies);
            false
        })
    }
}

/// An assertion that proves its client, provided that it has not been used before. Only [`Assertions::verify`] makes
/// one.
pub(super) struct Unspent {
    /// A digest of its client and its identifier, under which its use is stored.
    digest: [u8; 32],
    /// When no instance accepts it any more.
    not_after: Timestamp,
}

impl Unspent {
    fn new(client: &ClientId, jti: &str, exp: Timestamp) -> Self {
        // A client id holds no NUL, so no two pairs are written alike.
        let digest = Sha256::new().chain_update(client.as_str()).chain_update([0]).chain_update(jti).finalize();
        // An instance whose clock is behind accepts it for a little longer.
        Self { digest: digest.into(), not_after: exp + 2 * SKEW }
    }
}

/// What assertions are checked against, and where their use is recorded.
pub struct Assertions {
    audiences: Vec<String>,
    used: UsedAssertions,
    random: Arc<dyn Random>,
}

impl Assertions {
    /// Checks assertions that name one of `audiences`: the issuer, and the token endpoint under each of its URLs.
    #[must_use]
    pub fn new(audiences: Vec<String>, used: UsedAssertions, random: Arc<dyn Random>) -> Self {
        Self { audiences, used, random }
    }

    /// Checks everything about an assertion of `client`, whose keys are `keys`, except whether it has been used before:
    /// first the signature, then what it signs.
    pub(super) fn verify(
        &self,
        assertion: &Assertion,
        client: &ClientId,
        keys: Option<&ClientKeys>,
        now: Timestamp,
    ) -> Result<Unspent, RefusedAssertion> {
        if !assertion.is_signed_by(keys) {
            return Err(RefusedAssertion::Signature);
        }
        let Claims { iss, sub, aud, exp, nbf, iat, jti } = &assertion.claims;
        let latest = now + SKEW;
        let is_sane = |time: &Option<Timestamp>| time.is_none_or(|time| time <= latest && time <= *exp);
        if sub != client.as_str() {
            Err(RefusedAssertion::OtherClient)
        } else if iss != sub {
            Err(RefusedAssertion::Issuer)
        } else if !aud.name_one_of(&self.audiences) {
            Err(RefusedAssertion::Audience)
        } else if now >= *exp + SKEW {
            Err(RefusedAssertion::Expired)
        } else if *exp > latest + MAX_LIFETIME {
            Err(RefusedAssertion::TooLong)
        } else if !is_sane(nbf) || !is_sane(iat) {
            Err(RefusedAssertion::Times)
        } else if !(1..=MAX_ID_BYTES).contains(&jti.len()) {
            Err(RefusedAssertion::Id)
        } else {
            Ok(Unspent::new(client, jti, *exp))
        }
    }

    /// Uses an assertion up: of any number of requests with it, only one gets through.
    ///
    /// # Errors
    /// `invalid_client` when it has been used before; [`Error::unavailable`] when the store does not answer.
    pub(super) async fn spend(&self, assertion: Unspent) -> Result<(), Error> {
        let attempt = URL_SAFE_NO_PAD.encode(*self.random.bytes::<16>()?);
        match self.used.put(&assertion.digest, &attempt, assertion.not_after).await? {
            Created::Written => Ok(()),
            Created::AlreadyThere => Err(Error::invalid_client().because(RefusedAssertion::Replayed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use serde_json::{Value, json};

    use super::*;

    const NOW: u64 = 1_767_225_600;

    fn pair() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key")
    }

    fn keys() -> ClientKeys {
        let x = URL_SAFE_NO_PAD.encode(pair().public_key());
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        ClientKeys::parse(&json!({ "keys": [key] }).to_string()).expect("a key set")
    }

    fn signed(header: &[u8], claims: &[u8]) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(pair().sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn good() -> String {
        let claims: Value = json!({ "iss": "app", "sub": "app", "aud": "https://id", "exp": NOW + 60, "jti": "1" });
        signed(br#"{"alg":"EdDSA"}"#, claims.to_string().as_bytes())
    }

    fn is_signed(text: &str) -> bool {
        Assertion::read(text).is_ok_and(|assertion| assertion.is_signed_by(Some(&keys())))
    }

    #[test]
    fn the_decoys_are_keys_for_every_algorithm_and_let_nobody_in() {
        let decoys = ClientKeys::parse(include_str!("decoys.json")).expect("a key set");
        for algorithm in Algorithm::of_assertions() {
            assert_eq!(decoys.fitting(algorithm, Some("any")).count(), 1, "{algorithm}");
        }
        let assertion = Assertion::read(&good()).expect("an assertion");
        assert!(assertion.is_signed_by(Some(&keys())));
        assert!(!assertion.is_signed_by(None) && !assertion.is_signed_by(Some(&decoys)));
    }

    #[test]
    fn a_date_is_a_number_with_or_without_a_fraction() {
        let exp = |exp: &str| {
            let claims = format!(r#"{{"iss":"app","sub":"app","aud":[],"exp":{exp},"jti":"1"}}"#);
            Assertion::read(&signed(br#"{"alg":"EdDSA"}"#, claims.as_bytes()))
                .map(|read| read.claims.exp.as_unix())
                .ok()
        };
        for (text, seconds) in
            [("5", Some(5)), ("5.9", Some(5)), ("1.5e9", Some(1_500_000_000)), ("18446744073709551615", Some(u64::MAX))]
        {
            assert_eq!(exp(text), seconds, "{text}");
        }
        for text in ["-1", "-1.5", "\"5\"", "null", "[]", "1e300", "1e999", "true"] {
            assert_eq!(exp(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_far_ahead_is_not_read_as_one_long_ago() {
        let nbf = |nbf: &str| {
            let claims = format!(r#"{{"iss":"app","sub":"app","aud":[],"exp":5,"nbf":{nbf},"jti":"1"}}"#);
            Assertion::read(&signed(br#"{"alg":"EdDSA"}"#, claims.as_bytes())).map(|read| read.claims.nbf).ok()
        };
        assert_eq!(nbf("1.5"), Some(Some(Timestamp::from_unix(1))));
        for text in ["1.5e300", "1.5e17", "18446744703709551616", "1.5e-7"] {
            assert_eq!(nbf(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_never_accepted(text in "\\PC{0,64}|[A-Za-z0-9_.-]{0,128}") {
            prop_assert!(!is_signed(&text));
        }

        #[test]
        fn any_header_and_claims_are_read_or_refused(
            header in prop::collection::vec(any::<u8>(), 0..64),
            claims in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            prop_assert!(!is_signed(&signed(&header, &claims)));
        }

        #[test]
        fn an_assertion_with_any_other_byte_is_not_accepted(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let good = good();
            let mut changed = good.clone().into_bytes();
            changed[at.index(good.len())] = byte;
            if let Ok(changed) = String::from_utf8(changed) {
                prop_assert_eq!(is_signed(&changed), changed == good);
            }
        }
    }
}
