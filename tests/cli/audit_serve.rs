//! The audit log, and the client and the user that `passgrant serve` makes as it starts.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{On, passgrant, run};
use crate::rig::audited::event;
use crate::server::{Server, text, used_folder};

fn events(file: &Path) -> Vec<Value> {
    fs::read_to_string(file).unwrap_or_default().lines().map(event).collect()
}

fn said(event: &Value) -> [&str; 3] {
    [&event["action"], &event["target"]["id"], &event["outcome"]].map(|value| value.as_str().unwrap_or_default())
}

const MADE: [[&str; 3]; 2] =
    [["client.created", "demo-client", "succeeded"], ["user.created", "demo-user", "succeeded"]];

/// Starts a server, and ends it.
fn demo(data: &Path) -> Value {
    let server = Server::on(data, &["--demo"]);
    let demo = server.started["demo"].clone();
    server.signal("TERM");
    assert!(server.wait().0.success());
    demo
}

#[test]
fn what_the_demo_makes_and_renews_is_an_event_as_what_a_command_makes() {
    let data = tempfile::tempdir().expect("a folder");
    let (folder, file) = (On(data.path()), data.path().join("audit.jsonl"));
    let mut secrets = Vec::new();
    secrets.push(demo(data.path()));
    let made = events(&file);
    assert_eq!(made.iter().map(said).collect::<Vec<_>>(), MADE);
    assert!(made.iter().all(|event| event["origin"] == "command_line" && event["actor"]["kind"] == "local_user"));
    let sub = folder.json(&["user", "show", "demo-user"])["sub"].clone();
    assert_eq!(made[1]["sub"], sub);

    folder.run(&["client", "update", "demo-client", "--name", "Mine"]).ok();
    folder.run(&["user", "disable", "demo-user"]).ok();
    secrets.push(demo(data.path()));
    let all = events(&file);
    let renewed = &all[4..];
    assert_eq!(
        renewed.iter().map(said).collect::<Vec<_>>(),
        [
            ["client.changed", "demo-client", "succeeded"],
            ["user.password_set", "demo-user", "succeeded"],
            ["user.enabled", "demo-user", "succeeded"],
        ]
    );
    let changed: Vec<_> = renewed.iter().map(|event| &event["changed"]).collect();
    assert_eq!(changed, [&json!(["name", "secrets"]), &json!(["password"]), &json!(["disabled"])]);
    assert_eq!([&renewed[1]["sub"], &renewed[2]["sub"]], [&sub; 2]);

    let log = fs::read_to_string(&file).expect("a file");
    for demo in &secrets {
        assert!(!log.contains(text(&demo["client_secret"])) && !log.contains(text(&demo["password"])), "{log}");
    }
}

#[test]
fn what_is_made_for_the_events_of_sam_is_an_event_too() {
    let project = tempfile::tempdir().expect("a folder");
    let mut command = passgrant();
    let arguments = ["serve", "--sam=127.0.0.1", "--listen", "127.0.0.1:0"];
    let server = Server::start(command.current_dir(project.path()).args(arguments));
    let events = events(&project.path().join(".aws-sam/passgrant/audit.jsonl"));
    assert_eq!(events.iter().map(said).collect::<Vec<_>>(), MADE);
    drop(server);
}

#[test]
fn a_server_that_keeps_nothing_writes_events_only_to_a_file_that_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("named.jsonl");
    let mut command = passgrant();
    command.current_dir(folder.path()).args(["serve", "--in-memory", "--demo", "--listen", "127.0.0.1:0"]);
    let server = Server::start(command.arg("--audit-log").arg(&file));
    assert_eq!(events(&file).iter().map(said).collect::<Vec<_>>(), MADE);
    server.signal("TERM");
    assert_eq!(server.wait().1.matches("audit").count(), 0);

    let mut command = passgrant();
    let unnamed = ["serve", "--in-memory", "--demo", "--listen", "127.0.0.1:0"];
    drop(Server::start(command.current_dir(folder.path()).args(unnamed)));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "only the file that was named");
}

#[test]
fn a_demo_whose_events_cannot_be_written_is_not_made() {
    let data = used_folder();
    fs::create_dir(data.path().join("audit.jsonl")).expect("something in the way");
    let mut command = passgrant();
    command.arg("--data").arg(data.path()).args(["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let reason = run(&mut command).refused();
    assert!(reason.starts_with("nothing was changed, since the audit log cannot be written: "), "{reason}");
    assert_eq!(On(data.path()).json(&["client", "list"]), json!([]));
}

#[test]
fn a_command_that_is_used_wrongly_is_no_change_that_was_refused() {
    let data = used_folder();
    let folder = On(data.path());
    for arguments in [
        &["client", "update", "web"][..],
        &["client", "create", "web", "--auth-method", "none", "--secret-stdin"],
        &["user", "update", "ann"],
        &["user", "create", "ann"],
        &["user", "create", "ann", "--claim", "a=1", "--claim", "a=2", "--password-stdin"],
        &["user", "set-password", "ann"],
        &["key", "create", "--alg", "HS256"],
        &["key", "create", "main"],
    ] {
        folder.run(arguments).misused();
    }
    assert_eq!(events(&data.path().join("audit.jsonl")), Vec::<Value>::new());
    folder.run(&["client", "update", "web", "--name", "Web"]).refused();
    let events = events(&data.path().join("audit.jsonl"));
    assert_eq!(events.iter().map(said).collect::<Vec<_>>(), [["client.changed", "web", "refused"]]);
}
