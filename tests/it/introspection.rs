//! Introspection (RFC 7662).

use std::time::Duration;

use passgrant::audience::Audience;
use passgrant::client::id::Incarnation;
use passgrant::client::{AccessTokenFormat, Client, Grant};
use serde_json::json;

use crate::rig::app::{ISSUER, TestApp};
use crate::rig::client::{AUDIENCE, SECRET, client, scope};
use crate::rig::clock::START;
use crate::rig::request::token_request;
use crate::rig::user::{PASSWORD, username};

async fn app(format: AccessTokenFormat) -> TestApp {
    let app = TestApp::start().await;
    app.register_api().await;
    app.change_client("app", |client| client.access_token_format = format).await;
    app
}

#[tokio::test]
async fn an_active_access_token_of_either_format_is_described() {
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
async fn a_token_that_is_not_active_is_answered_with_active_false_and_nothing_else() {
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
        app.store.users.disable(&username("ann"), now).await.expect("a write");
        assert_eq!(app.introspect(&token).await, json!({"active": false}));
    }
}

#[tokio::test]
async fn every_login_of_a_user_has_a_username_and_ends_with_the_user() {
    for format in AccessTokenFormat::ALL {
        let app = app(format).await;
        app.change_client("app", |client| client.grants = vec![Grant::Password]).await;
        let token = app.login().await.succeeded().text("access_token");
        assert_eq!(app.introspect(&token).await["username"], "ann");
        app.store.users.end_sessions(&username("ann"), app.now()).await.expect("a write");
        assert_eq!(app.introspect(&token).await, json!({"active": false}), "{format}");
        let token = app.login().await.succeeded().text("access_token");
        app.store.users.delete(&username("ann")).await.expect("a write");
        assert_eq!(app.introspect(&token).await, json!({"active": false}), "{format}");
    }
}

#[tokio::test]
async fn a_session_without_a_refresh_token_lives_as_long_as_its_access_token() {
    for format in AccessTokenFormat::ALL {
        let app = app(format).await;
        app.change_client("app", |client| {
            client.grants = vec![Grant::Password];
            client.refresh.idle_lifetime = Duration::from_mins(1);
        })
        .await;
        let token = app.login().await.succeeded().text("access_token");
        app.clock.advance(Duration::from_secs(3599));
        assert_eq!(app.introspect(&token).await["active"], true, "{format}");
    }
}

#[tokio::test]
async fn a_token_of_a_client_that_is_disabled_deleted_or_registered_again_is_inactive() {
    for format in AccessTokenFormat::ALL {
        for grants in [vec![Grant::Password], Grant::ALL.to_vec()] {
            let app = app(format).await;
            app.change_client("app", |client| client.grants = grants).await;
            let token = app.login().await.succeeded().text("access_token");
            app.change_client("app", |client| client.disabled = true).await;
            assert_eq!(app.introspect(&token).await, json!({"active": false}), "disabled");
            app.change_client("app", |client| client.disabled = false).await;
            assert_eq!(app.introspect(&token).await["active"], true);
            let read = app.store.clients.get(&client("app").id).await.expect("a read").expect("a client");
            app.store.clients.delete(&read.id).await.expect("a write");
            assert_eq!(app.introspect(&token).await, json!({"active": false}), "deleted");
            let incarnation = Some(Incarnation::generate(&app.random).expect("randomness"));
            app.register(Client { incarnation, ..read }).await;
            assert_eq!(app.introspect(&token).await, json!({"active": false}), "registered again");
        }
    }
}

#[tokio::test]
async fn what_the_client_or_the_user_may_no_longer_have_is_not_stated() {
    for format in AccessTokenFormat::ALL {
        let app = app(format).await;
        let audiences = |uris: &[&str]| uris.iter().map(|uri| Audience::parse(uri).expect("an audience")).collect();
        app.change_client("app", |client| client.audiences = audiences(&["urn:a", "urn:b"])).await;
        app.create_user_with("bob", |user| user.allowed_scopes = Some(scope("read write"))).await;
        let login = [("grant_type", "password"), ("username", "bob"), ("password", PASSWORD), ("scope", "read write")];
        let token = app.token(&login).await.succeeded().text("access_token");
        assert_eq!(app.introspect(&token).await["scope"], "read write");
        app.change_client("app", |client| {
            client.audiences = audiences(&["urn:b", "urn:c"]);
            client.scopes = scope("write admin");
        })
        .await;
        let answer = app.introspect(&token).await;
        assert_eq!((&answer["scope"], &answer["aud"]), (&json!("write"), &json!("urn:b")));
        for left in [&["urn:c"][..], &[]] {
            app.change_client("app", |client| client.audiences = audiences(left)).await;
            assert_eq!(app.introspect(&token).await, json!({"active": false}), "{left:?}");
        }
    }
}

#[tokio::test]
async fn an_audience_that_is_the_issuer_is_lost_like_any_other() {
    for format in AccessTokenFormat::ALL {
        let app = app(format).await;
        let audience = |uri| vec![Audience::parse(uri).expect("an audience")];
        app.change_client("app", |client| client.audiences = audience(ISSUER)).await;
        let registered = app.login().await.succeeded().text("access_token");
        assert_eq!(app.introspect(&registered).await["aud"], ISSUER);
        app.change_client("app", |client| client.audiences = Vec::new()).await;
        let without = app.login().await.succeeded().text("access_token");
        app.change_client("app", |client| client.audiences = audience("urn:b")).await;
        assert_eq!(app.introspect(&registered).await, json!({"active": false}), "{format}");
        assert_eq!(app.introspect(&without).await["aud"], ISSUER, "it was for the issuer itself, {format}");
    }
}

#[tokio::test]
async fn an_id_token_is_not_an_access_token() {
    let app = app(AccessTokenFormat::Jwt).await;
    app.change_client("app", |client| client.scopes = crate::rig::client::scope("openid")).await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "openid")];
    let answer = app.token(&login).await.succeeded();
    assert_eq!(app.introspect(&answer.text("access_token")).await["active"], true);
    assert_eq!(app.introspect(&answer.text("id_token")).await, json!({"active": false}));
}

#[tokio::test]
async fn a_refresh_token_is_active_only_for_its_own_client() {
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
