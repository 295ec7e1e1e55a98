//! What `passgrant console` writes into files, and reads from the tables for it.

#![expect(clippy::expect_used, reason = "a page that is not as expected has failed its test")]

use std::fs;

use serde_json::Value;

use crate::command::On;
use crate::pages::Console;
use crate::server::used_folder;

const EXPORT: &str = "/users/export";

fn with_users() -> tempfile::TempDir {
    let data = used_folder();
    let folder = On(data.path());
    folder.run_with(&["user", "create", "ann", "--password-stdin", "--claim", "name=Ann"], "correct horse").ok();
    folder.run_with(&["user", "create", "bob", "--password-stdin"], "correct horse").ok();
    data
}

fn lines(file: &str) -> Vec<Value> {
    file.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn users_are_exported_into_a_file_that_is_saved_once_and_is_private_until_then() {
    let data = with_users();
    let console = Console::on(data.path(), &[]);
    let form = console.get(EXPORT);
    let written = console.submit(&form, EXPORT, &[]);
    written.says("2 users are in the file.");
    written.says("user export --to users.jsonl</code>");
    assert_eq!(console.kept(), ["users.jsonl"]);
    let address = format!("{EXPORT}/file?{}", written.between("/users/export/file?", "\"")[0]);
    assert_eq!(console.send("GET", &format!("{EXPORT}/file?export=other"), "text/plain", &[]).status, 404);
    assert_eq!(console.send("HEAD", &address, "text/plain", &[]).status, 405, "looking at it does not spend it");
    let saved = console.get(&address);
    assert_eq!(saved.header("content-disposition"), "attachment; filename=\"users.jsonl\"");
    assert_eq!(saved.header("cache-control"), "no-store");
    let users = lines(&saved.body);
    assert_eq!((users.len(), &users[0]["claims"]["name"]), (2, &Value::from("Ann")));
    assert!(users.iter().all(|user| user["password_hash"].is_null()));
    assert!(console.kept().is_empty());
    let gone = console.send("GET", &address, "text/plain", &[]);
    assert_eq!((gone.status, gone.has("it was saved")), (404, true));
}

#[test]
fn hashes_are_exported_after_a_look_and_audited_and_never_by_a_console_that_only_reads() {
    let data = with_users();
    let hashes = [("with-password-hashes", "with-password-hashes")];
    let reading = Console::on(data.path(), &["--read-only"]);
    let form = reading.get(EXPORT);
    assert!(!form.has("type=\"checkbox\""), "{}", form.body);
    reading.submit(&form, EXPORT, &[]).says("2 users are in the file.");
    let refused = reading.confirm(&form, EXPORT, &hashes);
    refused.says("it was started with --read-only");
    assert!(!refused.has("users are in the file"), "{}", refused.body);

    let console = Console::on(data.path(), &[]);
    let form = console.get(EXPORT);
    let asked = console.submit(&form, EXPORT, &hashes);
    asked.says("Export users with their hashes?");
    assert!(console.kept().is_empty(), "nothing is written before it is confirmed");
    let written = console.submit(&asked, EXPORT, &[]);
    written.says("keep it as secret as the passwords");
    let saved = console.get(&format!("{EXPORT}/file?{}", written.between("/users/export/file?", "\"")[0]));
    assert!(lines(&saved.body).iter().all(|user| user["password_hash"].is_string()), "{}", saved.body);
    let audited = fs::read_to_string(data.path().join("audit.jsonl")).expect("an audit log");
    let exports: Vec<_> = lines(&audited)
        .into_iter()
        .filter(|event| event["action"] == "user.exported")
        .map(|event| event["outcome"].clone())
        .collect();
    assert_eq!(exports, ["begun", "succeeded"]);
}

#[test]
fn what_counts_for_an_address_is_listed_if_it_is_named() {
    let data = with_users();
    let console = Console::on(data.path(), &[]);
    let page = console.get("/attempts");
    page.says("No username is locked or slowed down.");
    page.says("Addresses to recognise");
    let asked = console.get("/attempts?network=203.0.113.7%20nonsense&all=yes");
    asked.says("Invalid value &#39;nonsense&#39;".replace("&#39;", "'").as_str());
    let asked = console.get("/attempts?network=203.0.113.7&all=yes");
    asked.says("attempts list --network 203.0.113.7 --all</code>");
}
