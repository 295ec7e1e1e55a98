//! The failover of docs/operations.md, step by step: two local databases stand for two regions.

#![expect(clippy::expect_used, reason = "a test without its folders has failed")]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{On, passgrant, run, run_with};
use crate::http::{Answer, get, post_form};
use crate::server::{Server, text};

const ISSUER: [&str; 2] = ["--issuer", "https://id.example.com"];

/// The tables of the second region, by their variables: where DynamoDB replicates clients and users, only tokens are its own.
const OWN_TOKENS: [(&str, &str); 1] = [("PASSGRANT_TOKENS_TABLE", "second-tokens")];
const ALL_OWN: [(&str, &str); 3] = [
    ("PASSGRANT_TOKENS_TABLE", "second-tokens"),
    ("PASSGRANT_CLIENTS_TABLE", "second-clients"),
    ("PASSGRANT_USERS_TABLE", "second-users"),
];

/// `passgrant` in a region: on the folder at `data`, with tables of these names.
fn region<A: AsRef<OsStr>>(data: &Path, tables: &[(&str, &str)], arguments: &[A]) -> Command {
    let mut command = passgrant();
    command.envs(tables.iter().copied()).arg("--data").arg(data).args(arguments);
    command
}

fn serve(data: &Path, tables: &[(&str, &str)]) -> Server {
    let arguments = [&["serve", "--listen", "127.0.0.1:0"][..], &ISSUER].concat();
    Server::start(&mut region(data, tables, &arguments))
}

/// Everything in one folder, into another: what was replicated or backed up when the first was lost.
fn copied(from: &Path) -> TempDir {
    fn copy(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            let to = to.join(entry.file_name());
            if entry.file_type().expect("a type").is_dir() {
                fs::create_dir_all(&to).expect("a folder");
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).expect("a file");
            }
        }
    }
    let to = tempfile::tempdir().expect("a folder");
    copy(from, to.path());
    to
}

/// The first region, as it was when it was lost.
struct Lost {
    data: TempDir,
    demo: Value,
    tokens: Value,
    keys: Value,
}

impl Lost {
    fn new() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let server = Server::on(data.path(), &[&["--demo"][..], &ISSUER].concat());
        let demo = server.started["demo"].clone();
        On(data.path()).run(&["client", "update", text(&demo["client_id"]), "--capability", "introspect"]).ok();
        let answer = server.demo_tokens(&demo);
        assert_eq!(answer.status, 200, "{answer:?}");
        let keys = get(server.address(), "/oauth2/jwks").json();
        assert_eq!(introspected(&server, &demo, &answer.json())["active"], true);
        server.signal("TERM");
        assert!(server.wait().0.success());
        Self { data, demo, tokens: answer.json(), keys }
    }

    fn refresh(&self, server: &Server) -> Answer {
        server.demo_refresh(&self.demo, text(&self.tokens["refresh_token"]))
    }
}

/// What introspection says to a client of its own about the access token of `tokens`.
fn introspected(server: &Server, demo: &Value, tokens: &Value) -> Value {
    let credentials = (text(&demo["client_id"]), text(&demo["client_secret"]));
    let token = text(&tokens["access_token"]);
    let request = crate::http::form_request(server.address(), credentials, &[("token", token)]);
    let request = String::from_utf8(request).expect("text").replace("/oauth2/token", "/oauth2/introspect");
    crate::http::exchange(server.address(), request.as_bytes()).json()
}

/// What holds in a second region, however clients and users came there.
#[track_caller]
fn the_second_region_serves(lost: &Lost, second: &Server) {
    let logged_in = second.demo_tokens(&lost.demo);
    assert_eq!(logged_in.status, 200, "with the same secret and the same password: {logged_in:?}");
    assert_eq!(get(second.address(), "/oauth2/jwks").json(), lost.keys, "APIs go on verifying what was signed before");
    let refused = lost.refresh(second);
    assert_eq!((refused.status, &refused.json()["error"]), (400, &Value::from("invalid_grant")), "users log in again");
    let own = second.demo_refresh(&lost.demo, text(&logged_in.json()["refresh_token"]));
    assert_eq!(own.status, 200, "{own:?}");
}

#[test]
fn a_second_region_with_replicated_clients_and_users_serves_everybody_who_logs_in_again() {
    let lost = Lost::new();
    let replicated = copied(lost.data.path());
    let second = serve(replicated.path(), &OWN_TOKENS);
    the_second_region_serves(&lost, &second);
    let known = introspected(&second, &lost.demo, &lost.tokens);
    assert_eq!(known["active"], false, "the second region knows no session of the first");
}

#[test]
fn what_was_begun_before_a_failover_goes_on_after_it_unless_it_was_ended_meanwhile() {
    let lost = Lost::new();
    let replicated = copied(lost.data.path());
    let mut set = region(replicated.path(), &OWN_TOKENS, &["user", "create", "eve", "--password-stdin"]);
    run_with(&mut set, b"the password of eve").ok();

    // DynamoDB takes what was written in the second region back to the first, whose tokens have stayed there.
    let returned = copied(replicated.path());
    let first = serve(returned.path(), &[]);
    assert_eq!(lost.refresh(&first).status, 200, "its sessions are there again");
    let eve = [("grant_type", "password"), ("username", "eve"), ("password", "the password of eve")];
    let demo = (text(&lost.demo["client_id"]), text(&lost.demo["client_secret"]));
    assert_eq!(post_form(first.address(), demo, &eve).status, 200, "and whoever was registered meanwhile");
    drop(first);

    let user = text(&lost.demo["username"]);
    run(&mut region(replicated.path(), &OWN_TOKENS, &["session", "revoke", "--user", user])).ok();
    let returned = copied(replicated.path());
    let first = serve(returned.path(), &[]);
    assert_eq!(lost.refresh(&first).status, 400, "what was ended in the second region has ended");
}

#[test]
fn a_second_region_with_a_backup_takes_over_once_clients_and_users_were_copied_out_of_it() {
    let lost = Lost::new();
    let backup = copied(lost.data.path());
    // The tables of the second region are there, and empty.
    let second = serve(backup.path(), &ALL_OWN);
    assert_eq!(second.demo_tokens(&lost.demo).status, 401, "nobody is known yet");
    drop(second);
    for (table, from) in [("clients", "passgrant-clients"), ("users", "passgrant-users")] {
        let copy = |more: &[&str]| {
            let arguments = [&["table", "copy", table, "--from", from, "--output", "json"][..], more].concat();
            run(&mut region(backup.path(), &ALL_OWN, &arguments)).json()
        };
        assert_eq!(copy(&["--dry-run"])["missing"], 1);
        assert_eq!(copy(&[])["copied"], 1);
        assert_eq!(copy(&[])["missing"], 0, "a copy that was interrupted is started again");
    }
    let second = serve(backup.path(), &ALL_OWN);
    the_second_region_serves(&lost, &second);
    drop(second);
    assert_eq!(On(backup.path()).json(&["user", "list"]).as_array().map(Vec::len), Some(1), "the backup is as it was");
}
