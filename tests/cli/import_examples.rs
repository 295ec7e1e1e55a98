//! The examples in the help of `passgrant user import` and `user export`, run as they stand there.

#![expect(clippy::expect_used, reason = "a test without its files has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::command::{Ran, passgrant, run};
use crate::importing::sample;
use crate::server::{Server, text, used_folder};

/// The lines under `Examples:` of a command's help.
fn examples(command: &[&str]) -> Vec<String> {
    let help = run(passgrant().args(command).arg("--help")).ok();
    let (_, examples) = help.split_once("Examples:\n").expect("examples");
    examples.lines().take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

/// Runs a line as a shell does, in `folder`, on the DynamoDB at `endpoint`.
fn shell(line: &str, folder: &Path, endpoint: &str) -> Ran {
    let binary = Path::new(env!("CARGO_BIN_EXE_passgrant")).parent().expect("a folder").display().to_string();
    let mut shell = Command::new("sh");
    shell
        .env("PATH", format!("{binary}:/usr/bin:/bin"))
        .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        .env("AWS_REGION", "local")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .current_dir(folder)
        .args(["-c", line]);
    run(&mut shell)
}

#[test]
fn every_example_of_import_and_export_works() {
    let data = tempfile::tempdir().expect("a folder");
    let _server = Server::on(data.path(), &[]);
    let published = fs::read(data.path().join("dynamodb.json")).expect("a file");
    let published: Value = serde_json::from_slice(&published).expect("JSON");
    let examples = [examples(&["user", "import"]), examples(&["user", "export"])].concat();
    assert_eq!(examples.len(), 7);
    let files = tempfile::tempdir().expect("a folder");
    let local = used_folder();
    fs::rename(local.path(), files.path().join(".passgrant")).expect("a data folder");
    for (from, to) in [
        ("users.csv", "users.csv"),
        ("users.jsonl", "users.jsonl"),
        ("keycloak.json", "realm.json"),
        ("firebase.json", "users.json"),
        ("firebase-parameters.json", "parameters.json"),
    ] {
        fs::copy(sample(from), files.path().join(to)).expect("a copy");
    }
    for example in examples {
        if example.contains("--to users.jsonl") {
            fs::remove_file(files.path().join("users.jsonl")).expect("a file");
        }
        let ran = shell(&example, files.path(), text(&published["endpoint"]));
        assert_eq!(ran.code, Some(0), "{example}: {}", ran.stderr);
    }
}
