//! What a key in an envelope saves: the call of KMS for each token, and the round for an ID token.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::time::Duration;

use passgrant::jose::algorithm::Algorithm;
use passgrant::store::signing_keys::KeyKind;

use crate::rig::app::TestApp;
use crate::rig::client::scope;
use crate::rig::envelope::{app_with, create, restart};
use crate::rig::user::PASSWORD;
use crate::rig::wire::{Exchange, Fault, Matcher, sequential_rounds};

async fn app(client_cache: &str) -> TestApp {
    let mut app = app_with(&[("PASSGRANT_CLIENT_CACHE", client_cache)]).await;
    create(&app, "main", KeyKind::P256).await;
    app.change_client("app", |client| {
        client.signing_algorithm = Some(Algorithm::Es256);
        client.scopes = scope("read openid");
    })
    .await;
    restart(&mut app, &["main"]);
    app
}

/// So long that calls made at the same time certainly overlap.
fn delay(app: &TestApp) {
    for wire in [&app.dynamodb_wire, app.kms_wire.as_ref().expect("a wire")] {
        wire.inject(Fault::Delay(Duration::from_millis(150)), Matcher::any());
        wire.take_exchanges();
    }
}

fn calls_and_rounds(app: &TestApp) -> (Vec<String>, usize) {
    let mut exchanges: Vec<Exchange> = app.dynamodb_wire.take_exchanges();
    exchanges.extend(app.kms_wire.as_ref().expect("a wire").take_exchanges());
    let rounds = sequential_rounds(&exchanges);
    let mut calls: Vec<_> = exchanges.into_iter().map(|exchange| exchange.operation).collect();
    calls.sort();
    (calls, rounds)
}

fn calls(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_cold_start_unwraps_a_key_in_two_rounds_and_opens_the_tables_at_the_same_time() {
    let app = app("0s").await;
    delay(&app);
    app.service().warm_up().await;
    let (calls, rounds) = calls_and_rounds(&app);
    assert_eq!(rounds, 2);
    assert_eq!(calls.iter().filter(|call| *call == "Decrypt").count(), 1);
    assert_eq!(calls.iter().filter(|call| *call == "GetItem").count(), calls.len() - 1);
}

#[tokio::test]
async fn a_login_takes_as_many_rounds_with_an_id_token_as_without_and_does_not_call_kms() {
    for (client_cache, reads, rounds) in [("0s", 2, 3), ("60s", 1, 2)] {
        let app = app(client_cache).await;
        app.login().await.succeeded();
        delay(&app);
        for scope in ["read", "read openid"] {
            let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", scope)];
            let answer = app.token(&login).await.succeeded();
            assert_eq!(answer.json()["id_token"].is_string(), scope.contains("openid"));
            let expected = [&["DeleteItem"], vec!["GetItem"; reads].as_slice(), &["PutItem", "UpdateItem"]].concat();
            assert_eq!(calls_and_rounds(&app), (calls(&expected), rounds), "{scope}");
        }
    }
}

#[tokio::test]
async fn a_refresh_takes_three_rounds() {
    let app = app("60s").await;
    let token = app.login().await.succeeded().text("refresh_token");
    delay(&app);
    app.refresh(&token).await.succeeded();
    assert_eq!(calls_and_rounds(&app), (calls(&["GetItem", "GetItem", "UpdateItem"]), 3));
}
