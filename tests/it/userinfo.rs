//! Userinfo (OpenID Connect Core, section 5.3; RFC 6750).

#![expect(clippy::expect_used, reason = "a test without its user has failed")]

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use passgrant::client::{AccessTokenFormat, Grant};
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp, request, scope, username};

async fn app(format: AccessTokenFormat) -> TestApp {
    let app = TestApp::start().await;
    app.change_client("app", |client| {
        client.scopes = scope("openid profile email read");
        client.access_token_format = format;
    })
    .await;
    app.create_user_with("bob", |user| {
        let claims = json!({"name": "Bob", "email": "bob@example.com", "email_verified": true, "salary": 1});
        user.claims = serde_json::from_value(claims).expect("an object");
    })
    .await;
    app
}

async fn login(app: &TestApp, scope: &str) -> String {
    let login = [("grant_type", "password"), ("username", "bob"), ("password", PASSWORD), ("scope", scope)];
    app.token(&login).await.succeeded().text("access_token")
}

#[tokio::test]
async fn the_claims_are_those_of_the_granted_scope() {
    for format in AccessTokenFormat::ALL {
        let app = app(format).await;
        let user = app.store.users.get(&username("bob")).await.expect("a read").expect("a user");
        let sub: Value = user.subject.as_str().into();
        for (scope, expected) in [
            ("openid", json!({"sub": sub})),
            ("openid email", json!({"sub": sub, "email": "bob@example.com", "email_verified": true})),
            ("openid profile", json!({"sub": sub, "name": "Bob", "preferred_username": "bob"})),
        ] {
            assert_eq!(app.userinfo(&login(&app, scope).await).await.succeeded().json(), expected, "{scope}");
        }
    }
}

#[tokio::test]
async fn it_works_without_a_refresh_token_too() {
    let app = app(AccessTokenFormat::Jwt).await;
    app.change_client("app", |client| client.grants = vec![Grant::Password]).await;
    app.userinfo(&login(&app, "openid").await).await.succeeded();
}

#[tokio::test]
async fn a_token_without_openid_does_not_reach_so_far() {
    let app = app(AccessTokenFormat::Jwt).await;
    let answer = app.userinfo(&login(&app, "profile").await).await.failed(403, "insufficient_scope");
    let challenge = answer.headers["www-authenticate"].to_str().expect("text");
    assert!(challenge.starts_with("Bearer ") && challenge.contains("insufficient_scope"), "{challenge}");
}

#[tokio::test]
async fn a_missing_token_is_challenged_and_an_invalid_one_is_named_so() {
    let app = app(AccessTokenFormat::Jwt).await;
    let missing = app.get("/oauth2/userinfo").await.failed(401, "invalid_token");
    assert_eq!(missing.headers["www-authenticate"], r#"Bearer realm="passgrant""#);
    let revoked = login(&app, "openid").await;
    app.revoke(&revoked).await.succeeded();
    for token in ["x", "", &revoked] {
        let invalid = app.userinfo(token).await.failed(401, "invalid_token");
        assert_eq!(invalid.headers["www-authenticate"], r#"Bearer realm="passgrant", error="invalid_token""#);
    }
    for path in ["/oauth2/userinfo?access_token=", "/oauth2/userinfo?token="] {
        app.get(&format!("{path}{}", login(&app, "openid").await)).await.failed(401, "invalid_token");
    }
}

#[tokio::test]
async fn post_and_any_case_of_the_scheme_are_taken() {
    let app = app(AccessTokenFormat::Jwt).await;
    let token = login(&app, "openid").await;
    let mut post = request(Method::POST, "/oauth2/userinfo", "");
    post.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(&format!("bEARER {token}")).expect("a header"));
    app.send(post).await.succeeded();
}
