//! Listed keys that cannot be used, permanently or for the moment.

use std::time::Duration;

use passgrant::jose::algorithm::Algorithm;
use passgrant::signing::RETRY_AFTER;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::jwt::{part, verified_claims};
use crate::rig::keys::{app, asked, double, login_with, published, supported};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::log::Captured;
use crate::rig::request::introspection;
use crate::rig::wire::{Fault, Matcher};

const METADATA: &str = "/.well-known/oauth-authorization-server";
const LEFT_OUT: &str = "a signing key is left out";
const RSA: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/// The `kid` of a token that a login gives now.
async fn signer(app: &TestApp) -> Value {
    part(&app.login().await.succeeded().text("access_token"), 0)["kid"].clone()
}

/// Makes a key unusable, and returns how it is listed.
type Spoil = fn(&KmsDouble, &str) -> String;
/// Keeps a key from signing.
type Stop = fn(&KmsDouble, &str);

/// What may be wrong with a listed key, and what is listed and logged then. The key is an RSA key and would sign.
const TROUBLES: [(&str, Spoil, &str); 8] = [
    ("disabled", |kms, key| of(key, || kms.disable(key)), "DisabledException (400)"),
    ("pending deletion", |kms, key| of(key, || kms.schedule_key_deletion(key)), "is pending deletion"),
    ("denied", |kms, key| of(key, || kms.deny(key, "GetPublicKey")), "is not authorized to perform"),
    ("an alias of no key", |_, _| "alias/nowhere".to_owned(), "alias/nowhere is not found"),
    ("an invalid name", |_, _| "schlüssel".to_owned(), "ValidationException (400)"),
    ("bound to another kind", |_, key| format!("{key}=ES256"), "does not fit ES256, which it is bound to"),
    (
        "a MAC key bound to another length",
        |kms, _| format!("{}=HS512", kms.create_key(KeySpec::Hmac256)),
        "does not fit HS512, which it is bound to",
    ),
    (
        "a MAC key denied",
        |kms, _| {
            let key = kms.create_key(KeySpec::Hmac256);
            of(&key, || kms.deny(&key, "DescribeKey"))
        },
        "kms:DescribeKey",
    ),
];

/// The key, after what was done to it.
fn of(key: &str, spoil: impl FnOnce()) -> String {
    spoil();
    key.to_owned()
}

#[tokio::test]
async fn a_listed_key_that_cannot_be_used_is_logged_and_left_out_while_another_signs() {
    for (trouble, spoil, reason) in TROUBLES {
        for position in [0, 1] {
            let (captured, _guard) = Captured::at(LevelFilter::INFO);
            let kms = KmsDouble::start().await;
            let (good, bad) = (kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::Rsa2048));
            let bad = spoil(&kms, &bad);
            let mut listed = vec![good];
            listed.insert(position, bad.clone());
            let app = app(kms, &listed).await;
            app.service().warm_up().await;

            let keys = published(&app).await;
            assert_eq!(keys.len(), 1, "{trouble}");
            assert_eq!(supported(&app).await, json!(RSA), "{trouble}");
            let token = app.login().await.succeeded().text("access_token");
            assert_eq!(part(&token, 0)["kid"], keys[0]["kid"], "{trouble}");
            verified_claims(&app, &token).await;
            assert_eq!(app.introspect(&token).await["active"], true, "{trouble}");

            let log = captured.text();
            let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let lines: Vec<_> = lines.iter().filter(|line| line["message"] == LEFT_OUT).collect();
            assert_eq!(lines.len(), 1, "{trouble}, once:\n{log}");
            assert_eq!((&lines[0]["key"], &lines[0]["level"]), (&json!(bad), &json!("ERROR")), "as it is listed");
            assert!(lines[0]["problem"].as_str().is_some_and(|problem| problem.contains(reason)), "{reason}:\n{log}");
            assert!(!log.contains("as they are configured"), "what the service needs is there");
        }
    }
}

