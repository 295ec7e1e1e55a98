//! The local server's signing keys, and `passgrant key`.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgrant::clock::Timestamp;
use passgrant::jose::algorithm::Algorithm;
use passgrant::signing::in_process::InProcessKey;
use passgrant::signing::{KeyRing, SigningKey};
use serde_json::{Value, json};

use crate::command::{On, passgrant, run};
use crate::http::get;
use crate::server::{Server, text};

fn published(server: &Server) -> Vec<Value> {
    get(server.address(), "/oauth2/jwks").json()["keys"].as_array().expect("keys").clone()
}

fn algorithms(keys: &[Value]) -> Vec<&str> {
    keys.iter().map(|key| text(&key["alg"])).collect()
}

/// The header of the access token that a login of the demo gives.
fn header_of_login(server: &Server, demo: &Value) -> Value {
    let answer = server.demo_tokens(demo);
    assert_eq!(answer.status, 200, "{answer:?}");
    let tokens = answer.json();
    let header = text(&tokens["access_token"]).split('.').next().expect("a header").to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON")
}

#[test]
fn a_key_is_made_for_each_algorithm_the_first_time_it_is_needed_and_kept() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = On(data.path());
    let server = Server::on(data.path(), &["--demo"]);
    let demo = server.started["demo"].clone();
    assert_eq!(algorithms(&published(&server)), ["RS256"], "the server's own is there from the start");
    let metadata = get(server.address(), "/.well-known/openid-configuration").json();
    let every = Algorithm::of_key_pairs().map(Algorithm::as_str).collect::<Vec<_>>();
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(every), "each for which a key can be made");

    for algorithm in &every {
        folder.run(&["client", "update", "demo-client", "--signing-alg", algorithm]).ok();
        let first = header_of_login(&server, &demo);
        assert_eq!((&first["alg"], &header_of_login(&server, &demo)), (&json!(algorithm), &first));
        let keys = published(&server);
        let signer = keys.iter().find(|key| key["kid"] == first["kid"]).expect("a published key");
        assert_eq!(signer["alg"], *algorithm);
    }
    let keys = published(&server);
    assert_eq!(algorithms(&keys), every);
    server.kill();

    for entry in fs::read_dir(data.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    assert_eq!(folder.json(&["key", "jwks"]), json!({ "keys": keys }));
    assert_eq!(folder.json(&["key", "list"]), json!(keys));
    let server = Server::on(data.path(), &[]);
    assert_eq!(published(&server), keys);
    assert_eq!(header_of_login(&server, &demo)["kid"], keys[9]["kid"]);
}

#[test]
fn the_keys_of_a_server_in_memory_are_made_as_they_are_needed_too() {
    let mut serve = passgrant();
    serve.env("PASSGRANT_SIGNING_ALGORITHM", "ES256");
    let server = Server::start(serve.args(["serve", "--in-memory", "--demo", "--listen", "127.0.0.1:0"]));
    let keys = published(&server);
    assert_eq!(algorithms(&keys), ["ES256"]);
    let header = header_of_login(&server, &server.started["demo"]);
    assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &keys[0]["kid"]));
}

#[tokio::test]
async fn the_key_of_a_folder_made_before_there_were_several_keys_still_signs() {
    let data = tempfile::tempdir().expect("a folder");
    let key = InProcessKey::load_or_generate(&data.path().join("signing-key.der"), Algorithm::Rs256).expect("a key");
    let ring = KeyRing::new(vec![SigningKey::InProcess(key)]);
    let before = ring.published(Timestamp::from_unix(0)).await.expect("keys");
    let server = Server::on(data.path(), &["--demo"]);
    let header = header_of_login(&server, &server.started["demo"]);
    assert_eq!((&header["alg"], text(&header["kid"])), (&json!("RS256"), before[0].key_id()));
    let mut expected = serde_json::to_value(before[0]).expect("JSON");
    expected["alg"] = json!("RS256");
    assert_eq!(published(&server), [expected]);
}

#[test]
fn an_algorithm_of_shared_secrets_has_no_key_here_and_the_log_says_so() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let demo = server.started["demo"].clone();
    On(data.path()).run(&["client", "update", "demo-client", "--signing-alg", "HS256"]).ok();
    let answer = server.demo_tokens(&demo);
    assert_eq!((answer.status, &answer.json()["error"]), (500, &json!("server_error")));
    server.signal("TERM");
    let (_, log) = server.wait();
    let reason =
        "no signing key is made for HS256: it needs a secret that both sides share, and this server keeps none";
    assert!(log.contains(reason), "{log}");

    let mut serve = passgrant();
    serve.env("PASSGRANT_SIGNING_ALGORITHM", "HS512").args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]);
    let server = Server::start(&mut serve);
    assert_eq!(published(&server), Vec::<Value>::new());
    server.signal("TERM");
    assert!(server.wait().1.contains("no signing key is made for HS512"), "said at the start");
}

#[test]
fn a_file_that_holds_no_key_for_its_algorithm_stops_the_start_and_is_left_as_it_is() {
    let data = tempfile::tempdir().expect("a folder");
    let file = data.path().join("signing-key-es256.der");
    let path = file.display();
    for (algorithm, reason) in [
        (None, format!("{path}: it holds no RSA, P-256, P-384, P-521 or Ed25519 private key in PKCS#8 (DER)")),
        (Some(Algorithm::EdDsa), format!("{path}: its key does not fit ES256, which it is bound to")),
    ] {
        fs::write(&file, "not a key").expect("a file");
        if let Some(algorithm) = algorithm {
            fs::remove_file(&file).expect("a file");
            InProcessKey::load_or_generate(&file, algorithm).expect("a key");
        }
        let bytes = fs::read(&file).expect("a file");
        let serve = run(passgrant().arg("--data").arg(data.path()).args(["serve", "--listen", "127.0.0.1:0"]));
        assert_eq!(serve.refused(), reason);
        assert_eq!(On(data.path()).run(&["key", "list"]).refused(), reason);
        assert_eq!(fs::read(&file).expect("a file"), bytes);
    }
}

#[test]
fn a_list_of_keys_says_what_each_is_bound_to() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = On(data.path());
    let reason = folder.run(&["key", "list"]).refused();
    let shown = data.path().display();
    let expected = format!("{shown} is not a Passgrant data folder yet: `passgrant serve --data {shown}` makes it one");
    assert_eq!(reason, expected);

    let server = Server::on(data.path(), &[]);
    let list = folder.run(&["key", "list"]).ok();
    let rows: Vec<Vec<&str>> = list.lines().map(|line| line.split_whitespace().collect()).collect();
    let kid = &published(&server)[0]["kid"];
    assert_eq!(rows, [["KID", "TYPE", "ALGORITHM"], [text(kid), "RSA", "RS256"]]);
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
}
