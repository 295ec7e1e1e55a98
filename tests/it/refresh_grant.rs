//! Refresh tokens (RFC 6749, section 6; RFC 9700, section 4.14.2).

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{self, join_all};
use passgrant::client::id::Incarnation;
use passgrant::client::{Client, Grant};
use passgrant::password::Password;
use passgrant::store::outcome::Changed;
use tokio::sync::Notify;

use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client, scope};
use crate::rig::clock::START;
use crate::rig::jwt::verified_claims;
use crate::rig::request::token_request;
use crate::rig::user::{PASSWORD, username};
use crate::rig::wire::{Fault, Matcher};

const DAY: u64 = 86_400;

async fn first_token(app: &TestApp) -> String {
    app.login().await.succeeded().text("refresh_token")
}

#[tokio::test]
async fn each_use_rotates_and_keeps_the_session() {
    let app = TestApp::start().await;
    let login = app.login().await.succeeded();
    let (_, first) = verified_claims(&app, &login.text("access_token")).await;
    app.clock.advance(Duration::from_secs(100));
    let refreshed = app.refresh(&login.text("refresh_token")).await.succeeded();
    let (_, second) = verified_claims(&app, &refreshed.text("access_token")).await;

    assert_ne!(refreshed.text("refresh_token"), login.text("refresh_token"));
    for claim in ["sid", "sub", "auth_time", "aud", "scope", "client_id"] {
        assert_eq!(first[claim], second[claim], "{claim}");
    }
    assert_ne!(first["jti"], second["jti"]);
    assert_ne!(first["iat"], second["iat"]);
}

#[tokio::test]
async fn a_narrowed_scope_holds_for_one_access_token_and_widening_is_refused() {
    let app = TestApp::start().await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "write read")];
    let token = app.token(&login).await.succeeded().text("refresh_token");
    let refresh = |token: &str, scope: &str| {
        let request = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        app.send(token_request(Some(("app", SECRET)), &request))
    };

    refresh(&token, "read admin").await.failed(400, "invalid_scope");
    let narrowed = refresh(&token, "read").await.succeeded();
    assert_eq!(narrowed.text("scope"), "read", "the refused request burned nothing");
    let full = refresh(&narrowed.text("refresh_token"), "").await.succeeded();
    assert_eq!(full.text("scope"), "write read");
}

#[tokio::test]
async fn what_the_client_or_the_user_may_no_longer_have_is_not_granted_again() {
    let app = TestApp::start().await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "read write")];
    let token = app.token(&login).await.succeeded().text("refresh_token");
    app.change_client("app", |client| client.scopes = scope("write admin")).await;
    assert_eq!(app.refresh(&token).await.succeeded().text("scope"), "write");
}

/// Registers these audiences of `app`, and no others.
async fn change_audiences(app: &TestApp, audiences: &[&str]) {
    let parse = |uri: &&str| passgrant::audience::Audience::parse(uri).expect("an audience");
    app.change_client("app", |client| client.audiences = audiences.iter().map(parse).collect()).await;
}

#[tokio::test]
async fn an_audience_that_the_client_has_lost_is_not_granted_again() {
    let app = TestApp::start().await;
    change_audiences(&app, &["urn:orders", "urn:payroll"]).await;
    let token = first_token(&app).await;
    change_audiences(&app, &["urn:orders", "urn:new"]).await;
    let named = [("grant_type", "refresh_token"), ("refresh_token", &token), ("resource", "urn:payroll")];
    app.token(&named).await.failed(400, "invalid_target");
    let refreshed = app.refresh(&token).await.succeeded();
    let (_, claims) = verified_claims(&app, &refreshed.text("access_token")).await;
    assert_eq!(claims["aud"], "urn:orders");
}

#[tokio::test]
async fn a_session_that_has_lost_every_audience_is_refused_and_not_given_the_issuer() {
    for left in [&["urn:new"][..], &[]] {
        let app = TestApp::start().await;
        change_audiences(&app, &["urn:payroll"]).await;
        let token = first_token(&app).await;
        change_audiences(&app, left).await;
        app.refresh(&token).await.failed(400, "invalid_grant");
        change_audiences(&app, &["urn:payroll"]).await;
        app.refresh(&token).await.succeeded();
    }
}

