//! The clients in an instance's memory: what is asked of the table, for whom, and how often.

#![expect(clippy::expect_used, reason = "what a test cannot make has failed it")]

use std::time::Duration;

use futures_util::future::join_all;
use passgrant::client::Client;
use passgrant::client::claim_map::{ClaimMap, ClaimSource};
use passgrant::client::id::ClientId;
use passgrant::store::outcome::StoreError;

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, by_basic, client, public_client, secret};
use crate::rig::request::token_request;
use crate::rig::wire::{Fault, Matcher};

const SECOND: Duration = Duration::from_secs(1);

async fn app() -> TestApp {
    let app = TestApp::builder().variable("PASSGRANT_CLIENT_CACHE", "60s").start().await;
    app.register(client("app")).await;
    app.dynamodb_wire.take_exchanges();
    app
}

/// A request that needs its client and nothing else: the token to revoke is not valid.
async fn ask(app: &TestApp, id: &str, secret: &str) -> Answer {
    let mut request = token_request(Some((id, secret)), &[("token", "x")]);
    *request.uri_mut() = "/oauth2/revoke".parse().expect("a path");
    app.send(request).await
}

/// How often the table of clients was read since the last count, where nothing but clients was asked for.
fn reads(app: &TestApp) -> usize {
    let exchanges = app.dynamodb_wire.take_exchanges();
    assert!(exchanges.iter().all(|exchange| exchange.operation == "GetItem"), "{exchanges:?}");
    exchanges.len()
}

#[tokio::test]
async fn no_failure_evicts_a_client_from_memory_or_reads_the_table_more_than_once_a_second() {
    let app = app().await;
    ask(&app, "app", SECRET).await.succeeded();
    assert_eq!(reads(&app), 1);
    for second in 0..3 {
        for _ in 0..10 {
            ask(&app, "app", "wrong").await.failed(401, "invalid_client");
            ask(&app, "app", "").await.failed(401, "invalid_client");
            ask(&app, "app", SECRET).await.succeeded();
        }
        assert_eq!(reads(&app), 1, "in second {second}");
        app.clock.advance(SECOND);
    }
    ask(&app, "app", SECRET).await.succeeded();
    assert_eq!(reads(&app), 0, "it is in memory all the while");
}

#[tokio::test]
async fn of_many_simultaneous_failures_one_reads_the_table_and_all_are_answered_from_that() {
    let app = app().await;
    ask(&app, "app", SECRET).await.succeeded();
    app.dynamodb_wire.inject(Fault::Delay(Duration::from_millis(150)), Matcher::any());
    for (id, secret) in [("app", "wrong"), ("unknown", SECRET)] {
        reads(&app);
        for answer in join_all((0..20).map(|_| ask(&app, id, secret))).await {
            answer.failed(401, "invalid_client");
        }
        assert_eq!(reads(&app), 1, "{id}");
    }

    app.clock.advance(SECOND);
    let new = by_basic(vec![secret(SECRET), secret("the-new-secret")]);
    app.change_client("app", |client| client.authentication = new).await;
    app.dynamodb_wire.take_exchanges();
    for answer in join_all((0..20).map(|_| ask(&app, "app", "the-new-secret"))).await {
        answer.succeeded();
    }
    assert_eq!(reads(&app), 1);
}

#[tokio::test]
async fn the_calls_and_their_number_do_not_reveal_whether_a_client_exists() {
    let app = app().await;
    app.register(client("cold")).await;
    app.register(public_client("public")).await;
    app.register(Client { disabled: true, ..client("disabled") }).await;
    ask(&app, "app", SECRET).await.succeeded();
    app.dynamodb_wire.take_exchanges();
    for second in 0..3 {
        for id in ["app", "cold", "public", "disabled", "unknown"] {
            let mut asked = Vec::new();
            for _ in 0..3 {
                ask(&app, id, "wrong").await.failed(401, "invalid_client");
                asked.push(reads(&app));
            }
            assert_eq!(asked, [1, 0, 0], "{id} in second {second}");
        }
        app.clock.advance(SECOND);
    }
}

