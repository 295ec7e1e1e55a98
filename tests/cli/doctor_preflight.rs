//! `passgrant --stack … doctor`: what a deployment consists of, as AWS describes it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test without its report has failed")]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::cloudformation::{STACK, cloudformation, operator, outputs};
use crate::command::run;
use crate::loopback::{Loopback, Request, answer};
use crate::server::{Server, text};

/// What AWS says about the deployment, by what it is asked.
struct Aws {
    answers: BTreeMap<&'static str, Value>,
}

impl Aws {
    /// Everything as the template makes it.
    fn sound(outputs: &BTreeMap<&'static str, String>) -> Self {
        let variables: BTreeMap<&str, &String> = passgrant::config::outputs::OUTPUTS
            .iter()
            .filter_map(|output| Some((output.variable, outputs.get(output.stack)?)))
            .collect();
        let recovery = json!({ "ContinuousBackupsDescription": { "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": "ENABLED" } } });
        let answers = [
            (
                "account-settings",
                json!({ "AccountLimit": { "ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900 } }),
            ),
            ("concurrency", json!({})),
            (
                "configuration?Qualifier=live",
                json!({ "FunctionName": "fn", "State": "Active", "LastUpdateStatus": "Successful", "MemorySize": 1769,
                "Environment": { "Variables": variables } }),
            ),
            ("DescribeTable", json!({ "Table": { "TableStatus": "ACTIVE", "DeletionProtectionEnabled": true } })),
            ("DescribeContinuousBackups", recovery),
            (
                "DescribeTimeToLive",
                json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at" } }),
            ),
            (
                "DescribeKey",
                json!({ "KeyMetadata": { "KeyId": "k", "KeyState": "Enabled", "KeyUsage": "SIGN_VERIFY", "KeySpec": "RSA_2048" } }),
            ),
            ("GetPublicKey", denied("kms:GetPublicKey")),
            (
                "ListServiceQuotas",
                json!({ "Quotas": [{ "QuotaName": "Cryptographic operations (RSA) request rate", "Value": 1000.0 }] }),
            ),
        ];
        Self { answers: answers.into() }
    }

    fn with(mut self, asked: &'static str, answer: Value) -> Self {
        self.answers.insert(asked, answer);
        self
    }

    fn start(self) -> Loopback {
        Loopback::start(move |request| {
            let asked = asked(request);
            let said = &self.answers.get(asked.as_str()).unwrap_or_else(|| panic!("nobody asks for {asked}"));
            let status = if said.get("__type").is_some() { 400 } else { 200 };
            Some(answer(status, "application/x-amz-json-1.1", &said.to_string()))
        })
    }
}

fn denied(permission: &str) -> Value {
    json!({ "__type": "AccessDeniedException", "message": format!("not authorized to perform: {permission}") })
}

/// An error whose message speaks of another one.
fn refused(code: &str) -> Value {
    json!({ "__type": code, "message": "this is no AccessDeniedException" })
}

fn asked(request: &Request) -> String {
    match request.header("x-amz-target") {
        Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        None => request.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned(),
    }
}

fn deployment(issuer: &str) -> BTreeMap<&'static str, String> {
    let mut outputs = outputs(issuer);
    outputs.insert("FunctionName", "fn".to_owned());
    outputs.insert("ListedKeys", "arn:aws:kms:eu-central-1:111122223333:key/k=RS256".to_owned());
    outputs
}

/// The findings about the deployment: `(check, verdict, detail)`.
fn examined(server: &Server, aws: Aws, arguments: &[&str]) -> Vec<(String, String, String)> {
    examination(&deployment(text(&server.started["url"])), aws, |command| {
        command.args(arguments);
    })
}

/// The same of a deployment with these outputs, with these variables set.
fn examined_with(
    outputs: &BTreeMap<&'static str, String>,
    variables: &[(&str, &str)],
    aws: Aws,
) -> Vec<(String, String, String)> {
    examination(outputs, aws, |command| {
        command.envs(variables.iter().copied());
    })
}

fn examination(
    outputs: &BTreeMap<&'static str, String>,
    aws: Aws,
    prepare: impl FnOnce(&mut Command),
) -> Vec<(String, String, String)> {
    let (stacks, aws) = (cloudformation("CREATE_COMPLETE", outputs), aws.start());
    let mut command: Command = operator(&stacks, None);
    for service in ["DYNAMODB", "KMS", "LAMBDA", "SERVICE_QUOTAS"] {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), aws.url());
    }
    command.args(["--stack", STACK, "doctor", "--output", "json"]);
    prepare(&mut command);
    let ran = run(&mut command);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no report: {ran:?}"));
    let finding = |finding: &Value| {
        let [check, verdict, detail] = ["check", "verdict", "detail"].map(|member| text(&finding[member]).to_owned());
        (check, verdict, detail)
    };
    report["findings"].as_array().expect("findings").iter().map(finding).collect()
}

