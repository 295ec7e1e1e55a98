//! What is measured of each request: a line in CloudWatch's embedded metric format.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use passgrant::router::{self, RequestId};
use passgrant::telemetry::record::Alert;
use passgrant::user::LeakCheck;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::rig::app::{FUNCTION, TestApp};
use crate::rig::chain;
use crate::rig::client::{SECRET, client};
use crate::rig::delegate::{Behaviour, Delegate};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::log::Captured;
use crate::rig::request::{LOGIN, request, token_request};
use crate::rig::user::{PASSWORD, username};
use crate::rig::wire::{Fault, Matcher};

fn lines(app: &TestApp) -> Vec<Value> {
    app.metrics.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn last(app: &TestApp) -> Value {
    lines(app).pop().expect("a line")
}

/// The metrics that CloudWatch reads from a line, each with the dimensions that it is kept by: the rules of the format's
/// specification.
fn kept(line: &Value) -> BTreeSet<(String, String)> {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
    let mut kept = BTreeSet::new();
    for directive in directives {
        assert_eq!(directive["Namespace"], "Passgrant");
        let sets = directive["Dimensions"].as_array().expect("sets of dimensions");
        for set in sets {
            let names: Vec<&str> = set.as_array().expect("names").iter().filter_map(Value::as_str).collect();
            assert!(names.iter().all(|name| line[name].is_string()), "{names:?} have values in {line}");
            for metric in directive["Metrics"].as_array().expect("metrics") {
                let name = metric["Name"].as_str().expect("a name");
                assert!(matches!(metric["Unit"].as_str(), Some("Count" | "Milliseconds")), "{metric}");
                if !line[name].is_null() {
                    assert!(line[name].is_number(), "{name} is a number in {line}");
                    kept.insert((name.to_owned(), names.join(" ")));
                }
            }
        }
    }
    kept
}

fn names(line: &Value) -> BTreeSet<String> {
    kept(line).into_iter().filter(|(_, by)| by == "FunctionName").map(|(name, _)| name).collect()
}

fn all<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[tokio::test]
async fn a_login_is_kept_by_function_by_endpoint_and_by_grant_and_outcome() {
    let app = TestApp::start().await;
    app.login().await.succeeded();
    let line = last(&app);
    assert_eq!(line["_aws"]["Timestamp"], json!(app.now().as_unix() * 1000));
    let said = ["FunctionName", "Endpoint", "Grant", "Outcome"].map(|name| line[name].clone());
    assert_eq!(said, [FUNCTION, "token", "password", "answered"].map(|value| json!(value)));
    let measured = ["Requests", "ServerErrors", "LoginFailures", "ColdStarts"].map(|name| line[name].clone());
    assert_eq!(measured, [json!(1), json!(0), json!(0), json!(1)]);
    let times = ["Latency", "VerificationTime", "StoreTime", "SigningTime"];
    assert!(times.iter().all(|name| line[name].as_f64().is_some_and(|time| time > 0.0)), "{line}");
    let by_function = ["Requests", "ServerErrors", "LoginFailures", "ColdStarts"].into_iter().chain(times);
    let by_endpoint = ["Requests", "Latency", "ServerErrors"].map(|name| (name, "FunctionName Endpoint"));
    let expected = by_function.map(|name| (name, "FunctionName")).chain(by_endpoint);
    let expected = expected.chain([("Requests", "FunctionName Grant Outcome")]);
    assert_eq!(kept(&line), expected.map(|(name, by)| (name.to_owned(), by.to_owned())).collect());
}

#[tokio::test]
async fn each_request_is_a_line_whatever_the_log_level_is_and_only_the_first_is_a_cold_start() {
    let (captured, _guard) = Captured::at(LevelFilter::OFF);
    let app = TestApp::start().await;
    let login = app.login().await.succeeded();
    app.refresh(&login.text("refresh_token")).await.succeeded();
    app.token(&[("grant_type", "password"), ("username", "ann"), ("password", "wrong")]).await;
    app.token(&[("grant_type", "urn:of-nobody")]).await;
    app.get("/oauth2/jwks").await.succeeded();
    app.send(request(Method::GET, "/nothing-here", "")).await;
    let said = lines(&app).into_iter().map(|line| {
        let said = ["Endpoint", "Grant", "Outcome", "LoginFailures", "ColdStarts"].map(|name| line[name].to_string());
        said.join(" ").replace('"', "")
    });
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            "token password answered 0 1",
            "token refresh_token answered null 0",
            "token password refused 1 0",
            "token null refused null 0",
            "jwks null answered null 0",
            "other null refused null 0",
        ]
    );
    assert_eq!(captured.text(), "");
}

