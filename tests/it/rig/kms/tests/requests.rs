//! Requests that no SDK would send.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::rig::kms::{KeySpec, KmsDouble};

const TARGET: &str = "TrentService.DescribeKey";
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
    Credential=AKIDEXAMPLE/20260101/eu-central-1/kms/aws4_request, SignedHeaders=host;x-amz-date, \
    Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

async fn post(kms: &KmsDouble, target: &str, authorization: Option<&str>, body: &str) -> (StatusCode, Value) {
    let mut request = Request::post(kms.endpoint())
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-date", "20260101T000000Z")
        .header("x-amz-target", target);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let request = request.body(Full::<Bytes>::from(body.to_owned()));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request.expect("a request")).await;
    let (head, body) = answer.expect("an answer").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (head.status, serde_json::from_slice(&body).expect("JSON"))
}

#[tokio::test]
async fn a_request_must_be_signed_for_kms() {
    let kms = KmsDouble::start().await;
    let body = json!({ "KeyId": kms.create_key(KeySpec::EccNistP256) }).to_string();
    let (status, _) = post(&kms, TARGET, Some(AUTHORIZATION), &body).await;
    assert_eq!(status, StatusCode::OK);

    let without = |part: &str| AUTHORIZATION.replace(part, "");
    for (authorization, code) in [
        (None, "MissingAuthenticationTokenException"),
        (Some("Bearer token".to_owned()), "MissingAuthenticationTokenException"),
        (Some(without("Credential=")), "IncompleteSignatureException"),
        (Some(without("/aws4_request")), "IncompleteSignatureException"),
        (Some(without("0123")), "IncompleteSignatureException"),
        (Some(without("host;")), "InvalidSignatureException"),
        (Some(AUTHORIZATION.replace("/kms/", "/dynamodb/")), "InvalidSignatureException"),
        (Some(AUTHORIZATION.replace("eu-central-1", "eu-west-1")), "InvalidSignatureException"),
    ] {
        let (status, answer) = post(&kms, TARGET, authorization.as_deref(), &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(answer["__type"], code, "{authorization:?}");
    }
    assert_eq!(kms.calls().len(), 1);
}

#[tokio::test]
async fn a_request_must_be_json_for_a_known_operation() {
    let kms = KmsDouble::start().await;
    for (target, body, code) in [
        ("TrentService.Nonsense", "{}", "UnknownOperationException"),
        ("DynamoDB_20120810.GetItem", "{}", "UnknownOperationException"),
        (TARGET, "{", "SerializationException"),
        (TARGET, "[]", "SerializationException"),
        (TARGET, r#"{"KeyId":1}"#, "SerializationException"),
        ("TrentService.Sign", r#"{"Message":"?"}"#, "SerializationException"),
        (TARGET, "{}", "ValidationException"),
        (TARGET, r#"{"KeyId":""}"#, "ValidationException"),
    ] {
        let (status, answer) = post(&kms, target, Some(AUTHORIZATION), body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(answer["__type"], code, "{target} {body}");
    }
}
