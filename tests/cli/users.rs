//! `passgrant user`.

use serde_json::json;

use crate::command::{On, passgrant, run_with};
use crate::server::{Server, stopped_and_running, text, used_folder};

#[test]
fn a_user_is_created_shown_listed_changed_and_deleted() {
    stopped_and_running(|folder| {
        let create = [
            "user",
            "create",
            "Ann",
            "--password-stdin",
            "--claim",
            "name=Ann",
            "--claim-json",
            "age=42",
            "--claim-json",
            "tags=[\"a\"]",
            "--allowed-scope",
            "profile email",
        ];
        let created = folder.json_with(&create, "correct horse\n");
        let expected = json!({
            "username": "ann",
            "sub": created["sub"],
            "disabled": false,
            "has_password": true,
            "claims": {"name": "Ann", "age": 42, "tags": ["a"]},
            "allowed_scopes": ["profile", "email"],
            "password_changed_at": created["created_at"],
            "last_login_day": null,
            "last_login_client": null,
            "created_at": created["created_at"],
            "updated_at": created["created_at"],
            "revision": created["revision"],
        });
        assert_eq!(created, expected);
        let mut shown = expected.clone();
        shown["attempts"] = json!({"familiar_sources": 0, "strangers": null, "familiar": null});
        assert_eq!(folder.json(&["user", "show", "ann"]), shown);
        assert_eq!(folder.json(&["user", "list"]), json!([expected]));
        assert_eq!(folder.run_with(&create, "correct horse").refused(), "user ann already exists");

        assert_eq!(folder.run(&["user", "disable", "ANN"]).ok(), "User ann is disabled.\n");
        assert_eq!(folder.json(&["user", "show", "ann"])["disabled"], true);
        assert_eq!(folder.json(&["user", "enable", "ann"])["disabled"], false);
        let set = folder.run_with(&["user", "set-password", "ann", "--password-stdin"], "another one").ok();
        assert_eq!(set, "User ann has a new password.\n");

        assert_eq!(folder.json(&["user", "delete", "ann"]), json!({"username": "ann", "deleted": true}));
        assert_eq!(folder.json(&["user", "list"]), json!([]));
        for verb in ["show", "disable", "enable", "delete"] {
            assert_eq!(folder.run(&["user", verb, "Ann"]).refused(), "there is no user ann", "{verb}");
        }
        let set = folder.run_with(&["user", "set-password", "ann", "--password-stdin"], "another one");
        assert_eq!(set.refused(), "there is no user ann");
    });
}

#[test]
fn a_password_is_long_enough_and_comes_on_standard_input() {
    let data = used_folder();
    let folder = On(data.path());
    let create = ["user", "create", "ann", "--password-stdin"];
    for (password, reason) in [
        ("1234567\n", "a password must have at least 8 characters"),
        ("\n", "the password on standard input is missing"),
        ("with\ttabs in it", "a password has no control characters, and at most 1024 bytes"),
        ("two\nlines of it", "the password on standard input is more than one line"),
    ] {
        assert_eq!(folder.run_with(&create, password).refused(), reason, "{password:?}");
    }
    let mut stricter = passgrant();
    stricter.env("PASSGRANT_PASSWORD_MIN_LENGTH", "12").arg("--data").arg(data.path()).args(create);
    assert_eq!(run_with(&mut stricter, b"12345678901").refused(), "a password must have at least 12 characters");
    assert!(folder.run(&["user", "create", "ann"]).misused().contains("--password-stdin"));
    assert!(folder.run(&["user", "set-password", "ann"]).misused().contains("--password-stdin"));
    folder.run_with(&create, "\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}").ok();
}

#[test]
fn a_bad_name_or_claim_is_refused() {
    let data = used_folder();
    let folder = On(data.path());
    let reason = folder.run(&["user", "show", "a b"]).refused();
    assert!(reason.starts_with("\"a b\" is not a valid username: "), "{reason}");
    let create = |claims: &[&str]| {
        let create = [&["user", "create", "ann", "--password-stdin"], claims].concat();
        folder.run_with(&create, "correct horse")
    };
    for option in ["--claim", "--claim-json"] {
        for claim in ["name", "=1", "a\nb=1"] {
            assert!(create(&[option, claim]).misused().contains(option), "{option} {claim}");
        }
        for other in ["--claim", "--claim-json"] {
            assert!(create(&[option, "a=1", other, "a=2"]).misused().contains("the claim 'a' is given twice"));
        }
    }
    for no_json in ["x=", "x=text", "x=01", "x={a:1}", "x=1 2"] {
        assert!(create(&["--claim-json", no_json]).misused().contains("the value is not JSON"), "{no_json}");
    }
    let deep = format!("x={}{}", "[".repeat(17), "]".repeat(17));
    for (refused, reason) in [
        (deep.as_str(), "a claim is nested more than 16 levels deep"),
        ("x={\"\":1}", "a claim has no name"),
        ("x=[1e126]", "a number is neither 0 nor of a magnitude from 1e-130 to below 1e126"),
    ] {
        assert_eq!(create(&["--claim-json", refused]).refused(), reason);
    }
}

