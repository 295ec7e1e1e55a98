//! An assertion authenticates its client once (RFC 7523, section 3).

use std::time::Duration;

use serde_json::json;

use crate::rig::app::TestApp;
use crate::rig::assertion::{TYPE, app, claims, claims_with, good, keyed_client, login, signed};
use crate::rig::clock::START;
use crate::rig::key_pair::{ED25519, STRANGER};
use crate::rig::request::{LOGIN, token_request};
use crate::rig::wire::{Fault, Matcher};

#[tokio::test]
async fn a_refresh_is_authenticated_by_an_assertion_of_its_own() {
    let app = app().await;
    let token = login(&app, &good("1")).await.succeeded().text("refresh_token");
    let refresh = async |assertion: &str| {
        let parameters = [("grant_type", "refresh_token"), ("refresh_token", &*token), TYPE];
        app.send(token_request(None, &[parameters.as_slice(), &[("client_assertion", assertion)]].concat())).await
    };
    refresh(&good("1")).await.failed(401, "invalid_client");
    refresh(&good("2")).await.succeeded();
}

#[tokio::test]
async fn an_assertion_can_be_used_once() {
    let app = app().await;
    login(&app, &good("1")).await.succeeded();
    login(&app, &good("1")).await.failed(401, "invalid_client");
    let with_another_end = signed(&ED25519, &json!({ "alg": "EdDSA" }), &claims_with("1", "exp", json!(START + 90)));
    login(&app, &with_another_end).await.failed(401, "invalid_client");
    app.clock.advance(Duration::from_secs(119));
    login(&app, &good("1")).await.failed(401, "invalid_client");

    app.register(keyed_client("other", &[ED25519.jwk(None)])).await;
    let mut others = claims("1");
    (others["iss"], others["sub"]) = (json!("other"), json!("other"));
    login(&app, &signed(&ED25519, &json!({ "alg": "EdDSA" }), &others)).await.succeeded();
}

#[tokio::test]
async fn of_many_simultaneous_uses_on_two_instances_one_gets_through() {
    let mut app = app().await;
    app.add_instance();
    for round in 0..5 {
        let assertion = good(&round.to_string());
        let attempts = (0..10).map(|at| {
            let parameters = [LOGIN.as_slice(), &[TYPE, ("client_assertion", &assertion)]].concat();
            app.send_to(at % 2, token_request(None, &parameters))
        });
        let answers = futures_util::future::join_all(attempts).await;
        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1);
    }
}

#[tokio::test]
async fn only_the_client_can_use_up_a_jti() {
    let app = app().await;
    let mut forged = good("1");
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    login(&app, &forged).await.failed(401, "invalid_client");
    login(&app, &signed(&STRANGER, &json!({ "alg": "EdDSA" }), &claims("1"))).await.failed(401, "invalid_client");
    let elsewhere = signed(&ED25519, &json!({ "alg": "EdDSA" }), &claims_with("1", "aud", json!("https://other")));
    login(&app, &elsewhere).await.failed(401, "invalid_client");
    login(&app, &good("1")).await.succeeded();
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_does_not_count_as_a_replay() {
    let app = app().await;
    app.dynamodb_wire.inject(Fault::ResetAfter, Matcher::operation("PutItem").next(1));
    login(&app, &good("1")).await.succeeded();
    app.dynamodb_wire.clear_faults();
    login(&app, &good("1")).await.failed(401, "invalid_client");
}

#[tokio::test]
async fn a_use_that_cannot_be_stored_is_unavailable_and_lets_nobody_in() {
    let app = app().await;
    for (at, fault) in [Fault::Throttle, Fault::Unavailable503, Fault::Reset, Fault::Garbage].into_iter().enumerate() {
        app.dynamodb_wire.inject(fault, Matcher::operation("PutItem"));
        login(&app, &good(&at.to_string())).await.failed(503, "temporarily_unavailable");
        app.dynamodb_wire.clear_faults();
    }
}

#[tokio::test]
async fn a_cached_client_accepts_a_new_key_at_once_and_its_assertions_can_still_be_used_only_once() {
    let app = TestApp::builder().variable("PASSGRANT_CLIENT_CACHE", "60s").start().await;
    app.register(keyed_client("app", &[ED25519.jwk(None)])).await;
    app.create_user("ann").await;
    login(&app, &good("1")).await.succeeded();
    login(&app, &good("1")).await.failed(401, "invalid_client");
    let new = keyed_client("app", &[STRANGER.jwk(None), ED25519.jwk(None)]);
    app.change_client("app", |client| client.authentication = new.authentication).await;
    login(&app, &signed(&STRANGER, &json!({ "alg": "EdDSA" }), &claims("2"))).await.succeeded();

    app.dynamodb_wire.take_exchanges();
    login(&app, &good("3")).await.succeeded();
    let mut calls: Vec<_> = app.dynamodb_wire.take_exchanges().into_iter().map(|exchange| exchange.operation).collect();
    calls[1..].sort();
    let expected = ["PutItem", "GetItem", "PutItem", "UpdateItem", "UpdateItem"];
    assert_eq!(calls, expected, "the use, and then the user, the session and the attempt");
}
