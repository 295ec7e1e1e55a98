//! `passgrant user import`: imports that are interrupted.

#![expect(clippy::expect_used, reason = "a process that cannot be watched has failed the test")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::{Value, json};

use crate::command::passgrant;
use crate::importing::{HASH, Place, counts, rejects};

/// How far a checkpoint says that an import has come, in bytes.
fn offset(checkpoint: &Path) -> u64 {
    let text = fs::read(checkpoint).unwrap_or_default();
    let json: Value = serde_json::from_slice(&text).unwrap_or_default();
    json["progress"]["position"]["offset"].as_u64().unwrap_or_default()
}

/// Begins an import, and kills it with `kill -9` once it has done something.
fn killed(place: &Place, file: &str, options: &[&str]) {
    let mut import = passgrant();
    import.arg("--data").arg(place.data.path()).args(["user", "import", file]).args(options);
    let mut child = import.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("passgrant starts");
    let checkpoint = format!("{file}.checkpoint");
    let before = offset(Path::new(&checkpoint));
    let start = Instant::now();
    while offset(Path::new(&checkpoint)) <= before {
        assert!(start.elapsed() < Duration::from_mins(1), "it never began");
        assert!(child.try_wait().expect("a child").is_none(), "it was faster than the test");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let mode = fs::metadata(&checkpoint).expect("a checkpoint").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn lines(count: u32) -> String {
    let line = |n: u32| match n % 1000 {
        7 => format!("{{\"username\":\"bad {n}\"}}\n"),
        // Twice in the file.
        8 => format!("{{\"username\":\"N{}\",\"claims\":{{\"second\":{n}}}}}\n", n - 2),
        _ => json!({"username": format!("n{n}"), "password_hash": HASH, "claims": {"n": n}}).to_string() + "\n",
    };
    (0..count).map(line).collect()
}

/// What was imported, without what is random.
fn imported(place: &Place) -> Vec<Value> {
    let mut users = place.exported();
    for user in &mut users {
        user["sub"] = Value::Null;
    }
    users
}

#[test]
fn an_import_that_was_killed_twice_gives_what_one_that_was_not_gives() {
    let (once, thrice) = (Place::new(), Place::new());
    let content = lines(10_000);
    let [file, other] = [&thrice, &once].map(|place| place.write("users.jsonl", &content));
    killed(&thrice, &file, &[]);
    let first = thrice.exported();
    assert!(!first.is_empty() && first.len() < 9_980, "{}", first.len());
    killed(&thrice, &file, &[]);
    let last = |place: &Place, file: &str| -> Value {
        let ran = place.import(file, &["--output", "json"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).expect("JSON")
    };
    let [resumed, whole] = [last(&thrice, &file), last(&once, &other)];
    assert!(resumed["resumed_at_line"].as_u64().is_some_and(|line| line > 1), "{resumed}");
    assert_eq!(counts(&resumed), counts(&whole));
    assert_eq!((counts(&whole), &resumed["by_hash"]), ([10_000, 9_980, 0, 0, 10, 10], &whole["by_hash"]));
    assert_eq!(imported(&thrice), imported(&once));
    assert_eq!(rejects(&file), rejects(&other));
    let subs = |users: &[Value]| {
        users
            .iter()
            .map(|user| (user["username"].to_string(), user["sub"].to_string()))
            .collect::<std::collections::HashMap<_, _>>()
    };
    let (before, after) = (subs(&first), subs(&thrice.exported()));
    assert!(before.iter().all(|(name, sub)| after[name] == *sub), "who was imported stays who they are");
    assert!(!fs::exists(format!("{file}.checkpoint")).expect("a folder"));
}

#[test]
fn an_import_that_fails_at_conflicts_does_not_fail_at_its_own_users() {
    let place = Place::new();
    let content: String =
        lines(10_000).lines().filter(|line| !line.contains("\"N")).map(|line| line.to_owned() + "\n").collect();
    let file = place.write("users.jsonl", content);
    killed(&place, &file, &["--on-conflict", "fail"]);
    let ran = place.import(&file, &["--on-conflict", "fail", "--output", "json"]);
    let summary: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(counts(&summary), [9_990, 9_980, 0, 0, 0, 10], "{}", ran.stderr);
}

#[test]
fn an_interrupted_import_is_not_continued_with_another_file_or_table_or_other_options() {
    let (place, other) = (Place::new(), Place::new());
    let file = place.write("users.jsonl", "{\"username\":\"a\"}\n{\"username\":\"b\"}\n");
    place.folder().run_with(&["user", "create", "b", "--password-stdin"], "correct horse").ok();
    let fails = ["--on-conflict", "fail"];
    place.import(&file, &fails).refused();
    let begins = format!("an import of {file} was interrupted, as {file}.checkpoint says, and ");
    let ends = ": --restart begins from the first line";
    let options = "it had the options --format jsonl --on-conflict fail (usernames: case_mapped)";
    assert_eq!(place.import(&file, &[]).refused(), format!("{begins}{options}{ends}"));
    assert_eq!(other.import(&file, &fails).refused(), format!("{begins}it was into another table{ends}"));
    place.write("users.jsonl", "{\"username\":\"c\"}\n{\"username\":\"d\"}\n");
    assert_eq!(place.import(&file, &fails).refused(), format!("{begins}{file} has changed since then{ends}"));
    let summary = place.imported(&file, &["--restart"]);
    assert_eq!((counts(&summary), &summary["resumed_at_line"]), ([2, 2, 0, 0, 0, 0], &Value::Null));
    place.write("users.jsonl.checkpoint", "{");
    let reason =
        format!("the checkpoint {file}.checkpoint: it cannot be read: remove it to begin again, or rename the input");
    assert_eq!(place.import(&file, &[]).refused(), reason);
}

/// A line about a user of this very import is applied, whether or not the import was interrupted before it.
#[test]
fn a_later_line_about_the_same_user_counts_in_an_import_that_was_killed_as_in_one_that_was_not() {
    let line =
        |n: u32| json!({"username": format!("n{n}"), "password_hash": HASH, "claims": {"n": n}}).to_string() + "\n";
    let one_user = |n: u32| json!({"username": "twice", "sub": "the-same", "claims": {"v": n}}).to_string() + "\n";
    let content = one_user(1) + &(0..10_000).map(line).collect::<String>() + &one_user(2);
    let place = Place::new();
    let file = place.write("users.jsonl", &content);
    killed(&place, &file, &["--on-conflict", "update"]);
    let summary = place.imported(&file, &["--on-conflict", "update"]);
    assert_eq!(counts(&summary), [10_002, 10_001, 1, 0, 0, 0]);
    let user = place.folder().json(&["user", "show", "twice"]);
    assert_eq!((&user["sub"], &user["claims"]), (&json!("the-same"), &json!({"v": 2})));
}

#[test]
fn an_input_that_cannot_be_begun_leaves_nothing_to_continue() {
    let place = Place::new();
    let file = place.write("users.csv", "username,colour\nann,red\n");
    place.import(&file, &[]).refused();
    assert!(!fs::exists(format!("{file}.checkpoint")).expect("a folder"));
    place.write("users.csv", "username\nann\n");
    assert_eq!(counts(&place.imported(&file, &[])), [1, 1, 0, 0, 0, 0]);
}

#[test]
fn a_file_that_is_named_for_the_rejected_is_never_one_that_was_there() {
    let place = Place::new();
    let file = place.write("users.jsonl", "{\"username\":\"a b\"}\n{\"username\":\"ann\"}\n");
    let precious = place.write("precious.txt", "precious");
    for options in [&["--rejects", &precious][..], &["--rejects", &precious, "--dry-run"]] {
        let reason = format!("the rejects file {precious}: it exists already");
        assert_eq!(place.import(&file, options).refused(), reason);
    }
    assert_eq!(fs::read_to_string(&precious).expect("a file"), "precious");
    let new = place.path("new.jsonl").display().to_string();
    assert_eq!(place.import(&file, &["--rejects", &new]).code, Some(1));
    assert!(fs::read_to_string(&new).expect("a file").starts_with("{\"line\":1,"));
}

/// The most memory that a process had, in KiB.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// Imports `count` lines, and gives the most memory that it took, in KiB.
fn memory(count: u32) -> u64 {
    let place = Place::new();
    let file = place.write("users.jsonl", lines(count));
    let mut import = passgrant();
    import.arg("--data").arg(place.data.path()).args(["user", "import", &file]);
    let mut child = import.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("passgrant starts");
    let mut most = 0;
    while child.try_wait().expect("a child").is_none() {
        most = most.max(peak(child.id()).unwrap_or_default());
        thread::sleep(Duration::from_millis(5));
    }
    most
}

#[test]
fn ten_times_the_users_take_no_more_memory() {
    let [few, many] = [memory(2_000), memory(20_000)];
    assert!(many < few + 16 * 1024, "{few} KiB for 2,000 users, {many} KiB for 20,000");
}
