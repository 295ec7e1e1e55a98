//! The audit events of requests: who did what, and when. Every event of every test is held against the schema as well.

#![expect(clippy::expect_used, reason = "an event that cannot be read has failed its test")]

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use passgrant::audit::{Action, Outcome, TargetKind};
use passgrant::telemetry::record::Alert;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client};
use crate::rig::jwt::part;
use crate::rig::log::Captured;
use crate::rig::request::{request, token_request};
use crate::rig::user::PASSWORD;
use crate::rig::wire::{Fault, Matcher};

fn said(event: &Value) -> [&str; 3] {
    [&event["action"], &event["actor"]["kind"], &event["outcome"]].map(|value| value.as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_login_is_an_event_with_its_client_its_user_and_its_session_whatever_the_log_level_is() {
    let (captured, _guard) = Captured::at(LevelFilter::OFF);
    let app = TestApp::start().await;
    let login = app.login().await.succeeded();
    let event = app.audit.only();
    let claims = part(&login.text("access_token"), 1);
    let (sub, sid) = (&claims["sub"], &claims["sid"]);
    assert_eq!(
        event,
        json!({
            "type": "passgrant.audit",
            "schema": 1,
            "id": "the-request-id",
            "time": event["time"],
            "origin": "function",
            "actor": {"kind": "client", "id": "app"},
            "action": "token.issued",
            "target": {"kind": "user", "id": sub},
            "outcome": "succeeded",
            "request_id": "the-request-id",
            "grant": "password",
            "sub": sub,
            "sid": sid,
        })
    );
    let seconds = humantime::parse_rfc3339(event["time"].as_str().expect("text")).expect("a time");
    let seconds = seconds.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert_eq!(seconds, app.now().as_unix());
    assert_eq!(captured.text(), "");

    app.refresh(&login.text("refresh_token")).await.succeeded();
    let event = app.audit.only();
    assert_eq!(said(&event), ["token.refreshed", "client", "succeeded"]);
    assert_eq!([&event["sub"], &event["sid"], &event["grant"]], [&json!(sub), &json!(sid), &json!("refresh_token")]);
}

#[tokio::test]
async fn what_is_refused_is_an_event_that_names_nobody_who_is_not_known() {
    let app = TestApp::start().await;
    let wrong =
        |name: &'static str| vec![("grant_type", "password"), ("username", name), ("password", "a-wrong-password")];
    for (client, parameters, expected, sub) in [
        (("app", SECRET), wrong("ann"), ["login.refused", "client", "refused"], true),
        (("app", SECRET), wrong("a-name-of-nobody"), ["login.refused", "client", "refused"], false),
        (("app", "a-wrong-secret"), wrong("ann"), ["token.refused", "anonymous", "refused"], false),
        (("no-such-client", SECRET), wrong("ann"), ["token.refused", "anonymous", "refused"], false),
        (("app", SECRET), vec![("grant_type", "urn:of-nobody")], ["token.refused", "anonymous", "refused"], false),
        (("app", SECRET), vec![("grant_type", "password")], ["token.refused", "anonymous", "refused"], false),
    ] {
        app.send(token_request(Some(client), &parameters)).await;
        let event = app.audit.only();
        assert_eq!(said(&event), expected, "{event}");
        assert_eq!(event["sub"].is_string(), sub, "{event}");
        assert_eq!(event["target"].is_object(), sub, "{event}");
        for typed in
            ["ann", "a-name-of-nobody", "a-wrong-password", "a-wrong-secret", "no-such-client", SECRET, PASSWORD]
        {
            assert!(!event.to_string().contains(typed), "{typed} is in {event}");
        }
    }
}

#[tokio::test]
async fn a_lock_a_source_and_a_stolen_token_are_events_of_their_own() {
    let app = TestApp::builder()
        .variable("PASSGRANT_ATTEMPTS_LIMIT", "2")
        .variable("PASSGRANT_ATTEMPTS_SOURCE_NAMES", "2")
        .start()
        .await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    let first = app.login().await.succeeded().text("refresh_token");
    app.refresh(&first).await.succeeded();
    app.clock.advance(Duration::from_hours(1));
    app.audit.take();
    app.refresh(&first).await.failed(400, "invalid_grant");
    let event = app.audit.only();
    assert_eq!(said(&event), ["refresh_token.reused", "client", "refused"]);
    assert!(event["sid"].is_string() && event["sub"].is_string(), "{event}");
    for (number, (from, name, action, alert)) in [
        ("198.51.100.1", "ann", "login.refused", Value::Null),
        ("198.51.100.1", "ann", "username.locked", json!("username_locked")),
        ("198.51.100.1", "ann", "login.refused", json!("locked_username_tried")),
        ("203.0.113.66", "nobody-1", "login.refused", Value::Null),
        ("203.0.113.66", "nobody-2", "source.exhausted", json!("source_exhausted")),
        ("203.0.113.66", "nobody-3", "login.refused", json!("exhausted_source_tried")),
    ]
    .into_iter()
    .enumerate()
    {
        app.guess_from(from, name, &format!("wrong {number}")).await.failed(400, "invalid_grant");
        let event = app.audit.only();
        assert_eq!((&event["action"], &event["alert"]), (&json!(action), &alert), "{event}");
        assert!(!event.to_string().contains(from) && !event.to_string().contains("nobody"), "{event}");
    }
}

#[tokio::test]
async fn a_revocation_is_an_event_of_what_it_ended_and_of_what_it_left_alone() {
    let app = TestApp::start().await;
    app.register(client("other")).await;
    let login = app.login().await.succeeded();
    let sid = part(&login.text("access_token"), 1)["sid"].clone();
    app.audit.take();
    let revoke = |client: &'static str, token: String| {
        let mut asked = token_request(Some((client, SECRET)), &[("token", &token)]);
        *asked.uri_mut() = "/oauth2/revoke".parse().expect("a path");
        asked
    };
    for (caller, token, expected) in [
        ("other", login.text("refresh_token"), Some(["revocation.refused", "client", "refused"])),
        ("other", login.text("access_token"), Some(["revocation.refused", "client", "refused"])),
        ("app", login.text("access_token"), Some(["token.revoked", "client", "succeeded"])),
        ("app", login.text("refresh_token"), Some(["session.ended", "client", "succeeded"])),
        ("app", "not-a-token".to_owned(), None),
    ] {
        app.send(revoke(caller, token)).await.succeeded();
        let events = app.audit.take();
        assert_eq!(events.iter().map(said).next(), expected, "{events:?}");
        for event in &events {
            assert_eq!(event["sid"], sid, "{event}");
            assert!(!event.to_string().contains(&login.text("refresh_token")), "{event}");
        }
    }
    let mut unknown = revoke("app", "a-token".to_owned());
    unknown.headers_mut().remove("authorization");
    app.send(unknown).await;
    assert_eq!(said(&app.audit.only()), ["revocation.refused", "anonymous", "refused"]);
}

#[tokio::test]
async fn a_request_that_failed_is_an_event_that_says_so() {
    let app = TestApp::start().await;
    app.dynamodb_wire.inject(Fault::Throttle, Matcher::any());
    app.login().await.failed(503, "temporarily_unavailable");
    let event = app.audit.only();
    assert_eq!((&event["action"], &event["outcome"]), (&json!("token.refused"), &json!("failed")));
}

#[tokio::test]
async fn what_only_asks_is_no_event() {
    let app = TestApp::start().await;
    app.register_api().await;
    let login = app.login().await.succeeded();
    app.audit.take();
    app.introspect(&login.text("access_token")).await;
    for path in ["/oauth2/jwks", "/healthz", "/.well-known/openid-configuration", "/oauth2/userinfo", "/nothing-here"] {
        app.send(request(Method::GET, path, "")).await;
    }
    for method in [Method::GET, Method::PUT, Method::OPTIONS] {
        app.send(request(method, "/oauth2/token", "")).await;
    }
    assert_eq!(app.audit.take(), Vec::<Value>::new());
}

fn words(value: &Value) -> BTreeSet<&str> {
    value.as_array().expect("a list").iter().filter_map(Value::as_str).collect()
}

#[test]
fn the_schema_and_the_documentation_know_every_action_and_no_other() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/audit.schema.json")).expect("JSON");
    let (members, documented) = (&schema["properties"], include_str!("../../docs/audit.md"));
    let actions: BTreeSet<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
    assert_eq!(words(&members["action"]["enum"]), actions);
    let by_origin = ["then", "else"].map(|part| words(&schema["allOf"][0][part]["properties"]["action"]["enum"]));
    assert!(by_origin[0].is_disjoint(&by_origin[1]));
    assert_eq!(by_origin[0].union(&by_origin[1]).copied().collect::<BTreeSet<_>>(), actions);
    assert_eq!(words(&members["outcome"]["enum"]), Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect());
    let kinds = &members["target"]["properties"]["kind"]["enum"];
    assert_eq!(words(kinds), TargetKind::ALL.iter().map(|kind| kind.as_str()).collect());
    assert_eq!(words(&members["alert"]["enum"]), Alert::ALL.iter().map(|alert| alert.as_str()).collect());

    let table = documented.split("## Actions").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a table");
    let named = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let named: BTreeSet<&str> = named.flat_map(|cell| cell.trim_end_matches('`').split("`, `")).collect();
    assert_eq!(named, actions);
    for member in members.as_object().expect("members").keys() {
        assert!(documented.contains(&format!("`{member}`")), "{member} is described");
    }
    assert_eq!(schema["additionalProperties"], false);
}
