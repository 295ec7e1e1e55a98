//! Signatures, keys and the modes they are kept in. Every token is verified by a library that did not sign it.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::ThumbprintHash;
use passgrant::audience::Audience;
use passgrant::client::claim_map::ClaimMap;
use passgrant::clock::Timestamp;
use passgrant::jose::algorithm::Algorithm;
use passgrant::signing::kms::KmsKey;
use passgrant::signing::{KeyRing, SigningKey};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::rig::app::TestApp;
use crate::rig::client::client;
use crate::rig::clock::START;
use crate::rig::jwt::{decoded, part, verified_claims};
use crate::rig::keys::login_with;
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::log::Captured;
use crate::rig::wire::{Fault, Matcher};

async fn app_with_keys(keys: &[KeySpec]) -> TestApp {
    let double = KmsDouble::start().await;
    let keys: Vec<_> = keys.iter().map(|spec| double.create_key(*spec)).collect();
    let app = TestApp::builder().kms(double, &keys).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app
}

/// One of each kind.
const ONE_OF_EACH: [KeySpec; 8] = [
    KeySpec::Rsa2048,
    KeySpec::EccNistP256,
    KeySpec::EccNistP384,
    KeySpec::EccNistP521,
    KeySpec::EccNistEdwards25519,
    KeySpec::Hmac256,
    KeySpec::Hmac384,
    KeySpec::Hmac512,
];

#[tokio::test]
async fn every_algorithm_of_a_key_pair_signs_in_kms_and_in_process_and_verifies_with_only_the_jwks() {
    let in_kms = app_with_keys(&ONE_OF_EACH).await;
    let algorithms = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa];
    let in_process = TestApp::builder().in_process(&algorithms).start().await;
    in_process.register(client("app")).await;
    in_process.create_user("ann").await;
    for app in [in_kms, in_process] {
        for algorithm in Algorithm::of_key_pairs() {
            let jwt = login_with(&app, algorithm).await;
            let (header, claims) = verified_claims(&app, &jwt).await;
            assert_eq!(header["alg"], algorithm.as_str());
            assert_eq!(claims["client_id"], "app");
        }
    }
}

#[tokio::test]
async fn every_mac_verifies_with_the_secret_that_is_never_published() {
    let double = KmsDouble::start().await;
    let specs = [KeySpec::Hmac256, KeySpec::Hmac384, KeySpec::Hmac512];
    let keys = specs.map(|spec| double.create_key(spec));
    let app = TestApp::builder().kms(double, &keys).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    let mut ids = Vec::new();
    for (algorithm, key) in Algorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_of_key_pair()).zip(&keys) {
        let jwt = login_with(&app, algorithm).await;
        let header = part(&jwt, 0);
        assert_eq!(header["alg"], algorithm.as_str());
        let secret = app.kms.as_ref().expect("a double").hmac_secret(key);
        assert_eq!(decoded(&jwt, &DecodingKey::from_secret(&secret))["client_id"], "app");
        let id = header["kid"].as_str().expect("a kid").to_owned();
        assert_eq!(id.len(), 43, "a digest, and not the name of the key");
        ids.push(id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!(app.get("/oauth2/jwks").await.succeeded().json(), json!({"keys": []}));
}

#[tokio::test]
async fn a_mac_key_has_one_name_however_it_is_configured_and_is_described_once() {
    let double = KmsDouble::start().await;
    let key = double.create_key(KeySpec::Hmac256);
    double.create_alias("alias/mac", &key);
    let mut app = TestApp::builder().kms(double, std::slice::from_ref(&key)).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    let by_arn = part(&login_with(&app, Algorithm::Hs256).await, 0);
    app.login().await.succeeded();
    let calls: Vec<_> = app.kms.as_ref().expect("a double").calls().iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["GetPublicKey", "DescribeKey", "GenerateMac", "GenerateMac"]);
    app.restart_with_keys(&[&"alias/mac".to_owned()]);
    assert_eq!(part(&app.login().await.succeeded().text("access_token"), 0), by_arn);
}

