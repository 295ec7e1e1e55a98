//! Traces: what a request's spans are, and what is in them.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderValue, Method, Request};
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Service as _};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use passgrant::client::Client;
use serde_json::json;

use crate::rig::app::TestApp;
use crate::rig::chain::{SIGNING_SECRET, app_with, yes};
use crate::rig::client::{SECRET, client, scope};
use crate::rig::clock::START;
use crate::rig::collector::{Collector, attributes, traced, traced_app};
use crate::rig::delegate::{Behaviour, Delegate};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::request::{LOGIN, request, token_request};
use crate::rig::user::{PASSWORD, username};
use crate::rig::wire::{Fault, Matcher};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

fn said(span: &Span) -> BTreeMap<String, String> {
    attributes(&span.attributes)
}

fn expected<const N: usize>(attributes: [(&str, &str); N]) -> BTreeMap<String, String> {
    attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn has_failed(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == i32::from(StatusCode::Error))
}

fn login_with(header: &str, value: &str) -> Request<bytes::Bytes> {
    let mut request = token_request(Some(("app", SECRET)), &LOGIN);
    let value = HeaderValue::from_str(value).expect("a header");
    request.headers_mut().append(header.parse::<http::HeaderName>().expect("a name"), value);
    request
}

/// The calls below the span of a request, by name and table.
fn calls(spans: &[Span]) -> Vec<String> {
    let call = |span: &Span| {
        let table = said(span).remove("aws.dynamodb.table_names").unwrap_or_default();
        format!("{} {table}", span.name).trim_end().to_owned()
    };
    let mut calls: Vec<_> = spans[1..].iter().map(call).collect();
    calls.sort();
    calls
}

#[tokio::test]
async fn a_password_grant_has_exactly_the_spans_of_its_calls_below_its_own() {
    let collector = Collector::start().await;
    let double = KmsDouble::start().await;
    let key = double.create_key(KeySpec::Rsa2048);
    let app = traced(&collector.endpoint()).kms(double, &[key]).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    // The public key is read once, and the day of a login noted once.
    app.login().await.succeeded();
    collector.take();
    app.login().await.succeeded();
    let spans = collector.spans();
    assert_eq!(
        calls(&spans),
        [
            "DynamoDB.GetItem [passgrant-clients]",
            "DynamoDB.GetItem [passgrant-users]",
            "DynamoDB.PutItem [passgrant-tokens]",
            "DynamoDB.UpdateItem [passgrant-tokens]",
            "DynamoDB.UpdateItem [passgrant-tokens]",
            "KMS.Sign",
            "verify password",
        ]
    );

    let own = &spans[0];
    assert_eq!((own.name.as_str(), own.kind), ("token", i32::from(SpanKind::Server)));
    assert_eq!((own.parent_span_id.len(), has_failed(own)), (0, false));
    assert_eq!(own.start_time_unix_nano, START * 1_000_000_000);
    let ids: HashSet<_> = spans.iter().map(|span| span.span_id.clone()).collect();
    assert!(ids.len() == spans.len() && ids.iter().all(|id| id.len() == 8 && id != &[0; 8]));
    for span in &spans {
        assert_eq!(span.trace_id, own.trace_id);
        assert!((own.start_time_unix_nano..=span.end_time_unix_nano).contains(&span.start_time_unix_nano));
        assert!(span.end_time_unix_nano <= own.end_time_unix_nano);
        assert_eq!(span.flags & 0xFF, 1, "what is sent is sampled");
    }
    for span in &spans[1..] {
        assert_eq!((&span.parent_span_id, has_failed(span)), (&own.span_id, false), "{span:?}");
        let kind = if span.name == "verify password" { SpanKind::Internal } else { SpanKind::Client };
        assert_eq!(span.kind, i32::from(kind), "{span:?}");
    }
}

