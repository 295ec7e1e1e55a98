//! What a deployment asks a new version before it gets requests, with the event of `template.yaml`.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use http::Method;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Service as _};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::rig::app::TestApp;
use crate::rig::keys::{asked, double};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::log::Captured;
use crate::rig::request::request;
use crate::rig::template::Stack;
use crate::rig::wire::{Fault, Matcher};

/// The event that the template's check sends.
fn event() -> Value {
    let stack = Stack::new(&[("DeploymentPreference", "Canary10Percent5Minutes")]);
    let environment = stack.property("DeploymentCheck", "Environment");
    serde_json::from_str(environment["Variables"]["EVENT"].as_str().expect("an event")).expect("a JSON event")
}

async fn app(specs: &[KeySpec]) -> (TestApp, Vec<String>) {
    let double = KmsDouble::start().await;
    let keys: Vec<_> = specs.iter().map(|spec| double.create_key(*spec)).collect();
    // A load balancer's secret is none of a deployment's business.
    let builder = TestApp::builder().kms(double, &keys);
    (builder.variable("PASSGRANT_ORIGIN_SECRETS", "a-secret-of-thirty-two-characters").start().await, keys)
}

async fn status(app: &TestApp, event: &Value) -> u64 {
    let payload: LambdaRequest = serde_json::from_value(event.clone()).expect("an event of a front door");
    let mut context = Context::default();
    // The year 2100, in milliseconds.
    context.deadline = 4_102_444_800_000;
    let mut handler = passgrant::lambda::handler(app.service());
    let answer = handler.call(LambdaEvent { payload, context }).await.unwrap_or_else(|never| match never {});
    let answer = serde_json::to_value(answer).expect("a JSON answer");
    answer["statusCode"].as_u64().expect("a status")
}

#[tokio::test]
async fn a_version_that_is_asked_by_a_deployment_reads_every_key_and_signs_once() {
    let (app, _) = app(&[KeySpec::Rsa2048, KeySpec::EccNistP256]).await;
    assert_eq!(status(&app, &event()).await, 200);
    assert_eq!(asked(&app, "GetPublicKey").len(), 2);
    assert_eq!(asked(&app, "Sign").len(), 1);
}

#[tokio::test]
async fn a_version_that_cannot_sign_fails_the_check_though_its_keys_can_be_read() {
    let (app, keys) = app(&[KeySpec::Rsa2048]).await;
    double(&app).deny(&keys[0], "Sign");
    assert_eq!(status(&app, &event()).await, 500);
    double(&app).allow_all();
    double(&app).throttle_next(100);
    assert_eq!(status(&app, &event()).await, 503);
}

#[tokio::test]
async fn a_version_whose_keys_cannot_be_read_or_do_not_fit_fails_the_check() {
    let (app, _) = app(&[KeySpec::EccNistP256]).await;
    assert_eq!(status(&app, &event()).await, 500, "RS256 is the algorithm");
    assert!(asked(&app, "Sign").is_empty());
}

#[tokio::test]
async fn a_version_that_cannot_use_one_of_the_listed_keys_fails_the_check_though_another_signs() {
    for (denied, operation) in [(1, "GetPublicKey"), (0, "GetPublicKey"), (0, "Sign")] {
        let (captured, _guard) = Captured::at(LevelFilter::INFO);
        let (app, keys) = app(&[KeySpec::Rsa2048, KeySpec::Rsa3072]).await;
        double(&app).deny(&keys[denied], operation);
        assert_eq!(status(&app, &event()).await, 500, "{operation} on key {denied}");
        let log = captured.text();
        let line = log.lines().find(|line| line.contains("\"message\":\"failed\"")).expect("the line of the request");
        let reason = format!("the signing key {} cannot be used: ", keys[denied]);
        assert!(line.contains(&reason) && line.contains(&format!("kms:{operation}")), "{line}");
        // Requests do without it, as always.
        assert_eq!(asked(&app, "Sign").last(), Some(&keys[1 - denied]), "{operation} on key {denied}");
    }
}

#[tokio::test]
async fn a_version_that_kms_does_not_tell_about_one_of_its_keys_fails_the_check() {
    let (app, keys) = app(&[KeySpec::Rsa2048, KeySpec::EccNistP256]).await;
    let wire = app.kms_wire.as_ref().expect("KMS");
    wire.inject(Fault::Throttle, Matcher::operation("GetPublicKey").from(2));
    assert_eq!(status(&app, &event()).await, 503);
    wire.clear_faults();
    assert_eq!(status(&app, &event()).await, 200);
    assert_eq!(asked(&app, "Sign").first(), Some(&keys[0]));
}

#[tokio::test]
async fn nothing_that_comes_through_a_front_door_makes_an_instance_sign() {
    let (app, _) = app(&[KeySpec::Rsa2048]).await;
    for key in ["$default", "GET /healthz", "ANY /healthz", "GET /deployment-check"] {
        let mut through = event();
        through["routeKey"] = json!("deployment-check");
        through["requestContext"]["routeKey"] = json!(key);
        through["headers"]["x-deployment-check"] = json!("deployment-check");
        through["rawQueryString"] = json!("deployment-check");
        assert_eq!(status(&app, &through).await, 200, "{key}");
    }
    app.send(request(Method::GET, "/healthz?deployment-check", "deployment-check")).await.succeeded();
    assert!(double(&app).calls().is_empty());
}
