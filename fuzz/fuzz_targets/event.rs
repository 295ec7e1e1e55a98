//! Events of every front door, as the Lambda runtime reads them and through the whole function, on empty tables:
//! whatever a client puts into one, the answer keeps to the contract, and nothing is written.

#![no_main]

use std::sync::{Arc, LazyLock};

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::{Client, Config as DynamoDbConfig};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Service as _};
use libfuzzer_sys::fuzz_target;
use passgrant::clock::SystemClock;
use passgrant::config::Config;
use passgrant::issuer::Issuer;
use passgrant::random::OsRandom;
use passgrant::service::Service;
use passgrant::signing::KeyRing;
use passgrant::store::Store;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// The year 2100: no request runs out of time.
const DEADLINE_MILLISECONDS: u64 = 4_102_444_800_000;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

static SERVICE: LazyLock<Arc<Service>> = LazyLock::new(|| {
    let config = Config::read(&|_| None).expect("the defaults");
    let dynamodb = DynamoDbConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "fuzz"))
        .http_client(http_client_fn(|_, _| SharedHttpConnector::new(EmptyTables)));
    let store = Store::new(&Client::from_conf(dynamodb.build()), &config.tables);
    let issuer = Issuer::parse("https://login.example.com").expect("an issuer");
    Arc::new(Service::new(config, issuer, store, KeyRing::new(Vec::new()), Box::new(SystemClock), Box::new(OsRandom)))
});

/// A DynamoDB that has no items, and to which nothing may write any.
#[derive(Debug)]
struct EmptyTables;

impl HttpConnector for EmptyTables {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert_eq!(request.headers().get("x-amz-target"), Some("DynamoDB_20120810.GetItem"));
        let found = StatusCode::try_from(200).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(found, SdkBody::from("{}"))))
    }
}

fuzz_target!(|event: &[u8]| {
    let Ok(payload) = serde_json::from_slice::<LambdaRequest>(event) else { return };
    let mut context = Context::default();
    "the-invocation".clone_into(&mut context.request_id);
    context.deadline = DEADLINE_MILLISECONDS;
    let mut handler = passgrant::lambda::handler(Arc::clone(&SERVICE));
    let answer =
        RUNTIME.block_on(handler.call(LambdaEvent { payload, context })).unwrap_or_else(|never| match never {});
    check(&serde_json::to_value(answer).expect("JSON"));
});

fn check(answer: &Value) {
    let header = |name: &str| answer["headers"][name].as_str().or(answer["multiValueHeaders"][name][0].as_str());
    assert_eq!(header("x-request-id"), Some("the-invocation"));
    assert_eq!(header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer["isBase64Encoded"], false);
    let body = answer["body"].as_str().unwrap_or_default();
    let (status, code) = (answer["statusCode"].as_u64(), serde_json::from_str::<Value>(body).ok());
    let code = code.as_ref().and_then(|body| body["error"].as_str());
    match (status, code) {
        // Keys, metadata, health.
        (Some(200), None)
        | (
            Some(400),
            Some("invalid_request" | "invalid_scope" | "unsupported_grant_type" | "unsupported_response_type"),
        )
        | (Some(401), Some("invalid_client" | "invalid_token"))
        | (Some(404 | 405 | 413 | 415), Some("invalid_request")) => {}
        (Some(400), None) if !body.is_empty() => assert_eq!(header("content-type"), Some("text/html; charset=utf-8")),
        (Some(400 | 401 | 404 | 405), None) => assert!(body.is_empty(), "HEAD"),
        _ => panic!("{answer}"),
    }
    assert_eq!(header("location"), None);
    if status != Some(200) {
        assert_eq!(header("cache-control"), Some("no-store"));
    }
}
