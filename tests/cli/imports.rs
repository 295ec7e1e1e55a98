//! `passgrant user import`: what becomes of users who are new, exist already, or are not as they should be.

#![expect(clippy::expect_used, reason = "a test without its file has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::command::{On, run};
use crate::importing::{HASH, PASSWORD, Place, counts, plain_lines, rejects, sample};
use crate::server::{Server, stopped_and_running, text};

#[test]
fn users_are_imported_as_the_file_says_whether_or_not_a_server_runs() {
    for file in ["users.jsonl", "users.csv"] {
        stopped_and_running(if file == "users.csv" {
            |folder| imports(folder, "users.csv")
        } else {
            |folder| imports(folder, "users.jsonl")
        });
    }
}

fn imports(folder: On<'_>, file: &str) {
    let copy = tempfile::tempdir().expect("a folder");
    let path = copy.path().join(file);
    fs::copy(sample(file), &path).expect("a copy");
    let path = path.display().to_string();
    let summary = folder.json(&["user", "import", &path]);
    let of_argon2 = json!({"read": 2, "created": 2, "updated": 0, "unchanged": 0, "skipped": 0, "rejected": 0});
    assert_eq!(counts(&summary), [3, 3, 0, 0, 0, 0]);
    assert_eq!((&summary["by_hash"]["argon2"], &summary["rejects"]), (&of_argon2, &Value::Null));
    assert_eq!(fs::read_dir(copy.path()).expect("a folder").count(), 1, "the checkpoint is gone");

    let ann = folder.json(&["user", "show", "ann@example.com"]);
    assert_eq!(ann["sub"], "7c3a7f2e-0d5c-4b53-9a80-0c7f4f6d1f6e");
    assert_eq!((&ann["allowed_scopes"], &ann["has_password"]), (&json!(["profile", "email"]), &json!(true)));
    let shown = folder.run(&["user", "show", "ann@example.com"]).ok();
    assert!(shown.contains("balance = 12345678901234567890123.50"), "{shown}");
    let bob = folder.json(&["user", "show", "bob"]);
    assert_eq!((&bob["disabled"], &bob["has_password"]), (&json!(true), &json!(false)));
    assert_eq!(text(&bob["sub"]).len(), 36, "a fresh UUID");
    assert_eq!(folder.json(&["user", "show", "zoë"])["allowed_scopes"], json!(["openid", "profile"]));

    let before = folder.json(&["user", "list"]);
    assert_eq!(counts(&folder.json(&["user", "import", &path])), [3, 0, 0, 0, 3, 0]);
    assert!(folder.run(&["user", "import", &path]).ok().ends_with("Nothing was changed.\n"));
    let update = ["user", "import", &path, "--on-conflict", "update"];
    assert_eq!(counts(&folder.json(&update)), [3, 0, 0, 3, 0, 0]);
    assert_eq!(folder.json(&["user", "list"]), before, "a second run changes nothing");
}

#[test]
fn an_imported_user_logs_in_with_the_password_of_the_hash() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::on(folder.path(), &["--demo"]);
    On(folder.path())
        .run_with(
            &["user", "import", "-", "--format", "jsonl"],
            &fs::read_to_string(sample("users.jsonl")).expect("a file"),
        )
        .ok();
    let mut demo = server.started["demo"].clone();
    demo["username"] = "ann@example.com".into();
    assert_eq!(server.demo_login(&demo, PASSWORD).status, 200);
    assert_eq!(server.demo_login(&demo, "another").status, 400);
}

/// The same subject does not make it the same user.
#[test]
fn a_deleted_user_who_is_imported_again_with_the_same_sub_does_not_get_the_old_sessions_back() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let folder = On(data.path());
    let line = json!({"username": "ann", "password_hash": HASH, "sub": "legacy:1"}).to_string();
    let mut demo = server.started["demo"].clone();
    demo["username"] = "ann".into();
    let import = ["user", "import", "-", "--format", "jsonl"];
    folder.run_with(&import, &line).ok();
    let session = server.demo_login(&demo, PASSWORD).json();
    folder.run(&["user", "delete", "ann"]).ok();
    folder.run_with(&import, &line).ok();
    assert_eq!(server.demo_refresh(&demo, text(&session["refresh_token"])).status, 400);
    assert_eq!(server.demo_login(&demo, PASSWORD).status, 200);
}

