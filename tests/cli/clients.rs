//! `passgrant client`.

use serde_json::{Value, json};

use crate::command::On;
use crate::server::{Server, stopped_and_running, text, used_folder};

#[test]
fn a_client_is_created_shown_listed_changed_and_deleted() {
    stopped_and_running(|folder| {
        let created =
            folder.json(&["client", "create", "web", "--name", "Web", "--scope", "profile email", "--scope", "orders"]);
        let secret = text(&created["client_secret"]).to_owned();
        assert_eq!(secret.len(), 43);
        let mut expected = json!({
            "client_id": "web",
            "keys": [],
            "name": "Web",
            "disabled": false,
            "auth_method": "client_secret_basic",
            "grants": ["password", "refresh_token"],
            "password_grant_until": null,
            "password_grant_end_announced_at": null,
            "scopes": ["profile", "email", "orders"],
            "default_scopes": [],
            "audiences": [],
            "capabilities": [],
            "access_token_format": "jwt",
            "claim_map": {},
            "access_token_lifetime": 3600,
            "refresh_idle_lifetime": 1_209_600,
            "refresh_lifetime": 7_776_000,
            "refresh_grace": 30,
            "refresh_needs_offline_access": false,
            "signing_algorithm": null,
            "chains": [],
            "secrets": created["secrets"],
            "created_at": created["created_at"],
            "updated_at": created["created_at"],
        });
        assert_eq!(without_secret(created), expected);
        assert_eq!(expected["secrets"][0]["not_after"], Value::Null);
        let mut shown = expected.clone();
        shown["last_use_day"] = Value::Null;
        let found = folder.json(&["client", "show", "web"]);
        shown["revision"] = found["revision"].clone();
        assert!(text(&found["revision"]).starts_with("1."), "{found}");
        assert_eq!(found, shown);

        let reason = folder.run(&["client", "create", "web"]).refused();
        assert_eq!(reason, "client web already exists");

        let update = [
            "client",
            "update",
            "web",
            "--default-scope",
            "profile",
            "--access-token-lifetime",
            "15m",
            "--audience",
            "urn:a urn:b",
        ];
        let updated = folder.json(&update);
        expected["default_scopes"] = json!(["profile"]);
        expected["access_token_lifetime"] = json!(900);
        expected["audiences"] = json!(["urn:a", "urn:b"]);
        expected["updated_at"] = updated["updated_at"].clone();
        assert_eq!(updated, expected);

        let disabled = folder.json(&["client", "disable", "web"]);
        assert_eq!(disabled["disabled"], true);
        assert_eq!(folder.run(&["client", "enable", "web"]).ok(), "Client web is enabled.\n");
        assert_eq!(folder.json(&["client", "list"]).as_array().map(Vec::len), Some(1));

        assert_eq!(folder.json(&["client", "delete", "web"]), json!({"client_id": "web", "deleted": true}));
        assert_eq!(folder.json(&["client", "list"]), json!([]));
        for verb in ["show", "delete", "disable", "enable", "rotate-secret"] {
            assert_eq!(folder.run(&["client", verb, "web"]).refused(), "there is no client web", "{verb}");
        }
        assert_eq!(folder.run(&["client", "update", "web", "--name", "x"]).refused(), "there is no client web");
    });
}

#[test]
fn an_empty_value_empties_what_it_replaces() {
    let data = used_folder();
    let folder = On(data.path());
    folder.json(&[
        "client",
        "create",
        "c",
        "--name",
        "C",
        "--scope",
        "a b",
        "--default-scope",
        "a",
        "--audience",
        "urn:a",
    ]);
    let empty =
        ["client", "update", "c", "--name", "", "--scope", "", "--default-scope", "", "--audience", "", "--grant", ""];
    let client = folder.json(&empty);
    let parts = ["name", "scopes", "default_scopes", "audiences", "grants"].map(|part| client[part].clone());
    assert_eq!(parts, [Value::Null, json!([]), json!([]), json!([]), json!([])]);
}

#[test]
fn scopes_that_are_separated_by_commas_are_accepted_as_they_are_with_a_warning() {
    let data = used_folder();
    let folder = On(data.path());
    let warning = "warning: scopes are separated by spaces: read,write is one scope\n";
    let create = ["client", "create", "c", "--scope", "read,write orders", "--output", "json"];
    let ran = folder.run(&create);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), warning));
    let created: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(created["scopes"], json!(["read,write", "orders"]));
    let ran = folder.run(&["client", "update", "c", "--default-scope", "read,write"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), warning));
    folder.run(&["client", "update", "c", "--scope", "read write", "--default-scope", "read"]).ok();
}

#[test]
fn an_audience_with_and_without_the_slash_of_an_empty_path_is_the_same() {
    let data = used_folder();
    let folder = On(data.path());
    let audiences = "https://a.example https://b.example/ https://a.example/ https://b.example https://a.example/x";
    let created = folder.json(&["client", "create", "c", "--audience", audiences]);
    assert_eq!(created["audiences"], json!(["https://a.example", "https://b.example/", "https://a.example/x"]));
    let updated = folder.json(&["client", "update", "c", "--audience", "https://a.example/"]);
    assert_eq!(updated["audiences"], json!(["https://a.example/"]), "what is given replaces what was there");
}

