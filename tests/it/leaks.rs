//! Passwords that are found to have leaked at a login.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use passgrant::chain::name::ChainName;
use passgrant::password::Password;
use passgrant::user::{LeakCheck, User};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tracing::level_filters::LevelFilter;

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::chain;
use crate::rig::client::{SECRET, client};
use crate::rig::delegate::{Behaviour, Call, Delegate};
use crate::rig::log::Captured;
use crate::rig::request::{LOGIN, token_request};
use crate::rig::user::{PASSWORD, username};
use crate::rig::wire::{Fault, Matcher};

/// The SHA-1 digest of [`PASSWORD`], by another implementation: the five digits that are sent, and the others.
const DIGEST: (&str, &str) = ("ABF7A", "AD6438836DBE526AA231ABDE2D0EEF74D42");
const DAY: Duration = Duration::from_hours(24);

/// An app that asks `ranges` at logins.
async fn app(ranges: &Delegate, policy: &str) -> TestApp {
    let app = TestApp::builder()
        .variable("PASSGRANT_PASSWORD_RANGE_URL", &format!("{}/range/", ranges.endpoint()))
        .variable("PASSGRANT_PASSWORD_RANGE_AT_LOGIN", policy)
        .start()
        .await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app
}

fn listing(count: u32) -> Behaviour {
    Behaviour::Answer(200, format!("0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n{}:{count}\r\n", DIGEST.1).into_bytes())
}

async fn ann(app: &TestApp) -> User {
    app.store.users.get(&username("ann")).await.expect("a read").expect("a user")
}

/// Waits for what the task of a check writes.
async fn until(app: &TestApp, far_enough: impl Fn(&LeakCheck) -> bool) -> LeakCheck {
    loop {
        match ann(app).await.leak_check {
            Some(check) if far_enough(&check) => return check,
            _ => yield_now().await,
        }
    }
}

/// Waits until the check that a login began has been answered.
async fn checked(app: &TestApp) -> LeakCheck {
    let due = app.now() + 30 * DAY;
    until(app, |check| check.due_at == due).await
}

/// Waits until the service has been asked.
async fn asked(ranges: &Delegate) -> Vec<Call> {
    loop {
        let calls = ranges.take_calls();
        if !calls.is_empty() {
            return calls;
        }
        yield_now().await;
    }
}

async fn set_password(app: &TestApp, password: &str) {
    let hash = app.config.argon2.hash(&Password::prepare(password).expect("a password"), &app.random).expect("a hash");
    app.store.users.set_password(&username("ann"), &hash, app.now()).await.expect("a write");
}

async fn login_with(app: &TestApp, password: &str) -> Answer {
    chain::login(app, "ann", password).await
}

#[tokio::test]
async fn a_leaked_password_is_logged_by_the_subject_and_nothing_of_it_is_logged_or_sent() {
    let (captured, _guard) = Captured::at(LevelFilter::TRACE);
    let ranges = Delegate::start().await;
    ranges.behave(listing(42));
    let app = app(&ranges, "log").await;
    app.login().await.succeeded();
    assert!(checked(&app).await.leaked);
    // The alert is logged after the write.
    while !captured.text().contains("leaked_password") {
        yield_now().await;
    }
    let calls = ranges.take_calls();
    let [Call { method, path, headers, body }] = calls.as_slice() else { panic!("one question: {calls:?}") };
    assert_eq!((method, path.as_str()), (&Method::GET, format!("/range/{}", DIGEST.0).as_str()));
    assert_eq!((headers["add-padding"].as_bytes(), body.len()), (&b"true"[..], 0));

    let log = captured.text();
    let alerts: Vec<_> = log.lines().filter(|line| line.contains("\"alert\":\"leaked_password\"")).collect();
    let [alert] = alerts.as_slice() else { panic!("one alert: {log}") };
    assert!(alert.contains(&format!("\"sub\":\"{}\"", ann(&app).await.subject.as_str())), "{alert}");
    assert!(alert.contains("\"WARN\""), "{alert}");
    for secret in [PASSWORD, DIGEST.0, DIGEST.1] {
        assert!(!log.to_uppercase().contains(&secret.to_uppercase()), "{secret} is in the log:\n{log}");
    }
    app.login().await.succeeded();
}

