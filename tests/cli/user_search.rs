//! `passgrant user find`.

#![expect(clippy::expect_used, reason = "a test that cannot make its users has failed")]

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};

use crate::command::On;
use crate::server::{stopped_and_running, used_folder};

fn import(folder: On<'_>, names: impl Iterator<Item = String>) {
    let mut lines = String::new();
    for name in names {
        writeln!(lines, "{}", json!({"username": name, "sub": format!("sub-of-{name}")})).expect("text");
    }
    let file = folder.0.join("some.jsonl");
    fs::write(&file, lines).expect("a file");
    folder.run(&["user", "import", file.to_str().expect("UTF-8")]).ok();
}

fn names(found: &Value) -> Vec<&str> {
    found["users"].as_array().expect("users").iter().filter_map(|user| user["username"].as_str()).collect()
}

#[test]
fn users_are_found_by_the_beginning_of_their_prepared_name_or_by_their_subject() {
    stopped_and_running(|folder| {
        import(folder, ["ann", "anna@example.com", "joann", "bob"].into_iter().map(str::to_owned));
        let found = folder.json(&["user", "find", "--prefix", "ANN"]);
        assert_eq!((names(&found), &found["complete"]), (vec!["ann", "anna@example.com"], &json!(true)));
        let found = folder.json(&["user", "find", "--sub", "sub-of-bob"]);
        assert_eq!(names(&found), ["bob"]);
        let found = folder.json(&["user", "find", "--sub", "sub-of-nobody"]);
        assert_eq!(found, json!({"users": [], "complete": true}));
        assert_eq!(folder.run(&["user", "find", "--prefix", "zoe"]).ok(), "No user was found.\n");
        assert!(folder.run(&["user", "find"]).misused().contains("--prefix"));
        assert!(folder.run(&["user", "find", "--prefix", "a", "--sub", "b"]).misused().contains("--sub"));
        assert!(folder.run(&["user", "find", "--prefix", "a b"]).refused().contains("is not a valid username"));
    });
}

#[test]
fn a_search_stops_when_it_has_found_enough_and_says_that_there_may_be_more() {
    let data = used_folder();
    let folder = On(data.path());
    import(folder, (0..3000).map(|number| format!("user{number:04}")));
    let found = folder.json(&["user", "find", "--prefix", "user", "--limit", "7"]);
    assert_eq!((names(&found).len(), &found["complete"]), (7, &json!(false)));
    let said = folder.run(&["user", "find", "--prefix", "user"]).ok();
    assert!(said.ends_with("There may be more: the rest of the table was not read.\n"), "{said}");
    let found = folder.json(&["user", "find", "--prefix", "user299"]);
    assert_eq!((names(&found).len(), &found["complete"]), (10, &json!(true)));
}
