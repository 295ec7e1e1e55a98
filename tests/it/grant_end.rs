//! The end of the password grant for a client, and how it is announced (RFC 9745, RFC 8594).

use std::time::Duration;

use http::HeaderValue;
use http::header::ORIGIN;
use passgrant::client::{Client, Grant, GrantEnd};
use passgrant::clock::Timestamp;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client};
use crate::rig::clock::START;
use crate::rig::log::Captured;
use crate::rig::request::{LOGIN, token_request};

/// When the end comes, in seconds after the start.
const END: u64 = 1_800;

/// An end that was announced a day before the start.
fn end() -> GrantEnd {
    let [until, announced_at] = [START + END, START - 86_400].map(Timestamp::from_unix);
    GrantEnd { until, announced_at }
}

async fn app(client_cache: &str) -> TestApp {
    let app = TestApp::builder().variable("PASSGRANT_CLIENT_CACHE", client_cache).start().await;
    app.register(Client { password_grant_end: Some(end()), ..client("app") }).await;
    app.register_api().await;
    app.create_user("ann").await;
    app
}

/// The two headers that announce the end.
fn announced(answer: &Answer) -> [Option<&str>; 2] {
    ["deprecation", "sunset"].map(|name| answer.headers.get(name).and_then(|value| value.to_str().ok()))
}

#[tokio::test]
async fn the_grant_ends_to_the_second_for_a_client_in_memory_and_for_one_that_is_read() {
    for client_cache in ["0s", "1h"] {
        let app = app(client_cache).await;
        app.login().await.succeeded();
        app.clock.advance(Duration::from_secs(END - 1));
        app.login().await.succeeded();
        app.clock.advance(Duration::from_secs(1));
        let refused = app.login().await.failed(400, "unauthorized_client");
        assert_eq!(announced(&refused), [None, None]);
        app.clock.set_back(Duration::from_secs(1));
        app.login().await.succeeded();
        app.clock.advance(Duration::from_hours(24 * 365));
        app.login().await.failed(400, "unauthorized_client");
    }
}

#[tokio::test]
async fn a_client_whose_grant_has_ended_is_answered_byte_for_byte_like_one_without_the_grant() {
    let app = app("0s").await;
    app.register(Client { grants: vec![Grant::RefreshToken], ..client("without") }).await;
    app.clock.advance(Duration::from_secs(END));
    let ended = app.login().await.failed(400, "unauthorized_client");
    let without = app.send(token_request(Some(("without", SECRET)), &LOGIN)).await;
    assert_eq!(ended.whole(), without.whole());
    let wrong = [("grant_type", "password"), ("username", "ann"), ("password", "wrong")];
    assert_eq!(app.token(&wrong).await.whole(), ended.whole(), "whatever the credentials of the user");
    app.send(token_request(Some(("app", "wrong")), &LOGIN)).await.failed(401, "invalid_client");
}

#[tokio::test]
async fn a_login_before_the_end_is_told_when_it_was_announced_and_when_it_comes() {
    let app = app("0s").await;
    let login = app.login().await.succeeded();
    // 2025-12-31T00:00:00Z and 2026-01-01T00:30:00Z.
    assert_eq!(announced(&login), [Some("@1767139200"), Some("Thu, 01 Jan 2026 00:30:00 GMT")]);
    for (until, date) in [
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        let end = GrantEnd { until: Timestamp::from_unix(until), announced_at: Timestamp::from_unix(START) };
        let before = until.min(START) - 1;
        app.clock.step(i64::try_from(before).expect("a date") - i64::try_from(app.now().as_unix()).expect("a date"));
        app.change_client("app", |client| client.password_grant_end = Some(end)).await;
        let login = app.login().await.succeeded();
        let deprecation = format!("@{}", until.min(START));
        assert_eq!(announced(&login), [Some(&*deprecation), Some(date)], "the end is never the earlier one");
    }
}

