//! What `passgrant client` refuses to save, or warns about.

use serde_json::{Value, json};

use crate::command::On;
use crate::server::used_folder;

#[test]
fn a_secret_that_may_be_guessed_is_accepted_only_with_allow_weak_secret() {
    let data = used_folder();
    let folder = On(data.path());
    folder.json(&["client", "create", "there"]);
    folder.json(&["client", "create", "public", "--auth-method", "none"]);
    for (verb, more) in [
        (["create", "new"], &[][..]),
        (["rotate-secret", "there"], &[]),
        (["update", "public"], &["--auth-method", "client_secret_post"]),
    ] {
        let command = [&["client"], &verb[..], more, &["--secret-stdin"]].concat();
        let insisting = [&command[..], &["--allow-weak-secret"]].concat();
        let reason = folder.run_with(&command, "123456789012345678901").refused();
        let expected =
            "a secret of fewer than 22 characters may be guessed: --allow-weak-secret accepts it all the same";
        assert_eq!(reason, expected, "{command:?}");
        let reason = folder.run_with(&insisting, "1234567").refused();
        assert_eq!(reason, "a secret has 8 to 512 characters", "{command:?}");
        let taken = folder.run_with(&insisting, "12345678");
        let warning = "warning: a secret of fewer than 22 characters may be guessed\n";
        assert_eq!((taken.code, taken.stderr.as_str()), (Some(0), warning), "{command:?}");
    }
    let misused = folder.run(&["client", "rotate-secret", "there", "--allow-weak-secret"]).misused();
    assert!(misused.contains("--secret-stdin"), "{misused}");
}

#[test]
fn an_id_that_careless_clients_send_as_another_gets_a_warning() {
    let data = used_folder();
    let folder = On(data.path());
    let warning = |characters: &str| {
        format!(
            "warning: the client id contains {characters}, which a client has to form-encode in HTTP Basic (RFC 6749, section \
             2.3.1): one that sends the id as it is, as many do, is taken for another client and refused\n"
        )
    };
    for (id, characters) in [("a+b", "+"), ("50%", "%"), ("a:b", ":"), ("https://app.example/?a+b", "+ and :")] {
        let created = folder.run(&["client", "create", id]);
        assert_eq!((created.code, created.stderr), (Some(0), warning(characters)), "{id}");
    }
    for (id, method) in [("a+c", "client_secret_post"), ("a:c", "none"), ("an app/1", "client_secret_basic")] {
        folder.run(&["client", "create", id, "--auth-method", method]).ok();
    }
    let updated = folder.run(&["client", "update", "a+c", "--auth-method", "client_secret_basic"]);
    assert_eq!((updated.code, updated.stderr), (Some(0), warning("+")));
    folder.run(&["client", "update", "a+c", "--name", "A"]).ok();
}

#[test]
fn a_change_is_held_to_the_same_rules_as_a_new_client() {
    let data = used_folder();
    let folder = On(data.path());
    let create = ["client", "create", "c", "--scope", "a b", "--default-scope", "b", "--capability", "introspect"];
    folder.json(&create);
    for (options, reason) in [
        (&["--scope", "a"][..], "the default scope b is not one of the client's scopes"),
        (&["--refresh-lifetime", "1d"], "the refresh idle lifetime 14d is longer than the refresh lifetime 1d"),
        (
            &["--refresh-idle-lifetime", "59m"],
            "the refresh idle lifetime 59m is shorter than the access token lifetime 1h",
        ),
        (
            &["--auth-method", "none"],
            "a public client, whose method is none, cannot have the capability introspect: anybody could use it",
        ),
        (&["--auth-method", "private_key_jwt"], "the method private_key_jwt needs --jwks-file"),
    ] {
        assert_eq!(folder.run(&[&["client", "update", "c"], options].concat()).refused(), reason);
    }
    folder.json(&["client", "update", "c", "--grant", "password", "--refresh-idle-lifetime", "59m"]);
    let reason = folder.run(&["client", "update", "c", "--grant", "password refresh_token"]).refused();
    assert_eq!(reason, "the refresh idle lifetime 59m is shorter than the access token lifetime 1h");
    let public = folder.json(&["client", "update", "c", "--auth-method", "none", "--capability", ""]);
    assert_eq!((&public["auth_method"], &public["secrets"]), (&json!("none"), &json!([])));
}

#[test]
fn a_key_that_cannot_be_used_is_left_out_of_a_set_with_a_warning_that_names_it() {
    let data = used_folder();
    let folder = On(data.path());
    let path = data.path().join("client.jwks");
    let file = path.to_str().expect("UTF-8");
    // RFC 8037, appendix A.2.
    let signing = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let encryption = json!({ "kty": "OKP", "crv": "X25519", "use": "enc", "kid": "e\u{1b}1", "x": "AA" });
    let write = |keys: &[&Value]| std::fs::write(&path, json!({ "keys": keys }).to_string()).expect("a file");
    write(&[&signing, &encryption, &json!({ "kty": "AKP" })]);
    let method = ["--auth-method", "private_key_jwt", "--jwks-file", file];
    let created = folder.run(&[&["client", "create", "batch", "--output", "json"][..], &method].concat());
    let client: Value = serde_json::from_str(&created.stdout).expect("JSON");
    assert_eq!(client["keys"].as_array().map(Vec::len), Some(1));
    let warning = |key: &str| format!("warning: {file}: left out: {key}\n");
    let expected = [
        "key 2 (\"e\\u{1b}1\") is not for verifying signatures: its use is not sig, or its key_ops lack verify",
        "key 3 has a kty that is not known here: choose RSA, EC or OKP",
    ];
    assert_eq!(created.stderr, expected.map(warning).concat());
    let updated = folder.run(&["client", "update", "batch", "--jwks-file", file]);
    assert_eq!((updated.code, updated.stderr), (Some(0), expected.map(warning).concat()));

    write(&[&encryption]);
    let reason = folder.run(&["client", "update", "batch", "--jwks-file", file]).refused();
    assert!(reason.contains("no key of the set can be used: key 1"), "{reason}");
    assert_eq!(folder.json(&["client", "show", "batch"])["keys"], client["keys"]);

    let reason = folder.run(&["client", "rotate-secret", "batch"]).refused();
    assert_eq!(reason, "client batch authenticates with the method private_key_jwt: it has no secret");
    let arguments = [&["client", "create", "x", "--secret-stdin"][..], &method].concat();
    assert!(folder.run(&arguments).misused().contains("--auth-method private_key_jwt"));
}
