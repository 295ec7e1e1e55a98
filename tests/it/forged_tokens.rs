//! Tokens that nobody signed, and what they cost: no call of KMS, unless they say all that a token of the service says.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::time::Duration;

use passgrant::jose::algorithm::Algorithm;
use passgrant::signing::RETRY_AFTER;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::rig::app::{ISSUER, TestApp};
use crate::rig::client::client;
use crate::rig::clock::START;
use crate::rig::jwt::{jwt, part};
use crate::rig::keys::login_with;
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::log::Captured;
use crate::rig::request::introspection;
use crate::rig::wire::{Fault, Matcher};

/// An app whose client's tokens have a MAC, and the MAC key. A key pair is listed before it.
async fn app() -> (TestApp, String) {
    let kms = KmsDouble::start().await;
    let keys = [kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::Hmac256)];
    let app = TestApp::builder().kms(kms, &keys).start().await;
    app.register(client("app")).await;
    app.change_client("app", |client| client.signing_algorithm = Some(Algorithm::Hs256)).await;
    app.register_api().await;
    app.create_user("ann").await;
    app.service().warm_up().await;
    let [_, mac_key] = keys;
    (app, mac_key)
}

/// The operations that KMS was asked for since the first `before` of them.
fn asked_since(app: &TestApp, before: usize) -> Vec<&'static str> {
    let calls = app.kms.as_ref().expect("a double").calls();
    calls.iter().skip(before).map(|call| call.operation).collect()
}

fn asked(app: &TestApp) -> usize {
    asked_since(app, 0).len()
}

fn with(json: &Value, member: &str, value: Value) -> Value {
    let mut json = json.clone();
    json[member] = value;
    json
}

#[tokio::test]
async fn a_token_that_no_key_can_have_signed_is_refused_before_kms_is_asked() {
    let (app, _) = app().await;
    let genuine = app.login().await.succeeded().text("access_token");
    let (header, claims) = (part(&genuine, 0), part(&genuine, 1));
    let mac = [7; 32];
    let mut forged = vec![
        format!("{}.x", jwt(&header, &claims, &mac)),
        genuine.rsplit_once('.').expect("a signature").0.to_owned(),
        format!("{genuine}="),
    ];
    for (member, value) in [
        ("typ", json!("JWT")),
        ("alg", json!("HS384")),
        ("alg", json!("RS256")),
        ("alg", json!("none")),
        ("kid", json!("unknown")),
        ("kid", json!("")),
    ] {
        forged.push(jwt(&with(&header, member, value), &claims, &mac));
    }
    for (member, value) in [
        ("iss", json!("https://elsewhere.example.com")),
        ("iss", json!(format!("{ISSUER}/"))),
        ("iss", json!(null)),
        ("exp", json!(START)),
        ("exp", json!("9999999999")),
        ("exp", json!(null)),
        ("padding", json!("x".repeat(4096))),
    ] {
        forged.push(jwt(&header, &with(&claims, member, value), &mac));
    }
    for length in [0, 1, 31, 33, 48, 64, 256] {
        forged.push(jwt(&header, &claims, &vec![7; length]));
    }
    let before = asked(&app);
    for token in forged {
        assert_eq!(app.introspect(&token).await, json!({"active": false}), "{token}");
        app.userinfo(&token).await.failed(401, "invalid_token");
    }
    app.clock.advance(Duration::from_hours(1));
    assert_eq!(app.introspect(&genuine).await, json!({"active": false}), "expired");
    assert_eq!(asked_since(&app, before), Vec::<&str>::new());
}

#[tokio::test]
async fn a_mac_is_verified_by_kms_and_never_generated_for_comparison() {
    let (app, _) = app().await;
    let genuine = app.login().await.succeeded().text("access_token");
    let forged = jwt(&part(&genuine, 0), &part(&genuine, 1), &[7; 32]);
    for (token, active) in [(&genuine, true), (&forged, false)] {
        let before = asked(&app);
        assert_eq!(app.introspect(token).await["active"], active);
        assert_eq!(asked_since(&app, before), ["VerifyMac"]);
    }
    for (spec, algorithm) in [(KeySpec::Hmac384, Algorithm::Hs384), (KeySpec::Hmac512, Algorithm::Hs512)] {
        let kms = KmsDouble::start().await;
        let key = kms.create_key(spec);
        let app = TestApp::builder().kms(kms, &[key]).start().await;
        app.register(client("app")).await;
        app.register_api().await;
        app.create_user("ann").await;
        let token = login_with(&app, algorithm).await;
        assert_eq!(app.introspect(&token).await["active"], true, "{algorithm}");
        assert_eq!(asked_since(&app, asked(&app) - 1), ["VerifyMac"]);
    }
}

#[tokio::test]
async fn a_mac_that_kms_cannot_verify_for_the_moment_is_unavailable() {
    let (app, _) = app().await;
    let token = app.login().await.succeeded().text("access_token");
    let wire = app.kms_wire.as_ref().expect("a wire");
    for fault in [Fault::Throttle, Fault::ServerError, Fault::Garbage, Fault::Reset] {
        wire.inject(fault, Matcher::operation("VerifyMac"));
        app.send(introspection(&token)).await.failed(503, "temporarily_unavailable");
        wire.clear_faults();
        assert_eq!(app.introspect(&token).await["active"], true, "{fault:?}");
    }
}

#[tokio::test]
async fn a_mac_that_kms_refuses_to_verify_is_a_server_error_for_a_while_and_costs_one_call() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let (app, key) = app().await;
    let kms = app.kms.as_ref().expect("a double");
    let token = app.login().await.succeeded().text("access_token");
    let of_other = login_with(&app, Algorithm::Rs256).await;
    kms.deny(&key, "VerifyMac");
    let before = asked(&app);
    for _ in 0..3 {
        app.send(introspection(&token)).await.failed(500, "server_error");
        assert_eq!(app.introspect(&of_other).await["active"], true, "another key's is verified");
    }
    assert_eq!(asked_since(&app, before), ["VerifyMac"]);
    assert!(captured.text().contains("kms:VerifyMac"), "{}", captured.text());
    login_with(&app, Algorithm::Hs256).await;

    kms.allow_all();
    app.clock.advance(RETRY_AFTER);
    assert_eq!(app.introspect(&token).await["active"], true);
}
