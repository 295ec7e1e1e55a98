//! The examples in help texts, run as they stand there.

#![expect(clippy::expect_used, reason = "a test without its files has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::command::{On, Ran, passgrant, run};
use crate::importing::sample;
use crate::server::{Server, text, used_folder};

/// A key set of a client.
const PUBLIC_KEYS: &str =
    r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

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
        .env("HOME", folder)
        .env("SECRET", "a secret of 32 characters or more")
        .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        .env("AWS_REGION", "local")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .current_dir(folder)
        .args(["-c", line]);
    run(&mut shell)
}

/// The DynamoDB of the server that runs on `data`.
fn endpoint(data: &Path) -> String {
    let published = fs::read(data.join("dynamodb.json")).expect("a file");
    let published: Value = serde_json::from_slice(&published).expect("JSON");
    text(&published["endpoint"]).to_owned()
}

#[test]
fn every_example_of_clients_reports_costs_completions_and_manual_pages_works() {
    let data = tempfile::tempdir().expect("a folder");
    let _server = Server::on(data.path(), &[]);
    let home = tempfile::tempdir().expect("a folder");
    for folder in
        [".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions", ".local/share/man/man1"]
    {
        fs::create_dir_all(home.path().join(folder)).expect("a folder");
    }
    fs::write(home.path().join("jwks.json"), PUBLIC_KEYS).expect("a file");
    let commands: [&[&str]; 8] = [
        &["client", "create"],
        &["client", "update"],
        &["client", "report"],
        &["client", "rotate-secret"],
        &["user", "report"],
        &["cost"],
        &["completions"],
        &["man"],
    ];
    for example in commands.into_iter().flat_map(examples) {
        // Other programs' part is not run, and a date is in the past one day.
        let (own, _) = example.split_once(" | jq").unwrap_or((&example, ""));
        if own.starts_with("man ") || own.contains("--password-grant-until 20") {
            continue;
        }
        let web = || text(&On(data.path()).json(&["client", "show", "web"])["revision"]).to_owned();
        let own = if own.contains("$REVISION") { own.replace("$REVISION", &web()) } else { own.to_owned() };
        let ran = shell(&own, home.path(), &endpoint(data.path()));
        assert_eq!(ran.code, Some(0), "{example}: {}", ran.stderr);
    }
}

#[test]
fn every_example_of_import_and_export_works() {
    let data = tempfile::tempdir().expect("a folder");
    let _server = Server::on(data.path(), &[]);
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
        let ran = shell(&example, files.path(), &endpoint(data.path()));
        assert_eq!(ran.code, Some(0), "{example}: {}", ran.stderr);
    }
}
