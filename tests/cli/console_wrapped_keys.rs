//! The keys of a deployment on the page of `passgrant console`.

#![expect(clippy::expect_used, reason = "a page that is not as expected has failed its test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cloudformation::{cloudformation, outputs};
use crate::command::{passgrant, run};
use crate::loopback::Loopback;
use crate::pages::Console;
use crate::server::{Server, text};

/// The command line as an operator of what `serve --sam` in `project` stands in for.
fn operator(project: &Path, sts: &Loopback) -> Command {
    let file = fs::read(project.join(".aws-sam/local-env.json")).expect("a file");
    let variables = serde_json::from_slice::<Value>(&file).expect("JSON")["PassgrantFunction"].clone();
    let mut command = passgrant();
    for (name, value) in variables.as_object().expect("variables") {
        command.env(name, text(value).replace("host.docker.internal", "127.0.0.1"));
    }
    command.envs([
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-central-1"),
    ]);
    command.env("AWS_ENDPOINT_URL_STS", sts.url());
    command.env("PASSGRANT_AUDIT_LOG", project.join("audit.jsonl"));
    command
}

#[test]
fn a_wrapped_key_is_made_listed_and_deleted_and_one_that_is_listed_is_not() {
    let project = tempfile::tempdir().expect("a folder");
    let mut serve = passgrant();
    let serve = serve.current_dir(project.path()).args(["serve", "--sam=127.0.0.1", "--listen", "127.0.0.1:0"]);
    let _server = Server::start(serve);
    let sts = cloudformation("CREATE_COMPLETE", &outputs("https://id.example.com"));
    let console = Console::of(operator(project.path(), &sts), &[]);
    let page = console.get("/keys");
    page.says("Wrapped keys that are stored");
    page.says("There are none.");
    let made = console.confirm(&console.get("/keys/create"), "/keys/create", &[("name", "next"), ("alg", "ES256")]);
    made.says("key create --alg ES256 next");

    let page = console.get("/keys");
    page.says("envelope:next");
    page.says("ECC_NIST_P256");
    let asked = console.submit(&page, "/keys/delete", &[]);
    asked.says("Delete the key next, for good?");
    console.submit(&asked, "/keys/delete", &[]).says("The key next is deleted");
    console.get("/keys").says("There are none.");
    let again = console.submit(&asked, "/keys/delete", &[]);
    assert_eq!((again.status, again.has("There is no key next with that key ID")), (400, true), "{}", again.body);

    run(operator(project.path(), &sts).args(["key", "create", "signs", "--alg", "ES256"])).ok();
    let mut listed = operator(project.path(), &sts);
    listed.env("PASSGRANT_SIGNING_KEYS", "envelope:signs=ES256");
    let console = Console::of(listed, &[]);
    let refused = console.confirm(&console.get("/keys"), "/keys/delete", &[]);
    refused.says("PASSGRANT_SIGNING_KEYS lists envelope:signs: take it off the list first");

    let mut reading = operator(project.path(), &sts);
    reading.env("PASSGRANT_SIGNING_KEYS", "envelope:signs=ES256");
    let page = Console::of(reading, &["--read-only"]).get("/keys");
    page.says("envelope:signs");
    assert!(!page.has("action=\"/keys/delete\""), "{}", page.body);
}