#[test]
fn a_secret_is_shown_once_and_never_again() {
    let data = used_folder();
    let folder = On(data.path());
    let shown = folder.run(&["client", "create", "web"]).ok();
    let secret = shown.lines().last().expect("the secret").to_owned();
    assert_eq!(secret.len(), 43, "{shown}");
    let chosen = "a secret of somebody's choice";
    folder.run_with(&["client", "create", "batch", "--secret-stdin"], chosen).ok();

    let mut said = String::new();
    for arguments in [["show", "web"], ["show", "batch"], ["disable", "web"], ["enable", "batch"]] {
        for output in ["table", "json"] {
            said += &folder.run(&[&["client"], &arguments[..], &["--output", output]].concat()).ok();
        }
    }
    said += &folder.run(&["client", "list"]).ok();
    said += &folder.json(&["client", "list"]).to_string();
    assert!(
        !said.contains(&secret) && !said.contains(chosen) && !said.contains("digest") && !said.contains("salt"),
        "{said}"
    );
}

#[test]
fn a_rotation_keeps_the_previous_secret_until_the_overlap_is_over() {
    let data = used_folder();
    let folder = On(data.path());
    let ids = |client: &Value| -> Vec<String> {
        let secrets = client["secrets"].as_array().expect("secrets");
        secrets.iter().map(|secret| text(&secret["id"]).to_owned()).collect()
    };
    let created = folder.json(&["client", "create", "web"]);
    let first = ids(&created);

    let rotated = folder.json(&["client", "rotate-secret", "web", "--overlap", "1h"]);
    assert_ne!(rotated["client_secret"], created["client_secret"]);
    assert_eq!((ids(&rotated).len(), &ids(&rotated)[0]), (2, &first[0]));
    let (set, end) = (&rotated["secrets"][1]["created_at"], &rotated["secrets"][0]["not_after"]);
    assert_eq!(end.as_u64(), set.as_u64().map(|set| set + 3600));

    let again = folder.json(&["client", "rotate-secret", "web"]);
    assert_eq!((ids(&again).len(), &ids(&again)[0]), (2, &ids(&rotated)[1]), "the oldest is gone");

    let at_once = folder.json_with(
        &["client", "rotate-secret", "web", "--overlap", "0s", "--secret-stdin"],
        "0123456789abcdef012345\n",
    );
    assert_eq!((ids(&at_once).len(), at_once.get("client_secret")), (1, None));
}

#[test]
fn secrets_come_and_go_with_the_method() {
    let data = used_folder();
    let folder = On(data.path());
    let public = folder.json(&["client", "create", "spa", "--auth-method", "none"]);
    assert_eq!((public.get("client_secret"), &public["secrets"]), (None, &json!([])));
    let reason = folder.run(&["client", "rotate-secret", "spa"]).refused();
    assert_eq!(reason, "client spa authenticates with the method none: it has no secret");

    let confidential = folder.json(&["client", "update", "spa", "--auth-method", "client_secret_post"]);
    assert_eq!(text(&confidential["client_secret"]).len(), 43);
    let other = folder.json(&["client", "update", "spa", "--auth-method", "client_secret_basic"]);
    assert_eq!((other.get("client_secret"), &other["secrets"]), (None, &confidential["secrets"]));
    let update = ["client", "update", "spa", "--auth-method", "client_secret_post", "--secret-stdin"];
    assert!(folder.run_with(&update, "0123456789abcdef012345").refused().contains("rotate-secret"));
    let public = folder.json(&["client", "update", "spa", "--auth-method", "none"]);
    assert_eq!(public["secrets"], json!([]));
    let given = folder.json_with(&update, "0123456789abcdef012345");
    assert_eq!((given.get("client_secret"), given["secrets"].as_array().map(Vec::len)), (None, Some(1)));

    let misused = folder.run(&["client", "create", "x", "--auth-method", "none", "--secret-stdin"]).misused();
    assert!(misused.contains("--secret-stdin"), "{misused}");
}

#[test]
fn a_chosen_secret_is_long_enough_and_one_line_of_ascii() {
    let data = used_folder();
    let folder = On(data.path());
    let create = ["client", "create", "c", "--secret-stdin"];
    let long = "x".repeat(513);
    let endless = "x".repeat(5000);
    for (secret, reason) in [
        ("", "the secret on standard input is missing"),
        ("\n", "the secret on standard input is missing"),
        ("1234567\n", "a secret has 8 to 512 characters"),
        (long.as_str(), "a secret has 8 to 512 characters"),
        (endless.as_str(), "the secret on standard input is too long"),
        ("12345678\n12345678\n", "the secret on standard input is more than one line"),
        ("geheimnisträger", "a secret holds only printable ASCII characters"),
        ("12345678\t", "a secret holds only printable ASCII characters"),
    ] {
        assert_eq!(folder.run_with(&create, secret).refused(), reason, "{secret:?}");
    }
    assert!(folder.run_with(&create, "1234567890123456789012\r\n").ok().contains("client_secret_basic"));
}

