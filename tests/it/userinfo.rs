//! Userinfo (OpenID Connect Core, section 5.3; RFC 6750).

#![expect(clippy::expect_used, reason = "a test without its user has failed")]

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, Request};
use passgrant::client::{AccessTokenFormat, Grant};
use serde_json::{Value, json};

use crate::rig::app::TestApp;
use crate::rig::client::scope;
use crate::rig::request::{form, request};
use crate::rig::user::{PASSWORD, username};

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
async fn userinfo_works_without_a_refresh_token_too() {
    let app = app(AccessTokenFormat::Jwt).await;
    app.change_client("app", |client| client.grants = vec![Grant::Password]).await;
    app.userinfo(&login(&app, "openid").await).await.succeeded();
}

#[tokio::test]
async fn a_token_without_openid_has_insufficient_scope() {
    let app = app(AccessTokenFormat::Jwt).await;
    let answer = app.userinfo(&login(&app, "profile").await).await.failed(403, "insufficient_scope");
    let challenge = answer.headers["www-authenticate"].to_str().expect("text");
    assert!(challenge.starts_with("Bearer ") && challenge.contains("insufficient_scope"), "{challenge}");
}

#[tokio::test]
async fn a_missing_token_is_challenged_without_an_error_and_an_invalid_one_with_invalid_token() {
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
async fn post_and_any_case_of_the_scheme_are_accepted() {
    let app = app(AccessTokenFormat::Jwt).await;
    let token = login(&app, "openid").await;
    let mut post = request(Method::POST, "/oauth2/userinfo", "");
    post.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(&format!("bEARER {token}")).expect("a header"));
    app.send(post).await.succeeded();
}

const FORM: &str = "application/x-www-form-urlencoded";
const INVALID_REQUEST: &str = r#"Bearer realm="passgrant", error="invalid_request""#;

/// A userinfo request with these headers, and a body of these parameters.
#[expect(clippy::expect_used, reason = "a test without its request has failed")]
fn asking(method: Method, headers: &[(&'static str, &str)], parameters: &[(&str, &str)]) -> Request<Bytes> {
    let mut request = request(method, "/oauth2/userinfo", form(parameters));
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).expect("a header");
        request.headers_mut().append(HeaderName::from_static(name), value);
    }
    request
}

#[tokio::test]
async fn a_post_may_send_the_token_in_a_form_instead_of_the_header() {
    for format in AccessTokenFormat::ALL {
        let app = app(format).await;
        let token = login(&app, "openid email").await;
        let by_header = app.userinfo(&token).await.succeeded().json();
        for media_type in
            [FORM, "application/x-www-form-urlencoded; charset=UTF-8;", "Application/X-WWW-Form-URLencoded"]
        {
            for parameters in [&[("access_token", &*token)][..], &[("unknown", "x"), ("access_token", &token)]] {
                let request = asking(Method::POST, &[("content-type", media_type)], parameters);
                assert_eq!(app.send(request).await.succeeded().json(), by_header, "{media_type}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_is_sent_in_two_ways_is_refused_and_one_that_is_sent_in_an_unsupported_way_is_ignored() {
    let app = app(AccessTokenFormat::Jwt).await;
    let token = login(&app, "openid").await;
    let bearer = format!("Bearer {token}");
    let (said, by_header) = (("content-type", FORM), ("authorization", bearer.as_str()));
    let parameters = [("access_token", token.as_str())];
    for header in [bearer.as_str(), "Bearer x", "Basic YTpi", ""] {
        let both = [said, ("authorization", header)];
        let answer = app.send(asking(Method::POST, &both, &parameters)).await.failed(400, "invalid_request");
        assert_eq!(answer.headers["www-authenticate"], INVALID_REQUEST, "RFC 6750, section 2");
    }
    for (name, request) in [
        ("GET", asking(Method::GET, &[said], &parameters)),
        ("no form", asking(Method::POST, &[("content-type", "text/plain")], &parameters)),
        ("no media type", asking(Method::POST, &[], &parameters)),
        ("two media types", asking(Method::POST, &[said, ("content-type", "text/plain")], &parameters)),
        ("no value", asking(Method::POST, &[said], &[("access_token", "")])),
        ("another name", asking(Method::POST, &[said], &[("token", &token)])),
    ] {
        let answer = app.send(request).await.failed(401, "invalid_token");
        assert_eq!(answer.headers["www-authenticate"], r#"Bearer realm="passgrant""#, "{name}");
    }
    for (name, request) in [
        ("GET with a body", asking(Method::GET, &[said, by_header], &parameters)),
        ("a form without a token", asking(Method::POST, &[said, by_header], &[("x", "y")])),
        ("a token without a value", asking(Method::POST, &[said, by_header], &[("access_token", "")])),
        ("no form", asking(Method::POST, &[("content-type", "application/json"), by_header], &parameters)),
        ("no form, and coded", asking(Method::POST, &[("content-encoding", "gzip"), by_header], &[])),
    ] {
        assert_eq!(app.send(request).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_posted_form_is_read_like_every_form() {
    let app = app(AccessTokenFormat::Jwt).await;
    let token = login(&app, "openid").await;
    let said = ("content-type", FORM);
    let twice = [("access_token", token.as_str()), ("access_token", &token)];
    let answer = app.send(asking(Method::POST, &[said], &twice)).await.failed(400, "invalid_request");
    assert_eq!(answer.headers["www-authenticate"], INVALID_REQUEST);
    let coded = [said, ("content-encoding", "gzip")];
    app.send(asking(Method::POST, &coded, &twice[..1])).await.failed(415, "invalid_request");
    let large = [("access_token", "x".repeat(17 * 1024))];
    let large = large.each_ref().map(|(name, value)| (*name, value.as_str()));
    app.send(asking(Method::POST, &[said], &large)).await.failed(413, "invalid_request");
    for token in ["x", "pga_x", &app.login().await.succeeded().text("refresh_token")] {
        let answer = app.send(asking(Method::POST, &[said], &[("access_token", token)])).await;
        let answer = answer.failed(401, "invalid_token");
        assert_eq!(answer.headers["www-authenticate"], r#"Bearer realm="passgrant", error="invalid_token""#);
    }
    let narrow = login(&app, "profile").await;
    app.send(asking(Method::POST, &[said], &[("access_token", &narrow)])).await.failed(403, "insufficient_scope");
}
