//! `passgrant user report`.

use std::fs;

use serde_json::json;
use tempfile::tempdir;

use crate::command::On;
use crate::server::Server;

/// Users without a password, with hashes of two kinds, and with a digest that is wrapped.
const USERS: &str = r#"{"username":"ann","password_hash":"$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"}
{"username":"bob","password_hash":"$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy","disabled":true}
{"username":"cat","password_hash":"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d","hash_format":"sha1"}
{"username":"dan"}
"#;

#[test]
fn users_are_counted_by_their_hashes_and_by_the_month_of_their_last_login() {
    let data = tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let folder = On(data.path());
    folder.run_with(&["user", "import", "-", "--format", "jsonl"], USERS).ok();
    let demo = &server.started["demo"];
    assert_eq!(server.demo_tokens(demo).status, 200);

    let report = folder.json(&["user", "report", "--segments", "3"]);
    let user = folder.json(&["user", "show", demo["username"].as_str().expect("a name")]);
    let day = user["last_login_day"].as_u64().expect("a day");
    let month = humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(day));
    let month = &month.to_string()[..7];
    assert_eq!(
        report,
        json!({
            "users": 5,
            "disabled": 1,
            "without_password": 1,
            "passwords": [
                {"algorithm": "bcrypt", "parameters": "cost=10", "users": 2},
                {"algorithm": "argon2id", "parameters": "m=64,t=1,p=1", "users": 1},
                {"algorithm": "argon2id(sha1)", "parameters": "m=64,t=1,p=1", "users": 1},
            ],
            "last_login": {"never": 4, "months": {month: 1}},
        })
    );

    let chart = data.path().join("users.svg");
    let table = folder.run(&["user", "report", "--chart", chart.to_str().expect("UTF-8")]).ok();
    assert!(table.contains("bcrypt cost=10               2      40 %"), "{table}");
    assert!(table.contains("none noted  4      80 %"), "{table}");
    let svg = fs::read_to_string(&chart).expect("a chart");
    assert!(svg.starts_with("<svg") && svg.contains("bcrypt cost=10") && svg.contains(month), "{svg}");
}

#[test]
fn a_report_of_nobody_is_a_report_and_a_chart_that_cannot_be_written_is_named() {
    let data = tempdir().expect("a folder");
    drop(Server::on(data.path(), &[]));
    let folder = On(data.path());
    let report = folder.json(&["user", "report"]);
    assert_eq!((&report["users"], &report["passwords"]), (&json!(0), &json!([])));
    assert!(folder.run(&["user", "report"]).ok().contains("There are no users."));
    let refused = folder.run(&["user", "report", "--chart", "/nonexistent/users.svg"]).refused();
    assert_eq!(refused, "/nonexistent/users.svg: No such file or directory (os error 2)");
    for wrong in [["--rate", "0"], ["--segments", "0"], ["--segments", "65"]] {
        folder.run(&["user", "report", wrong[0], wrong[1]]).misused();
    }
}
