//! Introspection (RFC 7662).

use std::time::Duration;

use passgrant::client::AccessTokenFormat;
use serde_json::json;

use crate::app::{AUDIENCE, ISSUER, PASSWORD, SECRET, START, TestApp, client, token_request, username};

async fn app(format: AccessTokenFormat) -> TestApp {
    let app = TestApp::start().await;
    app.register_api().await;
    app.change_client("app", |client| client.access_token_format = format).await;
    app
}

#[tokio::test]
async fn a_live_access_token_of_either_format_says_what_it_stands_for() {
    for format in AccessTokenFormat::ALL {
        let app = app(format).await;
        let token = app.login().await.succeeded().text("access_token");
        assert_eq!(token.starts_with("pga_"), format == AccessTokenFormat::Opaque);
        let answer = app.introspect(&token).await;
        let user = app.store.users.get(&username("ann")).await.expect("a read").expect("a user");
        for (member, value) in [
            ("active", json!(true)),
            ("scope", json!("read")),
            ("client_id", json!("app")),
            ("username", json!("ann")),
            ("token_type", json!("Bearer")),
            ("exp", json!(START + 3600)),
            ("iat", json!(START)),
            ("nbf", json!(START)),
            ("sub", json!(user.subject.as_str())),
            ("aud", json!(AUDIENCE)),
            ("iss", json!(ISSUER)),
        ] {
            assert_eq!(answer[member], value, "{member} of {format}");
        }
        assert_eq!(answer["jti"].as_str().map(str::len), Some(22));
    }
}

#[tokio::test]
async fn a_token_that_is_not_live_is_exactly_inactive() {
    for format in AccessTokenFormat::ALL {
        let app = app(format).await;
        let inactive = json!({"active": false});
        let token = app.login().await.succeeded().text("access_token");
        let (head, tail) = token.split_at(token.len() - 2);
        let forged = format!("{head}{}", if tail == "AA" { "BB" } else { "AA" });
        for unknown in ["x", "a.b.c", "pga_AAAA", "pgr_AAAA", &forged, &token[..token.len() - 1]] {
            assert_eq!(app.introspect(unknown).await, inactive, "{unknown}");
        }
        app.clock.advance(Duration::from_secs(3599));
        assert_eq!(app.introspect(&token).await["active"], true);
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(app.introspect(&token).await, inactive, "expired");
    }
}

#[tokio::test]
async fn a_token_of_a_user_who_is_disabled_is_inactive() {
    for format in AccessTokenFormat::ALL {
        let app = app(format).await;
        let token = app.login().await.succeeded().text("access_token");
        let now = passgrant::clock::Clock::now(&app.clock);
        app.store.users.set_disabled(&username("ann"), true, now).await.expect("a write");
        assert_eq!(app.introspect(&token).await, json!({"active": false}));
    }
}

#[tokio::test]
async fn an_id_token_is_no_access_token() {
    let app = app(AccessTokenFormat::Jwt).await;
    app.change_client("app", |client| client.scopes = crate::app::scope("openid")).await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "openid")];
    let answer = app.token(&login).await.succeeded();
    assert_eq!(app.introspect(&answer.text("access_token")).await["active"], true);
    assert_eq!(app.introspect(&answer.text("id_token")).await, json!({"active": false}));
}

#[tokio::test]
async fn a_refresh_token_is_active_to_its_own_client_alone() {
    let app = app(AccessTokenFormat::Jwt).await;
    let token = app.login().await.succeeded().text("refresh_token");
    assert_eq!(app.introspect(&token).await, json!({"active": false}), "a resource server must not take it");

    app.change_client("app", |client| client.capabilities = vec![passgrant::client::Capability::Introspect]).await;
    let introspect = async |token: &str| {
        let mut request =
            token_request(Some(("app", SECRET)), &[("token", token), ("token_type_hint", "access_token")]);
        *request.uri_mut() = "/oauth2/introspect".parse().expect("a path");
        app.send(request).await.succeeded().json()
    };
    let answer = introspect(&token).await;
    assert_eq!((&answer["active"], &answer["token_type"]), (&json!(true), &json!("refresh_token")));
    app.refresh(&token).await.succeeded();
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(introspect(&token).await, json!({"active": false}));
    assert_eq!(app.refresh("x").await.status, 400);
}

#[tokio::test]
async fn the_caller_is_authenticated_and_capable_before_the_token_is_looked_at() {
    let app = app(AccessTokenFormat::Opaque).await;
    app.register(client("incapable")).await;
    app.dynamodb_wire.take_exchanges();
    for (credentials, status, error) in [
        (None, 401, "invalid_client"),
        (Some(("api", "wrong")), 401, "invalid_client"),
        (Some(("incapable", SECRET)), 400, "unauthorized_client"),
    ] {
        let mut request = token_request(credentials, &[("token", "pga_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]);
        *request.uri_mut() = "/oauth2/introspect".parse().expect("a path");
        app.send(request).await.failed(status, error);
        assert!(app.dynamodb_wire.take_exchanges().len() <= 1, "the client and nothing else was read");
    }
    let mut request = token_request(Some(("api", SECRET)), &[]);
    *request.uri_mut() = "/oauth2/introspect".parse().expect("a path");
    app.send(request).await.failed(400, "invalid_request");
}
