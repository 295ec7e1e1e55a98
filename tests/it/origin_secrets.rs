//! The secret that the component in front of the gateway adds: without it there is no answer.

#![expect(clippy::expect_used, reason = "a header that cannot be made has failed its test")]

use http::header::ORIGIN;
use http::{HeaderValue, Method, Request};
use passgrant::origin::HEADER;
use passgrant::router;
use tracing::level_filters::LevelFilter;

use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client};
use crate::rig::log::Captured;
use crate::rig::request::{LOGIN, request, token_request};

const OLD: &str = "the-last-secret-0123456789abcdef-0123456789";
const NEW: &str = "the-next-secret-0123456789abcdef-0123456789";

async fn app(secrets: &str) -> TestApp {
    let app = TestApp::builder()
        .variable("PASSGRANT_ORIGIN_SECRETS", secrets)
        .variable("PASSGRANT_CORS_ORIGINS", "https://app.example.com")
        .start()
        .await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app
}

fn login(secrets: &[&str]) -> Request<bytes::Bytes> {
    let mut login = token_request(Some(("app", SECRET)), &LOGIN);
    for secret in secrets {
        login.headers_mut().append(HEADER, HeaderValue::from_str(secret).expect("a header"));
    }
    login
}

#[tokio::test]
async fn whoever_went_past_the_front_is_told_the_same_at_every_path_and_causes_no_call() {
    let app = app(NEW).await;
    app.dynamodb_wire.take_exchanges();
    let mut answers = Vec::new();
    for (path, _) in router::paths().filter(|(path, _)| *path != "/healthz").chain([("/unknown", ""), ("/", "")]) {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::OPTIONS] {
            let mut request = request(method, path, "grant_type=password");
            request.headers_mut().insert(ORIGIN, HeaderValue::from_static("https://app.example.com"));
            request.headers_mut().insert("access-control-request-method", HeaderValue::from_static("POST"));
            answers.push(app.send(request).await.whole());
        }
    }
    answers.push(app.send(login(&[])).await.whole());
    for answer in answers {
        assert_eq!(answer, "403 Forbidden\ncache-control: no-store\nx-request-id: the-request-id\n\n");
    }
    assert!(app.dynamodb_wire.take_exchanges().is_empty());
}

#[tokio::test]
async fn the_health_of_an_instance_is_told_without_the_secret() {
    let app = app(NEW).await;
    for method in [Method::GET, Method::HEAD] {
        app.send(request(method, "/healthz", "")).await.succeeded();
    }
    assert_eq!(app.send(request(Method::POST, "/healthz", "")).await.status, 405);
}

#[tokio::test]
async fn either_of_two_secrets_is_accepted_and_nothing_that_resembles_one() {
    let app = app(&format!("{NEW},{OLD}")).await;
    for secret in [NEW, OLD] {
        app.send(login(&[secret])).await.succeeded();
    }
    let (both, cut) = (format!("{NEW},{OLD}"), &NEW[..NEW.len() - 1]);
    let (longer, upper, endless) = (format!("{NEW}0"), NEW.to_uppercase(), NEW.repeat(400));
    for secrets in [
        &["", ""][..],
        &[""],
        &[&both],
        &[cut],
        &[&longer],
        &[&upper],
        &[&endless],
        &[NEW, NEW],
        &[NEW, OLD],
        &["x", NEW],
    ] {
        assert_eq!(app.send(login(secrets)).await.status, 403, "{secrets:?}");
    }
}

#[tokio::test]
async fn without_a_secret_in_the_configuration_every_request_is_let_in() {
    let app = TestApp::start().await;
    app.send(login(&[])).await.succeeded();
    app.send(login(&["anything"])).await.succeeded();
}

#[tokio::test]
async fn the_log_says_that_a_request_went_past_the_front_and_never_shows_a_secret() {
    let (captured, _guard) = Captured::at(LevelFilter::TRACE);
    let app = app(&format!("{NEW},{OLD}")).await;
    app.send(login(&[NEW])).await.succeeded();
    let presented = "a-guess-of-the-log-test-0123456789abcdef";
    assert_eq!(app.send(login(&[presented])).await.status, 403);
    assert!(!format!("{:?}", app.config).contains("-secret-"));
    let log = captured.text();
    for secret in [OLD, NEW, presented] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    assert!(log.contains(r#""code":"access_denied""#), "{log}");
}