#[tokio::test]
async fn the_scope_that_was_answered_is_accepted_even_if_it_stands_for_the_empty_scope() {
    let app = TestApp::builder().variable("PASSGRANT_EMPTY_SCOPE", "none").start().await;
    app.register(Client { default_scopes: scope(""), ..client("app") }).await;
    app.create_user("ann").await;
    let login = app.login().await.succeeded();
    assert_eq!(login.text("scope"), "none");
    let refresh = |token: String, scope: &'static str| {
        let app = &app;
        async move { app.token(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("scope", scope)]).await }
    };
    let refreshed = refresh(login.text("refresh_token"), "none").await.succeeded();
    assert_eq!(refreshed.text("scope"), "none");
    refresh(refreshed.text("refresh_token"), "none read").await.failed(400, "invalid_scope");

    let read = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "read")];
    let token = app.token(&read).await.succeeded().text("refresh_token");
    refresh(token, "none").await.failed(400, "invalid_scope");
}

#[tokio::test]
async fn a_client_registered_again_does_not_get_the_sessions_of_the_earlier_one() {
    let app = TestApp::start().await;
    let token = first_token(&app).await;
    app.store.clients.delete(&client("app").id).await.expect("a write");
    let incarnation = Some(Incarnation::generate(&app.random).expect("randomness"));
    app.register(Client { incarnation, ..client("app") }).await;
    app.refresh(&token).await.failed(400, "invalid_grant");
    app.refresh(&first_token(&app).await).await.succeeded();
}

#[tokio::test]
async fn a_token_that_was_accepted_is_not_judged_again_by_a_later_clock() {
    let app = TestApp::start().await;
    let token = first_token(&app).await;
    let successor = app.refresh(&token).await.succeeded().text("refresh_token");
    app.clock.advance(Duration::from_secs(30));
    let clock = app.clock.clone();
    // The session is read first, and the user after it.
    app.dynamodb_wire.hook(Matcher::operation("GetItem").nth(3), move || {
        clock.advance(Duration::from_secs(1));
        Box::pin(future::ready(()))
    });
    assert_eq!(app.refresh(&token).await.succeeded().text("refresh_token"), successor);
    assert_eq!(app.now().as_unix(), START + 31);
    app.dynamodb_wire.clear_hooks();
    app.refresh(&successor).await.succeeded();
}

#[tokio::test]
async fn a_token_that_is_replaced_twice_while_it_is_served_ends_no_session() {
    let app = Arc::new(TestApp::start().await);
    let token = first_token(&app).await;
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let hook = (Arc::clone(&arrived), Arc::clone(&go_on));
    app.dynamodb_wire.hook(Matcher::operation("UpdateItem").nth(1), move || {
        let (arrived, go_on) = hook.clone();
        Box::pin(async move {
            arrived.notify_one();
            go_on.notified().await;
        })
    });
    let slow = tokio::spawn({
        let (app, token) = (Arc::clone(&app), token.clone());
        async move { app.refresh(&token).await }
    });
    arrived.notified().await;
    let second = app.refresh(&token).await.succeeded().text("refresh_token");
    let third = app.refresh(&second).await.succeeded().text("refresh_token");
    go_on.notify_one();
    slow.await.expect("no panic").failed(503, "temporarily_unavailable");
    app.refresh(&third).await.succeeded();
}

#[tokio::test]
async fn another_clients_token_is_refused_and_not_touched() {
    let app = TestApp::start().await;
    app.register(client("other")).await;
    let token = first_token(&app).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    app.send(token_request(Some(("other", SECRET)), &refresh)).await.failed(400, "invalid_grant");
    app.refresh(&token).await.succeeded();
}