#[track_caller]
fn found(findings: &[(String, String, String)], check: &str) -> (String, String) {
    let found = findings.iter().find(|finding| finding.0 == check).unwrap_or_else(|| panic!("{check}: {findings:?}"));
    (found.1.clone(), found.2.clone())
}

#[test]
fn a_sound_deployment_passes_and_what_may_not_be_asked_is_skipped_with_the_permission() {
    let server = Server::in_memory(&[]);
    let outputs = deployment(text(&server.started["url"]));
    let findings = examined(&server, Aws::sound(&outputs), &[]);
    for check in [
        "concurrency",
        "reserved-concurrency",
        "function",
        "settings",
        "table",
        "backups",
        "expiry",
        "kms-quota",
        "metadata",
    ] {
        assert_eq!(found(&findings, check).0, "ok", "{check}: {findings:?}");
    }
    let (verdict, detail) = found(&findings, "signing-key");
    assert_eq!(verdict, "skipped");
    assert!(detail.contains("kms:GetPublicKey"), "{detail}");

    for (asked, check, permission) in [
        ("account-settings", "concurrency", "lambda:GetAccountSettings"),
        ("configuration?Qualifier=live", "function", "lambda:GetFunctionConfiguration"),
        ("DescribeTable", "table", "dynamodb:DescribeTable"),
        ("DescribeContinuousBackups", "backups", "dynamodb:DescribeContinuousBackups"),
        ("DescribeTimeToLive", "expiry", "dynamodb:DescribeTimeToLive"),
        ("DescribeKey", "signing-key", "kms:DescribeKey"),
        ("ListServiceQuotas", "kms-quota", "servicequotas:ListServiceQuotas"),
    ] {
        let findings = examined(&server, Aws::sound(&outputs).with(asked, denied(permission)), &[]);
        let (verdict, detail) = found(&findings, check);
        assert_eq!(verdict, "skipped", "{check}: {detail}");
        assert!(detail.contains(&format!("lack {permission}")), "{detail}");
    }
}