#[tokio::test]
async fn spans_say_what_the_conventions_have_names_for() {
    let collector = Collector::start().await;
    let app = traced_app(&collector.endpoint()).await;
    app.login().await.succeeded();
    let mut sent = collector.take();
    let sent = sent.remove(0);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        sent.resource,
        expected([
            ("service.name", "passgrant"),
            ("service.version", version),
            ("telemetry.sdk.language", "rust"),
            ("telemetry.sdk.name", "passgrant"),
            ("telemetry.sdk.version", version),
        ])
    );
    assert_eq!(
        said(&sent.spans[0]),
        expected([
            ("http.request.method", "POST"),
            ("http.response.status_code", "200"),
            ("http.route", "/oauth2/token"),
            ("passgrant.chain", "directory"),
            ("passgrant.client_id", "app"),
            ("passgrant.grant", "password"),
            ("passgrant.outcome", "answered"),
            ("passgrant.request_id", "the-request-id"),
        ])
    );
    let read = sent.spans.iter().find(|span| span.name == "DynamoDB.GetItem").expect("a read");
    let mut read = said(read);
    assert!(read.remove("aws.request_id").is_none_or(|id| !id.is_empty()));
    assert_eq!(
        read,
        expected([
            ("aws.dynamodb.table_names", "[passgrant-clients]"),
            ("db.operation.name", "GetItem"),
            ("db.system.name", "aws.dynamodb"),
            ("rpc.method", "GetItem"),
            ("rpc.service", "DynamoDB"),
            ("rpc.system", "aws-api"),
        ])
    );
    let verification = sent.spans.iter().find(|span| span.name == "verify password").expect("a verification");
    let waited = said(verification).remove("passgrant.verification.wait_ms").expect("its wait");
    assert!(waited.parse::<u32>().is_ok());
}

#[tokio::test]
async fn nothing_that_is_secret_or_personal_or_that_a_client_sent_is_in_a_trace() {
    let collector = Collector::start().await;
    let delegate = Delegate::start().await;
    delegate.behave(Behaviour::Answer(500, b"leak-of-the-verifier".to_vec()));
    let endpoint = collector.endpoint();
    let app = app_with(&delegate, "legacy", &[("PASSGRANT_OTLP_ENDPOINT", &endpoint)]).await;
    let with_openid = Client { scopes: scope("openid profile"), ..client("web") };
    app.register(Client { chains: vec!["directory".parse().expect("a name")], ..with_openid }).await;
    let web = |parameters: &[(&str, &str)]| token_request(Some(("web", SECRET)), parameters);
    let login = app.send(web(&[LOGIN.as_slice(), &[("scope", "openid profile")]].concat())).await.succeeded();
    let (access, refresh, id) = (login.text("access_token"), login.text("refresh_token"), login.text("id_token"));
    let sub = app.store.users.get(&username("ann")).await.expect("a read").expect("ann").subject;
    let refreshed = app.send(web(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)])).await.succeeded();
    app.userinfo(&access).await.succeeded();
    app.login().await.failed(503, "temporarily_unavailable");
    let wrong = [("grant_type", "password"), ("username", "name-of-nobody"), ("password", "wrong-password")];
    app.send(web(&wrong)).await.failed(400, "invalid_grant");
    app.send(token_request(Some(("app-of-nobody", "wrong-secret")), &LOGIN)).await.failed(401, "invalid_client");
    app.send(web(&[("grant_type", "made-up-grant")])).await.failed(400, "unsupported_grant_type");
    app.send(request(Method::GET, "/made-up-path?made-up-query", "made-up-body")).await;
    let made_up = Method::from_bytes(b"MADEUPMETHOD").expect("a method");
    app.send(request(made_up, "/oauth2/token", "")).await;
    app.send(login_with("traceparent", "00-made-up-traceparent-01")).await;
    app.send(login_with("tracestate", "made-up=tracestate")).await;

    let sent = collector.take_calls();
    assert_eq!(sent.len(), 11, "each request is traced");
    for (what, text) in [
        ("the password", PASSWORD),
        ("a wrong password", "wrong-password"),
        ("the client's secret", SECRET),
        ("a wrong secret", "wrong-secret"),
        ("the access token", access.as_str()),
        ("the refresh token", refresh.as_str()),
        ("the next refresh token", &refreshed.text("refresh_token")),
        ("the ID token", id.as_str()),
        ("the signing secret", SIGNING_SECRET),
        ("the verifier's URL", "code=7"),
        ("the verifier's answer", "leak-of-the-verifier"),
        ("a username", "name-of-nobody"),
        ("the user", sub.as_str()),
        ("a client that has not authenticated", "app-of-nobody"),
        ("a source", "192.0.2.1"),
        ("anything else that was made up", "made-up"),
        ("a method that was made up", "MADEUPMETHOD"),
    ] {
        for call in &sent {
            let bytes = [call.body.as_ref(), format!("{:?}", call.headers).as_bytes()].concat();
            let is_in = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!is_in, "{what} is in a trace: {}", String::from_utf8_lossy(&bytes));
        }
    }
    let whole: String = sent.iter().map(|call| String::from_utf8_lossy(&call.body).into_owned()).collect();
    assert!(!whole.contains("ann"), "the username is in a trace: {whole}");
}