#[tokio::test]
async fn twenty_simultaneous_refreshes_get_the_same_successor_which_works() {
    let mut app = TestApp::start().await;
    app.add_instance();
    app.add_instance();
    let token = first_token(&app).await;
    let app = Arc::new(app);
    let answers = join_all((0..20).map(|n| {
        let (app, token) = (Arc::clone(&app), token.clone());
        tokio::spawn(async move {
            let refresh = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
            app.send_to(n % 3, token_request(Some(("app", SECRET)), &refresh)).await.succeeded().text("refresh_token")
        })
    }))
    .await;
    let successors: HashSet<String> = answers.into_iter().map(|answer| answer.expect("no panic")).collect();
    assert_eq!(successors.len(), 1, "a family never forks");
    for successor in successors {
        app.refresh(&successor).await.succeeded();
    }
}

#[tokio::test]
async fn a_lost_answer_costs_nothing() {
    let app = TestApp::start().await;
    let token = first_token(&app).await;
    let lost = app.refresh(&token).await.succeeded().text("refresh_token");
    app.clock.advance(Duration::from_secs(30));
    let again = app.refresh(&token).await.succeeded().text("refresh_token");
    assert_eq!(again, lost, "the same successor until the end of the grace period");
    app.refresh(&again).await.succeeded();
}

#[tokio::test]
async fn a_rotation_whose_answer_dynamodb_lost_is_finished_by_the_sdks_retry() {
    let app = TestApp::start().await;
    let token = first_token(&app).await;
    app.dynamodb_wire.inject(Fault::ResetAfter, Matcher::operation("UpdateItem").next(1));
    let successor = app.refresh(&token).await.succeeded().text("refresh_token");
    app.refresh(&successor).await.succeeded();
}

#[tokio::test]
async fn a_rotation_whose_every_answer_was_lost_is_finished_by_the_clients_retry() {
    let app = TestApp::start().await;
    let token = first_token(&app).await;
    app.dynamodb_wire.inject(Fault::ResetAfter, Matcher::operation("UpdateItem"));
    app.refresh(&token).await.failed(503, "temporarily_unavailable");
    app.dynamodb_wire.clear_faults();
    let successor = app.refresh(&token).await.succeeded().text("refresh_token");
    app.refresh(&successor).await.succeeded();
}

#[tokio::test]
async fn a_predecessor_after_the_grace_period_is_theft_and_ends_the_session() {
    let app = TestApp::start().await;
    let stolen = first_token(&app).await;
    let successor = app.refresh(&stolen).await.succeeded().text("refresh_token");
    app.clock.advance(Duration::from_secs(31));
    app.refresh(&stolen).await.failed(400, "invalid_grant");
    app.refresh(&successor).await.failed(400, "invalid_grant");
}

