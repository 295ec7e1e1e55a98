//! JWTs: made, read and verified by libraries that the service does not use.

#![expect(clippy::expect_used, reason = "a token that cannot be read has failed its test")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use p521::ecdsa::signature::Verifier as _;
use p521::ecdsa::{Signature, VerifyingKey};
use serde_json::{Value, json};

use crate::rig::app::TestApp;

/// The header and the claims of a JWT, verified with only what `/oauth2/jwks` publishes.
pub(crate) async fn verified_claims(app: &TestApp, jwt: &str) -> (Value, Value) {
    let published = app.get("/oauth2/jwks").await.succeeded().json();
    let header = part(jwt, 0);
    if header["alg"] == "ES512" {
        verify_es512(&published, jwt);
        return (header, part(jwt, 1));
    }
    let keys: JwkSet = serde_json::from_value(published).expect("a key set");
    let key = keys.find(header["kid"].as_str().expect("a kid")).expect("a published key");
    let key = DecodingKey::from_jwk(key).expect("a usable key");
    (header, decoded(jwt, &key))
}

/// The claims of a JWT, verified by `jsonwebtoken`.
pub(crate) fn decoded(jwt: &str, key: &DecodingKey) -> Value {
    let mut validation = Validation::new(decode_header(jwt).expect("a header").alg);
    // The tests' clock is not the machine's.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    decode::<Value>(jwt, key, &validation).expect("a good signature").claims
}

/// By `p521`: `jsonwebtoken` has no ES512.
fn verify_es512(published: &Value, jwt: &str) {
    let keys = published["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["kid"] == part(jwt, 0)["kid"]).expect("a published key");
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("EC"), &json!("P-521"), &json!("ES512")));
    let point = [vec![4], bytes(key["x"].as_str().expect("x")), bytes(key["y"].as_str().expect("y"))].concat();
    let key = VerifyingKey::from_sec1_bytes(&point).expect("a point of the curve");
    let (signed, signature) = jwt.rsplit_once('.').expect("a signature");
    let signature = Signature::from_slice(&bytes(signature)).expect("two numbers of 66 bytes");
    key.verify(signed.as_bytes(), &signature).expect("a good signature");
}

/// The header or the claims of a JWT, unverified.
pub(crate) fn part(jwt: &str, index: usize) -> Value {
    serde_json::from_slice(&bytes(jwt.split('.').nth(index).expect("a part"))).expect("JSON")
}

fn bytes(encoded: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(encoded).expect("base64url")
}

/// A JWT with this header, these claims and this signature, whether or not they belong together.
pub(crate) fn jwt(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let [header, claims] = [header, claims].map(|json| encode(json.to_string().as_bytes()));
    format!("{header}.{claims}.{}", encode(signature))
}
