//! Cross-origin requests of browser applications (Fetch, section 3.3).

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{HeaderValue, Method};

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::client::public_client;
use crate::rig::request::{request, token_request};
use crate::rig::user::PASSWORD;

const APP: &str = "https://app.example.com";

async fn app() -> TestApp {
    let app = TestApp::builder()
        .variable("PASSGRANT_CORS_ORIGINS", "https://app.example.com, http://localhost:3000")
        .start()
        .await;
    app.register(public_client("spa")).await;
    app.create_user("ann").await;
    app
}

async fn preflight(app: &TestApp, path: &str, origin: &'static str) -> Answer {
    let mut request = request(Method::OPTIONS, path, "");
    request.headers_mut().insert(ORIGIN, HeaderValue::from_static(origin));
    request.headers_mut().insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
    app.send(request).await
}

#[tokio::test]
async fn a_configured_origin_is_let_in_without_credentials() {
    let app = app().await;
    let answer = preflight(&app, "/oauth2/token", APP).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    assert_eq!(answer.headers["access-control-allow-origin"], APP);
    assert_eq!(answer.headers["access-control-allow-methods"], "POST");
    assert_eq!(answer.headers["access-control-allow-headers"], "authorization, content-type");
    assert_eq!(answer.headers["vary"], "origin");
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));

    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("client_id", "spa")];
    for (password, status) in [(PASSWORD, 200), ("wrong", 400)] {
        let login = login.map(|(name, value)| (name, if name == "password" { password } else { value }));
        let mut request = token_request(None, &login);
        request.headers_mut().insert(ORIGIN, HeaderValue::from_static(APP));
        let answer = app.send(request).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers["access-control-allow-origin"], APP, "errors can be read too");
    }
}

#[tokio::test]
async fn any_other_origin_is_not_let_in() {
    let app = app().await;
    for origin in
        ["https://app.example.com.evil.test", "https://APP.example.com", "http://app.example.com", "null", "*"]
    {
        let answer = preflight(&app, "/oauth2/token", origin).await;
        assert_eq!(answer.status, 405, "{origin}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"), "{origin}");
    }
    let mut request = token_request(None, &[("client_id", "spa")]);
    request.headers_mut().insert(ORIGIN, HeaderValue::from_static("https://evil.test"));
    let answer = app.send(request).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    assert_eq!(answer.headers["vary"], "origin", "a cache must keep the answers apart");
}

#[tokio::test]
async fn without_configured_origins_there_are_no_cors_headers() {
    let app = TestApp::start().await;
    let answer = preflight(&app, "/oauth2/token", APP).await;
    assert_eq!(answer.status, 405);
    let named = answer.headers.keys().any(|name| name.as_str().starts_with("access-control") || name == "vary");
    assert!(!named);
}

#[tokio::test]
async fn an_unknown_path_has_no_preflight() {
    let app = app().await;
    assert_eq!(preflight(&app, "/nowhere", APP).await.status, 404);
}
