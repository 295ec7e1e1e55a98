//! What a function leaves behind while it serves: a log that reveals nothing, and memory that stays small.

use serde_json::Value;

use crate::deployment::Deployment;
use crate::event::FrontDoor;
use crate::rig::demo::{CLIENT, PASSWORD, SECRET, USER};
use crate::rig::wire::Fault;

/// A function has at least 128 MB, which is twice this.
const MOST_MEMORY_KIB: u64 = 64 * 1024;

/// Every way in which a secret can be sent: [`Deployment::end`] looks for each in the log.
#[tokio::test]
async fn no_secret_is_logged_whatever_becomes_of_the_request() {
    let mut deployment = Deployment::start().await;
    for secret in ["not-the-password", "not-the-secret", "not-a-refresh-token"] {
        deployment.keep_secret(secret);
    }
    let granted = deployment.login().await.succeeded();
    deployment.refresh(&granted.text("refresh_token")).await.succeeded();
    let password = [("grant_type", "password"), ("username", USER), ("password", PASSWORD)];
    let with = |more: &[(&'static str, &'static str)]| [&password, more].concat();
    for front_door in FrontDoor::ALL {
        for (status, event) in [
            (
                400,
                front_door.token(&[("grant_type", "password"), ("username", USER), ("password", "not-the-password")]),
            ),
            // The two swapped, as people do.
            (400, front_door.token(&[("grant_type", "password"), ("username", PASSWORD), ("password", USER)])),
            (400, front_door.token(&[("grant_type", PASSWORD)])),
            (400, front_door.token(&with(&[("scope", PASSWORD)]))),
            (400, front_door.token(&with(&[("resource", PASSWORD)]))),
            (400, front_door.token(&with(&[("password", PASSWORD)]))),
            (400, front_door.token(&with(&[("client_secret", SECRET)]))),
            (400, front_door.token(&[("grant_type", "refresh_token"), ("refresh_token", "not-a-refresh-token")])),
            (401, front_door.sample().basic(CLIENT, "not-the-secret")),
            (401, front_door.sample().basic(SECRET, SECRET)),
            (401, front_door.sample().header("authorization", &format!("Bearer {SECRET}"))),
            (
                401,
                front_door
                    .token(&with(&[("client_id", CLIENT), ("client_secret", SECRET)]))
                    .without_header("authorization"),
            ),
            (400, front_door.sample().header("content-type", &format!("application/{PASSWORD}"))),
            (400, front_door.sample().body(&format!("{PASSWORD}=%zz&{SECRET}"))),
            (404, front_door.get(&format!("/{PASSWORD}"))),
        ] {
            let answer = deployment.send(&event).await;
            assert_eq!(answer.status, status, "{answer:?} to {event}");
            assert!(!answer.body.contains(PASSWORD) && !answer.body.contains(SECRET), "{answer:?}");
        }
    }
    for fault in [Fault::Garbage, Fault::Truncate, Fault::Reset, Fault::ExpiredCredentials] {
        deployment.break_all(fault);
        deployment.login().await;
        deployment.refresh(&granted.text("refresh_token")).await;
        deployment.repair();
    }
    let log = deployment.end();
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let (events, lines): (Vec<&Value>, Vec<&Value>) = lines.iter().partition(|line| line["type"] == "passgrant.audit");
    assert!(events.len() >= 50 && events.iter().all(|event| event["action"].is_string()), "{events:?}");
    let (metrics, records): (Vec<&Value>, Vec<&Value>) = lines.into_iter().partition(|line| line["_aws"].is_object());
    assert!(records.iter().all(|line| line["level"].is_string() && line["message"].is_string()), "{records:?}");
    let of_function = |line: &&Value| line["FunctionName"].is_string() && line["Requests"] == 1;
    assert!(metrics.len() >= 60 && metrics.iter().all(of_function), "{metrics:?}");
}

#[tokio::test]
async fn peak_memory_is_within_its_budget() {
    let mut deployment = Deployment::start().await;
    for front_door in FrontDoor::ALL {
        for _ in 0..5 {
            let granted = deployment.send(&front_door.sample()).await.succeeded();
            deployment.refresh(&granted.text("refresh_token")).await.succeeded();
        }
        deployment.get("/oauth2/jwks").await.succeeded();
    }
    let peak = deployment.emulator.peak_memory();
    assert!(peak < MOST_MEMORY_KIB, "{peak} KiB");
    println!("peak memory: {peak} KiB");
    deployment.end();
}
