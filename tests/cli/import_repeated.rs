//! `passgrant user import` of a file that has somebody more than once: the first counts, also when it is only tried.

use std::fs;

use serde_json::{Value, json};

use crate::command::On;
use crate::importing::counts;
use crate::server::used_folder;

/// Enough others to have the same name in batches that are far apart.
const OTHERS: usize = 1500;

fn line(user: &Value) -> String {
    format!("{user}\n")
}

/// A user three times, and then a few times more in other words, far behind.
fn file() -> String {
    let ann = || line(&json!({"username": "ann", "claims": {"age": 1}}));
    let bob = |sub: &str| line(&json!({"username": "bob", "sub": sub}));
    let mut text = ann() + &ann() + &ann() + &bob("b1");
    text.extend((0..OTHERS).map(|number| line(&json!({"username": format!("u{number}")}))));
    text + &ann() + &line(&json!({"username": "ann", "claims": {"age": 2}})) + &bob("b1") + &bob("b2")
}

#[test]
fn a_dry_run_counts_whoever_is_in_a_file_several_times_as_the_import_does() {
    for conflict in ["skip", "update"] {
        let data = used_folder();
        let folder = On(data.path());
        let file_path = data.path().join("again.jsonl");
        fs::write(&file_path, file()).expect("a file");
        let path = file_path.to_str().expect("UTF-8");
        let listed = data.path().join("tried.jsonl");
        let listed = listed.to_str().expect("UTF-8");
        let import = ["user", "import", path, "--on-conflict", conflict];
        let tried = folder.run(&[&import[..], &["--dry-run", "--rejects", listed, "--output", "json"]].concat());
        let tried: Value = serde_json::from_str(&tried.stdout).expect("JSON");
        let done = folder.run(&[&import[..], &["--output", "json"]].concat());
        let done: Value = serde_json::from_str(&done.stdout).expect("JSON");
        assert_eq!(counts(&tried), counts(&done), "{conflict}");
        assert_eq!(tried["by_hash"], done["by_hash"], "{conflict}");
        let created = OTHERS as u64 + 2;
        let [updated, unchanged, skipped, rejected] = if conflict == "skip" { [0, 0, 6, 0] } else { [1, 4, 0, 1] };
        assert_eq!(counts(&done), [created + 6, created, updated, unchanged, skipped, rejected], "{conflict}");
    }
}

#[test]
fn a_dry_run_that_fails_on_conflicts_stops_where_somebody_comes_again() {
    let data = used_folder();
    let path = data.path().join("again.jsonl");
    fs::write(&path, "{\"username\":\"ann\"}\n{\"username\":\"bob\"}\n{\"username\":\"Ann\"}\n").expect("a file");
    let import = ["user", "import", path.to_str().expect("UTF-8"), "--on-conflict", "fail"];
    let tried = On(data.path()).run(&[&import[..], &["--dry-run"]].concat()).refused();
    let done = On(data.path()).run(&import).refused();
    assert!(tried.contains("line 3: the user ann exists already"), "{tried}");
    assert!(done.contains("line 3: the user ann exists already"), "{done}");
}
