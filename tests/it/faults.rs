//! DynamoDB or KMS throttled, slow or gone: 503, and the same request again finishes the work.

use std::time::{Duration, Instant};

use crate::app::{PASSWORD, SECRET, TestApp, client, token_request};
use crate::kms::{KeySpec, KmsDouble};
use crate::wire::{Fault, Matcher};
use passgrant::router::{self, RequestId};

async fn app() -> TestApp {
    let double = KmsDouble::start().await;
    let key = double.create_key(KeySpec::Rsa2048);
    let app = TestApp::builder().kms(double, &[key]).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app
}

const FAULTS: [Fault; 8] = [
    Fault::Throttle,
    Fault::ServerError,
    Fault::Unavailable503,
    Fault::Reset,
    Fault::ResetAfter,
    Fault::Truncate,
    Fault::Garbage,
    Fault::ExpiredCredentials,
];

#[tokio::test]
async fn a_login_survives_every_fault_of_every_call() {
    let app = app().await;
    app.login().await.succeeded();
    for fault in FAULTS {
        for (in_kms, operation) in [(false, "GetItem"), (false, "PutItem"), (true, "Sign")] {
            let wire = if in_kms { app.kms_wire.as_ref().expect("a wire") } else { &app.dynamodb_wire };
            wire.inject(fault, Matcher::operation(operation));
            let answer = app.login().await.failed(503, "temporarily_unavailable");
            assert!(answer.headers.contains_key("retry-after"), "{fault:?} of {operation}");
            wire.clear_faults();
            app.login().await.succeeded();
        }
    }
}

#[tokio::test]
async fn a_refresh_survives_every_fault_of_every_call_and_keeps_its_token() {
    let app = app().await;
    let mut token = app.login().await.succeeded().text("refresh_token");
    for fault in FAULTS {
        for (in_kms, operation) in [(false, "GetItem"), (false, "UpdateItem"), (true, "Sign")] {
            let wire = if in_kms { app.kms_wire.as_ref().expect("a wire") } else { &app.dynamodb_wire };
            wire.inject(fault, Matcher::operation(operation));
            app.refresh(&token).await.failed(503, "temporarily_unavailable");
            wire.clear_faults();
            token = app.refresh(&token).await.succeeded().text("refresh_token");
        }
    }
}

#[tokio::test]
async fn one_fault_is_retried_within_the_request() {
    let app = app().await;
    for fault in [Fault::Throttle, Fault::ServerError, Fault::Unavailable503, Fault::Reset, Fault::ResetAfter] {
        app.dynamodb_wire.inject(fault, Matcher::operation("PutItem").next(1));
        let token = app.login().await.succeeded().text("refresh_token");
        app.refresh(&token).await.succeeded();
        app.dynamodb_wire.clear_faults();
    }
}

#[tokio::test]
async fn a_dependency_that_never_answers_is_given_up_in_time() {
    let app = app().await;
    app.dynamodb_wire.inject(Fault::Hang, Matcher::any());
    let started = Instant::now();
    app.login().await.failed(503, "temporarily_unavailable");
    assert!(started.elapsed() < Duration::from_secs(10), "one call and its attempts, far below the gateway's limit");

    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    let request = token_request(Some(("app", SECRET)), &login);
    let started = Instant::now();
    let time = Duration::from_millis(100);
    let response = router::handle(&app.service(), request, RequestId::of_platform("x"), time).await;
    assert_eq!(response.status(), 503);
    assert!(started.elapsed() < Duration::from_secs(1), "the deadline of the invocation comes first");
}
