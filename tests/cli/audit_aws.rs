//! The audit log of a deployment in AWS: a log group, written with the right of the operator whom STS names.

#![expect(clippy::expect_used, reason = "a log that cannot be read has failed its test")]

use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::cloudformation::{OPERATOR, STACK, cloudformation, deployed, operator, outputs};
use crate::command::{Ran, run};
use crate::loopback::{Loopback, answer};
use crate::rig::audited::event;

const GROUP: &str = "passgrant-prod-AuditLogGroup-1A2B3C";

/// What CloudWatch Logs does with an operation.
type Does = fn(&str, &Value) -> (u16, Value);

/// A stand-in for CloudWatch Logs, and what it was asked.
struct Logs {
    server: Loopback,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Logs {
    fn that(does: Does) -> Self {
        let asked = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let kept = Arc::clone(&asked);
        let server = Loopback::start(move |request| {
            let operation = request.header("x-amz-target")?.rsplit('.').next()?.to_owned();
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            let (status, said) = does(&operation, &body);
            kept.lock().unwrap_or_else(PoisonError::into_inner).push((operation, body));
            Some(answer(status, "application/x-amz-json-1.1", &said.to_string()))
        });
        Self { server, asked }
    }

    /// The events that were put and not too old to be kept.
    fn events(&self) -> Vec<Value> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let puts = asked.iter().filter(|(operation, _)| operation == "PutLogEvents");
        let new = puts.filter(|(_, body)| !is_too_old(body));
        new.map(|(_, body)| event(body["logEvents"][0]["message"].as_str().expect("text"))).collect()
    }
}

fn is_too_old(body: &Value) -> bool {
    body["logEvents"][0]["timestamp"] == 0
}

/// As CloudWatch Logs does when the operator may write.
fn takes(operation: &str, body: &Value) -> (u16, Value) {
    assert_eq!(body["logGroupName"], GROUP);
    match operation {
        "CreateLogStream" => (400, json!({"__type": "ResourceAlreadyExistsException", "message": "It is there."})),
        "PutLogEvents" if is_too_old(body) => (200, json!({"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1}})),
        "PutLogEvents" => (200, json!({})),
        operation => (400, json!({"__type": "UnknownOperationException", "message": operation})),
    }
}

fn denied() -> (u16, Value) {
    (400, json!({"__type": "AccessDeniedException", "message": "not authorized"}))
}

fn create(stack: &Loopback, dynamodb: &crate::server::Server, logs: &Logs, client: &str) -> Ran {
    let mut command: Command = operator(stack, Some(dynamodb));
    command.env_remove("PASSGRANT_AUDIT_LOG").env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", logs.server.url());
    run(command.args(["--stack", STACK, "client", "create", client, "--auth-method", "none"]))
}

fn clients(stack: &Loopback, dynamodb: &crate::server::Server) -> Value {
    run(operator(stack, Some(dynamodb)).args(["--stack", STACK, "client", "list", "--output", "json"])).json()
}

fn stack() -> Loopback {
    let mut outputs = outputs("https://id.example.com");
    outputs.insert("AuditLogGroupName", GROUP.to_owned());
    cloudformation("CREATE_COMPLETE", &outputs)
}

#[test]
fn a_change_of_a_deployment_is_an_event_in_its_log_group_with_the_arn_of_the_operator() {
    let (stack, dynamodb, logs) = (stack(), deployed(&[]), Logs::that(takes));
    create(&stack, &dynamodb, &logs, "web").ok();
    create(&stack, &dynamodb, &logs, "web").refused();
    let events = logs.events();
    let said: Vec<_> = events.iter().map(|event| (&event["action"], &event["outcome"])).collect();
    let created = json!("client.created");
    assert_eq!(said, [(&created, &json!("succeeded")), (&created, &json!("refused"))]);
    assert_eq!(events[0]["actor"], json!({"kind": "aws", "id": OPERATOR}));

    let asked = logs.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let operations: Vec<&str> = asked.iter().take(3).map(|(operation, _)| operation.as_str()).collect();
    assert_eq!(
        operations,
        ["CreateLogStream", "PutLogEvents", "PutLogEvents"],
        "the right is proven before the change"
    );
    assert!(is_too_old(&asked[1].1) && !is_too_old(&asked[2].1));
    assert_eq!(asked[0].1["logStreamName"], events[0]["time"].as_str().expect("text")[..10]);
}

#[test]
fn nothing_is_changed_in_aws_by_an_operator_who_may_not_write_the_audit_log() {
    let no_stream: Does = |_, _| denied();
    let no_events: Does = |operation, body| if operation == "PutLogEvents" { denied() } else { takes(operation, body) };
    let (stack, dynamodb) = (stack(), deployed(&[]));
    for does in [no_stream, no_events] {
        let logs = Logs::that(does);
        let reason = create(&stack, &dynamodb, &logs, "web").refused();
        assert!(reason.starts_with("nothing was changed, since the audit log cannot be written: "), "{reason}");
        assert!(reason.contains(GROUP), "{reason}");
    }
    assert_eq!(clients(&stack, &dynamodb), json!([]));
}

#[test]
fn a_change_whose_event_the_log_group_does_not_take_is_told_as_a_failure() {
    let lost: Does = |operation, body| match operation {
        "PutLogEvents" if !is_too_old(body) => (200, json!({"rejectedLogEventsInfo": {"tooNewLogEventStartIndex": 0}})),
        _ => takes(operation, body),
    };
    let (stack, dynamodb, logs) = (stack(), deployed(&[]), Logs::that(lost));
    let ran = create(&stack, &dynamodb, &logs, "web");
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("the change was made, but it is not in the audit log: "), "{}", ran.stderr);
    assert_eq!(clients(&stack, &dynamodb)[0]["client_id"], "web");
}

#[test]
fn a_deployment_of_an_earlier_version_has_no_audit_log_which_is_said() {
    let stack = cloudformation("CREATE_COMPLETE", &outputs("https://id.example.com"));
    let (dynamodb, logs) = (deployed(&[]), Logs::that(|_, _| denied()));
    let ran = create(&stack, &dynamodb, &logs, "web");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.contains("the deployment is of an earlier version, and has none"), "{ran:?}");
}
