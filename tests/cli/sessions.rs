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