#[tokio::test]
async fn kms_is_asked_about_an_unusable_key_now_and_then_and_not_by_every_request() {
    let kms = KmsDouble::start().await;
    let (bad, good) = (kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::Rsa2048));
    kms.disable(&bad);
    let app = app(kms, &[bad.clone(), good]).await;
    let asked = || asked(&app, "GetPublicKey").iter().filter(|key| **key == bad).count();
    let ask_everything = async || {
        for _ in 0..5 {
            published(&app).await;
            supported(&app).await;
            let token = app.login().await.succeeded().text("access_token");
            app.introspect(&token).await;
            app.userinfo(&format!("{token}x")).await.failed(401, "invalid_token");
        }
        asked()
    };
    assert_eq!(ask_everything().await, 1);
    app.clock.advance(RETRY_AFTER.saturating_sub(Duration::from_secs(1)));
    assert_eq!(ask_everything().await, 1);
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(ask_everything().await, 2);
    app.clock.set_back(Duration::from_hours(1));
    assert_eq!(ask_everything().await, 3, "a clock that is set back does not keep a key out");
}

#[tokio::test]
async fn a_key_that_is_enabled_again_comes_back_without_a_restart_and_in_its_place() {
    let kms = KmsDouble::start().await;
    let (first, second) = (kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::Rsa2048));
    kms.disable(&first);
    let app = app(kms, &[first.clone(), second]).await;
    let before = published(&app).await;
    double(&app).enable(&first);
    app.clock.advance(RETRY_AFTER);
    let after = published(&app).await;
    assert_eq!((before.len(), after.len(), &after[1]), (1, 2, &before[0]));
    assert_eq!(signer(&app).await, after[0]["kid"]);
}

#[tokio::test]
async fn a_key_that_stops_signing_is_passed_over_for_the_next_that_fits_and_tried_again_later() {
    let stops: [(Stop, &str); 3] = [
        (|kms, key| kms.disable(key), "DisabledException"),
        (|kms, key| kms.schedule_key_deletion(key), "KMSInvalidStateException"),
        (|kms, key| kms.deny(key, "Sign"), "AccessDeniedException"),
    ];
    for (stop, reason) in stops {
        let (captured, _guard) = Captured::at(LevelFilter::INFO);
        let kms = KmsDouble::start().await;
        let keys = [kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::EccNistP256)];
        let third = kms.create_key(KeySpec::Rsa2048);
        let app = app(kms, &[&keys[..], &[third]].concat()).await;
        let ids: Vec<_> = published(&app).await.into_iter().map(|key| key["kid"].clone()).collect();
        let earlier = app.login().await.succeeded().text("access_token");
        assert_eq!(part(&earlier, 0)["kid"], ids[0]);

        stop(double(&app), &keys[0]);
        for _ in 0..3 {
            assert_eq!(signer(&app).await, ids[2], "{reason}");
        }
        let tries = || asked(&app, "Sign").iter().filter(|key| **key == keys[0]).count();
        assert_eq!(tries(), 2, "once when it signed, and once since");
        assert_eq!(captured.text().matches(LEFT_OUT).count(), 1, "{}", captured.text());
        assert!(captured.text().contains(reason), "{}", captured.text());
        assert_eq!(app.introspect(&earlier).await["active"], true, "what it signed before still verifies");

        app.clock.advance(RETRY_AFTER);
        assert_eq!((signer(&app).await, tries()), (ids[2].clone(), 3));
        double(&app).enable(&keys[0]);
        double(&app).allow_all();
        assert_eq!((signer(&app).await, tries()), (ids[2].clone(), 3));
        app.clock.advance(RETRY_AFTER);
        assert_eq!(signer(&app).await, ids[0]);
    }
}

