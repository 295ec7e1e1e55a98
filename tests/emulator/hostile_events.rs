//! Whatever a client puts into an event, the function answers by the contract and goes on.

use std::iter;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::event::FrontDoor;
use crate::rig::path::{HOSTILE, HOSTILE_IN_EVENTS};

#[tokio::test]
async fn a_body_that_is_not_the_base64_it_is_said_to_be_is_malformed() {
    let mut deployment = Deployment::start().await;
    for front_door in FrontDoor::ALL {
        for body in ["*** not base64 ***", "Z3JhbnR=", "grant_type=password", &STANDARD.encode([0xff, b'=', 0xfe])] {
            let event = front_door.sample().said_to_be_base64(body);
            deployment.send(&event).await.failed(400, "invalid_request");
        }
        let mut event = front_door.base64_sample();
        event.json["body"] = Value::Null;
        deployment.send(&event).await.failed(400, "invalid_request");
    }
    deployment.login().await.succeeded();
    deployment.end();
}

#[tokio::test]
async fn a_header_that_makes_no_valid_url_is_ignored() {
    let mut deployment = Deployment::start().await;
    deployment.login().await.succeeded();
    let function = deployment.emulator.function();
    for front_door in FrontDoor::ALL {
        for (name, value) in [
            ("host", "[:::"),
            ("host", "a b"),
            ("host", ""),
            ("host", "login.example.com/../"),
            ("x-forwarded-proto", "ht tp:"),
            ("x-forwarded-proto", ""),
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-port", "none"),
            ("x-forwarded-for", "'; --"),
        ] {
            let answer = deployment.send(&front_door.sample().header(name, value)).await;
            assert_eq!(answer.status, 200, "{front_door:?} {name}: {value}");
        }
    }
    assert_eq!(deployment.emulator.function(), function, "it never ended");
    deployment.end();
}

#[tokio::test]
async fn a_header_outside_ascii_does_not_matter() {
    let mut deployment = Deployment::start().await;
    for front_door in FrontDoor::ALL {
        let answer = deployment.send(&front_door.sample().header("user-agent", "J\u{fc}rgen")).await;
        assert_eq!(answer.status, 200, "{front_door:?}");
    }
    deployment.end();
}

#[tokio::test]
async fn no_hostile_path_reaches_an_endpoint() {
    let mut deployment = Deployment::start().await;
    for front_door in FrontDoor::ALL {
        for path in HOSTILE.into_iter().chain(HOSTILE_IN_EVENTS) {
            let answer = deployment.send(&front_door.get(path)).await;
            assert_eq!(answer.status, 404, "{front_door:?} {path:?}");
        }
    }
    deployment.end();
}

#[tokio::test]
async fn a_query_string_that_makes_no_valid_url_is_ignored() {
    let mut deployment = Deployment::start().await;
    for front_door in FrontDoor::ALL {
        for query in ["a b", "%", "\u{fc}", "<\">", "=&=", "#"] {
            let mut event = front_door.sample();
            match front_door {
                FrontDoor::HttpApi | FrontDoor::FunctionUrl => event.json["rawQueryString"] = json!(query),
                FrontDoor::RestApi | FrontDoor::Alb => event.json["queryStringParameters"] = json!({ query: query }),
            }
            let answer = deployment.send(&event).await;
            assert_eq!(answer.status, 200, "{front_door:?} {query:?}");
        }
    }
    deployment.end();
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let mut deployment = Deployment::start().await;
    let body: String = iter::once("grant_type=password&x=").chain(iter::repeat_n("x", 16 * 1024)).collect();
    for front_door in FrontDoor::ALL {
        deployment.send(&front_door.sample().body(&body)).await.failed(413, "invalid_request");
        deployment
            .send(&front_door.sample().said_to_be_base64(&STANDARD.encode(&body)))
            .await
            .failed(413, "invalid_request");
    }
    deployment.end();
}

/// Someone who may invoke the function need not be a front door.
#[tokio::test]
async fn an_event_of_no_front_door_fails_and_the_next_is_answered() {
    let mut deployment = Deployment::start().await;
    deployment.login().await.succeeded();
    let function = deployment.emulator.function();
    for event in [
        json!({}),
        json!(null),
        json!([]),
        json!("x"),
        json!({ "source": "aws.events", "detail-type": "Scheduled Event" }),
    ] {
        let (_, answer) = deployment.emulator.invoke(&event).await;
        let answer: Value = serde_json::from_slice(&answer).expect("a JSON answer");
        assert!(answer["errorType"].is_string(), "{event}: {answer}");
    }
    deployment.login().await.succeeded();
    assert_eq!(deployment.emulator.function(), function, "it never ended");
    deployment.end();
}
