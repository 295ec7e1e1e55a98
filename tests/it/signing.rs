//! Signatures, keys and the modes they are kept in. Every token is verified by a library that did not sign it.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use passgrant::signing::Algorithm;
use serde_json::{Value, json};

use crate::app::{TestApp, client};
use crate::kms::{KeySpec, KmsDouble};
use crate::wire::{Fault, Matcher};

/// The header and the claims of a JWT, verified with nothing but what `/oauth2/jwks` publishes.
pub(crate) async fn verified_claims(app: &TestApp, jwt: &str) -> (Value, Value) {
    let keys: JwkSet = serde_json::from_value(app.get("/oauth2/jwks").await.succeeded().json()).expect("a key set");
    let header = decode_header(jwt).expect("a header");
    let key = keys.find(header.kid.as_deref().expect("a kid")).expect("a published key");
    let mut validation = Validation::new(header.alg);
    // The tests' clock is not the machine's.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let claims = decode::<Value>(jwt, &DecodingKey::from_jwk(key).expect("a usable key"), &validation);
    let claims = claims.expect("a good signature").claims;
    let header = URL_SAFE_NO_PAD.decode(jwt.split('.').next().expect("a header")).expect("base64url");
    (serde_json::from_slice(&header).expect("a JSON header"), claims)
}

async fn app_with_keys(keys: &[KeySpec]) -> TestApp {
    let double = KmsDouble::start().await;
    let keys: Vec<_> = keys.iter().map(|spec| double.create_key(*spec)).collect();
    let app = TestApp::builder().kms(double, &keys).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app
}

#[tokio::test]
async fn every_algorithm_signs_in_kms_and_in_process_and_verifies_from_the_jwks_alone() {
    let in_kms = app_with_keys(&[KeySpec::Rsa2048]).await;
    let in_process = TestApp::start().await;
    for app in [in_kms, in_process] {
        for algorithm in Algorithm::ALL {
            app.change_client("app", |client| client.signing_algorithm = Some(algorithm)).await;
            let jwt = app.login().await.succeeded().text("access_token");
            let (header, _) = verified_claims(&app, &jwt).await;
            assert_eq!(header["alg"], algorithm.as_str());
        }
    }
}

#[tokio::test]
async fn a_longer_rsa_key_signs_too() {
    let app = app_with_keys(&[KeySpec::Rsa3072]).await;
    let jwt = app.login().await.succeeded().text("access_token");
    verified_claims(&app, &jwt).await;
}

#[tokio::test]
async fn the_first_key_signs_and_all_are_published_each_once() {
    let double = KmsDouble::start().await;
    let (new, old) = (double.create_key(KeySpec::Rsa2048), double.create_key(KeySpec::Rsa2048));
    double.create_alias("alias/new", &new);
    let keys = ["alias/new".to_owned(), old, new];
    let app = TestApp::builder().kms(double, &keys).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;

    let published = app.get("/oauth2/jwks").await.succeeded().json();
    let ids: Vec<_> = published["keys"].as_array().expect("keys").iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(ids.len(), 2, "the alias and the ARN are one key");
    let (header, _) = verified_claims(&app, &app.login().await.succeeded().text("access_token")).await;
    assert_eq!(header["kid"], ids[0]);
}

#[tokio::test]
async fn the_public_key_is_fetched_once_an_instance() {
    let app = app_with_keys(&[KeySpec::Rsa2048]).await;
    for _ in 0..3 {
        app.login().await.succeeded();
        app.get("/oauth2/jwks").await.succeeded();
    }
    let calls = app.kms.as_ref().expect("a double").calls();
    let count = |operation: &str| calls.iter().filter(|call| call.operation == operation).count();
    assert_eq!((count("GetPublicKey"), count("Sign")), (1, 3));
}

#[tokio::test]
async fn kms_out_of_reach_is_unavailable_and_no_session_is_lost() {
    let app = app_with_keys(&[KeySpec::Rsa2048]).await;
    let token = app.login().await.succeeded().text("refresh_token");
    let wire = app.kms_wire.as_ref().expect("a wire");
    wire.inject(Fault::Throttle, Matcher::operation("Sign"));
    app.login().await.failed(503, "temporarily_unavailable");
    app.refresh(&token).await.failed(503, "temporarily_unavailable");
    wire.clear_faults();
    app.login().await.succeeded();
    app.refresh(&token).await.succeeded();
}

#[tokio::test]
async fn a_key_that_could_not_be_fetched_is_fetched_by_the_next_request() {
    let app = app_with_keys(&[KeySpec::Rsa2048]).await;
    let wire = app.kms_wire.as_ref().expect("a wire");
    wire.inject(Fault::Reset, Matcher::operation("GetPublicKey"));
    app.get("/oauth2/jwks").await.failed(503, "temporarily_unavailable");
    wire.clear_faults();
    app.get("/oauth2/jwks").await.succeeded();
}

#[tokio::test]
async fn a_disabled_key_or_one_of_the_wrong_kind_is_a_server_error() {
    let app = app_with_keys(&[KeySpec::Rsa2048]).await;
    app.login().await.succeeded();
    let double = app.kms.as_ref().expect("a double");
    let key = double.calls()[0].key_id.clone();
    double.disable(&key);
    app.login().await.failed(500, "server_error");
    double.enable(&key);
    app.login().await.succeeded();

    let app = app_with_keys(&[KeySpec::EccNistP256]).await;
    app.login().await.failed(500, "server_error");
}

#[tokio::test]
async fn a_published_key_is_public_and_named_by_its_thumbprint() {
    let app = TestApp::start().await;
    let keys = app.get("/oauth2/jwks").await.succeeded().json();
    let key = &keys["keys"][0];
    let members: Vec<_> = key.as_object().expect("a key").keys().map(String::as_str).collect();
    assert_eq!(members, ["e", "kid", "kty", "n", "use"], "nothing private");
    assert_eq!((&key["kty"], &key["use"], &key["e"]), (&json!("RSA"), &json!("sig"), &json!("AQAB")));
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.clone()).expect("a key");
    assert_eq!(key["kid"], jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).expect("a thumbprint"));
}