#[tokio::test]
async fn what_dynamodb_and_kms_throttle_is_counted_although_the_sdk_tries_again() {
    let double = KmsDouble::start().await;
    let key = double.create_key(KeySpec::Rsa2048);
    let app = TestApp::builder().kms(double, &[key]).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.login().await.succeeded();
    assert!(!names(&last(&app)).iter().any(|name| name.ends_with("Throttled")));

    app.dynamodb_wire.inject(Fault::Throttle, Matcher::operation("PutItem").nth(1));
    app.kms_wire.as_ref().expect("KMS").inject(Fault::Throttle, Matcher::operation("Sign").nth(1));
    app.login().await.succeeded();
    let line = last(&app);
    assert_eq!([&line["DynamoDbThrottled"], &line["KmsThrottled"]], [&json!(1), &json!(1)], "{line}");

    // What becomes of an attempt is written by a task of its own.
    app.dynamodb_wire.clear_faults();
    app.dynamodb_wire.inject(Fault::Throttle, Matcher::operation("UpdateItem").nth(2));
    app.token(&[("grant_type", "password"), ("username", "ann"), ("password", "wrong")])
        .await
        .failed(400, "invalid_grant");
    assert_eq!(last(&app)["DynamoDbThrottled"], 1, "{}", last(&app));

    app.dynamodb_wire.inject(Fault::Throttle, Matcher::any());
    app.login().await.failed(503, "temporarily_unavailable");
    let line = last(&app);
    assert_eq!([&line["Outcome"], &line["ServerErrors"]], [&json!("unavailable"), &json!(1)], "{line}");
    assert!(line["DynamoDbThrottled"].as_u64().is_some_and(|times| times >= 3), "every attempt: {line}");
    assert!(line["LoginFailures"].is_null(), "there was no verdict: {line}");
}

#[tokio::test]
async fn what_the_deadline_of_a_request_cuts_off_is_counted_as_far_as_it_came() {
    let double = KmsDouble::start().await;
    let key = double.create_key(KeySpec::Rsa2048);
    let app = TestApp::builder().kms(double, &[key]).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.login().await.succeeded();
    let time = Duration::from_millis(300);
    let cut_off = async || {
        let request = token_request(Some(("app", SECRET)), &LOGIN);
        let id = RequestId::of_platform("cut-off");
        assert_eq!(router::handle(&app.service(), request, id, time).await.status(), 503);
        last(&app)
    };
    let kms = app.kms_wire.as_ref().expect("KMS");
    for (wire, operation, phase, hidden) in
        [(kms, "Sign", "SigningTime", None), (&app.dynamodb_wire, "GetItem", "StoreTime", Some("SigningTime"))]
    {
        wire.inject(Fault::Hang, Matcher::operation(operation));
        let line = cut_off().await;
        assert!(line[phase].as_f64().is_some_and(|time| time > 100.0), "{operation}: {line}");
        assert!(hidden.is_none_or(|hidden| line[hidden].is_null()), "{operation}: {line}");
        wire.clear_faults();
    }
}

/// An app whose users `ann` and `lea` log in, and to whose range service the password of `lea` has leaked.
async fn app_of_alerts(policy: &str) -> (TestApp, Delegate) {
    let ranges = Delegate::start().await;
    let app = TestApp::builder()
        .variable("PASSGRANT_ATTEMPTS_LIMIT", "2")
        .variable("PASSGRANT_ATTEMPTS_SOURCE_NAMES", "2")
        .variable("PASSGRANT_PASSWORD_RANGE_URL", &format!("{}/range/", ranges.endpoint()))
        .variable("PASSGRANT_PASSWORD_RANGE_AT_LOGIN", policy)
        .start()
        .await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.create_user_with("lea", |user| {
        let due_at = user.created_at + Duration::from_hours(24);
        user.leak_check = Some(LeakCheck { password_generation: 1, due_at, leaked: true });
    })
    .await;
    (app, ranges)
}

/// The alerts that a line counts.
fn alerts(line: &Value) -> BTreeSet<String> {
    let metrics: BTreeSet<_> = Alert::ALL.map(|alert| alert.metric().to_owned()).into();
    names(line).intersection(&metrics).cloned().collect()
}

/// The alerts that the last line counts, if there is one.
fn alerts_of_last(app: &TestApp) -> BTreeSet<String> {
    lines(app).last().map(alerts).unwrap_or_default()
}