#[tokio::test]
async fn each_key_fits_only_its_own_algorithms() {
    use Algorithm::{EdDsa, Es256, Es384, Es512, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    for (spec, fitting) in [
        (KeySpec::Rsa2048, vec![Rs256, Rs384, Rs512, Ps256, Ps384, Ps512]),
        (KeySpec::EccNistP256, vec![Es256]),
        (KeySpec::EccNistP384, vec![Es384]),
        (KeySpec::EccNistP521, vec![Es512]),
        (KeySpec::EccNistEdwards25519, vec![EdDsa]),
        (KeySpec::Hmac256, vec![Hs256]),
        (KeySpec::Hmac384, vec![Hs384]),
        (KeySpec::Hmac512, vec![Hs512]),
    ] {
        let double = KmsDouble::start().await;
        let key = double.create_key(spec);
        let kms = aws_sdk_kms::Client::new(&crate::rig::sdk::config(&double.endpoint()));
        let ring = KeyRing::new(vec![SigningKey::Kms(KmsKey::new(kms, key.parse().expect("a key")))]);
        let now = Timestamp::from_unix(START);
        assert_eq!(ring.algorithms(now).await.expect("algorithms"), fitting);
        for algorithm in Algorithm::ALL {
            let signed = ring.sign(algorithm, "JWT", &json!({}), now).await;
            assert_eq!(signed.is_ok(), fitting.contains(&algorithm), "{spec:?} {algorithm}");
        }
    }
}

#[tokio::test]
async fn an_algorithm_that_no_key_fits_is_a_server_error_whose_reason_is_logged() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let app = app_with_keys(&[KeySpec::EccNistP256, KeySpec::Hmac512]).await;
    app.login().await.failed(500, "server_error");
    assert!(captured.text().contains("no configured signing key fits RS256; they fit ES256, HS512"));
    app.service().warm_up().await;
    assert!(captured.text().contains("the signing keys cannot be used as they are configured"), "said at the start");
    login_with(&app, Algorithm::Es256).await;
}

#[tokio::test]
async fn a_token_too_long_for_kms_to_sign_as_it_is_fails_before_the_call_with_a_reason() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let app = app_with_keys(&[KeySpec::EccNistEdwards25519, KeySpec::Hmac256, KeySpec::EccNistP256]).await;
    let audience = |number: usize| Audience::parse(&format!("urn:{number}:{}", "x".repeat(500))).expect("an audience");
    app.change_client("app", |client| client.audiences = (0..8).map(audience).collect()).await;
    for algorithm in [Algorithm::EdDsa, Algorithm::Hs256] {
        app.change_client("app", |client| client.signing_algorithm = Some(algorithm)).await;
        app.login().await.failed(500, "server_error");
        let reason = format!("bytes is to be signed with {algorithm}, for which KMS takes 4096 at most");
        assert!(captured.text().contains(&reason), "{}", captured.text());
    }
    let calls = app.kms.as_ref().expect("a double").calls();
    assert!(calls.iter().all(|call| !["Sign", "GenerateMac"].contains(&call.operation)), "{calls:?}");
    let jwt = login_with(&app, Algorithm::Es256).await;
    assert!(jwt.len() > 4096, "a digest is signed whatever the length");
    verified_claims(&app, &jwt).await;
}

#[tokio::test]
async fn a_token_that_no_request_could_present_is_not_signed() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let app = TestApp::start().await;
    let motto = |length: usize| {
        let source = format!("literal:{}", "x".repeat(length)).parse().expect("a source");
        ClaimMap::new([("motto".to_owned(), source)]).expect("a claim map")
    };
    app.change_client("app", |client| client.claim_map = motto(12_000)).await;
    app.login().await.failed(500, "server_error");
    assert!(captured.text().contains("no request could present more than 16384"), "{}", captured.text());
    app.change_client("app", |client| client.claim_map = motto(10_500)).await;
    let token = app.login().await.succeeded().text("access_token");
    assert!(token.len() > 14_000, "{}", token.len());
}