#[tokio::test]
async fn a_new_secret_works_at_once_or_within_a_second_of_a_wrong_one() {
    let app = app().await;
    ask(&app, "app", SECRET).await.succeeded();
    let change = async |text| {
        let new = by_basic(vec![secret(SECRET), secret(text)]);
        app.change_client("app", |client| client.authentication = new).await;
    };
    change("the-first-new-secret").await;
    ask(&app, "app", "the-first-new-secret").await.succeeded();
    change("the-second-new-secret").await;
    ask(&app, "app", "the-second-new-secret").await.failed(401, "invalid_client");
    app.clock.advance(SECOND);
    ask(&app, "app", "the-second-new-secret").await.succeeded();
}

#[tokio::test]
async fn a_client_works_as_soon_as_it_is_created_or_within_a_second_if_it_was_asked_for_before() {
    let app = app().await;
    app.register(client("new")).await;
    ask(&app, "new", SECRET).await.succeeded();
    ask(&app, "awaited", SECRET).await.failed(401, "invalid_client");
    app.register(client("awaited")).await;
    ask(&app, "awaited", SECRET).await.failed(401, "invalid_client");
    app.clock.advance(SECOND);
    ask(&app, "awaited", SECRET).await.succeeded();
}

#[tokio::test]
async fn a_change_that_a_failure_discovers_applies_at_once() {
    let app = app().await;
    app.register(client("gone")).await;
    for id in ["app", "gone"] {
        ask(&app, id, SECRET).await.succeeded();
    }
    app.change_client("app", |client| client.disabled = true).await;
    app.store.clients.delete(&ClientId::parse("gone").expect("a client id")).await.expect("a write");
    for id in ["app", "gone"] {
        ask(&app, id, SECRET).await.succeeded();
        ask(&app, id, "wrong").await.failed(401, "invalid_client");
        ask(&app, id, SECRET).await.failed(401, "invalid_client");
    }
}

#[tokio::test]
async fn finding_a_client_unchanged_does_not_extend_its_time_in_memory() {
    let app = app().await;
    ask(&app, "app", SECRET).await.succeeded();
    app.clock.advance(59 * SECOND);
    ask(&app, "app", "wrong").await.failed(401, "invalid_client");
    app.clock.advance(SECOND);
    reads(&app);
    ask(&app, "app", SECRET).await.succeeded();
    assert_eq!(reads(&app), 1);
}

#[tokio::test]
async fn while_the_table_does_not_answer_known_clients_are_let_in_and_a_failure_is_not_a_refusal() {
    let app = app().await;
    ask(&app, "app", SECRET).await.succeeded();
    app.dynamodb_wire.inject(Fault::ServerError, Matcher::any());
    reads(&app);
    ask(&app, "app", "new").await.failed(503, "temporarily_unavailable");
    assert!(reads(&app) > 0);
    for _ in 0..5 {
        ask(&app, "app", "new").await.failed(503, "temporarily_unavailable");
        ask(&app, "app", SECRET).await.succeeded();
    }
    assert_eq!(reads(&app), 0, "it is not asked again in that second");
    ask(&app, "unknown", SECRET).await.failed(503, "temporarily_unavailable");
    app.dynamodb_wire.clear_faults();
    ask(&app, "unknown", SECRET).await.failed(401, "invalid_client");
    app.clock.advance(SECOND);
    ask(&app, "app", "new").await.failed(401, "invalid_client");
}

#[tokio::test]
async fn without_a_cache_every_request_reads_the_table() {
    let app = TestApp::builder().start().await;
    app.register(client("app")).await;
    app.dynamodb_wire.take_exchanges();
    for (id, secret, status) in [("app", SECRET, 200), ("app", "wrong", 401), ("unknown", SECRET, 401)] {
        for _ in 0..3 {
            assert_eq!(ask(&app, id, secret).await.status, status);
            assert_eq!(reads(&app), 1, "{id}");
        }
    }
}

#[tokio::test]
async fn a_client_that_could_not_be_read_again_is_never_written() {
    let app = app().await;
    let nothing = ("x".to_owned(), ClaimSource::Attribute(String::new()));
    let claim_map = ClaimMap::new([nothing]).expect("a map that no text describes");
    let unreadable = Client { claim_map, ..client("odd") }.check().expect("no rule of the client's is broken");
    let refused = app.store.clients.create(&unreadable).await.expect_err("it could not be read");
    assert!(matches!(refused, StoreError::Inconsistent { .. }), "{refused}");
    assert!(app.store.clients.get(&unreadable.id).await.expect("a read").is_none());
}
