//! `passgrant user export`: what comes out goes in again.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::json;

use crate::command::passgrant;
use crate::importing::{PASSWORD, Place, counts, sample};
use crate::rig::audited::event;

const WARNING: &str = "warning: this export has the hashes of passwords: keep it as secret as the passwords, and delete it when it is imported\n";

#[test]
fn what_is_exported_is_imported_again_without_a_loss() {
    let (one, other) = (Place::new(), Place::new());
    let lines = [
        fs::read_to_string(sample("users.jsonl")).expect("a file"),
        "{\"username\":\"digits\",\"claims\":{\"n\":[0,-0,1.0,1e2,12345678901234567890123,0.10]},\"scopes\":[]}\n".to_owned(),
        "{\"username\":\"delegated\",\"sub\":\"legacy:1001\",\"claims\":{\"\\u0000\\\"\":\"\\ud83d\\ude00\\n\"},\"disabled\":true}\n".to_owned(),
    ];
    one.folder().run_with(&["user", "import", "-", "--format", "jsonl"], &lines.concat()).ok();
    one.folder().run_with(&["user", "create", "own", "--password-stdin"], PASSWORD).ok();
    let exported = one.folder().run(&["user", "export", "--with-password-hashes"]);
    assert_eq!((exported.code, &*exported.stderr), (Some(0), WARNING));
    assert!(exported.stdout.contains("[0,-0,1.0,1e2,12345678901234567890123,0.10]"), "{}", exported.stdout);
    other.folder().run_with(&["user", "import", "-", "--format", "jsonl"], &exported.stdout).ok();
    let again = other.folder().run(&["user", "export", "--with-password-hashes"]).stdout;
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&again), sorted(&exported.stdout));
    assert_eq!(again.lines().count(), 6);
}

#[test]
fn hashes_of_every_system_are_exported_and_imported_as_they_are_stored() {
    let parameters = sample("firebase-parameters.json");
    for (format, file, hashes) in [
        ("keycloak", "keycloak.json", 3),
        ("auth0", "auth0.jsonl", 3),
        ("django", "django.json", 1),
        ("firebase", "firebase.json", 1),
        ("shadow", "shadow", 2),
    ] {
        let (one, other) = (Place::new(), Place::new());
        let file = one.write(file, fs::read(sample(file)).expect("a file"));
        let options = ["--format", format, "--firebase-config", &parameters];
        let options = if format == "firebase" { &options[..] } else { &options[..2] };
        one.import(&file, options).ok();
        let exported = one.exported();
        assert_eq!(exported.iter().filter(|user| user["password_hash"].is_string()).count(), hashes, "{format}");
        let lines: Vec<_> = exported.iter().map(ToString::to_string).collect();
        let file = other.write("users.jsonl", lines.join("\n"));
        other.import(&file, &[]).ok();
        assert_eq!(other.exported(), exported, "{format}");
    }
}

#[test]
fn hashes_are_exported_only_on_request_and_without_them_an_update_keeps_them() {
    let place = Place::new();
    place.folder().run_with(&["user", "create", "ann", "--password-stdin"], PASSWORD).ok();
    let exported = place.folder().run(&["user", "export"]).ok();
    assert!(!exported.contains("argon2") && !exported.contains("password"), "{exported}");
    let before = place.exported();
    let import = ["user", "import", "-", "--format", "jsonl", "--on-conflict", "update"];
    assert_eq!(counts(&place.folder().json_with(&import, &exported)), [1, 0, 0, 1, 0, 0]);
    assert_eq!(place.exported(), before);
}

#[test]
fn an_export_into_a_file_is_its_owners_and_overwrites_nothing() {
    let place = Place::new();
    place.folder().run_with(&["user", "create", "ann", "--password-stdin"], PASSWORD).ok();
    let file = place.path("users.jsonl").display().to_string();
    let to_file = ["user", "export", "--to", &file];
    let printed = place.folder().json(&to_file);
    assert_eq!(printed, json!({"users": 1, "file": file, "with_password_hashes": false}));
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(place.folder().run(&to_file).refused(), format!("{file}: File exists (os error 17)"));
    assert_eq!(counts(&place.imported(&file, &[])), [1, 0, 0, 0, 1, 0]);
}

#[test]
fn an_export_of_hashes_is_in_the_audit_log_before_the_first_of_them_is_outside_and_says_how_many_are() {
    let place = Place::new();
    place.folder().run_with(&["user", "create", "ann", "--password-stdin"], PASSWORD).ok();
    let events = || {
        let log = fs::read_to_string(place.folder().0.join("audit.jsonl")).expect("an audit log");
        let events = log.lines().map(event).filter(|event| event["action"] == "user.exported");
        events.map(|event| json!([event["outcome"], event["counts"]])).collect::<Vec<_>>()
    };
    place.folder().run(&["user", "export"]).ok();
    assert!(events().is_empty(), "without hashes, nothing is exported that an event is for");
    assert_eq!(place.folder().run(&["user", "export", "--with-password-hashes"]).code, Some(0));
    let whole = [json!(["begun", null]), json!(["succeeded", {"exported": 1}])];
    assert_eq!(events(), whole);

    let taken = place.path("taken").display().to_string();
    fs::write(&taken, "").expect("a file");
    assert_eq!(place.folder().run(&["user", "export", "--with-password-hashes", "--to", &taken]).code, Some(1));
    let refused = [json!(["begun", null]), json!(["refused", null])];
    assert_eq!(events(), [&whole[..], &refused].concat(), "nothing was read");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let mut export = passgrant();
    export.arg("--data").arg(place.folder().0).args(["user", "export", "--with-password-hashes"]);
    let status = export.stdout(full).stderr(Stdio::null()).status().expect("it runs");
    assert_eq!(status.code(), Some(1));
    let failed = [json!(["begun", null]), json!(["failed", {"exported": 1}])];
    assert_eq!(events()[4..], failed, "hashes may be outside");
}