#[test]
fn an_update_changes_what_the_file_says_and_nothing_else_and_another_hash_ends_the_sessions() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let folder = On(data.path());
    let line = json!({"username": "ann", "password_hash": HASH, "claims": {"a": 1}, "scopes": "profile"}).to_string();
    let import = ["user", "import", "-", "--format", "jsonl", "--on-conflict", "update"];
    assert_eq!(counts(&folder.json_with(&import, &line)), [1, 1, 0, 0, 0, 0]);
    let created = folder.json(&["user", "show", "ann"]);
    let mut demo = server.started["demo"].clone();
    demo["username"] = "ann".into();
    let refresh = |answer: &Value| server.demo_refresh(&demo, text(&answer["refresh_token"])).status;

    let session = server.demo_login(&demo, PASSWORD).json();
    let claims = json!({"username": "ann", "claims": {"b": 2}}).to_string();
    assert_eq!(counts(&folder.json_with(&import, &claims)), [1, 0, 1, 0, 0, 0]);
    let updated = folder.json(&["user", "show", "ann"]);
    assert_eq!(updated["claims"], json!({"b": 2}));
    for kept in ["sub", "has_password", "allowed_scopes", "disabled", "password_changed_at", "created_at"] {
        assert_eq!(updated[kept], created[kept], "{kept}");
    }
    assert_eq!(refresh(&session), 200, "claims end no session");

    let session = server.demo_login(&demo, PASSWORD).json();
    let other = HASH.replace("Jc5S", "Jc5T");
    let password = json!({"username": "ANN", "password_hash": other, "sub": created["sub"]}).to_string();
    assert_eq!(counts(&folder.json_with(&import, &password)), [1, 0, 1, 0, 0, 0]);
    assert_eq!(counts(&folder.json_with(&import, &password)), [1, 0, 0, 1, 0, 0]);
    assert_eq!(refresh(&session), 400, "another password ends every session");
    assert_eq!(server.demo_login(&demo, PASSWORD).status, 400);

    let stolen = json!({"username": "ann", "sub": "another", "disabled": true}).to_string();
    let ran = folder.run_with(&import, &stolen);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("line 1: the user exists already, with another sub, which never changes"),
        "{}",
        ran.stderr
    );
    assert_eq!(folder.json(&["user", "show", "ann"])["disabled"], false);
}

#[test]
fn an_import_that_fails_at_a_conflict_has_written_all_before_it_and_nothing_behind_it() {
    let place = Place::new();
    place.folder().run_with(&["user", "create", "n150", "--password-stdin"], PASSWORD).ok();
    let file = place.write("users.jsonl", plain_lines(0..400));
    let fails = ["--on-conflict", "fail"];
    let reason = place.import(&file, &fails).refused();
    let expected = "line 151: the user n150 exists already; what comes before is done (users: 150), and the same command goes on from there";
    assert_eq!(reason, expected);
    assert_eq!(place.exported().len(), 151);
    assert_eq!(place.import(&file, &fails).refused(), expected, "the conflict is still there");
    place.folder().run(&["user", "delete", "n150"]).ok();
    let summary = place.imported(&file, &fails);
    assert_eq!((counts(&summary), &summary["resumed_at_line"]), ([400, 400, 0, 0, 0, 0], &json!(151)));
    assert_eq!(place.exported().len(), 400);
}