#[tokio::test]
async fn each_alert_has_a_metric() {
    let (app, _ranges) = app_of_alerts("log").await;
    let mut seen = BTreeSet::new();
    let mut expect = |alert: Option<Alert>| {
        let line = last(&app);
        let expected: BTreeSet<_> = alert.iter().map(|alert| alert.metric().to_owned()).collect();
        assert_eq!(alerts(&line), expected, "{line}");
        assert!(expected.iter().all(|metric| line[metric] == 1), "{line}");
        seen.extend(expected);
        line
    };

    let first = app.login().await.succeeded().text("refresh_token");
    expect(None);
    app.refresh(&first).await.succeeded();
    app.clock.advance(Duration::from_hours(1));
    app.refresh(&first).await.failed(400, "invalid_grant");
    expect(Some(Alert::RefreshTokenReused));
    chain::login(&app, "lea", PASSWORD).await.succeeded();
    expect(Some(Alert::LeakedPassword));

    let mut guesses = 0;
    let mut guess = async |from: &str, name: &str| {
        guesses += 1;
        app.guess_from(from, name, &format!("wrong {guesses}")).await.failed(400, "invalid_grant");
    };
    for (from, name, alert) in [
        ("198.51.100.1", "ann", None),
        ("198.51.100.1", "ann", Some(Alert::UsernameLocked)),
        ("198.51.100.1", "ann", Some(Alert::LockedUsernameTried)),
        ("203.0.113.66", "nobody-1", None),
        ("203.0.113.66", "nobody-2", Some(Alert::SourceExhausted)),
        ("203.0.113.66", "nobody-3", Some(Alert::ExhaustedSourceTried)),
    ] {
        guess(from, name).await;
        let line = expect(alert);
        assert_eq!(line["LoginFailures"], 1);
        for personal in [from, name, "wrong"] {
            assert!(!line.to_string().contains(personal), "{personal} is in {line}");
        }
    }
    assert_eq!(names(&last(&app)), {
        let mut expected = all(["ColdStarts", "ExhaustedSourceTried", "Latency", "LoginFailures", "Requests"]);
        expected.extend(all(["ServerErrors", "StoreTime"]));
        expected
    });
    let slow = TestApp::builder().variable("PASSGRANT_ATTEMPTS_LIMIT", "50").start().await;
    slow.register(client("app")).await;
    for number in 1..=50 {
        assert_eq!(alerts_of_last(&slow), BTreeSet::new());
        slow.guess_from("198.51.100.1", "ann", &format!("wrong {number}")).await.failed(400, "invalid_grant");
    }
    assert_eq!(alerts_of_last(&slow), all(["UsernameSlowed"]));
    seen.extend(alerts_of_last(&slow));
    assert_eq!(seen, Alert::ALL.map(|alert| alert.metric().to_owned()).into());
}

#[tokio::test]
async fn the_login_that_finds_out_that_a_password_has_leaked_is_not_counted_and_every_later_one_is() {
    for (policy, status) in [("log", 200), ("refuse", 400)] {
        let (app, ranges) = app_of_alerts(policy).await;
        let rest = "AD6438836DBE526AA231ABDE2D0EEF74D42";
        ranges.behave(Behaviour::Answer(200, format!("{rest}:1\r\n").into_bytes()));
        app.login().await.succeeded();
        assert_eq!(alerts(&last(&app)), BTreeSet::new());
        loop {
            let ann = app.store.users.get(&username("ann")).await.expect("a read").expect("a user");
            if ann.leak_check.is_some_and(|check| check.leaked) {
                break;
            }
            tokio::task::yield_now().await;
        }
        for _ in 0..2 {
            let (captured, _guard) = Captured::at(LevelFilter::INFO);
            assert_eq!(app.login().await.status.as_u16(), status, "{policy}");
            assert_eq!(alerts(&last(&app)), all(["LeakedPassword"]), "{policy}");
            let log = captured.text();
            let line = log.lines().find(|line| line.contains("\"status\":")).expect("the line of the request");
            let message = if status == 200 { "answered" } else { "refused" };
            for part in ["\"WARN\"", "\"alert\":\"leaked_password\"", &format!("\"message\":\"{message}\"")] {
                assert!(line.contains(part), "{part} in {line}");
            }
        }
    }
}

#[tokio::test]
async fn two_alerts_of_one_request_are_both_counted_and_each_is_the_alert_of_a_line() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let (app, _ranges) = app_of_alerts("refuse").await;
    let from = "203.0.113.66";
    app.guess_from(from, "ann", "wrong").await.failed(400, "invalid_grant");
    assert_eq!(alerts(&last(&app)), BTreeSet::new());
    app.guess_from("198.51.100.1", "nobody", "wrong").await.failed(400, "invalid_grant");
    app.guess_from(from, "nobody", "wrong as well").await.failed(400, "invalid_grant");
    assert_eq!(alerts(&last(&app)), all(["SourceExhausted", "UsernameLocked"]));
    let log = captured.text();
    for (alert, of_the_request) in [("source_exhausted", true), ("username_locked", false)] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(&format!("\"alert\":\"{alert}\""))).collect();
        let [line] = lines[..] else { panic!("one line: {lines:?}") };
        assert_eq!(line.contains("\"status\":400"), of_the_request, "{line}");
        assert!(line.contains("\"request_id\":\"the-request-id\"") && line.contains("\"client_id\":\"app\""), "{line}");
    }
}