#[tokio::test]
async fn a_password_is_checked_once_in_thirty_days_on_whatever_instance_and_a_new_one_at_once() {
    let ranges = Delegate::start().await;
    ranges.behave(listing(0));
    let mut app = app(&ranges, "log").await;
    app.add_instance();
    app.login().await.succeeded();
    assert!(!checked(&app).await.leaked, "a count of zero is padding");
    assert_eq!(ranges.take_calls().len(), 1);
    app.clock.step(30 * 86_400 - 1);
    app.login().await.succeeded();
    app.clock.set_back(20 * DAY);
    app.login().await.succeeded();
    app.clock.advance(20 * DAY + Duration::from_secs(1));
    app.send_to(1, token_request(Some(("app", SECRET)), &LOGIN)).await.succeeded();
    checked(&app).await;
    assert_eq!(ranges.take_calls().len(), 1, "only the last of the three");

    set_password(&app, "another lantern").await;
    app.clock.advance(Duration::from_secs(1));
    login_with(&app, "another lantern").await.succeeded();
    let check = checked(&app).await;
    assert_eq!((check.password_generation, ranges.take_calls().len()), (ann(&app).await.password_generation, 1));
}

#[tokio::test]
async fn of_many_logins_at_once_one_checks() {
    let ranges = Delegate::start().await;
    ranges.behave(listing(1));
    let app = app(&ranges, "log").await;
    let logins = futures_util::future::join_all((0..8).map(|_| app.login())).await;
    for login in logins {
        login.succeeded();
    }
    checked(&app).await;
    assert_eq!(ranges.take_calls().len(), 1);
}

#[tokio::test]
async fn no_answer_waits_for_the_range_service_and_its_failures_are_tried_again_after_an_hour() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let ranges = Delegate::start().await;
    let app = app(&ranges, "refuse").await;
    ranges.behave(Behaviour::Answer(503, Vec::new()));
    app.login().await.succeeded();
    while !captured.text().contains("status 503") {
        yield_now().await;
    }
    ranges.take_calls();
    for behaviour in [
        Behaviour::Reset,
        Behaviour::Answer(500, Vec::new()),
        Behaviour::Redirect(format!("{}/range/{}", ranges.endpoint(), DIGEST.0)),
        Behaviour::Answer(200, b"not a list".to_vec()),
        Behaviour::Answer(200, vec![b'0'; 300 * 1024]),
    ] {
        ranges.behave(behaviour);
        app.login().await.succeeded();
        assert!(ranges.take_calls().is_empty(), "within the hour");
        app.clock.advance(Duration::from_hours(1));
        let problems = || captured.text().matches("did not say whether a password has leaked").count();
        let before = problems();
        app.login().await.succeeded();
        while problems() == before {
            yield_now().await;
        }
        assert_eq!(ranges.take_calls().len(), 1);
        assert!(!ann(&app).await.leak_check.expect("a check").leaked);
    }
    // What cannot be written is no failure of a login either.
    app.clock.advance(Duration::from_hours(1));
    app.dynamodb_wire.inject(Fault::ServerError, Matcher::operation("UpdateItem").from(2));
    app.login().await.succeeded();
    while !captured.text().contains("whether a password has leaked could not be written") {
        yield_now().await;
    }
    app.dynamodb_wire.clear_faults();
    // The service answers only after the login has been answered.
    let answered = Arc::new(Notify::new());
    let wait = Arc::clone(&answered);
    ranges.meanwhile(move || {
        let wait = Arc::clone(&wait);
        Box::pin(async move { wait.notified().await })
    });
    ranges.behave(listing(1));
    let before = captured.text();
    app.clock.advance(Duration::from_hours(1));
    app.login().await.succeeded();
    assert!(!captured.text()[before.len()..].contains("did not say"), "it was waited for");
    answered.notify_one();
    assert!(checked(&app).await.leaked);
}