#[test]
fn what_is_wrong_with_a_deployment_is_found_and_named() {
    let server = Server::in_memory(&[]);
    let outputs = deployment(text(&server.started["url"]));
    let mut changed = outputs.clone();
    changed.insert("UsernameProfile", "case_mapped".to_owned());
    let changed = Aws::sound(&changed).answers.remove("configuration?Qualifier=live").expect("an answer");
    let key = |state: &str| json!({ "KeyMetadata": { "KeyId": "k", "KeyState": state } });
    for (asked, said, check, expected, words) in [
        (
            "account-settings",
            json!({ "AccountLimit": { "ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10 } }),
            "concurrency",
            "warning",
            "10 of the account's 10",
        ),
        ("concurrency", json!({ "ReservedConcurrentExecutions": 0 }), "reserved-concurrency", "failed", "never runs"),
        (
            "configuration?Qualifier=live",
            json!({ "FunctionName": "fn", "State": "Failed", "StateReason": "gone" }),
            "function",
            "failed",
            "gone",
        ),
        ("configuration?Qualifier=live", changed, "settings", "failed", "PASSGRANT_USERNAME_PROFILE"),
        ("DescribeTable", json!({ "Table": { "TableStatus": "ACTIVE" } }), "table", "warning", "DeletionProtection"),
        ("DescribeTable", json!({ "Table": { "TableStatus": "ARCHIVED" } }), "table", "failed", "ARCHIVED"),
        (
            "DescribeTable",
            json!({ "__type": "ResourceNotFoundException", "message": "x" }),
            "table",
            "failed",
            "no such thing",
        ),
        ("DescribeContinuousBackups", json!({}), "backups", "warning", "point-in-time"),
        ("DescribeTimeToLive", json!({}), "expiry", "warning", "expires_at"),
        ("DescribeKey", key("Disabled"), "signing-key", "failed", "enable-key"),
        ("DescribeKey", key("PendingDeletion"), "signing-key", "failed", "cancel-key-deletion"),
        ("GetPublicKey", refused("ThrottlingException"), "signing-key", "warning", "ask again"),
        ("GetPublicKey", refused("KMSInvalidStateException"), "signing-key", "failed", "KMSInvalidStateException"),
        // The words of an error are not its code.
        ("GetPublicKey", refused("NotFoundException"), "signing-key", "failed", "AccessDenied"),
    ] {
        let findings = examined(&server, Aws::sound(&outputs).with(asked, said), &[]);
        let (verdict, detail) = found(&findings, check);
        assert_eq!(verdict, expected, "{asked}: {detail}");
        assert!(detail.contains(words), "{asked}: {detail}");
    }
}

#[test]
fn a_deployment_of_an_earlier_version_is_called_that_and_not_changed_or_gone() {
    let server = Server::in_memory(&[]);
    let whole = deployment(text(&server.started["url"]));
    let mut earlier = whole.clone();
    earlier.remove("UsernameProfile");
    earlier.remove("Argon2Parallelism");
    let settings = [("PASSGRANT_USERNAME_PROFILE", "case_preserved"), ("PASSGRANT_ARGON2_PARALLELISM", "2")];

    let findings = examined_with(&earlier, &settings, Aws::sound(&whole));
    let (verdict, detail) = found(&findings, "settings");
    assert_eq!(verdict, "warning", "{detail}");
    for words in ["of an earlier version", "UsernameProfile, Argon2Parallelism", "deploy this version"] {
        assert!(detail.contains(words), "{detail}");
    }
    // What it does say is compared as always.
    let mut changed = whole.clone();
    changed.insert("Argon2MemoryKiB", "19456".to_owned());
    let (verdict, detail) = found(&examined_with(&earlier, &settings, Aws::sound(&changed)), "settings");
    assert_eq!((verdict.as_str(), detail.contains("PASSGRANT_ARGON2_MEMORY_KIB")), ("failed", true), "{detail}");

    let missing = json!({ "__type": "ResourceNotFoundException", "message": "Function not found: fn:live" });
    let function = Aws::sound(&whole).answers.remove("configuration?Qualifier=live").expect("an answer");
    let without_alias = || {
        Aws::sound(&whole).with("configuration?Qualifier=live", missing.clone()).with("configuration", function.clone())
    };
    let findings = examined_with(&whole, &[], without_alias());
    let (verdict, detail) = found(&findings, "alias");
    assert_eq!(verdict, "warning");
    assert!(detail.contains("no alias live: the deployment is of an earlier version"), "{detail}");
    assert_eq!((found(&findings, "function").0, found(&findings, "settings").0), ("ok".to_owned(), "ok".to_owned()));

    let gone = without_alias().with("configuration", missing);
    let (verdict, detail) = found(&examined_with(&whole, &[], gone), "function");
    assert_eq!(verdict, "failed");
    assert!(detail.contains("no such thing"), "{detail}");
}
