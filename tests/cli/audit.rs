//! The audit log of operators: each command that changes something is an event in it, and none changes anything without.

#![expect(clippy::expect_used, reason = "a log that cannot be read has failed its test")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::command::{On, passgrant, run, run_with};
use crate::rig::audited::event;
use crate::server::{Server, text, used_folder};

/// The events of a file, each of which keeps to the schema.
fn events(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(event).collect()
}

fn in_folder(folder: &Path) -> Vec<Value> {
    events(&folder.join("audit.jsonl"))
}

/// Who runs the tests, as the system has it.
fn whoami() -> String {
    let name = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8(name.stdout).expect("UTF-8").trim_end().to_owned()
}

fn said(event: &Value) -> [&str; 4] {
    [&event["action"], &event["target"]["kind"], &event["target"]["id"], &event["outcome"]]
        .map(|value| value.as_str().unwrap_or_default())
}

#[test]
fn each_command_that_changes_something_is_an_event_with_who_what_and_when() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let demo = server.started["demo"].clone();
    let folder = On(data.path());
    server.demo_tokens(&demo);
    let sub = text(&folder.json(&["user", "show", "demo-user"])["sub"]).to_owned();
    let sid = text(&folder.json(&["session", "list", "--user", "demo-user"])[0]["sid"]).to_owned();
    let users = data.path().join("users.jsonl");
    fs::write(&users, "{\"username\":\"bob\"}\n{\"username\":\"\"}\n").expect("a file");

    for arguments in [
        &["client", "create", "web"][..],
        &["client", "update", "web", "--scope", "profile", "--default-scope", "profile"],
        &["client", "rotate-secret", "web"],
        &["client", "disable", "web"],
        &["client", "enable", "web"],
        &["client", "delete", "web"],
        &["client", "delete", "web"],
        &["client", "update", "web"],
        &["user", "disable", "Demo-User"],
        &["user", "enable", "demo-user"],
        &["user", "unlock", "nobody-of-that-name"],
        &["session", "revoke", &sid],
        &["session", "revoke", "--user", "demo-user"],
        &["key", "create", "--alg", "ES384"],
        &["user", "import", users.to_str().expect("UTF-8")],
        &["user", "delete", "demo-user"],
        // These only read.
        &["client", "list"],
        &["user", "list"],
        &["user", "export"],
        &["key", "jwks"],
        &["attempts", "list"],
        &["user", "import", users.to_str().expect("UTF-8"), "--dry-run"],
    ] {
        let ran = folder.run(arguments);
        assert!(ran.code.is_some(), "{arguments:?}");
    }
    folder.run_with(&["user", "create", "Ann", "--password-stdin"], "a password of Ann's").ok();
    folder.run_with(&["user", "set-password", "ann", "--password-stdin"], "short").refused();
    folder.run_with(&["user", "set-password", "ann", "--password-stdin"], "another password").ok();
    folder
        .run_with(
            &["key", "import", "--alg", "HS256", "--secret-stdin"],
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        )
        .ok();

    let events = in_folder(data.path());
    assert_eq!(
        events.iter().map(said).collect::<Vec<_>>(),
        [
            ["client.created", "client", "demo-client", "succeeded"],
            ["user.created", "user", "demo-user", "succeeded"],
            ["client.created", "client", "web", "succeeded"],
            ["client.changed", "client", "web", "succeeded"],
            ["client.secret_rotated", "client", "web", "succeeded"],
            ["client.disabled", "client", "web", "succeeded"],
            ["client.enabled", "client", "web", "succeeded"],
            ["client.deleted", "client", "web", "succeeded"],
            ["client.deleted", "client", "web", "refused"],
            ["user.disabled", "user", "demo-user", "succeeded"],
            ["user.enabled", "user", "demo-user", "succeeded"],
            ["user.unlocked", "user", "nobody-of-that-name", "succeeded"],
            ["session.revoked", "session", &sid, "succeeded"],
            ["session.revoked", "user", "demo-user", "succeeded"],
            ["key.created", "key", "ES384", "succeeded"],
            ["user.imported", "table", "passgrant-users", "begun"],
            ["user.imported", "table", "passgrant-users", "failed"],
            ["user.deleted", "user", "demo-user", "succeeded"],
            ["user.created", "user", "ann", "succeeded"],
            ["user.password_set", "user", "ann", "refused"],
            ["user.password_set", "user", "ann", "succeeded"],
            ["key.imported", "key", "HS256", "succeeded"],
        ]
    );
    let me = json!({"kind": "local_user", "id": whoami()});
    for event in &events {
        assert_eq!((&event["actor"], &event["origin"]), (&me, &json!("command_line")));
    }
    let ids: BTreeSet<String> = events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), events.len());
    assert_eq!(events[3]["changed"], json!(["default_scopes", "scopes"]));
    assert_eq!([&events[4]["changed"], &events[5]["changed"]], [&json!(["secrets"]), &json!(["disabled"])]);
    assert_eq!([&events[9]["sub"], &events[12]["sub"], &events[17]["sub"]], [&json!(sub); 3]);
    assert_eq!(events[8]["reason"], "there is no client web");
    let counts = json!({"read": 2, "created": 1, "updated": 0, "unchanged": 0, "skipped": 0, "rejected": 1});
    assert_eq!(events[16]["counts"], counts);
    assert_eq!([&events[20]["sub"], &events[20]["changed"]], [&events[18]["sub"], &json!(["password"])]);

    let file = data.path().join("audit.jsonl");
    let log = fs::read_to_string(&file).expect("a file");
    for secret in
        ["a password of Ann's", "another password", "short", "AAECAwQF", "$argon2", text(&demo["client_secret"])]
    {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_done_to_a_user_is_an_event_with_the_users_sub_and_with_what_was_changed() {
    let data = used_folder();
    let folder = On(data.path());
    let create = ["user", "create", "ann", "--password-stdin", "--claim", "name=Ann"];
    let sub = folder.json_with(&create, "correct horse")["sub"].clone();
    for arguments in [
        &["user", "update", "Ann", "--claim", "name=Secret"][..],
        &["user", "update", "ann", "--claim", "name=Secret", "--allowed-scope", "profile"],
        &["user", "update", "ann", "--remove-claim", "name", "--any-scope"],
        &["user", "unlock", "ann"],
        &["session", "revoke", "--user", "ann"],
        &["user", "delete", "ann"],
    ] {
        folder.run(arguments).ok();
    }
    folder.run(&["user", "unlock", "nobody"]).ok();
    folder.run(&["user", "update", "nobody", "--any-scope"]).refused();

    let events = in_folder(data.path());
    let (of_ann, of_nobody) = events.split_at(7);
    assert!(of_ann.iter().all(|event| event["sub"] == sub), "{events:?}");
    assert!(of_nobody.iter().all(|event| event["sub"].is_null()), "{events:?}");
    let changed: Vec<&Value> = events[1..4].iter().map(|event| &event["changed"]).collect();
    assert_eq!(changed, [&json!(["claims"]), &json!(["allowed_scopes"]), &json!(["allowed_scopes", "claims"])]);
    assert!(!fs::read_to_string(data.path().join("audit.jsonl")).expect("a file").contains("Secret"));
}

#[test]
fn who_did_it_is_not_what_the_environment_says() {
    let data = used_folder();
    let mut command = passgrant();
    command.env("USER", "somebody-else").env("LOGNAME", "somebody-else").arg("--data").arg(data.path());
    run(command.args(["client", "create", "web"])).ok();
    assert_eq!(in_folder(data.path())[0]["actor"]["id"], json!(whoami()));
}

#[test]
fn nothing_is_changed_where_the_audit_log_cannot_be_written() {
    let data = used_folder();
    let folder = On(data.path());
    fs::create_dir(data.path().join("audit.jsonl")).expect("something in the way");
    let reason = folder.run(&["client", "create", "web"]).refused();
    assert!(reason.starts_with("nothing was changed, since the audit log cannot be written: "), "{reason}");
    assert_eq!(folder.json(&["client", "list"]), json!([]), "and what only reads needs no audit log");

    let elsewhere = data.path().join("no-such-folder").join("audit.jsonl");
    let mut command = passgrant();
    command.arg("--data").arg(data.path()).args(["--audit-log"]).arg(&elsewhere);
    let reason = run(command.args(["client", "create", "web"])).refused();
    assert!(reason.starts_with("nothing was changed"), "{reason}");
    assert_eq!(folder.json(&["client", "list"]), json!([]));
}

#[test]
fn a_change_whose_event_could_not_be_written_is_told_as_a_failure() {
    let data = used_folder();
    // A file on a device that is full when something is written, and not before: only the limit of the process is at hand.
    let script = "ulimit -f 0; trap '' XFSZ; exec \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", script, "-"]).arg(env!("CARGO_BIN_EXE_passgrant")).env_clear();
    let server = Server::on(data.path(), &[]);
    command.arg("--data").arg(data.path()).args(["client", "create", "spa", "--auth-method", "none"]);
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("the change was made, but it is not in the audit log: "), "{ran:?}");
    let folder = On(data.path());
    assert_eq!(folder.json(&["client", "list"])[0]["client_id"], "spa");
    assert!(in_folder(data.path()).is_empty());
    drop(server);
}