#[test]
fn a_bad_line_is_rejected_with_its_place_and_what_was_expected_and_the_others_are_in() {
    let place = Place::new();
    let secret = "plain $secret";
    let bad = [
        (
            r#"{"username":"a b"}"#,
            Some(13),
            r#"the username "a b" is not valid: a username has no spaces or control characters, and at most 512 bytes"#,
        ),
        (
            r#"{"user":"ann"}"#,
            Some(9),
            r#""user" is not a member that is known: expected username, sub, password_hash, hash_format, claims, scopes, disabled"#,
        ),
        (r#"{"sub":"1"}"#, Some(1), r#"expected a member "username""#),
        (r#"{"username":"c","username":"d"}"#, Some(28), r#""username" is given twice"#),
        (r#"{"username":7}"#, Some(13), r#""username": expected text in quotes"#),
        (r#"{"username":"ä","disabled":"no"}"#, Some(28), r#""disabled": expected true or false"#),
        (r#"{"username":"c","claims":[1]}"#, Some(26), r#""claims": expected an object"#),
        (r#"{"username":"c","claims":{"":1}}"#, Some(26), "the claims: a claim has no name"),
        (
            r#"{"username":"c","claims":{"n":1e999}}"#,
            Some(26),
            "the claims: a number is neither 0 nor of a magnitude from 1e-130 to below 1e126",
        ),
        (
            r#"{"username":"c","scopes":["a b"]}"#,
            Some(26),
            "\"scopes\": expected scopes, but a scope is 1 to 64 tokens of printable ASCII without \" and \\, separated by single spaces",
        ),
        (r#"{"username":"c","scopes":7}"#, Some(26), r#""scopes": expected an array of texts, or a text"#),
        (
            r#"{"username":"c","sub":"a b"}"#,
            Some(23),
            r#"the sub "a b" is not valid: a subject is 1 to 255 visible ASCII characters, including a verifier's name"#,
        ),
        (r#"{"username":"c",}"#, Some(17), "expected JSON, but trailing comma"),
        (r#"{"username":"c""#, Some(15), "expected JSON, but EOF while parsing an object"),
        (r#"{"username":"c"} x"#, Some(18), "expected JSON, but trailing characters"),
        (r"[]", Some(1), "expected { and the members of an object"),
    ];
    let mut content = String::from("{\"username\":\"first\"}\n");
    for (line, _, _) in bad {
        content.push_str(line);
        content.push('\n');
    }
    content.push_str("{\"username\":\"last\"}");
    let file = place.write("users.jsonl", content);
    let ran = place.import(&file, &[]);
    assert_eq!(ran.code, Some(1));
    let said =
        format!("error: {} of {} users were rejected: {file}.rejects.jsonl says why\n", bad.len(), bad.len() + 2);
    assert!(ran.stderr.ends_with(&said), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("warning: line 2, column 13: the username \"a b\" is not valid"), "{}", ran.stderr);
    let found = rejects(&file);
    for ((number, (line, column, reason)), found) in (2..).zip(bad).zip(&found) {
        assert_eq!(*found, (number, column, reason.to_owned()), "{line}");
    }
    assert_eq!(found.len(), bad.len());
    let mode = fs::metadata(format!("{file}.rejects.jsonl")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let names: Vec<_> = place.exported().iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["first", "last"]);

    // Wherever a hash is, it is not told.
    for line in [
        format!(r#"{{"username":"c","password_hash":"{secret}"}}"#),
        format!(r#"{{"username":"c","disabled":"{secret}"}}"#),
        format!(r#"{{"username":"c","claims":"{secret}"}}"#),
        format!(r#"{{"username":"c","password_hash":["{secret}"]}}"#),
        format!(r#"{{"username":"c","scopes":{{"{secret}":1}}}}"#),
        format!(r#"{{"username":"c","password_hash":"{secret}"#),
        format!(r#""{secret}""#),
    ] {
        let file = place.write("secret.jsonl", &line);
        let ran = place.import(&file, &[]);
        let told = fs::read_to_string(format!("{file}.rejects.jsonl")).expect("a file");
        assert_eq!(ran.code, Some(1), "{line}");
        assert!(!format!("{}{}{told}", ran.stdout, ran.stderr).contains("secret\\\""), "{line}");
        assert!(!told.contains("$secret") && !ran.stderr.contains("$secret"), "{line}: {told}");
    }
}

#[test]
fn a_dry_run_checks_everything_and_writes_nothing() {
    let place = Place::new();
    place.folder().run_with(&["user", "create", "ann", "--password-stdin"], PASSWORD).ok();
    let before = place.exported();
    let file =
        place.write("users.jsonl", "{\"username\":\"ann\",\"disabled\":true}\n{\"username\":\"bob\"}\n{\"x\":1}\n");
    for (conflict, expected) in [("skip", [3, 1, 0, 0, 1, 1]), ("update", [3, 1, 1, 0, 0, 1])] {
        let ran = place.import(&file, &["--dry-run", "--on-conflict", conflict, "--output", "json"]);
        let summary: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!((ran.code, counts(&summary), &summary["dry_run"]), (Some(1), expected, &json!(true)));
    }
    let ran = place.import(&file, &["--dry-run"]);
    assert!(ran.stdout.ends_with("This was a dry run: nothing was written.\n"), "{}", ran.stdout);
    let conflict = place.import(&file, &["--dry-run", "--on-conflict", "fail"]).refused();
    assert_eq!(conflict, "line 1: the user ann exists already");
    assert_eq!(place.exported(), before);
    assert_eq!(fs::read_dir(place.files.path()).expect("a folder").count(), 1, "no checkpoint and no rejects");
}

#[test]
fn the_wrong_use_of_an_import_is_told() {
    let place = Place::new();
    let unknown = place.write("users.txt", "{}");
    let missing = place.path("none.jsonl").display().to_string();
    assert!(place.import(&unknown, &[]).misused().contains("does not tell its format: give it with '--format'"));
    assert!(place.import("-", &[]).misused().contains("--format"));
    assert!(place.import(&missing, &["--firebase-config", "x"]).misused().contains("--format firebase"));
    assert!(place.import(&missing, &[]).refused().ends_with("none.jsonl: No such file or directory (os error 2)"));
    let folder = place.files.path().display().to_string();
    assert!(
        place
            .import(&folder, &["--format", "csv"])
            .refused()
            .ends_with("is not a file: give `-` to read standard input")
    );
    assert!(place.import(&unknown, &["--format", "xml"]).misused().contains("[possible values: csv, jsonl, keycloak,"));
    let help = run(crate::command::passgrant().args(["user", "import", "--help"])).ok();
    assert!(help.contains("--on-conflict") && help.contains("Examples:"), "{help}");
}
