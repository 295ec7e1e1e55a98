//! The events of every front door, through the Lambda handler.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Service as _};
use passgrant::client::GrantEnd;
use passgrant::clock::Timestamp;
use serde_json::{Value, json};

use crate::rig::app::TestApp;
use crate::rig::attempts::LIMIT;
use crate::rig::clock::START;
use crate::rig::demo;
use crate::rig::path::{HOSTILE, HOSTILE_IN_EVENTS};
use crate::rig::request::{basic, form};
use crate::rig::user::PASSWORD;

const SHAPES: [&str; 4] = ["http-api", "rest-api", "function-url", "alb"];

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.register(demo::client()).await;
    app.create_user_with(demo::USER, |user| *user = demo::user(&app.config.argon2)).await;
    app
}

fn sample(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("events").join(format!("{name}.json"));
    serde_json::from_slice(&fs::read(&path).expect("an event")).expect("a JSON event")
}

async fn invoke(app: &TestApp, event: &Value) -> Value {
    let payload: LambdaRequest = serde_json::from_value(event.clone()).expect("an event of a front door");
    let mut context = Context::default();
    "the-invocation".clone_into(&mut context.request_id);
    context.deadline = deadline(Duration::from_secs(29));
    let mut handler = passgrant::lambda::handler(app.service());
    let answer = handler.call(LambdaEvent { payload, context }).await.unwrap_or_else(|never| match never {});
    serde_json::to_value(answer).expect("a JSON answer")
}

#[expect(clippy::disallowed_methods, reason = "the platform's deadline is in the machine's own time")]
fn deadline(after: Duration) -> u64 {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970") + after;
    u64::try_from(deadline.as_millis()).expect("before the year 584 million")
}

/// The value of an answer's header, whichever of its two maps the front door reads.
fn header<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    let single = answer["headers"][name].as_str();
    single.or_else(|| answer["multiValueHeaders"][name][0].as_str())
}

fn body(answer: &Value) -> Value {
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    serde_json::from_str(answer["body"].as_str().expect("a body")).expect("a JSON body")
}

