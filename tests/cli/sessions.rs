//! `passgrant session`.

use serde_json::json;

use crate::command::On;
use crate::server::{Server, text};

#[test]
fn sessions_are_listed_and_ended_one_by_one_and_all_of_a_user() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let demo = server.started["demo"].clone();
    let folder = On(data.path());
    for _ in 0..3 {
        assert_eq!(server.demo_tokens(&demo).status, 200);
    }
    let list = || folder.json(&["session", "list", "--user", "Demo-User"]);
    let sessions = list();
    assert_eq!(sessions.as_array().map(Vec::len), Some(3));
    assert_eq!((&sessions[0]["client_id"], &sessions[0]["username"]), (&json!("demo-client"), &json!("demo-user")));

    let sid = text(&sessions[0]["sid"]);
    assert_eq!(folder.json(&["session", "revoke", sid]), json!({"sid": sid, "revoked": true}));
    assert_eq!(list().as_array().map(Vec::len), Some(2));
    assert_eq!(folder.run(&["session", "revoke", sid]).refused(), format!("there is no session {sid}"));

    let ended = folder.run(&["session", "revoke", "--user", "Demo-User"]).ok();
    assert_eq!(ended, "Every session of demo-user has been ended.\n");
    assert_eq!(list(), json!([]));
    let revoked = json!({"username": "demo-user", "revoked": true});
    assert_eq!(folder.json(&["session", "revoke", "--user", "demo-user"]), revoked);
    assert_eq!(folder.run(&["session", "revoke", "--user", "nobody"]).refused(), "there is no user nobody");
    assert_eq!(server.demo_tokens(&demo).status, 200);
    assert_eq!(list().as_array().map(Vec::len), Some(1));
}

#[test]
fn a_client_that_is_deleted_takes_its_sessions_with_it() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let demo = server.started["demo"].clone();
    assert_eq!(server.demo_tokens(&demo).status, 200);
    let folder = On(data.path());
    folder.run(&["client", "delete", "demo-client"]).ok();
    assert_eq!(folder.json(&["session", "list", "--user", "demo-user"]), json!([]));
}

#[test]
fn sessions_are_counted_by_client_and_those_that_ended_are_not() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let demo = server.started["demo"].clone();
    let folder = On(data.path());
    assert_eq!(folder.json(&["session", "report"]), json!([]));
    for _ in 0..3 {
        assert_eq!(server.demo_tokens(&demo).status, 200);
    }
    let report = folder.json(&["session", "report"]);
    assert_eq!((&report[0]["client_id"], &report[0]["sessions"]), (&json!("demo-client"), &json!(3)));
    let (login, end) = (report[0]["last_login"].as_u64(), report[0]["last_end"].as_u64());
    assert!(login.is_some() && login < end, "{report}");

    let sid = folder.json(&["session", "list", "--user", "demo-user"])[0]["sid"].clone();
    folder.run(&["session", "revoke", text(&sid)]).ok();
    let table = folder.run(&["session", "report"]).ok();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines.len(), &lines[1][..2]), (2, &["demo-client", "2"][..]), "{table}");
}
