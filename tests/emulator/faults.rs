//! DynamoDB and KMS out of service: the client is told to retry, and is served when it does.

use crate::deployment::Deployment;
use crate::rig::wire::{Fault, Matcher};

#[tokio::test]
async fn without_dynamodb_the_service_is_unavailable_until_it_is_back() {
    let mut deployment = Deployment::start().await;
    let session = deployment.login().await.succeeded();
    let function = deployment.emulator.function();
    for fault in [Fault::Reset, Fault::Unavailable503, Fault::ServerError, Fault::Throttle, Fault::Garbage] {
        deployment.dynamodb_wire.inject(fault, Matcher::any());
        deployment.login().await.was_unavailable();
        deployment.refresh(&session.text("refresh_token")).await.was_unavailable();
        deployment.get("/healthz").await.succeeded();
        deployment.get("/oauth2/jwks").await.succeeded();
        deployment.repair();
        deployment.login().await.succeeded();
    }
    deployment.refresh(&session.text("refresh_token")).await.succeeded();
    assert_eq!(deployment.emulator.function(), function, "it never ended");
    deployment.end();
}

#[tokio::test]
async fn without_kms_the_service_is_unavailable_until_it_is_back() {
    let mut deployment = Deployment::start().await;
    let session = deployment.login().await.succeeded();
    for fault in [Fault::Throttle, Fault::Reset, Fault::ServerError] {
        deployment.kms_wire.inject(fault, Matcher::operation("Sign"));
        deployment.login().await.was_unavailable();
        deployment.refresh(&session.text("refresh_token")).await.was_unavailable();
        deployment.repair();
        deployment.login().await.succeeded();
    }
    let refreshed = deployment.refresh(&session.text("refresh_token")).await.succeeded();
    deployment.refresh(&refreshed.text("refresh_token")).await.succeeded();
    deployment.end();
}

/// The function's time is shorter here than what three attempts of a call take.
#[tokio::test]
async fn an_answer_comes_before_the_platform_gives_up() {
    let mut deployment = Deployment::builder().function_seconds(3).start().await;
    deployment.login().await.succeeded();
    let function = deployment.emulator.function();
    deployment.break_all(Fault::Hang);
    deployment.login().await.was_unavailable();
    deployment.repair();
    deployment.login().await.succeeded();
    assert_eq!(deployment.emulator.function(), function, "it never ended");
    deployment.end();
}

#[tokio::test]
async fn a_start_without_dynamodb_and_kms_recovers() {
    for fault in [Fault::Reset, Fault::Hang] {
        let mut deployment = Deployment::builder().broken(fault).start().await;
        deployment.get("/healthz").await.succeeded();
        deployment.get("/oauth2/jwks").await.was_unavailable();
        deployment.login().await.was_unavailable();
        deployment.repair();
        deployment.get("/oauth2/jwks").await.succeeded();
        let token = deployment.login().await.succeeded().text("access_token");
        deployment.verified_claims(&token).await;
        deployment.end();
    }
}
