//! Keys of a data folder that are made or imported with the command line, and tokens signed with a secret that an API
//! shares.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::command::{On, run_with};
use crate::http::{exchange, form_request, get};
use crate::server::{Server, stopped_and_running, text, used_folder};

const ALGORITHMS: [(&str, usize); 3] = [("HS256", 32), ("HS384", 48), ("HS512", 64)];

/// Bytes in which no two runs of the same length are alike.
fn secret(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| u8::try_from(index).expect("few") ^ 0xC3).collect()
}

fn import(folder: On<'_>, algorithm: &str, secret: &[u8]) -> Value {
    folder.json_with(&["key", "import", "--alg", algorithm, "--secret-stdin"], &STANDARD.encode(secret))
}

/// The access token of a login at the demo, whose client signs with `algorithm` from now on.
fn login_with(server: &Server, folder: On<'_>, algorithm: &str) -> String {
    let demo = &server.started["demo"];
    folder.run(&["client", "update", text(&demo["client_id"]), "--signing-alg", algorithm]).ok();
    let answer = server.demo_tokens(demo);
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json()["access_token"]).to_owned()
}

fn verified_with(jwt: &str, secret: &[u8]) -> Value {
    let mut validation = Validation::new(decode_header(jwt).expect("a header").alg);
    validation.validate_aud = false;
    decode::<Value>(jwt, &DecodingKey::from_secret(secret), &validation).expect("a good MAC").claims
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn the_local_server_signs_and_verifies_with_secrets_that_were_imported_before_it_started_or_while_it_runs() {
    let data = used_folder();
    let folder = On(data.path());
    let before = import(folder, "HS256", &secret(32));
    let server = Server::on(data.path(), &["--demo"]);
    let known = get(server.address(), "/oauth2/jwks").json();
    for (algorithm, bytes) in ALGORITHMS {
        if algorithm != "HS256" {
            import(folder, algorithm, &secret(bytes));
        }
        let token = login_with(&server, folder, algorithm);
        let header = decode_header(&token).expect("a header");
        assert_eq!(header.alg, algorithm.parse().expect("an algorithm"));
        assert_eq!(verified_with(&token, &secret(bytes))["client_id"], server.started["demo"]["client_id"]);
        let form = [("token", token.as_str())];
        let credentials = (text(&server.started["demo"]["client_id"]), text(&server.started["demo"]["client_secret"]));
        assert_eq!(post_form_to(&server, "/oauth2/revoke", credentials, &form), 200);
    }
    let listed = folder.json(&["key", "list"]);
    let secrets: Vec<_> = listed.as_array().expect("keys").iter().filter(|key| key["kty"] == "oct").collect();
    assert_eq!(secrets.len(), 3);
    assert_eq!(secrets[0], &json!({"kty": "oct", "use": "sig", "kid": before["kid"], "alg": "HS256"}));
    assert_eq!(get(server.address(), "/oauth2/jwks").json(), known, "no secret is published");
    assert_eq!(folder.json(&["key", "jwks"]), known);
    let metadata = get(server.address(), "/.well-known/openid-configuration").json();
    let supported = metadata["id_token_signing_alg_values_supported"].as_array().expect("algorithms");
    assert!(ALGORITHMS.iter().all(|(algorithm, _)| supported.contains(&json!(algorithm))), "{supported:?}");
    for (algorithm, _) in ALGORITHMS {
        let file = data.path().join(format!("signing-key-{}.secret", algorithm.to_lowercase()));
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

fn post_form_to(server: &Server, path: &str, credentials: (&str, &str), form: &[(&str, &str)]) -> u16 {
    let mut request = form_request(server.address(), credentials, form);
    let line = b"POST /oauth2/token ";
    assert!(request.starts_with(line), "the request of a form");
    request.splice(5..line.len() - 1, path.bytes());
    exchange(server.address(), &request).status
}

#[test]
fn a_secret_is_imported_only_once_for_an_algorithm_and_never_shown() {
    stopped_and_running(|folder| {
        let import = ["key", "import", "--alg", "HS512", "--secret-stdin"];
        let encoded = STANDARD.encode(secret(64));
        let shown = folder.run_with(&import, &encoded).ok();
        assert!(shown.contains("HS512") && !shown.contains(&encoded), "{shown}");
        let file = folder.0.join("signing-key-hs512.secret");
        let again = folder.run_with(&import, &STANDARD.encode([7; 64])).refused();
        assert_eq!(again, format!("there is a key for HS512 already: {}", file.display()));
        assert_eq!(fs::read(&file).expect("a file"), secret(64));
        for entry in fs::read_dir(folder.0).expect("a folder") {
            let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
            assert!(!name.contains(".new"), "{name} is left behind");
        }
    });
}

#[test]
fn a_secret_with_the_wrong_length_or_an_ambiguous_encoding_is_refused_and_nothing_is_written() {
    let data = used_folder();
    let folder = On(data.path());
    for (algorithm, encoding, input, reason) in [
        (
            "HS256",
            None,
            STANDARD.encode([1; 31]),
            "a secret for HS256 has 32, 48 or 64 bytes, and this one has 31 bytes",
        ),
        ("HS384", None, STANDARD.encode([1; 32]), "a secret for HS384 has 48 or 64 bytes, and this one has 32 bytes"),
        ("HS512", None, STANDARD.encode([1; 65]), "a secret for HS512 has 64 bytes, and this one has 65 bytes"),
        ("HS256", Some("text"), "x".repeat(40), "a secret for HS256 has 32, 48 or 64 bytes, and this one has 40 bytes"),
        ("HS256", None, "ab".repeat(32), "the secret could be hex as well as base64: say which with --encoding"),
        ("HS256", Some("hex"), "xy".repeat(32), "the secret is not hex: two digits a byte"),
        ("ES256", None, STANDARD.encode([1; 32]), "ES256 has key pairs: a secret is for HS256, HS384 or HS512"),
    ] {
        let mut arguments = vec!["key", "import", "--alg", algorithm, "--secret-stdin"];
        arguments.extend(encoding.into_iter().flat_map(|encoding| ["--encoding", encoding]));
        assert_eq!(folder.run_with(&arguments, &input).refused(), reason);
    }
    let files = fs::read_dir(data.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert!(files.into_iter().all(|name| !name.to_string_lossy().contains("hs")), "nothing is written");
    for arguments in [
        &["key", "import", "name", "--alg", "HS256", "--secret-stdin"][..],
        &["key", "import", "--alg", "HS256"],
        &["key", "import", "--alg", "HS256", "--secret-stdin", "--mode", "envelope"],
        &["key", "create", "name"],
        &["key", "create", "--wrapping-key", "alias/x"],
        &["key", "create", "--rsa-bits", "3072"],
        &["key", "create", "--alg", "HS256"],
        &["key", "delete", "name"],
    ] {
        folder.run(arguments).misused();
    }
}

#[test]
fn a_secret_is_read_in_the_encoding_that_is_named() {
    for (encoding, input) in
        [("hex", "C3".repeat(32)), ("text", "x".repeat(32)), ("base64", "ab".repeat(16) + "abcdefghijk")]
    {
        let data = used_folder();
        let arguments = ["key", "import", "--alg", "HS256", "--secret-stdin", "--encoding", encoding];
        On(data.path()).run_with(&arguments, &format!("{input}\n")).ok();
        let kept = fs::read(data.path().join("signing-key-hs256.secret")).expect("a file");
        match encoding {
            "hex" => assert_eq!(kept, [0xC3; 32]),
            "text" => assert_eq!(kept, input.as_bytes()),
            _ => assert_eq!(kept.len(), 32),
        }
    }
}

#[test]
fn a_key_that_is_created_is_the_one_that_the_server_signs_with_whether_it_runs_or_not() {
    stopped_and_running(|folder| {
        let created = folder.json(&["key", "create", "--alg", "ES384", "--mode", "file"]);
        assert_eq!(created["alg"], "ES384");
        let again = folder.run(&["key", "create", "--alg", "ES384"]).refused();
        assert!(again.starts_with("there is a key for ES384 already: "), "{again}");
        let listed = folder.json(&["key", "list"]);
        let listed: Vec<_> = listed.as_array().expect("keys").iter().filter(|key| key["alg"] == "ES384").collect();
        assert_eq!(listed[0]["kid"], created["kid"]);
    });
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::on(data.path(), &["--demo"]);
    let created = On(data.path()).json(&["key", "create", "--alg", "ES256"]);
    let token = login_with(&server, On(data.path()), "ES256");
    assert_eq!(decode_header(&token).expect("a header").kid.as_deref(), created["kid"].as_str());
}

#[test]
fn no_key_is_made_in_a_folder_that_no_server_has_used() {
    let data = tempfile::tempdir().expect("a folder");
    let shown = data.path().display();
    let reason = format!("{shown} is not a Passgrant data folder yet: `passgrant serve --data {shown}` makes it one");
    let folder = On(data.path());
    assert_eq!(folder.run(&["key", "create", "--alg", "ES256"]).refused(), reason);
    let import = ["key", "import", "--alg", "HS256", "--secret-stdin"];
    assert_eq!(folder.run_with(&import, &STANDARD.encode(secret(32))).refused(), reason);
    assert_eq!(fs::read_dir(data.path()).expect("a folder").count(), 0);
}

#[test]
fn a_file_without_a_secret_stops_the_start_and_is_left_as_it_is() {
    let data = used_folder();
    let file = data.path().join("signing-key-hs384.secret");
    fs::write(&file, [1; 47]).expect("a file");
    let reason = format!("{}: a secret for HS384 has 48 or 64 bytes, and this one has 47 bytes", file.display());
    let mut serve = crate::command::passgrant();
    serve.arg("--data").arg(data.path()).args(["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(run_with(&mut serve, b"").refused(), reason);
    assert_eq!(fs::read(&file).expect("a file"), [1; 47]);
}
