//! Assertions that authenticate a client (RFC 7523), and logins with them.

#![expect(clippy::expect_used, reason = "an assertion that cannot be made has failed its test")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgrant::client::Client;
use passgrant::client::authentication::ClientAuthentication;
use passgrant::client::keys::ClientKeys;
use serde_json::{Value, json};

use crate::rig::answer::Answer;
use crate::rig::app::{ISSUER, TestApp};
use crate::rig::client::client;
use crate::rig::clock::START;
use crate::rig::key_pair::{ED25519, Pair};
use crate::rig::request::{LOGIN, token_request};

pub(crate) const TYPE: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

pub(crate) fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

pub(crate) fn signed(pair: &Pair, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encoded(header), encoded(claims));
    let signature = pair.sign(header["alg"].as_str().unwrap_or_default(), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(crate) fn claims(id: &str) -> Value {
    json!({ "iss": "app", "sub": "app", "aud": ISSUER, "exp": START + 60, "iat": START, "jti": id })
}

/// The claims with one of them replaced, or left out if the value is null.
pub(crate) fn claims_with(id: &str, name: &str, value: Value) -> Value {
    let mut claims = claims(id);
    match value {
        Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
        value => claims[name] = value,
    }
    claims
}

/// A good assertion of the client `app`, by its Ed25519 key.
pub(crate) fn good(id: &str) -> String {
    signed(&ED25519, &json!({ "alg": "EdDSA" }), &claims(id))
}

pub(crate) fn keyed_client(id: &str, keys: &[Value]) -> Client {
    let keys = ClientKeys::parse(&json!({ "keys": keys }).to_string()).expect("a key set");
    Client { authentication: ClientAuthentication::PrivateKeyJwt(keys), ..client(id) }
}

pub(crate) async fn app_with(keys: &[Value]) -> TestApp {
    let app = TestApp::builder().start().await;
    app.register(keyed_client("app", keys)).await;
    app.create_user("ann").await;
    app
}

pub(crate) async fn app() -> TestApp {
    app_with(&[ED25519.jwk(None)]).await
}

pub(crate) async fn login(app: &TestApp, assertion: &str) -> Answer {
    login_with(app, assertion, &[]).await
}

pub(crate) async fn login_with(app: &TestApp, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let parameters = [LOGIN.as_slice(), &[TYPE, ("client_assertion", assertion)], more].concat();
    app.send(token_request(None, &parameters)).await
}
