//! `passgrant user update`: claims and scopes, and what others change at the same time.

use std::thread;

use serde_json::{Value, json};

use crate::command::On;
use crate::server::{Server, stopped_and_running, text, used_folder};

fn create_ann(folder: On<'_>) -> Value {
    let create = ["user", "create", "ann", "--password-stdin", "--claim", "name=Ann", "--claim-json", "age=42"];
    folder.json_with(&create, "correct horse")
}

#[test]
fn claims_and_scopes_are_changed_and_whatever_is_not_named_stays() {
    stopped_and_running(|folder| {
        let created = create_ann(folder);
        let update = |options: &[&str]| folder.json(&[&["user", "update", "Ann"], options].concat());
        let changed = update(&["--claim", "nickname=007", "--claim-json", "age=1.50", "--claim-json", "tags=[1, 2]"]);
        assert_eq!(changed["claims"]["nickname"], "007");
        assert_eq!((&changed["claims"]["name"], &changed["claims"]["tags"]), (&json!("Ann"), &json!([1, 2])));
        let shown = folder.run(&["user", "show", "ann", "--output", "json"]).ok();
        assert!(shown.contains("\"age\": 1.50"), "{shown}");
        for same in ["sub", "disabled", "has_password", "password_changed_at", "created_at", "allowed_scopes"] {
            assert_eq!(changed[same], created[same], "{same}");
        }
        assert_ne!(changed["revision"], created["revision"]);

        let changed = update(&["--remove-claim", "tags", "--remove-claim", "age", "--allowed-scope", "profile email"]);
        assert_eq!(changed["claims"], json!({"name": "Ann", "nickname": "007"}));
        assert_eq!(changed["allowed_scopes"], json!(["profile", "email"]));
        assert_eq!(update(&["--claim", "name="])["allowed_scopes"], json!(["profile", "email"]));
        assert_eq!(update(&["--allowed-scope", ""])["allowed_scopes"], json!([]), "none at all");
        assert_eq!(update(&["--any-scope"])["allowed_scopes"], json!(null), "the client's");
        let said = folder.run(&["user", "update", "ann", "--claim", "name=Ann"]).ok();
        assert_eq!(said, "User ann is changed.\n");
    });
}

#[test]
fn a_change_that_cannot_be_meant_is_refused_and_changes_nothing() {
    let data = used_folder();
    let folder = On(data.path());
    let created = create_ann(folder);
    let update = |options: &[&str]| folder.run(&[&["user", "update", "ann"], options].concat());
    assert!(update(&[]).misused().contains("there is nothing to change: give at least one option"));
    assert!(update(&["--if-revision", "x"]).misused().contains("there is nothing to change"));
    assert!(update(&["--claim", "a=1", "--claim-json", "a=1"]).misused().contains("the claim 'a' is given twice"));
    let both = update(&["--claim", "name=Bob", "--remove-claim", "name"]).misused();
    assert!(both.contains("the claim 'name' is given, and to be removed"), "{both}");
    assert!(update(&["--any-scope", "--allowed-scope", "a"]).misused().contains("--any-scope"));
    assert_eq!(update(&["--remove-claim", "Name"]).refused(), "user ann has no claim 'Name' to remove");
    assert_eq!(update(&["--claim-json", "x={\"\":1}"]).refused(), "a claim has no name");
    assert_eq!(folder.run(&["user", "update", "bob", "--claim", "a=1"]).refused(), "there is no user bob");
    let mut shown = folder.json(&["user", "show", "ann"]);
    shown.as_object_mut().expect("an object").remove("attempts");
    assert_eq!(shown, created);
}

