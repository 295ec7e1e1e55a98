//! Revocation (RFC 7009).

use passgrant::client::{AccessTokenFormat, Capability};
use serde_json::json;

use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client, public_client};
use crate::rig::request::token_request;

#[tokio::test]
async fn revoking_a_refresh_token_ends_its_session_and_every_access_token_of_it() {
    for format in AccessTokenFormat::ALL {
        let app = TestApp::start().await;
        app.register_api().await;
        app.change_client("app", |client| client.access_token_format = format).await;
        let first = app.login().await.succeeded();
        let second = app.refresh(&first.text("refresh_token")).await.succeeded();
        let answer = app.revoke(&second.text("refresh_token")).await.succeeded();
        assert_eq!(answer.headers["cache-control"], "no-store");

        app.refresh(&second.text("refresh_token")).await.failed(400, "invalid_grant");
        for answer in [&first, &second] {
            assert_eq!(app.introspect(&answer.text("access_token")).await, json!({"active": false}));
        }
    }
}

#[tokio::test]
async fn revoking_an_access_token_revokes_nothing_else() {
    for format in AccessTokenFormat::ALL {
        let app = TestApp::start().await;
        app.register_api().await;
        app.change_client("app", |client| client.access_token_format = format).await;
        let login = app.login().await.succeeded();
        app.revoke(&login.text("access_token")).await.succeeded();
        assert_eq!(app.introspect(&login.text("access_token")).await, json!({"active": false}));
        app.refresh(&login.text("refresh_token")).await.succeeded();
    }
}

#[tokio::test]
async fn an_unknown_token_counts_as_revoked() {
    let app = TestApp::start().await;
    for token in ["x", "a.b.c", "pgr_AAAA", "pga_AAAA"] {
        app.revoke(token).await.succeeded();
    }
    let revoked = app.login().await.succeeded().text("refresh_token");
    app.revoke(&revoked).await.succeeded();
    app.revoke(&revoked).await.succeeded();
}

#[tokio::test]
async fn a_wrong_token_type_hint_is_ignored() {
    let app = TestApp::start().await;
    for hint in ["access_token", "refresh_token", "nonsense"] {
        let token = app.login().await.succeeded().text("refresh_token");
        let mut request = token_request(Some(("app", SECRET)), &[("token", &token), ("token_type_hint", hint)]);
        *request.uri_mut() = "/oauth2/revoke".parse().expect("a path");
        app.send(request).await.succeeded();
        app.refresh(&token).await.failed(400, "invalid_grant");
    }
}

#[tokio::test]
async fn another_clients_token_is_left_alone_without_saying_so() {
    let app = TestApp::start().await;
    app.register_api().await;
    app.register(client("other")).await;
    let login = app.login().await.succeeded();
    for token in ["refresh_token", "access_token"] {
        let mut request = token_request(Some(("other", SECRET)), &[("token", &login.text(token))]);
        *request.uri_mut() = "/oauth2/revoke".parse().expect("a path");
        app.send(request).await.succeeded();
    }
    assert_eq!(app.introspect(&login.text("access_token")).await["active"], true);
    app.refresh(&login.text("refresh_token")).await.succeeded();
}

#[tokio::test]
async fn a_client_with_the_capability_can_revoke_tokens_of_others() {
    let app = TestApp::start().await;
    app.register(passgrant::client::Client { capabilities: vec![Capability::Revoke], ..client("operator") }).await;
    let token = app.login().await.succeeded().text("refresh_token");
    let mut request = token_request(Some(("operator", SECRET)), &[("token", &token)]);
    *request.uri_mut() = "/oauth2/revoke".parse().expect("a path");
    app.send(request).await.succeeded();
    app.refresh(&token).await.failed(400, "invalid_grant");
}

#[tokio::test]
async fn the_caller_is_authenticated_and_a_public_client_is_identified_by_its_id() {
    let app = TestApp::start().await;
    app.register(public_client("spa")).await;
    let login = [
        ("grant_type", "password"),
        ("username", "ann"),
        ("password", crate::rig::user::PASSWORD),
        ("client_id", "spa"),
    ];
    let token = app.send(token_request(None, &login)).await.succeeded().text("refresh_token");
    for (parameters, status) in [
        (vec![("token", token.as_str())], 401),
        (vec![("client_id", "spa")], 400),
        (vec![("client_id", "spa"), ("token", token.as_str())], 200),
    ] {
        let mut request = token_request(None, &parameters);
        *request.uri_mut() = "/oauth2/revoke".parse().expect("a path");
        assert_eq!(app.send(request).await.status, status, "{}", parameters.len());
    }
}