#[tokio::test]
async fn an_older_ancestor_is_theft_at_any_time() {
    let app = TestApp::start().await;
    let first = first_token(&app).await;
    let second = app.refresh(&first).await.succeeded().text("refresh_token");
    let third = app.refresh(&second).await.succeeded().text("refresh_token");
    app.refresh(&first).await.failed(400, "invalid_grant");
    for token in [&second, &third] {
        app.refresh(token).await.failed(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_clock_set_back_inside_the_grace_period_signs_nobody_out() {
    let app = TestApp::start().await;
    let token = first_token(&app).await;
    let successor = app.refresh(&token).await.succeeded().text("refresh_token");
    app.clock.set_back(Duration::from_hours(1));
    assert_eq!(app.refresh(&token).await.succeeded().text("refresh_token"), successor);
    app.refresh(&successor).await.succeeded();
}

#[tokio::test]
async fn expiry_is_checked_on_read_before_ttl_deletes_anything() {
    let app = TestApp::start().await;
    let idle = first_token(&app).await;
    app.clock.advance(Duration::from_secs(14 * DAY));
    app.refresh(&idle).await.failed(400, "invalid_grant");

    let mut token = first_token(&app).await;
    for _ in 0..8 {
        app.clock.advance(Duration::from_secs(10 * DAY));
        token = app.refresh(&token).await.succeeded().text("refresh_token");
    }
    app.clock.advance(Duration::from_secs(10 * DAY));
    app.refresh(&token).await.failed(400, "invalid_grant");
}

#[tokio::test]
async fn a_session_ends_with_its_user_or_when_the_password_changes() {
    async fn ends(change: impl AsyncFn(&TestApp) -> Changed) {
        let app = TestApp::start().await;
        let token = first_token(&app).await;
        assert_eq!(change(&app).await, Changed::Written);
        app.refresh(&token).await.failed(400, "invalid_grant");
    }
    let ann = || username("ann");
    ends(async |app| app.store.users.disable(&ann(), app_now(app)).await.expect("a write")).await;
    ends(async |app| app.store.users.delete(&ann()).await.expect("a write")).await;
    ends(async |app| {
        let deleted = app.store.users.delete(&ann()).await.expect("a write");
        app.create_user("ann").await;
        deleted
    })
    .await;
    ends(async |app| {
        let hash = app.config.argon2.hash(&Password::prepare(PASSWORD).expect("a password"), &app.random);
        app.store.users.set_password(&ann(), &hash.expect("randomness"), app_now(app)).await.expect("a write")
    })
    .await;
}

fn app_now(app: &TestApp) -> passgrant::clock::Timestamp {
    passgrant::clock::Clock::now(&app.clock)
}

#[tokio::test]
async fn a_session_ends_with_its_clients_grant() {
    let app = TestApp::start().await;
    let token = first_token(&app).await;
    app.change_client("app", |client| client.grants = vec![Grant::RefreshToken]).await;
    app.refresh(&token).await.failed(400, "invalid_grant");
    app.change_client("app", |client| client.grants = vec![Grant::Password]).await;
    app.refresh(&token).await.failed(400, "unauthorized_client");
    app.change_client("app", |client| client.disabled = true).await;
    app.refresh(&token).await.failed(401, "invalid_client");
}

#[tokio::test]
async fn a_user_enabled_again_finds_every_session_ended() {
    let app = TestApp::start().await;
    let token = first_token(&app).await;
    app.store.users.disable(&username("ann"), app_now(&app)).await.expect("a write");
    app.refresh(&token).await.failed(400, "invalid_grant");
    app.store.users.enable(&username("ann"), app_now(&app)).await.expect("a write");
    app.refresh(&token).await.failed(400, "invalid_grant");
    app.refresh(&first_token(&app).await).await.succeeded();
}

#[tokio::test]
async fn one_write_ends_every_session_of_a_user() {
    let app = TestApp::start().await;
    app.create_user("bob").await;
    let (first, second) = (first_token(&app).await, first_token(&app).await);
    let bob = [("grant_type", "password"), ("username", "bob"), ("password", PASSWORD)];
    let bobs = app.token(&bob).await.succeeded().text("refresh_token");
    app.dynamodb_wire.take_exchanges();
    app.store.users.end_sessions(&username("ann"), app_now(&app)).await.expect("a write");
    assert_eq!(app.dynamodb_wire.take_exchanges().len(), 1);
    for token in [&first, &second] {
        app.refresh(token).await.failed(400, "invalid_grant");
    }
    app.refresh(&bobs).await.succeeded();
    app.refresh(&first_token(&app).await).await.succeeded();
}

#[tokio::test]
async fn a_resource_can_be_narrowed_but_not_widened() {
    let app = TestApp::start().await;
    let audience = |uri| passgrant::audience::Audience::parse(uri).expect("an audience");
    app.change_client("app", |client: &mut Client| client.audiences = vec![audience("urn:a"), audience("urn:b")]).await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("resource", "urn:a")];
    let token = app.token(&login).await.succeeded().text("refresh_token");
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("resource", "urn:b")];
    app.token(&refresh).await.failed(400, "invalid_target");
    app.token(&[("grant_type", "refresh_token"), ("refresh_token", &token), ("resource", "urn:a")]).await.succeeded();
}
