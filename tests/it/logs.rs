//! What the log of a whole run holds: one line for each request, and no secret.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tracing::level_filters::LevelFilter;

use crate::rig::app::TestApp;
use crate::rig::chain::SIGNING_SECRET;
use crate::rig::client::{SECRET, client};
use crate::rig::delegate::{Behaviour, Delegate};
use crate::rig::log::Captured;
use crate::rig::request::token_request;
use crate::rig::user::{PASSWORD, username};
use crate::rig::wire::{Fault, Matcher};

#[test]
fn what_a_thread_without_a_subscriber_logs_first_is_still_captured_here() {
    fn say() {
        tracing::warn!("said on two threads");
    }
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    thread::spawn(say).join().expect("said");
    say();
    assert_eq!(captured.text().lines().count(), 1, "{}", captured.text());
}

#[tokio::test]
async fn a_whole_run_logs_no_secret_at_any_level() {
    let (captured, _guard) = Captured::at(LevelFilter::TRACE);

    let app = TestApp::start().await;
    let login = app.login().await.succeeded();
    let mut secrets = vec![PASSWORD.to_owned(), SECRET.to_owned(), STANDARD.encode(format!("app:{SECRET}"))];
    secrets.extend([login.text("access_token"), login.text("refresh_token")]);
    let refreshed = app.refresh(&login.text("refresh_token")).await.succeeded();
    secrets.extend([refreshed.text("access_token"), refreshed.text("refresh_token")]);

    let wrong = "wrong-password-of-the-log-test";
    secrets.push(wrong.to_owned());
    for username in ["ann", "unknown", "not a name"] {
        app.token(&[("grant_type", "password"), ("username", username), ("password", wrong)]).await;
    }
    app.send(token_request(
        Some(("app", wrong)),
        &[("grant_type", "password"), ("username", "a"), ("password", wrong)],
    ))
    .await;
    app.refresh(wrong).await;
    app.token(&[("grant_type", wrong), ("password", wrong)]).await;
    app.create_user_with("damaged", |user| {
        user.password_hash = Some(serde_json::from_str("\"$argon2id$v=19$hash-of-the-log-test\"").expect("a string"));
    })
    .await;
    secrets.push("hash-of-the-log-test".to_owned());
    app.token(&[("grant_type", "password"), ("username", "damaged"), ("password", wrong)])
        .await
        .failed(500, "server_error");
    for number in 0..=10 {
        let guess = format!("{wrong} {number}");
        app.token(&[("grant_type", "password"), ("username", "locked"), ("password", &guess)]).await;
    }
    for fault in [Fault::Throttle, Fault::Garbage, Fault::Truncate, Fault::Reset, Fault::ExpiredCredentials] {
        // A failure after the verdict is logged, and fails no request.
        app.dynamodb_wire.inject(fault, Matcher::operation("UpdateItem").from(2));
        app.login().await.succeeded();
        app.dynamodb_wire.clear_faults();
        app.dynamodb_wire.inject(fault, Matcher::any());
        app.login().await.failed(503, "temporarily_unavailable");
        app.refresh(&refreshed.text("refresh_token")).await.failed(503, "temporarily_unavailable");
        app.dynamodb_wire.clear_faults();
    }

    let log = captured.text() + &app.metrics.text();
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
        if let Some(signature) = secret.split('.').nth(2) {
            assert!(!log.contains(signature), "a signature is in the log");
        }
    }
    for line in ["too many wrong passwords for a username", "an attempt stays counted"] {
        assert!(log.contains(line), "{line}");
    }
    assert!(log.lines().filter(|line| line.contains("\"request_id\"")).count() > 10, "the log was captured:\n{log}");
}

#[tokio::test]
async fn a_delegated_login_logs_nothing_of_its_question_or_its_answer() {
    let (captured, _guard) = Captured::at(LevelFilter::TRACE);

    let delegate = Delegate::start().await;
    let verifiers = serde_json::json!([{
        "name": "mover",
        "url": format!("{}/?code=secret-of-the-url", delegate.endpoint()),
        "secret_env": "PASSGRANT_TEST_SECRET",
        "import": true,
    }]);
    let app = TestApp::builder()
        .variable("PASSGRANT_DELEGATED_VERIFIERS", &verifiers.to_string())
        .variable("PASSGRANT_TEST_SECRET", SIGNING_SECRET)
        .variable("PASSGRANT_AUTH_CHAINS", "moving=directory,mover")
        .variable("PASSGRANT_AUTH_CHAIN", "moving")
        .start()
        .await;
    app.register(client("app")).await;
    app.create_user_with("pat", |user| user.password_hash = None).await;
    let password = "password-of-the-log-test";
    let login = async |name| app.token(&[("grant_type", "password"), ("username", name), ("password", password)]).await;

    let echo = format!(r#"{{"result":"{password}","claims":{{"x":"{password}"}}}}"#).into_bytes();
    for behaviour in [
        Behaviour::Answer(200, echo.clone()),
        Behaviour::Answer(500, echo.clone()),
        Behaviour::Answer(200, [echo, vec![b' '; 16 * 1024]].concat()),
        Behaviour::Redirect(format!("http://127.0.0.1:1/{password}")),
        Behaviour::Reset,
        Behaviour::result("no"),
        Behaviour::json(&serde_json::json!({"result": "yes", "claims": {"motto": "claim-of-the-log-test"}})),
    ] {
        delegate.behave(behaviour);
        login("pat").await;
    }
    app.dynamodb_wire.inject(Fault::ServerError, Matcher::operation("PutItem"));
    login("zoe").await.failed(503, "temporarily_unavailable");
    app.dynamodb_wire.clear_faults();
    login("zoe").await.succeeded();
    let hash = app.store.users.get(&username("zoe")).await.expect("a read").expect("a user").password_hash;
    let hash = serde_json::to_string(&hash).expect("a hash");
    let salt = hash.split('$').nth(4).expect("a salt");

    let log = captured.text();
    for secret in [password, SIGNING_SECRET, "secret-of-the-url", "claim-of-the-log-test", "v1=", salt] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
    for told in ["the verifier mover: ", "status 500", "refused by mover", "imported"] {
        assert!(log.contains(told), "the log does not say {told}:\n{log}");
    }
}

#[tokio::test]
async fn a_line_says_who_asked_for_what_and_how_it_ended() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let app = TestApp::start().await;
    app.login().await.succeeded();
    app.token(&[("grant_type", "password"), ("username", "ann"), ("password", "wrong")]).await;

    let log = captured.text();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert_eq!(lines.len(), 2, "one line for each request:\n{log}");
    assert_eq!((&lines[0]["status"], &lines[1]["status"]), (&200.into(), &400.into()));
    assert_eq!((&lines[1]["code"], &lines[1]["reason"]), (&"invalid_grant".into(), &"wrong password".into()));
    for line in lines {
        assert_eq!(line["span"]["request_id"], "the-request-id");
        assert_eq!(line["span"]["client_id"], "app");
    }
}