#[tokio::test]
async fn a_delegated_verifier_has_a_span_with_its_name_and_how_it_answered() {
    let collector = Collector::start().await;
    let delegate = Delegate::start().await;
    let endpoint = collector.endpoint();
    let app = app_with(&delegate, "legacy", &[("PASSGRANT_OTLP_ENDPOINT", &endpoint)]).await;
    let port = delegate.endpoint().rsplit_once(':').expect("a port").1.to_owned();
    for (behaviour, status, error) in [
        (yes(&json!({})), Some("200"), None),
        (Behaviour::result("no"), Some("200"), None),
        (Behaviour::Answer(500, Vec::new()), Some("500"), Some("500")),
        (Behaviour::Answer(200, b"?".to_vec()), Some("200"), Some("unreadable answer")),
        (Behaviour::Reset, None, Some("connection")),
    ] {
        delegate.behave(behaviour);
        app.login().await;
        let spans = collector.spans();
        let asked: Vec<_> = spans.iter().filter(|span| span.name == "POST").collect();
        let [asked] = asked.as_slice() else { panic!("one question: {spans:?}") };
        let mut expected = expected([
            ("http.request.method", "POST"),
            ("passgrant.verifier", "legacy"),
            ("server.address", "127.0.0.1"),
            ("server.port", &port),
        ]);
        expected.extend(status.map(|status| ("http.response.status_code".to_owned(), status.to_owned())));
        expected.extend(error.map(|error| ("error.type".to_owned(), error.to_owned())));
        assert_eq!((said(asked), has_failed(asked)), (expected, error.is_some()));
        assert_eq!(asked.parent_span_id, spans[0].span_id);
    }
}