#[tokio::test]
async fn every_front_door_plain_and_base64_gets_a_token() {
    let app = app().await;
    for shape in SHAPES {
        for name in [shape.to_owned(), format!("{shape}-base64")] {
            let answer = invoke(&app, &sample(&name)).await;
            assert_eq!(answer["statusCode"], 200, "{name}: {answer}");
            assert_eq!(body(&answer)["token_type"], "Bearer", "{name}");
            for (header_name, value) in [
                ("content-type", "application/json"),
                ("cache-control", "no-store"),
                ("pragma", "no-cache"),
                ("x-content-type-options", "nosniff"),
                ("x-request-id", "the-invocation"),
            ] {
                assert_eq!(header(&answer, header_name), Some(value), "{name}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn the_announced_end_of_a_grant_passes_every_front_door_as_one_value_each() {
    let app = app().await;
    let until = Timestamp::from_unix(START + 3_600);
    let end = GrantEnd { until, announced_at: Timestamp::from_unix(START) };
    app.change_client(demo::CLIENT, |client| client.password_grant_end = Some(end)).await;
    let mut events = SHAPES.map(|shape| (shape, sample(shape))).to_vec();
    events.push(("alb with multi-value headers", multi_value_alb()));
    for (shape, event) in events {
        let answer = invoke(&app, &event).await;
        for (name, value) in [("deprecation", "@1767225600"), ("sunset", "Thu, 01 Jan 2026 01:00:00 GMT")] {
            assert_eq!(header(&answer, name), Some(value), "{shape}: {answer}");
            let multiple = answer["multiValueHeaders"][name].as_array();
            assert!(multiple.is_none_or(|values| *values == [value]), "{shape}: a date with a comma is not a list");
        }
    }
}

#[tokio::test]
async fn an_error_keeps_its_status_and_headers() {
    let app = app().await;
    for shape in SHAPES {
        let mut event = sample(shape);
        let wrong = json!(basic(demo::CLIENT, "wrong"));
        for headers in ["headers", "multiValueHeaders"] {
            let Some(headers) = event[headers].as_object_mut() else { continue };
            for (name, value) in headers {
                if name.eq_ignore_ascii_case("authorization") {
                    *value = if value.is_array() { json!([wrong]) } else { wrong.clone() };
                }
            }
        }
        let answer = invoke(&app, &event).await;
        assert_eq!(answer["statusCode"], 401, "{shape}: {answer}");
        assert!(header(&answer, "www-authenticate").is_some_and(|value| value.starts_with("Basic")), "{shape}");
        assert_eq!(body(&answer)["error"], "invalid_client");
    }
}

/// Gives an event these values of a header, in the maps that its front door has for it.
fn set(event: &mut Value, name: &str, values: &[&str]) {
    for (map, multiple) in [("headers", false), ("multiValueHeaders", true)] {
        let Some(headers) = event[map].as_object_mut() else { continue };
        headers.retain(|known, _| !known.eq_ignore_ascii_case(name));
        // `headers` has room only for the last value.
        let value = if multiple { json!(values) } else { json!(values.last()) };
        headers.insert(name.to_owned(), value);
    }
}

#[tokio::test]
async fn the_secret_of_an_origin_is_required_at_every_front_door() {
    const SECRET: &str = "secret-of-the-origin-0123456789abcdef";
    let app = TestApp::builder().variable("PASSGRANT_ORIGIN_SECRETS", SECRET).start().await;
    app.register(demo::client()).await;
    app.create_user_with(demo::USER, |user| *user = demo::user(&app.config.argon2)).await;
    let mut events = SHAPES.map(|shape| (shape, sample(shape))).to_vec();
    events.push(("alb with multi-value headers", multi_value_alb()));
    for (shape, mut event) in events {
        let answer = invoke(&app, &event).await;
        assert_eq!(answer["statusCode"], 403, "{shape}: {answer}");
        assert!(answer["body"].as_str().is_none_or(str::is_empty), "{shape}: {answer}");
        set(&mut event, "X-Passgrant-Origin", &["another-secret-0123456789abcdef-012"]);
        assert_eq!(invoke(&app, &event).await["statusCode"], 403, "{shape}");
        set(&mut event, "X-Passgrant-Origin", &[SECRET]);
        assert_eq!(invoke(&app, &event).await["statusCode"], 200, "{shape}");
    }
    assert_eq!(invoke(&app, &sample("http-api-healthz")).await["statusCode"], 200);
    assert_eq!(invoke(&app, &sample("http-api-jwks")).await["statusCode"], 403);
    for mut event in [sample("rest-api"), multi_value_alb()] {
        set(&mut event, "X-Passgrant-Origin", &[SECRET, SECRET]);
        assert_eq!(invoke(&app, &event).await["statusCode"], 403, "the component in front sends one");
    }
}

/// Lets an event come from another address, behind what its sender wrote into `X-Forwarded-For`.
fn send_from(event: &mut Value, address: &str, forged: &str) {
    for context in ["http", "identity"] {
        if let Some(source) = event["requestContext"].get_mut(context).and_then(|context| context.get_mut("sourceIp")) {
            *source = json!(address);
        }
    }
    set(event, "X-Forwarded-For", &[&format!("{forged}{address}")]);
}

#[tokio::test]
async fn a_request_comes_from_where_its_front_door_saw_it_whatever_its_sender_says() {
    const HOME: &str = "203.0.113.17";
    let mut events = SHAPES.map(|shape| (shape, sample(shape))).to_vec();
    events.push(("alb with multi-value headers", multi_value_alb()));
    for (shape, mut event) in events {
        let app = app().await;
        assert_eq!(invoke(&app, &event).await["statusCode"], 200, "{shape}: from here the user logs in");
        for number in 0..LIMIT {
            app.guess_from("203.0.113.66", demo::USER, &format!("wrong {number}")).await.failed(400, "invalid_grant");
        }
        for forged in ["", "203.0.113.17, ", "203.0.113.17,203.0.113.17,"] {
            send_from(&mut event, "198.51.100.9", forged);
            let answer = invoke(&app, &event).await;
            assert_eq!(answer["statusCode"], 400, "{shape}, {forged:?}: {answer}");
            assert!(header(&answer, "retry-after").is_some(), "{shape}, {forged:?}: {answer}");
        }
        send_from(&mut event, HOME, "198.51.100.9, ");
        assert_eq!(invoke(&app, &event).await["statusCode"], 200, "{shape}: the user's own place is not locked");
    }
}

/// The event of a load balancer whose target group has multi-value headers switched on: it sends no others.
fn multi_value_alb() -> Value {
    let mut event = sample("alb");
    let headers = event["headers"].take();
    let headers = headers.as_object().expect("headers").iter();
    event["multiValueHeaders"] = headers.map(|(name, value)| (name.clone(), json!([value]))).collect();
    event.as_object_mut().expect("an event").remove("headers");
    event
}

#[tokio::test]
async fn two_values_of_a_header_stay_two_through_every_front_door_that_keeps_them_separate() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let app = app().await;
    let right = basic(demo::CLIENT, demo::SECRET);
    let wrong = basic(demo::CLIENT, "wrong");
    for (shape, event) in [("rest-api", sample("rest-api")), ("alb", multi_value_alb())] {
        for (name, values, status) in [
            ("Authorization", [&*wrong, &*right], 400),
            ("Authorization", [&right, &wrong], 400),
            ("authorization", [&right, &right], 400),
            ("Content-Type", ["application/json", FORM], 400),
            ("Content-Type", [FORM, "application/json"], 400),
            ("content-type", [FORM, FORM], 200),
            ("Content-Encoding", ["gzip", "identity"], 415),
            ("Accept", ["text/html", "application/json"], 200),
        ] {
            let mut event = event.clone();
            set(&mut event, name, &values);
            let answer = invoke(&app, &event).await;
            assert_eq!(answer["statusCode"], status, "{shape} {name} {values:?}: {answer}");
            if status != 200 {
                assert_eq!(body(&answer)["error"], "invalid_request", "{shape} {name}");
            }
        }
        let mut event = event.clone();
        set(&mut event, "Authorization", &[&right]);
        assert_eq!(invoke(&app, &event).await["statusCode"], 200, "{shape}");
    }
    // A name that is spelled in two ways is two keys.
    let mut event = sample("rest-api");
    event["multiValueHeaders"]["authorization"] = json!([wrong]);
    assert_eq!(invoke(&app, &event).await["statusCode"], 400);
}

#[tokio::test]
async fn a_header_in_one_of_the_two_maps_is_seen() {
    let app = app().await;
    for kept in ["headers", "multiValueHeaders"] {
        let mut event = sample("rest-api");
        for map in ["headers", "multiValueHeaders"] {
            let headers = event[map].as_object_mut().expect("headers");
            headers.retain(|name, _| map == kept || !["Authorization", "Content-Type"].contains(&&**name));
        }
        assert_eq!(invoke(&app, &event).await["statusCode"], 200, "in {kept} only");
        for absent in [json!(null), json!({})] {
            let mut event = sample("rest-api");
            event[if kept == "headers" { "multiValueHeaders" } else { "headers" }] = absent.clone();
            assert_eq!(invoke(&app, &event).await["statusCode"], 200, "{kept} only, the other {absent}");
        }
    }
}

#[tokio::test]
async fn two_media_types_that_an_http_api_folds_into_one_header_are_one_if_they_are_the_same() {
    let app = app().await;
    for shape in ["http-api", "function-url"] {
        for (media_types, status) in [
            ("application/x-www-form-urlencoded,application/x-www-form-urlencoded", 200),
            ("application/x-www-form-urlencoded; charset=utf-8, application/x-www-form-urlencoded", 200),
            ("application/x-www-form-urlencoded,application/json", 400),
        ] {
            let mut event = sample(shape);
            set(&mut event, "content-type", &[media_types]);
            assert_eq!(invoke(&app, &event).await["statusCode"], status, "{shape} {media_types}");
        }
    }
}

#[tokio::test]
async fn a_stage_named_like_the_beginning_of_the_services_paths_is_removed_only_where_it_is_there() {
    for issuer in ["https://id.example.com", "https://id.example.com/oauth2", "https://id.example.com/prod"] {
        let app = TestApp::builder().variable("PASSGRANT_ISSUER", issuer).start().await;
        let path_of_issuer = issuer.strip_prefix("https://id.example.com").expect("its host");
        for (stage, path, found) in [
            ("oauth2", "/oauth2/jwks", true),
            ("oauth2", "/oauth2/oauth2/jwks", true),
            ("oauth2", "/healthz", true),
            ("oauth2", "/oauth2/healthz", true),
            ("oauth2", "/oauth2/.well-known/openid-configuration", true),
            ("oauth2", "/oauth2jwks", false),
            ("oauth2", "/oauth2", false),
            ("healthz", "/healthz", true),
            ("healthz", "/healthz/healthz", true),
            ("healthz", "/healthz/oauth2/jwks", true),
            ("prod", "/oauth2/jwks", true),
            ("prod", "/prod/oauth2/jwks", true),
            ("prod", "/prod/prod/oauth2/jwks", path_of_issuer == "/prod"),
            ("prod", "/prod/oauth2/oauth2/jwks", path_of_issuer == "/oauth2"),
            ("prod", "/test/oauth2/jwks", false),
            ("$default", "/oauth2/jwks", true),
        ] {
            let mut event = sample("http-api-jwks");
            event["requestContext"]["stage"] = json!(stage);
            event["rawPath"] = json!(path);
            let status = if found { 200 } else { 404 };
            assert_eq!(invoke(&app, &event).await["statusCode"], status, "{issuer}, stage {stage}, {path}");
        }
    }
}

#[tokio::test]
async fn a_page_for_a_person_goes_through_every_front_door() {
    let app = app().await;
    for shape in SHAPES {
        let mut event = sample(shape);
        let member = if event["rawPath"].is_string() { "rawPath" } else { "path" };
        event[member] = json!("/oauth2/authorize");
        set(&mut event, "accept", &["text/html"]);
        let answer = invoke(&app, &event).await;
        assert_eq!((&answer["statusCode"], &answer["isBase64Encoded"]), (&json!(400), &json!(false)), "{shape}");
        assert_eq!(header(&answer, "content-type"), Some("text/html; charset=utf-8"), "{shape}");
        assert!(answer["body"].as_str().is_some_and(|body| body.starts_with("<!doctype html>")), "{shape}: {answer}");
    }
}

#[tokio::test]
async fn a_stage_is_not_part_of_the_path() {
    let app = app().await;
    let mut named = sample("http-api");
    named["requestContext"]["stage"] = json!("prod");
    named["rawPath"] = json!("/prod/oauth2/token");
    assert_eq!(invoke(&app, &named).await["statusCode"], 200);
    named["rawPath"] = json!("/production/oauth2/token");
    assert_eq!(invoke(&app, &named).await["statusCode"], 404);
}

#[tokio::test]
async fn no_hostile_path_reaches_an_endpoint() {
    let app = app().await;
    for shape in SHAPES {
        for path in HOSTILE.into_iter().chain(HOSTILE_IN_EVENTS) {
            let mut event = sample(shape);
            let member = if event["rawPath"].is_string() { "rawPath" } else { "path" };
            event[member] = json!(path);
            let answer = invoke(&app, &event).await;
            assert_eq!(answer["statusCode"], 404, "{shape} {path:?}: {answer}");
            assert!(!answer.to_string().contains("injected"), "{shape} {path:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn an_event_that_no_gateway_should_send_is_still_answered() {
    let app = app().await;
    for shape in SHAPES {
        let mut event = sample(&format!("{shape}-base64"));
        event["body"] = json!("*** not base64 ***");
        assert_eq!(invoke(&app, &event).await["statusCode"], 400, "{shape}");
        event["body"] = json!(STANDARD.encode([0xff, b'=', 0xfe]));
        assert_eq!(invoke(&app, &event).await["statusCode"], 400, "{shape}");
        event["body"] = Value::Null;
        assert_eq!(invoke(&app, &event).await["statusCode"], 400, "{shape}");

        let mut event = sample(shape);
        for headers in ["headers", "multiValueHeaders"] {
            let Some(headers) = event[headers].as_object_mut() else { continue };
            headers.retain(|name, _| !["host", "x-forwarded-proto"].contains(&name.to_lowercase().as_str()));
            let array = headers.values().any(Value::is_array);
            for (name, value) in [("x-forwarded-proto", "ht tp:"), ("host", "[:::")] {
                headers.insert(name.to_owned(), if array { json!([value]) } else { json!(value) });
            }
        }
        assert_eq!(invoke(&app, &event).await["statusCode"], 200, "{shape}");
    }
}

#[tokio::test]
async fn an_invocation_whose_time_is_over_is_unavailable() {
    let app = app().await;
    let payload: LambdaRequest = serde_json::from_value(sample("http-api")).expect("an event");
    let mut context = Context::default();
    context.deadline = deadline(Duration::ZERO);
    let mut handler = passgrant::lambda::handler(app.service());
    let answer = handler.call(LambdaEvent { payload, context }).await.unwrap_or_else(|never| match never {});
    assert_eq!(serde_json::to_value(answer).expect("JSON")["statusCode"], 503);
}

#[tokio::test]
async fn a_password_of_any_characters_arrives_whole() {
    let app = app().await;
    let awkward = "p&ss=w+rd % \u{1f511}";
    let hash = passgrant::password::Password::prepare(awkward).expect("a password");
    let hash = app.config.argon2.hash(&hash, &app.random).expect("randomness");
    app.create_user_with("awkward", |user| user.password_hash = Some(hash)).await;
    let login = form(&[("grant_type", "password"), ("username", "awkward"), ("password", awkward)]);
    for shape in SHAPES {
        let mut event = sample(shape);
        event["body"] = json!(login);
        assert_eq!(invoke(&app, &event).await["statusCode"], 200, "{shape}");
        let mut event = sample(&format!("{shape}-base64"));
        event["body"] = json!(STANDARD.encode(&login));
        assert_eq!(invoke(&app, &event).await["statusCode"], 200, "{shape}");
    }
    assert_ne!(awkward, PASSWORD);
}