#[tokio::test]
async fn tokens_of_the_old_key_verify_after_a_new_key_is_listed_before_it() {
    for (old, new, algorithms) in [
        (KeySpec::Rsa2048, KeySpec::Rsa2048, [Algorithm::Rs256, Algorithm::Rs256]),
        (KeySpec::EccNistP256, KeySpec::EccNistP256, [Algorithm::Es256, Algorithm::Es256]),
        (KeySpec::Rsa2048, KeySpec::EccNistP521, [Algorithm::Ps384, Algorithm::Es512]),
        (KeySpec::EccNistEdwards25519, KeySpec::Rsa2048, [Algorithm::EdDsa, Algorithm::Rs256]),
    ] {
        let double = KmsDouble::start().await;
        let (old, new) = (double.create_key(old), double.create_key(new));
        let mut app = TestApp::builder().kms(double, std::slice::from_ref(&old)).start().await;
        app.register(client("app")).await;
        app.create_user("ann").await;
        let before = login_with(&app, algorithms[0]).await;

        app.restart_with_keys(&[&new, &old]);
        let after = login_with(&app, algorithms[1]).await;
        let (old_header, _) = verified_claims(&app, &before).await;
        let (new_header, _) = verified_claims(&app, &after).await;
        assert_ne!(old_header["kid"], new_header["kid"]);

        app.restart_with_keys(&[&new]);
        let published = app.get("/oauth2/jwks").await.succeeded().json();
        assert_eq!(published["keys"].as_array().map(Vec::len), Some(1), "off the list, off the key set");
        assert_eq!(published["keys"][0]["kid"], new_header["kid"]);
    }
}

#[tokio::test]
async fn a_longer_rsa_key_signs_too() {
    let app = app_with_keys(&[KeySpec::Rsa3072]).await;
    let jwt = app.login().await.succeeded().text("access_token");
    verified_claims(&app, &jwt).await;
}

#[tokio::test]
async fn the_first_key_signs_and_each_key_is_published_once() {
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
async fn the_public_key_is_fetched_once_per_instance() {
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
    let app = app_with_keys(&ONE_OF_EACH).await;
    let keys = app.get("/oauth2/jwks").await.succeeded().json();
    let expected: [(&[&str], Value); 5] = [
        (&["e", "kid", "kty", "n", "use"], json!(["RSA", null, null])),
        (&["alg", "crv", "kid", "kty", "use", "x", "y"], json!(["EC", "P-256", "ES256"])),
        (&["alg", "crv", "kid", "kty", "use", "x", "y"], json!(["EC", "P-384", "ES384"])),
        (&["alg", "crv", "kid", "kty", "use", "x", "y"], json!(["EC", "P-521", "ES512"])),
        (&["alg", "crv", "kid", "kty", "use", "x"], json!(["OKP", "Ed25519", "EdDSA"])),
    ];
    let keys = keys["keys"].as_array().expect("keys");
    assert_eq!(keys.len(), expected.len(), "no secret is among them");
    for (key, (members, values)) in keys.iter().zip(expected) {
        let mut found: Vec<_> = key.as_object().expect("a key").keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, members, "nothing private");
        assert_eq!(json!([key["kty"], key["crv"], key["alg"]]), values);
        assert_eq!(key["use"], "sig");
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.clone()).expect("a key");
        // It has no thumbprints of Ed25519 keys: the vector of RFC 8037 is tested instead.
        if key["kty"] != "OKP" {
            assert_eq!(key["kid"], jwk.thumbprint(ThumbprintHash::SHA256).expect("a thumbprint"));
        }
    }
    assert_eq!(keys[0]["e"], "AQAB");
}