#[tokio::test]
async fn only_logins_that_are_granted_and_only_of_that_client_announce_the_end() {
    let app = app("0s").await;
    app.register(client("other")).await;
    let login = app.login().await.succeeded();
    let other = app.send(token_request(Some(("other", SECRET)), &LOGIN)).await.succeeded();
    let refreshed = app.refresh(&login.text("refresh_token")).await.succeeded();
    let wrong = [("grant_type", "password"), ("username", "ann"), ("password", "wrong")];
    let refused = app.token(&wrong).await.failed(400, "invalid_grant");
    for answer in [other, refreshed, refused] {
        assert_eq!(announced(&answer), [None, None]);
    }
}

#[tokio::test]
async fn a_session_goes_on_after_the_end_to_its_own_and_introspection_and_userinfo_do_not_change() {
    let app = app("0s").await;
    app.change_client("app", |client| client.scopes = crate::rig::client::scope("openid read")).await;
    let login = app.token(&[LOGIN.as_slice(), &[("scope", "openid")]].concat()).await.succeeded();
    app.clock.advance(Duration::from_secs(END - 10));
    let refreshed = app.refresh(&login.text("refresh_token")).await.succeeded();
    app.clock.advance(Duration::from_secs(10));
    app.login().await.failed(400, "unauthorized_client");
    let access_token = refreshed.text("access_token");
    assert_eq!(app.introspect(&access_token).await["active"], true);
    app.userinfo(&access_token).await.succeeded();
    let mut token = refreshed.text("refresh_token");
    let policy = client("app").refresh;
    let rounds = policy.lifetime.as_secs() / policy.idle_lifetime.as_secs();
    for _ in 0..rounds {
        app.clock.advance(policy.idle_lifetime);
        app.clock.set_back(Duration::from_secs(END));
        token = app.refresh(&token).await.succeeded().text("refresh_token");
    }
    app.clock.advance(policy.idle_lifetime);
    app.refresh(&token).await.failed(400, "invalid_grant");
}

#[tokio::test]
async fn an_end_that_is_put_off_or_taken_back_lets_the_client_log_in_again() {
    let app = app("0s").await;
    app.clock.advance(Duration::from_secs(END));
    app.login().await.failed(400, "unauthorized_client");
    let later = GrantEnd { until: Timestamp::from_unix(START + 2 * END), ..end() };
    app.change_client("app", |client| client.password_grant_end = Some(later)).await;
    assert_eq!(announced(&app.login().await.succeeded())[1], Some("Thu, 01 Jan 2026 01:00:00 GMT"));
    app.change_client("app", |client| client.password_grant_end = None).await;
    assert_eq!(announced(&app.login().await.succeeded()), [None, None]);
}

#[tokio::test]
async fn a_page_of_a_configured_origin_may_read_the_announcement() {
    const APP: &str = "https://app.example.com";
    let app = TestApp::builder().variable("PASSGRANT_CORS_ORIGINS", APP).start().await;
    app.register(Client { password_grant_end: Some(end()), ..client("app") }).await;
    app.create_user("ann").await;
    let mut request = token_request(Some(("app", SECRET)), &LOGIN);
    request.headers_mut().insert(ORIGIN, HeaderValue::from_static(APP));
    let answer = app.send(request).await.succeeded();
    let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap_or_default();
    let exposed: Vec<&str> = exposed.split(", ").collect();
    assert!(["deprecation", "sunset"].iter().all(|name| exposed.contains(name)), "{exposed:?}");
}

#[tokio::test]
async fn who_logs_in_and_who_comes_too_late_is_found_in_the_log_by_its_client() {
    let app = app("0s").await;
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    app.login().await.succeeded();
    app.clock.advance(Duration::from_secs(END));
    app.login().await.failed(400, "unauthorized_client");
    let log = captured.text();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    // The fields by which docs/retiring.md asks.
    for (line, (status, code)) in lines.iter().zip([(200, None), (400, Some("unauthorized_client"))]) {
        let said = (&line["grant"], &line["status"], line["code"].as_str(), &line["span"]["client_id"]);
        assert_eq!(said, (&json!("password"), &json!(status), code, &json!("app")), "{log}");
        assert_eq!(line["sub"].is_string(), code.is_none(), "no user was looked at: {log}");
    }
    assert_eq!(lines.len(), 2, "{log}");
}