#[test]
fn processes_that_share_a_folder_do_not_mix_their_lines() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &[]);
    let names: Vec<String> = (0..16).map(|number| format!("client-{number:02}")).collect();
    std::thread::scope(|scope| {
        for some in names.chunks(4) {
            let folder = On(data.path());
            scope.spawn(move || {
                for name in some {
                    folder.run(&["client", "create", name]).ok();
                }
            });
        }
    });
    let events = in_folder(data.path());
    let targets: BTreeSet<&str> = events.iter().map(|event| text(&event["target"]["id"])).collect();
    assert_eq!(targets, names.iter().map(String::as_str).collect());
    drop(server);
}

#[test]
fn half_a_line_that_a_crash_has_left_spoils_no_event() {
    let data = used_folder();
    let file = data.path().join("audit.jsonl");
    fs::write(&file, "{\"half\":").expect("a file");
    On(data.path()).run(&["client", "create", "web"]).ok();
    let text = fs::read_to_string(&file).expect("a file");
    let (half, whole) = text.split_once('\n').expect("two lines");
    assert_eq!((half, said(&event(whole.trim_end()))[0]), ("{\"half\":", "client.created"));
}

#[test]
fn a_file_that_is_named_takes_the_place_of_the_folders() {
    let data = used_folder();
    let file = data.path().join("elsewhere");
    for named in [true, false] {
        let mut command = passgrant();
        command.arg("--data").arg(data.path());
        if named {
            command.arg("--audit-log").arg(&file);
        } else {
            command.env("PASSGRANT_AUDIT_LOG", &file);
        }
        run(command.args(["client", "create", if named { "web" } else { "api" }])).ok();
    }
    assert_eq!(events(&file).len(), 2);
    assert!(!data.path().join("audit.jsonl").exists());
    let mut command = passgrant();
    command.env("PASSGRANT_AUDIT_LOG", "").arg("--data").arg(data.path());
    run(command.args(["client", "delete", "web"])).ok();
    assert_eq!(in_folder(data.path()).len(), 1, "an empty name is none");
    assert!(fs::metadata(&file).expect("a file").size() > 0);
}

#[test]
fn a_change_in_aws_without_a_place_for_its_event_is_warned_about() {
    let server = Server::in_memory(&[]);
    let mut command = passgrant();
    command
        .env("AWS_ENDPOINT_URL_DYNAMODB", text(&server.started["dynamodb_endpoint"]))
        .env("AWS_REGION", "eu-central-1");
    command.env("AWS_ACCESS_KEY_ID", "operator").env("AWS_SECRET_ACCESS_KEY", "secret");
    let ran = run_with(command.args(["user", "create", "ann", "--password-stdin"]), b"correct horse");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stderr.starts_with("warning: this change is not in an audit log: "), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1);
}
