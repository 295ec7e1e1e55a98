//! `passgrant serve --sam`: what a function in a container is given.

#![expect(clippy::expect_used, reason = "a test whose files cannot be read has failed")]

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::command::{passgrant, run};
use crate::http::{get, post_form};
use crate::server::{Server, text};

const PUBLIC_CLIENT: (&str, &str) = ("demo-client", "demo-secret-for-sam-local-invoke");

/// A server for containers of an engine in a virtual machine, which reach loopback addresses, in a project's folder.
fn server_in(project: &Path) -> Server {
    let mut command = passgrant();
    Server::start(command.current_dir(project).args(["serve", "--sam=127.0.0.1", "--listen", "127.0.0.1:0"]))
}

fn environment(project: &Path) -> Value {
    let file = fs::read(project.join(".aws-sam/local-env.json")).expect("a file");
    serde_json::from_slice::<Value>(&file).expect("JSON")["PassgrantFunction"].clone()
}

#[test]
fn the_file_for_sam_names_what_listens_and_the_keys_outlast_the_server() {
    let project = tempfile::tempdir().expect("a folder");
    let server = server_in(project.path());
    let file = project.path().join(".aws-sam/local-env.json");
    assert_eq!(server.started["sam"]["env_vars"], ".aws-sam/local-env.json");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let first = environment(project.path());
    for (variable, endpoint) in
        [("AWS_ENDPOINT_URL_DYNAMODB", "dynamodb_endpoint"), ("AWS_ENDPOINT_URL_KMS", "kms_endpoint")]
    {
        let (seen, own) = (text(&first[variable]), text(&server.started["sam"][endpoint]));
        let own = own.strip_prefix("http://127.0.0.1").expect("a loopback address");
        assert_eq!(seen.strip_prefix("http://host.docker.internal"), Some(own));
        TcpStream::connect(format!("127.0.0.1{own}")).expect("a listener");
    }
    let secrets = ["demo-secret", "correct-horse", "PRIVATE"];
    let whole = fs::read_to_string(&file).expect("text");
    assert!(secrets.iter().all(|secret| !whole.contains(secret)), "{whole}");

    server.signal("TERM");
    assert!(server.wait().0.success());
    assert!(!file.exists(), "its addresses are nobody's any more");
    let _again = server_in(project.path());
    let second = environment(project.path());
    for variable in ["PASSGRANT_SIGNING_KEYS", "PASSGRANT_WRAPPING_KEY", "PASSGRANT_ISSUER", "PASSGRANT_CLIENTS_TABLE"]
    {
        assert_eq!(first[variable], second[variable]);
    }
}

#[test]
fn the_public_client_and_user_stay_in_a_data_folder_that_a_plain_server_does_not_use() {
    let project = tempfile::tempdir().expect("a folder");
    let server = server_in(project.path());
    assert_eq!(server.started["data"], ".aws-sam/passgrant");
    server.signal("TERM");
    assert!(server.wait().0.success());
    let mut plain = passgrant();
    let plain = Server::start(plain.current_dir(project.path()).args(["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!(plain.started["data"], ".passgrant");
    let form = [("grant_type", "password"), ("username", "demo-user"), ("password", "correct-horse-battery-staple")];
    assert_eq!(post_form(plain.address(), PUBLIC_CLIENT, &form).status, 401, "there is no such client");
}

#[test]
fn a_second_server_for_sam_in_one_folder_is_refused_and_leaves_the_file_of_the_first() {
    let project = tempfile::tempdir().expect("a folder");
    let server = server_in(project.path());
    let before = environment(project.path());
    for more in [&["--in-memory"][..], &["--data", "another"], &[]] {
        let mut second = passgrant();
        second.current_dir(project.path()).args(["serve", "--sam=127.0.0.1", "--listen", "127.0.0.1:0"]).args(more);
        let refused = run(&mut second).refused();
        let expected = "another `passgrant serve --sam` is running in this folder, and .aws-sam/local-env.json is that one's: stop it first";
        assert_eq!(refused, expected, "{more:?}");
        assert_eq!(environment(project.path()), before, "{more:?}");
    }
    assert!(!project.path().join("another").exists());

    // What a killed one left is in nobody's way.
    server.signal("KILL");
    assert!(!server.wait().0.success());
    let _third = server_in(project.path());
    assert_ne!(environment(project.path()), before);
}

/// The template decides which variables `sam local` passes on: others are left out without a word.
#[test]
fn every_variable_for_sam_is_one_that_the_template_names() {
    let project = tempfile::tempdir().expect("a folder");
    let _server = server_in(project.path());
    let template = include_str!("../../template.yaml");
    let function = template.split_once("  PassgrantFunction:\n").expect("the function").1;
    let variables = function.split_once("        Variables:\n").expect("its variables").1;
    for name in environment(project.path()).as_object().expect("variables").keys() {
        assert!(variables.contains(&format!("          {name}: ")), "{name}");
    }
}

#[test]
fn the_client_and_the_user_of_the_events_are_there_and_the_keys_are_the_servers_own() {
    let project = tempfile::tempdir().expect("a folder");
    let server = server_in(project.path());
    let form = [("grant_type", "password"), ("username", "demo-user"), ("password", "correct-horse-battery-staple")];
    assert_eq!(post_form(server.address(), PUBLIC_CLIENT, &form).status, 200);
    let kids: Vec<Value> = get(server.address(), "/oauth2/jwks").json()["keys"].as_array().expect("keys").clone();
    let listed = text(&environment(project.path())["PASSGRANT_SIGNING_KEYS"]).split(',').count();
    assert_eq!((kids.len(), listed), (5, 5));
}

#[test]
fn nothing_is_listened_on_that_was_not_asked_for() {
    let project = tempfile::tempdir().expect("a folder");
    let serve = |arguments: &[&str]| {
        run(passgrant().current_dir(project.path()).args(["serve", "--in-memory"]).args(arguments))
    };
    let every = serve(&["--sam=0.0.0.0", "--listen", "127.0.0.1:0"]);
    assert!(every.refused().contains("every address of this machine"));
    let missing = serve(&["--sam=no-such-bridge", "--listen", "127.0.0.1:0"]);
    assert!(missing.refused().contains("there is no network interface no-such-bridge"));
    let elsewhere = serve(&["--sam=192.0.2.77", "--listen", "127.0.0.1:0"]);
    assert!(elsewhere.refused().contains("192.0.2.77 is not an address of this machine"));
    for arguments in [["--sam=127.0.0.1", "--listen", "0.0.0.0:0"].as_slice(), &["--sam=127.0.0.1", "--demo"]] {
        assert!(serve(arguments).misused().contains("--sam"), "{arguments:?}");
    }
    assert!(fs::read_dir(project.path()).expect("a folder").next().is_none(), "and nothing is written");
    let server = Server::in_memory(&[]);
    assert_eq!(server.started["sam"], Value::Null);
}