#[test]
fn a_claim_is_text_and_a_json_claim_is_json() {
    stopped_and_running(|folder| {
        let values = ["12345678", "0101701234", "true", "null", "[\"a\"]", "", "a=b", " 1"];
        let mut create = vec!["user".to_owned(), "create".into(), "ann".into(), "--password-stdin".into()];
        for (number, value) in values.iter().enumerate() {
            create.extend(["--claim".to_owned(), format!("t{number}={value}")]);
            if serde_json::from_str::<serde_json::Value>(value).is_ok() {
                create.extend(["--claim-json".to_owned(), format!("j{number}={value}")]);
            }
        }
        folder.run_with(&create, "correct horse").ok();
        let claims = folder.json(&["user", "show", "ann"])["claims"].clone();
        for (number, value) in values.iter().enumerate() {
            assert_eq!(claims[format!("t{number}")], **value, "text");
        }
        let json = json!({"j0": 12_345_678, "j2": true, "j3": null, "j4": ["a"], "j7": 1});
        for (name, value) in json.as_object().expect("an object") {
            assert_eq!(claims[name], *value, "{name}");
        }
    });
}

#[test]
fn a_json_claim_keeps_its_digits() {
    stopped_and_running(|folder| {
        let numbers =
            "[12345678901234567890123,-0,1.0,1.50,1e2,18446744073709551616,0.1000000000000000055511151231257827]";
        let card = format!("card={{\"numbers\":{numbers}}}");
        folder.run_with(&["user", "create", "ann", "--password-stdin", "--claim-json", &card], "correct horse").ok();
        let shown = folder.run(&["user", "show", "ann"]).ok();
        assert!(without_space(&shown).contains(numbers), "{shown}");
        let shown = folder.run(&["user", "show", "ann", "--output", "json"]).ok();
        assert!(without_space(&shown).contains(&card["card=".len()..]), "{shown}");
    });
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn spaces_around_a_username_are_not_part_of_it() {
    let data = used_folder();
    let folder = On(data.path());
    let created = folder.json_with(&["user", "create", "  Ann ", "--password-stdin"], "correct horse");
    assert_eq!(created["username"], "ann");
    assert_eq!(folder.json(&["user", "show", " ann"])["username"], "ann");
    let again = folder.run_with(&["user", "create", "ann ", "--password-stdin"], "correct horse").refused();
    assert_eq!(again, "user ann already exists");
    for bad in [" ", "a n", "ann\t", "ann\u{a0}"] {
        let reason = folder.run_with(&["user", "create", bad, "--password-stdin"], "correct horse").refused();
        assert!(reason.contains("is not a valid username"), "{reason}");
    }
}

#[test]
fn a_comma_in_an_allowed_scope_gets_a_warning() {
    let data = used_folder();
    let create = ["user", "create", "ann", "--password-stdin", "--allowed-scope", "read,write"];
    let ran = On(data.path()).run_with(&create, "correct horse");
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.stderr, "warning: scopes are separated by spaces: read,write is one scope\n");
}

#[test]
fn a_locked_username_is_unlocked_by_an_administrator_or_by_a_new_password() {
    let data = tempfile::tempdir().expect("a folder");
    let mut serve = passgrant();
    serve.env("PASSGRANT_ATTEMPTS_LIMIT", "1").arg("--data").arg(data.path());
    let server = Server::start(serve.args(["serve", "--listen", "127.0.0.1:0", "--demo"]));
    let demo = server.started["demo"].clone();
    let folder = On(data.path());
    let wrong = || {
        assert_eq!(server.demo_login(&demo, "wrong").status, 400);
        assert_eq!(server.demo_tokens(&demo).status, 400, "locked");
    };
    wrong();
    assert_eq!(folder.run(&["user", "unlock", "Demo-User"]).ok(), "The username demo-user is unlocked.\n");
    assert_eq!(server.demo_tokens(&demo).status, 200);
    wrong();
    let password = format!("{}\n", text(&demo["password"]));
    folder.run_with(&["user", "set-password", "demo-user", "--password-stdin"], &password).ok();
    assert_eq!(server.demo_tokens(&demo).status, 200);
    assert_eq!(folder.json(&["user", "unlock", "nobody"]), json!({"username": "nobody", "unlocked": true}));
}

#[test]
fn a_hash_is_never_printed() {
    let data = used_folder();
    let folder = On(data.path());
    let mut said = folder.run_with(&["user", "create", "ann", "--password-stdin"], "correct horse").ok();
    said += &folder.run(&["user", "show", "ann"]).ok();
    said += &folder.json(&["user", "show", "ann"]).to_string();
    said += &folder.run(&["user", "list"]).ok();
    said += &folder.json(&["user", "list"]).to_string();
    assert!(!said.contains("argon2") && !said.contains("horse"), "{said}");
    assert!(said.lines().take(8).all(|line| line.chars().count() <= 80), "{said}");
}