#[test]
fn options_beyond_their_bounds_are_refused() {
    let data = used_folder();
    let folder = On(data.path());
    for option in [
        ["--access-token-lifetime", "25h"],
        ["--access-token-lifetime", "0s"],
        ["--access-token-lifetime", "1500ms"],
        ["--access-token-lifetime", "60"],
        ["--refresh-lifetime", "366d"],
        ["--refresh-idle-lifetime", "0s"],
        ["--refresh-grace", "11m"],
        ["--auth-method", "tls_client_auth"],
        ["--grant", "implicit"],
        ["--scope", "a  b"],
        ["--scope", "\"a\""],
        ["--audience", "api"],
        ["--name", "a\u{1b}[2J"],
        ["--signing-alg", "none"],
        ["--password-grant-until", "tomorrow"],
    ] {
        let arguments = [&["client", "create", "c"][..], &option].concat();
        let message = folder.run(&arguments).misused();
        assert!(message.contains(option[0]), "{message}");
    }
    assert_eq!(
        folder.run(&["client", "create", "c", "--auth-method", "private_key_jwt"]).refused(),
        "the method private_key_jwt needs --jwks-file"
    );
    for (options, reason) in [
        (["--scope", "a", "--default-scope", "a b"], "the default scope b is not one of the client's scopes"),
        (
            ["--refresh-lifetime", "1d", "--refresh-idle-lifetime", "2d"],
            "the refresh idle lifetime 2d is longer than the refresh lifetime 1d",
        ),
        (
            ["--access-token-lifetime", "2h", "--refresh-idle-lifetime", "1h59m"],
            "the refresh idle lifetime 1h59m is shorter than the access token lifetime 2h",
        ),
        (
            ["--auth-method", "none", "--capability", "introspect"],
            "a public client, whose method is none, cannot have the capability introspect: anybody could use it",
        ),
        (
            ["--auth-method", "none", "--capability", "revoke"],
            "a public client, whose method is none, cannot have the capability revoke: anybody could use it",
        ),
    ] {
        assert_eq!(folder.run(&[&["client", "create", "c"][..], &options].concat()).refused(), reason);
    }
    let audiences = (0..17).map(|n| format!("urn:{n}")).collect::<Vec<_>>().join(" ");
    let reason = folder.run(&["client", "create", "c", "--audience", &audiences]).refused();
    assert_eq!(reason, "a client has at most 16 audiences");
    assert!(folder.run(&["client", "create", "é"]).misused().contains("printable ASCII"));
    assert!(folder.run(&["client", "update", "c"]).misused().contains("nothing to change"));
    assert_eq!(folder.json(&["client", "list"]), json!([]));
}

#[test]
fn a_client_with_registered_keys_has_no_secret_and_shows_their_names() {
    let data = used_folder();
    let folder = On(data.path());
    let path = data.path().join("client.jwks");
    // RFC 8037, appendix A.2.
    let key = r#"{"kty":"OKP","crv":"Ed25519","kid":"k1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    std::fs::write(&path, format!(r#"{{"keys":[{key}]}}"#)).expect("a file");
    let file = path.to_str().expect("UTF-8");
    let method = ["--auth-method", "private_key_jwt", "--jwks-file", file];
    let client = folder.json(&[&["client", "create", "batch"][..], &method].concat());
    assert_eq!((&client["keys"], &client["secrets"]), (&json!(["k1"]), &json!([])));
    assert!(client.get("client_secret").is_none());

    let changed = folder.json(&["client", "update", "batch", "--auth-method", "none"]);
    assert_eq!(changed["keys"], json!([]));
    std::fs::write(&path, format!(r#"{{"keys":[{}]}}"#, key.replace("\"x\"", "\"d\":\"AAAA\",\"x\""))).expect("a file");
    assert!(folder.run(&[&["client", "create", "private"][..], &method].concat()).refused().contains("private"));
}

#[test]
fn a_list_fits_a_terminal_and_is_sorted() {
    let data = tempfile::tempdir().expect("a folder");
    let _server = Server::on(data.path(), &[]);
    let folder = On(data.path());
    for id in ["web", "batch"] {
        folder.run(&["client", "create", id, "--scope", "profile email"]).ok();
    }
    let list = folder.run(&["client", "list"]).ok();
    let firsts: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(firsts, ["CLIENT", "batch", "web"], "{list}");
    let shown = folder.run(&["client", "show", "web"]).ok();
    assert!(list.lines().chain(shown.lines()).all(|line| line.chars().count() <= 80), "{list}{shown}");
    assert!(!list.contains('\u{1b}') && !shown.contains('\u{1b}'));
}

fn without_secret(mut client: Value) -> Value {
    client.as_object_mut().map(|members| members.remove("client_secret"));
    client
}