#[tokio::test]
async fn a_password_that_was_changed_while_it_was_checked_says_nothing_about_the_new_one() {
    let (captured, _guard) = Captured::at(LevelFilter::TRACE);
    let ranges = Delegate::start().await;
    ranges.behave(listing(1));
    let app = app(&ranges, "refuse").await;
    let (store, argon2, random, now) = (app.store.clone(), app.config.argon2.clone(), app.random.clone(), app.now());
    ranges.meanwhile(move || {
        let (store, argon2, random) = (store.clone(), argon2.clone(), random.clone());
        Box::pin(async move {
            let password = Password::prepare("another lantern").expect("a password");
            let hash = argon2.hash(&password, &random).expect("a hash");
            store.users.set_password(&username("ann"), &hash, now).await.expect("a write");
        })
    });
    app.login().await.succeeded();
    while ann(&app).await.password_generation == 1 {
        yield_now().await;
    }
    // Its own check is what is known about the new one.
    ranges.behave(listing(0));
    login_with(&app, "another lantern").await.succeeded();
    let check = checked(&app).await;
    assert_eq!((check.password_generation, check.leaked), (2, false));
    login_with(&app, "another lantern").await.succeeded();
    assert!(!captured.text().contains("leaked_password"), "{}", captured.text());
}

#[tokio::test]
async fn a_leaked_password_is_refused_from_the_next_login_on_as_a_wrong_one_is_until_another_is_set() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let ranges = Delegate::start().await;
    ranges.behave(listing(1));
    let app = app(&ranges, "refuse").await;
    let session = app.login().await.succeeded().text("refresh_token");
    checked(&app).await;

    app.dynamodb_wire.take_exchanges();
    let calls = || {
        let exchanges = app.dynamodb_wire.take_exchanges();
        let mut calls: Vec<_> = exchanges.into_iter().map(|exchange| exchange.operation).collect();
        calls.sort();
        calls
    };
    let wrong = login_with(&app, "wrong").await;
    let of_wrong = calls();
    let refused = app.login().await;
    assert_eq!(calls(), of_wrong);
    assert_eq!(refused.whole(), wrong.whole());
    refused.failed(400, "invalid_grant");
    assert!(captured.text().contains("\"reason\":\"leaked password\""), "{}", captured.text());
    app.refresh(&session).await.succeeded();

    // It counts as one wrong password, however often it is sent.
    for _ in 0..12 {
        app.login().await.failed(400, "invalid_grant");
    }
    app.store.attempts.clear(&username("ann")).await.expect("a write");
    ranges.behave(listing(0));
    set_password(&app, "another lantern").await;
    login_with(&app, "another lantern").await.succeeded();
}

#[tokio::test]
async fn what_was_found_is_ignored_while_leaked_passwords_are_not_refused() {
    for policy in ["log", "off"] {
        let ranges = Delegate::start().await;
        let app = app(&ranges, policy).await;
        app.create_user_with("bea", |user| {
            let due_at = user.created_at + 30 * DAY;
            user.leak_check = Some(LeakCheck { password_generation: 1, due_at, leaked: true });
        })
        .await;
        chain::login(&app, "bea", PASSWORD).await.succeeded();
        assert!(ranges.take_calls().is_empty());
    }
}

#[tokio::test]
async fn a_password_that_was_wrong_or_is_not_kept_here_is_not_checked_and_an_imported_one_is() {
    let ranges = Delegate::start().await;
    let verifier = Delegate::start().await;
    verifier.behave(Behaviour::json(&serde_json::json!({"result": "yes", "sub": "7"})));
    ranges.behave(listing(1));
    let app = chain::app_with(
        &verifier,
        "legacy",
        &[
            ("PASSGRANT_PASSWORD_RANGE_URL", &format!("{}/range/", ranges.endpoint())),
            ("PASSGRANT_PASSWORD_RANGE_AT_LOGIN", "refuse"),
        ],
    )
    .await;
    app.login().await.succeeded();
    assert!(ann(&app).await.leak_check.is_none(), "the verifier decided, not the hash");
    app.change_client("app", |client| client.chains = vec![ChainName::parse("moving").expect("a chain")]).await;
    login_with(&app, "wrong").await.failed(400, "invalid_grant");
    assert!(ranges.take_calls().is_empty());

    for name in ["pat", "new-one"] {
        chain::login(&app, name, PASSWORD).await.succeeded();
        asked(&ranges).await;
        loop {
            let user = app.store.users.get(&username(name)).await.expect("a read").expect("a user");
            if user.leak_check().is_some_and(|check| check.leaked) {
                break;
            }
            yield_now().await;
        }
        chain::login(&app, name, PASSWORD).await.failed(400, "invalid_grant");
    }
}