#[tokio::test]
async fn a_call_that_was_tried_again_says_so_and_one_that_failed_says_why() {
    let collector = Collector::start().await;
    let app = traced_app(&collector.endpoint()).await;
    app.login().await.succeeded();
    assert!(collector.spans().iter().all(|span| !said(span).contains_key("http.request.resend_count")));
    app.dynamodb_wire.inject(Fault::Throttle, Matcher::operation("PutItem").nth(1));
    app.login().await.succeeded();
    let spans = collector.spans();
    let write = spans.iter().find(|span| span.name == "DynamoDB.PutItem").expect("a write");
    assert_eq!(said(write).get("http.request.resend_count").map(String::as_str), Some("1"), "{write:?}");
    assert!(!has_failed(write));

    app.dynamodb_wire.inject(Fault::Throttle, Matcher::any());
    app.login().await.failed(503, "temporarily_unavailable");
    let spans = collector.spans();
    assert!(has_failed(&spans[0]));
    let own = said(&spans[0]);
    assert_eq!(
        ["passgrant.outcome", "error.type", "passgrant.error"].map(|name| own[name].as_str()),
        ["unavailable", "503", "temporarily_unavailable"]
    );
    let read = said(&spans[1]);
    assert_eq!(read["error.type"], read["db.response.status_code"]);
    assert!(has_failed(&spans[1]) && read["error.type"].ends_with("Exception"), "{read:?}");
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_an_answer_and_not_a_failure() {
    let collector = Collector::start().await;
    let app = traced(&collector.endpoint()).variable("PASSGRANT_ATTEMPTS_LIMIT", "1").start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    let wrong = [("grant_type", "password"), ("username", "ann"), ("password", "wrong")];
    app.token(&wrong).await.failed(400, "invalid_grant");
    collector.take();
    // No attempt can be reserved for a username that is locked.
    app.login().await.failed(400, "invalid_grant");
    let spans = collector.spans();
    let code = |span: &&Span| said(span).remove("db.response.status_code");
    let refused: Vec<_> = spans.iter().filter(|span| code(span).is_some()).collect();
    assert!(!refused.is_empty(), "{spans:?}");
    for span in refused {
        assert_eq!(code(&span).as_deref(), Some("ConditionalCheckFailedException"));
        assert!(!has_failed(span) && !said(span).contains_key("error.type"));
    }
}

#[tokio::test]
async fn a_valid_traceparent_names_trace_and_parent_and_nothing_else_about_the_request() {
    let collector = Collector::start().await;
    let app = traced_app(&collector.endpoint()).await;
    for flags in ["01", "00", "ff"] {
        app.send(login_with("traceparent", &format!("00-{TRACE}-{PARENT}-{flags}"))).await.succeeded();
        let spans = collector.spans();
        assert_eq!((hex(&spans[0].trace_id).as_str(), hex(&spans[0].parent_span_id).as_str()), (TRACE, PARENT));
        assert_eq!((spans[0].flags, spans[1].flags), (0x301, 0x101), "the one has a remote parent, the other has not");
        assert_eq!(spans[1].parent_span_id, spans[0].span_id);
    }
    for hostile in [
        String::new(),
        format!("00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01"),
        format!("00-{}-{PARENT}-01", "0".repeat(32)),
        format!("ff-{TRACE}-{PARENT}-01"),
        "a".repeat(8_000),
        format!("00-{TRACE}-{PARENT}-01\t"),
    ] {
        app.send(login_with("traceparent", &hostile)).await.succeeded();
        let spans = collector.spans();
        assert!(hex(&spans[0].trace_id) != TRACE && spans[0].parent_span_id.is_empty(), "{hostile}");
    }
}

#[tokio::test]
async fn no_client_can_have_its_requests_traced() {
    let collector = Collector::start().await;
    let app = traced(&collector.endpoint()).variable("PASSGRANT_OTLP_RATIO", "0").start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.send(login_with("traceparent", &format!("00-{TRACE}-{PARENT}-01"))).await.succeeded();
    app.send(login_with("x-amzn-trace-id", "Sampled=1")).await.succeeded();
    assert_eq!(collector.take_calls().len(), 0);
}

async fn invoke(app: &TestApp, request_id: &str, trace: Option<&str>) {
    let event = include_str!("../../events/http-api.json");
    let payload: LambdaRequest = serde_json::from_str(event).expect("an event");
    let mut context = Context::default();
    request_id.clone_into(&mut context.request_id);
    context.xray_trace_id = trace.map(str::to_owned);
    context.deadline = deadline(Duration::from_secs(29));
    let mut handler = passgrant::lambda::handler(app.service());
    let answer = handler.call(LambdaEvent { payload, context }).await;
    drop(answer.unwrap_or_else(|never| match never {}));
}

#[expect(clippy::disallowed_methods, reason = "the platform's deadline is in the machine's own time")]
fn deadline(after: Duration) -> u64 {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970") + after;
    u64::try_from(deadline.as_millis()).expect("before the year 584 million")
}

#[tokio::test]
async fn in_a_function_a_trace_names_the_function_and_the_invocation_and_continues_that_of_the_platform() {
    let collector = Collector::start().await;
    let app = traced(&collector.endpoint())
        .variable("AWS_LAMBDA_FUNCTION_NAME", "the-function")
        .variable("AWS_LAMBDA_FUNCTION_VERSION", "7")
        .variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
        .variable("AWS_LAMBDA_LOG_STREAM_NAME", "the-stream")
        .variable("AWS_REGION", "eu-central-1")
        .start()
        .await;
    let trace = |sampled| format!("Root=1-{}-{};Parent={PARENT};Sampled={sampled}", &TRACE[..8], &TRACE[8..]);
    invoke(&app, "first", Some(&trace(1))).await;
    invoke(&app, "second", Some(&trace(0))).await;
    invoke(&app, "third", None).await;
    let sent = collector.take();
    for (name, value) in [
        ("service.name", "the-function"),
        ("faas.name", "the-function"),
        ("faas.version", "7"),
        ("faas.instance", "the-stream"),
        ("faas.max_memory", "1854930944"),
        ("cloud.provider", "aws"),
        ("cloud.platform", "aws_lambda"),
        ("cloud.region", "eu-central-1"),
    ] {
        assert_eq!(sent[0].resource[name], value);
    }
    let own: Vec<_> = sent.iter().map(|sent| &sent.spans[0]).collect();
    let of_function =
        |span: &Span| ["faas.trigger", "faas.invocation_id", "faas.coldstart"].map(|name| said(span)[name].clone());
    assert_eq!(
        own.iter().map(|span| of_function(span)).collect::<Vec<_>>(),
        [["http", "first", "true"], ["http", "second", "false"], ["http", "third", "false"],]
    );
    assert_eq!((hex(&own[0].trace_id).as_str(), hex(&own[0].parent_span_id).as_str()), (TRACE, PARENT));
    for alone in &own[1..] {
        assert!(hex(&alone.trace_id) != TRACE && alone.parent_span_id.is_empty(), "X-Ray has no such span");
    }
}