/// The lines of `captured` that say how a request ended.
fn records(captured: &Captured) -> Vec<serde_json::Value> {
    let lines = captured.text();
    let lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a JSON line"));
    lines.filter(|line| line.get("status").is_some()).collect()
}

#[tokio::test]
async fn a_success_is_attributed_to_client_grant_chain_user_and_session() {
    let app = TestApp::start().await;
    app.register_api().await;
    app.change_client("app", |client| client.scopes = crate::rig::client::scope("openid read")).await;
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "openid")];
    let login = app.token(&login).await.succeeded();
    app.refresh(&login.text("refresh_token")).await.succeeded();
    app.introspect(&login.text("access_token")).await;
    app.userinfo(&login.text("access_token")).await.succeeded();

    let sub = app.store.users.get(&crate::rig::user::username("ann")).await.expect("a read").expect("a user").subject;
    let (_, claims) = crate::rig::jwt::verified_claims(&app, &login.text("access_token")).await;
    let records = records(&captured);
    for (record, (endpoint, client, grant, chain)) in records.iter().zip([
        ("token", "app", Some("password"), Some("directory")),
        ("token", "app", Some("refresh_token"), None),
        ("introspect", "api", None, None),
        ("userinfo", "app", None, None),
    ]) {
        assert_eq!((&record["level"], &record["sub"]), (&"INFO".into(), &sub.as_str().into()), "{record}");
        assert_eq!(record["sid"], claims["sid"], "{record}");
        let span = &record["span"];
        assert_eq!((&span["endpoint"], &span["client_id"]), (&endpoint.into(), &client.into()), "{record}");
        let text = |name: &str| record.get(name).and_then(serde_json::Value::as_str);
        assert_eq!((text("grant"), text("chain")), (grant, chain), "{record}");
    }
}

#[tokio::test]
async fn theft_of_a_refresh_token_and_a_locked_username_are_logged_at_warn_and_a_stranger_is_not_named() {
    let app = TestApp::start().await;
    let stolen = app.login().await.succeeded();
    app.refresh(&stolen.text("refresh_token")).await.succeeded();
    app.clock.advance(std::time::Duration::from_secs(31));
    let (captured, _guard) = Captured::at(LevelFilter::WARN);
    app.refresh(&stolen.text("refresh_token")).await.failed(400, "invalid_grant");
    for name in ["ann", "stranger-of-the-log-test"] {
        for number in 0..=10 {
            let guess = format!("guess {number}");
            app.token(&[("grant_type", "password"), ("username", name), ("password", &guess)]).await;
        }
    }
    let sub = app.store.users.get(&crate::rig::user::username("ann")).await.expect("a read").expect("a user").subject;
    let (_, claims) = crate::rig::jwt::verified_claims(&app, &stolen.text("access_token")).await;
    let ann = serde_json::Value::from(sub.as_str());
    let nobody = serde_json::Value::Null;
    let told: Vec<_> =
        records(&captured).into_iter().map(|line| (line["alert"].clone(), line["sub"].clone())).collect();
    assert_eq!(
        told,
        [
            ("refresh_token_reused".into(), ann.clone()),
            ("username_locked".into(), ann.clone()),
            ("locked_username_tried".into(), ann),
            ("username_locked".into(), nobody.clone()),
            ("locked_username_tried".into(), nobody),
        ]
    );
    assert_eq!(records(&captured)[0]["sid"], claims["sid"]);
    assert!(!captured.text().contains("stranger-of-the-log-test"), "{}", captured.text());
}

#[tokio::test]
async fn a_user_whose_hash_is_damaged_is_named_only_by_the_subject() {
    let (captured, _guard) = Captured::at(LevelFilter::TRACE);
    let app = TestApp::start().await;
    app.create_user_with("damaged-user", |user| {
        user.password_hash = Some(serde_json::from_str("\"$argon2id$v=19$damaged\"").expect("a string"));
    })
    .await;
    app.token(&[("grant_type", "password"), ("username", "damaged-user"), ("password", PASSWORD)])
        .await
        .failed(500, "server_error");
    let user = app.store.users.get(&username("damaged-user")).await.expect("a read").expect("a user");
    let log = captured.text();
    assert!(log.contains(&format!("user {}: ", user.subject.as_str())), "{log}");
    assert!(!log.contains("damaged-user"), "{log}");
}
