//! `passgrant key` with KMS and DynamoDB, and the service that uses the keys it made.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::process::{Output, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use passgrant::jose::algorithm::Algorithm;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::rig::app::{ISSUER, TestApp};
use crate::rig::envelope::{app_with, restart};
use crate::rig::jwt::{part, verified_claims};
use crate::rig::keys::{double, login_with, published};
use crate::rig::wire::{Fault, Matcher};

/// 32 bytes in base64; the text is not valid in any other encoding.
const SECRET: &str = "pKWmp6ChoqOsra6vqKmqq7S1tre4uaq7vL2+v7Cxsr8=";

/// `passgrant key` on the app's KMS and tables, with the app's configuration.
fn command(app: &TestApp, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passgrant"));
    let kms = app.kms_wire.as_ref().expect("a wire").endpoint();
    command.env_clear().envs([
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL_KMS", &kms),
        ("AWS_ENDPOINT_URL_DYNAMODB", &app.dynamodb_wire.endpoint()),
        ("PASSGRANT_ISSUER", ISSUER),
        ("PASSGRANT_WRAPPING_KEY", app.config.wrapping_key.as_deref().expect("a key")),
    ]);
    command.arg("key").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn ran(mut command: Command, input: &str) -> Output {
    let mut child = command.spawn().expect("passgrant starts");
    // A command that refuses its input may have exited before it has read it.
    let _: std::io::Result<()> = child.stdin.take().expect("piped").write_all(input.as_bytes()).await;
    let mut output = child.wait_with_output().await.expect("passgrant ends");
    // No place is named for the audit events of these keys, which is a warning and the first line.
    if output.stderr.starts_with(b"warning: this change is not in an audit log: ") {
        let first = output.stderr.iter().position(|byte| *byte == b'\n').expect("a line");
        output.stderr.drain(..=first);
    }
    let said = [&output.stdout[..], &output.stderr].concat();
    assert!(input.is_empty() || !String::from_utf8_lossy(&said).contains(input.trim()), "a secret is never shown");
    output
}

async fn json_of(app: &TestApp, arguments: &[&str], input: &str) -> Value {
    let output = ran(command(app, &[arguments, &["--output", "json"]].concat()), input).await;
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The exit code and the reason.
async fn refused(app: &TestApp, arguments: &[&str], input: &str) -> (i32, String) {
    let output = ran(command(app, arguments), input).await;
    assert!(output.stdout.is_empty(), "{output:?}");
    (output.status.code().expect("a code"), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[tokio::test]
async fn a_key_that_is_created_signs_once_it_is_listed_as_the_command_says() {
    let mut app = app_with(&[]).await;
    for (name, arguments, kind, algorithm) in [
        ("usual", &[][..], "RSA_2048", Algorithm::Rs256),
        ("ec", &["--alg", "ES256", "--mode", "envelope"], "ECC_NIST_P256", Algorithm::Es256),
        ("edwards", &["--alg", "EdDSA"], "ECC_NIST_EDWARDS25519", Algorithm::EdDsa),
        ("long", &["--alg", "PS256", "--rsa-bits", "3072"], "RSA_3072", Algorithm::Ps256),
    ] {
        let created = json_of(&app, &[&["create", name], arguments].concat(), "").await;
        let listed = format!("envelope:{name}={algorithm}");
        assert_eq!(json!([created["name"], created["kind"], created["listed_as"]]), json!([name, kind, listed]));
        assert_eq!(created["wrapped_by"].as_str(), app.config.wrapping_key.as_deref());
        restart(&mut app, &[&format!("{name}={algorithm}")]);
        let (header, _) = verified_claims(&app, &login_with(&app, algorithm).await).await;
        assert_eq!(json!([header["kid"], header["alg"]]), json!([created["kid"], algorithm.as_str()]));
    }
    let operations: Vec<_> = double(&app).calls().into_iter().map(|call| call.operation).collect();
    let expected = ["GenerateDataKeyPairWithoutPlaintext", "Decrypt"].repeat(4);
    assert_eq!(operations, expected, "the private half is never out of KMS but in the function");
}

#[tokio::test]
async fn kms_may_take_longer_to_make_a_key_than_a_request_may_wait() {
    let app = app_with(&[]).await;
    let slow = Matcher::operation("GenerateDataKeyPairWithoutPlaintext");
    app.kms_wire.as_ref().expect("a wire").inject(Fault::Delay(Duration::from_millis(4_500)), slow);
    json_of(&app, &["create", "slow", "--alg", "ES256"], "").await;
    let calls = double(&app).calls();
    assert_eq!(calls.len(), 1, "asked once: {calls:?}");
}

#[tokio::test]
async fn a_token_signed_with_an_imported_secret_is_verified_by_others_who_have_it() {
    let mut app = app_with(&[]).await;
    let arguments = ["import", "reports", "--alg", "HS256", "--secret-stdin"];
    let imported = json_of(&app, &arguments, &format!("{SECRET}\n")).await;
    assert_eq!(json!([imported["kind"], imported["listed_as"]]), json!(["HS256", "envelope:reports"]));
    restart(&mut app, &["reports"]);
    let jwt = login_with(&app, Algorithm::Hs256).await;
    assert_eq!(part(&jwt, 0)["kid"], imported["kid"]);
    let key = jsonwebtoken::DecodingKey::from_base64_secret(SECRET).expect("base64");
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    (validation.validate_exp, validation.validate_aud) = (false, false);
    jsonwebtoken::decode::<Value>(&jwt, &key, &validation).expect("a good MAC");
}

/// Moves the creation times of keys apart: the command's clock counts whole seconds.
async fn order(app: &TestApp, keys: &[&str]) {
    for (moment, key) in keys.iter().enumerate() {
        let made = AttributeValue::N(moment.to_string());
        app.set_client_attribute(&format!("§signing-key/{key}"), "created_at", made).await;
    }
}

#[tokio::test]
async fn what_is_listed_and_what_is_stored_is_shown_without_unwrapping_anything() {
    let mut app = app_with(&[]).await;
    let one = json_of(&app, &["create", "one", "--alg", "ES256"], "").await;
    json_of(&app, &["create", "two", "--alg", "ES384"], "").await;
    order(&app, &["one", "two"]).await;
    let shared = json_of(&app, &["import", "shared", "--alg", "HS256", "--secret-stdin"], SECRET).await;
    let in_kms = double(&app).create_key(crate::rig::kms::KeySpec::Rsa2048);
    restart(&mut app, &["one"]);
    let public = published(&app).await;
    let decrypted = double(&app).calls().len();

    let listed = format!("envelope:one,envelope:shared,{in_kms}=RS256,envelope:one");
    let with_list = |arguments: &[&str]| {
        let mut command = command(&app, arguments);
        command.env("PASSGRANT_SIGNING_KEYS", &listed).args(["--output", "json"]);
        command
    };
    let shown = |output: Output| serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
    let list = shown(ran(with_list(&["list"]), "").await);
    assert_eq!(list[0], public[0]);
    assert_eq!(list[1], json!({"kty": "oct", "use": "sig", "kid": shared["kid"], "alg": "HS256"}));
    assert_eq!((&list[2]["alg"], list.as_array().map(Vec::len)), (&json!("RS256"), Some(3)));
    let jwks = shown(ran(with_list(&["jwks"]), "").await);
    assert_eq!(jwks, json!({"keys": [list[0], list[2]]}), "no secret is published");

    let stored = shown(ran(with_list(&["list", "--stored"]), "").await);
    let names: Vec<_> = stored.as_array().expect("keys").iter().map(|key| key["name"].clone()).collect();
    assert_eq!(names, [json!("one"), json!("two"), json!("shared")], "in the order in which they were made");
    assert_eq!(stored[0]["kid"], one["kid"]);
    let asked: Vec<_> = double(&app).calls().split_off(decrypted).into_iter().map(|call| call.operation).collect();
    assert_eq!(asked, ["GetPublicKey", "GetPublicKey"]);
}

#[tokio::test]
async fn a_key_is_deleted_when_it_is_no_longer_listed() {
    let app = app_with(&[]).await;
    json_of(&app, &["create", "old", "--alg", "ES256"], "").await;
    let mut listed = command(&app, &["delete", "old"]);
    listed.env("PASSGRANT_SIGNING_KEYS", "envelope:new,envelope:old=ES256");
    let output = ran(listed, "").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("take it off the list first"));
    assert_eq!(json_of(&app, &["delete", "old"], "").await, json!({"name": "old", "deleted": true}));
    assert_eq!(refused(&app, &["delete", "old"], "").await, (1, "error: there is no key old\n".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_its_reason_and_nothing_is_stored() {
    let app = app_with(&[]).await;
    let import = ["import", "shared", "--alg", "HS256", "--secret-stdin"];
    for (arguments, input, code, reason) in [
        (&["create"][..], "", 2, "a wrapped key needs a name"),
        (&["create", "Main"], "", 2, "1 to 64 of a-z, 0-9 and -"),
        (&["create", "main", "--alg", "HS256"], "", 2, "`key import` takes one"),
        (&["create", "main", "--alg", "ES256", "--rsa-bits", "3072"], "", 2, "cannot be used with '--alg ES256'"),
        (&["create", "main", "--rsa-bits", "1024"], "", 2, "1024"),
        (&["create", "main", "--mode", "file"], "", 2, "a file needs a data folder"),
        (&["create", "main", "--wrapping-key", "alias/none"], "", 1, "NotFoundException"),
        (&["import", "shared", "--alg", "HS256"], SECRET, 2, "--secret-stdin"),
        (&["import", "shared", "--alg", "RS256", "--secret-stdin"], SECRET, 1, "RS256 has key pairs"),
        (
            &["import", "shared", "--alg", "HS384", "--secret-stdin"],
            SECRET,
            1,
            "has 48 or 64 bytes, and this one has 32",
        ),
        (&import, "c2hvcnQ", 1, "has 32, 48 or 64 bytes, and this one has 5"),
        (&import, "", 1, "is missing"),
        (&import, "not base64!", 1, "the secret is not base64"),
        (&import, &"0a".repeat(32), 1, "could be hex as well as base64"),
    ] {
        let (exit, said) = refused(&app, arguments, input).await;
        assert_eq!(exit, code, "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
    for name in ["PASSGRANT_WRAPPING_KEY", "PASSGRANT_ISSUER"] {
        let mut without = command(&app, &["create", "main"]);
        without.env_remove(name);
        let output = ran(without, "").await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(name), "{said}");
    }
    assert_eq!(app.store.signing_keys.list().all().await.expect("keys").len(), 0);
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_is_not_made_twice() {
    let app = app_with(&[]).await;
    app.dynamodb_wire.inject(Fault::ResetAfter, Matcher::operation("PutItem").next(1));
    let output = ran(command(&app, &["create", "main", "--alg", "ES256"]), "").await;
    let stored = app.store.signing_keys.list().all().await.expect("keys");
    assert_eq!(stored.len(), 1);
    // The SDK repeats the write, and finds its own item.
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.is_empty() || said.contains("there is a key main already"), "{said}");
    let request = app.dynamodb().get_item().table_name(&app.config.tables.clients);
    let request = request.key("client_id", AttributeValue::S("§signing-key/main".to_owned()));
    assert!(request.send().await.expect("a read").item.is_some());
}
