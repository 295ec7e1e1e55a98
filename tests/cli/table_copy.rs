//! `passgrant table copy`: what a table has lost, from one that was restored.

#![expect(clippy::expect_used, reason = "a test without its tables has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};

use crate::command::{On, Ran, passgrant, run, run_with};
use crate::http::exchange;
use crate::import_throttled::throttling;
use crate::importing::plain_lines;
use crate::server::{Server, text, used_folder};

const RESTORED: &str = "restored-users";

/// A command on the folder for which the restored table is the live one, in order to fill it.
fn on_restored(data: &Path, arguments: &[&str]) -> Command {
    let mut command = passgrant();
    command.env("PASSGRANT_USERS_TABLE", RESTORED).arg("--data").arg(data).args(arguments);
    command
}

fn fill(data: &Path, users: &str) {
    run_with(&mut on_restored(data, &["user", "import", "-", "--format", "jsonl"]), users.as_bytes()).ok();
}

const COPY: [&str; 5] = ["table", "copy", "users", "--from", RESTORED];

/// The numbers of a summary: read, missing, copied, unreadable.
#[track_caller]
fn counts(summary: &Value) -> [u64; 4] {
    ["read", "missing", "copied", "unreadable"].map(|name| summary[name].as_u64().expect("a number"))
}

fn copied_into(folder: On<'_>) {
    let dry = folder.json(&[&COPY[..], &["--dry-run"]].concat());
    assert_eq!(
        dry,
        json!({"from": RESTORED, "to": "passgrant-users", "dry_run": true,
               "read": 2, "missing": 1, "copied": 0, "unreadable": 0})
    );
    assert_eq!(folder.json(&["user", "list"]).as_array().map(Vec::len), Some(1), "a dry run writes nothing");
    let before = folder.json(&["user", "show", "ann"]);
    assert_eq!(counts(&folder.json(&COPY)), [2, 1, 1, 0]);
    assert_eq!(folder.json(&["user", "show", "ann"]), before, "nothing is overwritten");
    assert_eq!(folder.json(&["user", "show", "bob"])["claims"]["from"], "backup");
    let again = folder.run(&COPY).ok();
    assert!(again.contains("Missing     0") && again.contains("Copied      0"), "{again}");
}

#[test]
fn what_is_missing_is_copied_and_nothing_is_overwritten_whether_or_not_a_server_runs_on_the_folder() {
    for served in [false, true] {
        let data = used_folder();
        fill(
            data.path(),
            "{\"username\":\"ann\",\"claims\":{\"from\":\"backup\"}}\n{\"username\":\"bob\",\"claims\":{\"from\":\"backup\"}}\n",
        );
        let server = served.then(|| Server::on(data.path(), &[]));
        On(data.path())
            .run_with(
                &["user", "import", "-", "--format", "jsonl"],
                "{\"username\":\"ann\",\"claims\":{\"from\":\"live\"}}\n",
            )
            .ok();
        copied_into(On(data.path()));
        drop(server);
    }
}

#[test]
fn a_table_of_another_kind_a_missing_one_and_one_of_tokens_are_refused() {
    let data = used_folder();
    let copy = |kind: &str, from: &str| -> Ran { On(data.path()).run(&["table", "copy", kind, "--from", from]) };
    assert_eq!(
        copy("users", "passgrant-clients").refused(),
        "passgrant-clients is not a table of this kind: its key is not username alone"
    );
    assert_eq!(
        copy("clients", "passgrant-users").refused(),
        "passgrant-users is not a table of this kind: its key is not client_id alone"
    );
    assert_eq!(copy("users", "passgrant-users").refused(), "passgrant-users is the live table itself");
    assert!(copy("users", "nowhere").refused().contains("DynamoDB: "));
    assert!(copy("tokens", "passgrant-tokens").misused().contains("[possible values: clients, users]"));
    On(data.path()).run(&["table", "copy", "users"]).misused();
    for wrong in [["--rate", "0"], ["--segments", "0"], ["--segments", "65"]] {
        On(data.path()).run(&[&COPY[..], &wrong].concat()).misused();
    }
}

/// The address of the DynamoDB of the server that runs on a folder.
fn dynamodb(data: &Path) -> String {
    let published: Value =
        serde_json::from_slice(&fs::read(data.join("dynamodb.json")).expect("a file")).expect("JSON");
    text(&published["endpoint"]).to_owned()
}

#[test]
fn an_item_of_another_version_is_left_out_counted_and_makes_the_copy_fail() {
    let data = used_folder();
    fill(data.path(), "{\"username\":\"ann\"}\n");
    let _server = Server::on(data.path(), &[]);
    let address = dynamodb(data.path()).replace("http://", "");
    let put = json!({"TableName": RESTORED, "Item": {"username": {"S": "newer"}, "schema": {"N": "2"}}}).to_string();
    let head = "authorization: AWS4-HMAC-SHA256 Credential=a/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=a\r\nx-amz-date: 20260101T000000Z";
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-amz-target: DynamoDB_20120810.PutItem\r\ncontent-type: application/x-amz-json-1.0\r\n{head}\r\ncontent-length: {}\r\n\r\n{put}",
        put.len()
    );
    let answer = exchange(&address, request.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let ran = On(data.path()).run(&[&COPY[..], &["--output", "json"]].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        ran.stderr,
        "error: not everything was copied: 1 of the items of restored-users are not as this version writes them\n"
    );
    assert_eq!(counts(&serde_json::from_str(&ran.stdout).expect("JSON")), [2, 1, 1, 1]);
    assert_eq!(On(data.path()).json(&["user", "list"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_copy_waits_while_it_is_throttled_and_loses_nobody_in_any_segment() {
    for operation in ["PutItem", "BatchGetItem", "Scan"] {
        let data = used_folder();
        fill(data.path(), &plain_lines(0..1100));
        let _server = Server::on(data.path(), &[]);
        On(data.path()).run_with(&["user", "import", "-", "--format", "jsonl"], &plain_lines(0..900)).ok();
        let faults = Arc::new(AtomicI64::new(2));
        let endpoint = throttling(dynamodb(data.path()), &faults, operation);
        let mut copy = passgrant();
        copy.env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
            .env("AWS_REGION", "local")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .args(COPY)
            .args(["--segments", "2", "--rate", "100000", "--output", "json"]);
        assert_eq!(counts(&run(&mut copy).without_audit_log().json()), [1100, 200, 200, 0], "{operation}");
        assert!(faults.load(Ordering::SeqCst) < 2, "{operation} was throttled");
        assert_eq!(On(data.path()).json(&["user", "list"]).as_array().map(Vec::len), Some(1100));
    }
}

#[test]
fn clients_are_copied_with_their_secrets() {
    let data = used_folder();
    let restored = |arguments: &[&str]| {
        let mut command = passgrant();
        command.env("PASSGRANT_CLIENTS_TABLE", "restored-clients").arg("--data").arg(data.path()).args(arguments);
        run(&mut command)
    };
    restored(&["client", "create", "web", "--output", "json"]).ok();
    let secrets = |client: Value| client["secrets"].clone();
    let before: Value =
        serde_json::from_str(&restored(&["client", "show", "web", "--output", "json"]).ok()).expect("JSON");
    let summary = On(data.path()).json(&["table", "copy", "clients", "--from", "restored-clients"]);
    assert_eq!(counts(&summary), [1, 1, 1, 0]);
    assert_eq!(secrets(On(data.path()).json(&["client", "show", "web"])), secrets(before));
}