#[tokio::test]
async fn a_key_that_fails_for_the_moment_is_not_passed_over() {
    let kms = KmsDouble::start().await;
    let keys = [kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::Rsa2048)];
    let app = app(kms, &keys).await;
    let first = signer(&app).await;
    let wire = app.kms_wire.as_ref().expect("a wire");
    for fault in [Fault::Throttle, Fault::ServerError, Fault::Garbage] {
        wire.inject(fault, Matcher::operation("Sign"));
        app.login().await.failed(503, "temporarily_unavailable");
        wire.clear_faults();
        assert_eq!(signer(&app).await, first);
    }
    assert!(asked(&app, "Sign").iter().all(|key| *key == keys[0]));
}

#[tokio::test]
async fn a_key_that_cannot_be_fetched_for_the_moment_is_unavailable_and_never_missing() {
    let kms = KmsDouble::start().await;
    let keys = [kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::EccNistP256)];
    let mut app = app(kms, &keys).await;
    let of_first = app.login().await.succeeded().text("access_token");
    let of_second = login_with(&app, Algorithm::Es256).await;

    // A new instance asks about both keys at first.
    let fresh = |app: &mut TestApp| app.restart_with_keys(&[&keys[0], &keys[1]]);
    let fault = |app: &TestApp, nth| {
        app.kms_wire.as_ref().expect("a wire").inject(Fault::Garbage, Matcher::operation("GetPublicKey").nth(nth));
    };
    for path in ["/oauth2/jwks", METADATA] {
        for nth in [1, 2] {
            fresh(&mut app);
            fault(&app, nth);
            app.get(path).await.failed(503, "temporarily_unavailable");
            app.get(path).await.succeeded();
            app.kms_wire.as_ref().expect("a wire").clear_faults();
        }
    }
    fresh(&mut app);
    fault(&app, 1);
    assert_eq!(app.introspect(&of_second).await["active"], true, "its own key is known");
    fresh(&mut app);
    fault(&app, 1);
    app.send(introspection(&of_first)).await.failed(503, "temporarily_unavailable");
    assert_eq!(app.introspect(&of_first).await["active"], true);
}

#[tokio::test]
async fn without_a_usable_key_every_answer_that_needs_one_is_a_server_error() {
    let kms = KmsDouble::start().await;
    let (key, other) = (kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::Rsa2048));
    let mut app = app(kms, std::slice::from_ref(&key)).await;
    let token = app.login().await.succeeded().text("access_token");

    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    double(&app).disable(&key);
    double(&app).schedule_key_deletion(&other);
    app.restart_with_keys(&[&other, &key]);
    let ask = async |app: &TestApp| -> [Answer; 4] {
        let (keys, metadata) = (app.get("/oauth2/jwks").await, app.get(METADATA).await);
        [keys, metadata, app.login().await, app.send(introspection(&token)).await]
    };
    for answer in ask(&app).await {
        answer.failed(500, "server_error");
    }
    app.service().warm_up().await;
    let log = captured.text();
    assert_eq!(log.matches(LEFT_OUT).count(), 2, "each once:\n{log}");
    assert!(log.contains("is pending deletion") && log.contains("as they are configured"), "{log}");
    assert_eq!(app.introspect("x.y.z").await, json!({"active": false}), "an invalid token needs no key");

    double(&app).enable(&key);
    app.clock.advance(RETRY_AFTER);
    for answer in ask(&app).await {
        answer.succeeded();
    }
}

#[tokio::test]
async fn a_mac_key_that_is_disabled_while_it_is_looked_up_is_not_used() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let kms = KmsDouble::start().await;
    let key = kms.create_key(KeySpec::Hmac256);
    let app = app(kms, std::slice::from_ref(&key)).await;
    let wire = app.kms_wire.as_ref().expect("a wire");
    wire.inject(Fault::Delay(Duration::from_millis(200)), Matcher::operation("DescribeKey"));
    let disable = async {
        while asked(&app, "GetPublicKey").is_empty() {
            tokio::task::yield_now().await;
        }
        double(&app).disable(&key);
    };
    let (answer, ()) = tokio::join!(app.get("/oauth2/jwks"), disable);
    answer.failed(500, "server_error");
    assert!(captured.text().contains("is not enabled"), "a key is described in any state:\n{}", captured.text());
}