#[test]
fn a_change_to_a_revision_is_not_made_to_another_one() {
    stopped_and_running(|folder| {
        let seen = text(&create_ann(folder)["revision"]).to_owned();
        let update = |claim: &str, revision: &str| {
            folder.run(&["user", "update", "ann", "--claim", claim, "--if-revision", revision])
        };
        update("name=First", &seen).ok();
        let now = text(&folder.json(&["user", "show", "ann"])["revision"]).to_owned();
        assert_eq!(
            update("name=Second", &seen).refused(),
            format!("somebody else has changed user ann, who is at revision {now} now: nothing was changed")
        );
        assert_eq!(folder.json(&["user", "show", "ann"])["claims"]["name"], "First");

        folder.run_with(&["user", "set-password", "ann", "--password-stdin"], "another one").ok();
        let reset = text(&folder.json(&["user", "show", "ann"])["revision"]).to_owned();
        assert!(update("name=Second", &now).refused().starts_with("somebody else has changed user ann"));
        folder.run(&["user", "disable", "ann"]).ok();
        assert!(update("name=Second", &reset).refused().starts_with("somebody else has changed user ann"));
        let disabled = text(&folder.json(&["user", "show", "ann"])["revision"]).to_owned();
        update("name=Second", &disabled).ok();
        let shown = folder.json(&["user", "show", "ann"]);
        assert_eq!((&shown["claims"]["name"], &shown["disabled"]), (&json!("Second"), &json!(true)));

        // A namesake is somebody else, even with the same claims.
        let last = text(&shown["revision"]).to_owned();
        folder.run(&["user", "delete", "ann"]).ok();
        create_ann(folder);
        folder.run(&["user", "update", "ann", "--claim", "name=Second"]).ok();
        assert!(update("name=Third", &last).refused().starts_with("somebody else has changed user ann"));
    });
}

#[test]
fn a_password_a_state_and_the_end_are_for_the_user_that_was_seen_if_that_is_said() {
    stopped_and_running(|folder| {
        let seen = text(&create_ann(folder)["revision"]).to_owned();
        let changes: [&[&str]; 4] =
            [&["set-password", "ann", "--password-stdin"], &["disable", "ann"], &["enable", "ann"], &["delete", "ann"]];
        let run = |change: &[&str], revision: &str| {
            folder.run_with(&[&["user"], change, &["--if-revision", revision]].concat(), "another horse")
        };
        folder.run(&["user", "delete", "ann"]).ok();
        create_ann(folder);
        let shown = || {
            let mut shown = folder.json(&["user", "show", "ann"]);
            shown.as_object_mut().expect("an object").remove("attempts");
            shown
        };
        let namesake = shown();
        let now = text(&namesake["revision"]);
        for change in changes {
            assert_eq!(
                run(change, &seen).refused(),
                format!("somebody else has changed user ann, who is at revision {now} now: nothing was changed"),
                "{change:?}"
            );
        }
        assert_eq!(shown(), namesake);
        for change in changes {
            run(change, text(&shown()["revision"])).ok();
        }
        assert_eq!(run(changes[1], now).refused(), "there is no user ann");
    });
}

#[test]
fn changes_at_the_same_time_are_all_made() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &[]);
    let folder = On(data.path());
    create_ann(folder);
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || folder.run(&["user", "update", "ann", "--claim", &format!("c{number}=x")]).ok());
        }
        scope.spawn(move || folder.run(&["user", "disable", "ann"]).ok());
    });
    let shown = folder.json(&["user", "show", "ann"]);
    assert_eq!(shown["disabled"], true);
    assert_eq!(shown["claims"].as_object().map(serde_json::Map::len), Some(6), "{shown}");
    drop(server);
}

#[test]
fn a_login_is_shown_with_the_client_of_the_first_one_of_its_day_and_a_change_keeps_it() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let demo = server.started["demo"].clone();
    let folder = On(data.path());
    let revision = folder.json(&["user", "show", "demo-user"])["revision"].clone();
    let login = server.demo_tokens(&demo);
    assert_eq!(login.status, 200);
    let shown = folder.json(&["user", "show", "demo-user"]);
    assert_eq!((&shown["last_login_client"], &shown["revision"]), (&json!("demo-client"), &revision));
    let said = folder.run(&["user", "show", "demo-user"]).ok();
    assert!(said.contains("\nFirst client that day  demo-client\n"), "{said}");

    let changed = folder.json(&["user", "update", "demo-user", "--claim", "nickname=Demo"]);
    assert_eq!(changed["last_login_client"], "demo-client");
    assert_eq!(changed["last_login_day"], shown["last_login_day"]);
    let session = login.json();
    assert_eq!(server.demo_refresh(&demo, text(&session["refresh_token"])).status, 200, "the session goes on");
}
