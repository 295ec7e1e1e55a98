//! The authorization endpoint, where nobody logs in (OpenID Connect Discovery, section 3; RFC 9700, section 2.6).

use http::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Method, Request};

use crate::rig::app::TestApp;
use crate::rig::request::{form, request};

const MARKER: &str = "zq-marker-zq";

/// Requests as clients and attackers send them to such an endpoint, by GET and by POST.
fn requests(accept: &'static str) -> Vec<Request<bytes::Bytes>> {
    let parameters = form(&[
        ("response_type", "code"),
        ("client_id", MARKER),
        ("redirect_uri", "https://app.example.com/zq-marker-zq"),
        ("state", MARKER),
        ("scope", "openid <script>zq-marker-zq</script>"),
    ]);
    let mut requests = vec![
        request(Method::GET, "/oauth2/authorize", ""),
        request(Method::GET, &format!("/oauth2/authorize?{parameters}"), ""),
        request(Method::POST, "/oauth2/authorize", parameters),
        request(Method::POST, "/oauth2/authorize", "x".repeat(20 * 1024)),
    ];
    for request in &mut requests {
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    }
    requests
}

#[tokio::test]
async fn an_authorization_request_is_refused_by_a_page_that_loads_nothing_and_never_redirects() {
    let app = TestApp::start().await;
    for accept in ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "*/*"] {
        for request in requests(accept) {
            let answer = app.send(request).await;
            assert_eq!(answer.status, 400);
            for (name, value) in [
                ("content-type", "text/html; charset=utf-8"),
                (
                    "content-security-policy",
                    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                ),
                ("x-frame-options", "DENY"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cache-control", "no-store"),
                ("pragma", "no-cache"),
            ] {
                assert_eq!(answer.headers[name], value);
            }
            assert!(!answer.headers.contains_key("location") && !answer.headers.contains_key("refresh"));
            let page = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
            assert!(page.starts_with("<!doctype html>") && page.contains("Passgrant"), "{page}");
            for reference in ["src=", "href=", "url(", "http", "<script", "<style", "<form", MARKER] {
                assert!(!page.contains(reference), "{reference} in {page}");
            }
        }
    }
}

#[tokio::test]
async fn a_caller_who_asks_for_json_is_refused_in_json_and_nothing_is_echoed() {
    let app = TestApp::start().await;
    for request in requests("application/json") {
        let answer = app.send(request).await.failed(400, "unsupported_response_type");
        assert!(!answer.whole().contains(MARKER) && !answer.headers.contains_key("location"), "{}", answer.whole());
    }
}

#[tokio::test]
async fn no_origin_may_call_the_authorization_endpoint() {
    const PAGE: &str = "https://app.example.com";
    let app = TestApp::builder().variable("PASSGRANT_CORS_ORIGINS", PAGE).start().await;
    for method in [Method::OPTIONS, Method::GET, Method::POST] {
        let mut request = request(method.clone(), "/oauth2/authorize", "");
        request.headers_mut().insert(ORIGIN, HeaderValue::from_static(PAGE));
        request.headers_mut().insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("GET"));
        let answer = app.send(request).await;
        assert_eq!(answer.status, if method == Method::OPTIONS { 405 } else { 400 });
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{method}");
    }
}
