//! `passgrant client … --if-revision`, and key sets on standard input.

use serde_json::json;

use crate::command::On;
use crate::server::{stopped_and_running, text, used_folder};

#[test]
fn a_change_that_was_meant_for_an_earlier_revision_is_refused_and_changes_nothing() {
    stopped_and_running(|folder| {
        folder.run(&["client", "create", "web", "--scope", "a"]).ok();
        let shown = || folder.json(&["client", "show", "web"]);
        let first = shown()["revision"].clone();
        folder.run(&["client", "update", "web", "--name", "Web", "--if-revision", text(&first)]).ok();
        let after = shown();
        let second = text(&after["revision"]);
        assert_eq!((second.split_once('.').expect("two parts").0, &after["name"]), ("2", &json!("Web")));

        let changes: [&[&str]; 5] = [
            &["update", "web", "--name", "Other"],
            &["rotate-secret", "web"],
            &["disable", "web"],
            &["enable", "web"],
            &["delete", "web"],
        ];
        for change in changes {
            for revision in [text(&first), "2", "2.", "3"] {
                let stale = [&["client"], change, &["--if-revision", revision]].concat();
                assert_eq!(
                    folder.run(&stale).refused(),
                    "somebody else has changed client web meanwhile: look at it again, and then change it",
                    "{change:?}"
                );
            }
        }
        assert_eq!(shown(), after);

        let mut last = second.to_owned();
        for change in changes {
            folder.run(&[&["client"], change, &["--if-revision", &last]].concat()).ok();
            if change[0] != "delete" {
                last = text(&shown()["revision"]).to_owned();
            }
        }
        let gone = ["client", "delete", "web", "--if-revision", &last];
        assert_eq!(folder.run(&gone).refused(), "there is no client web");
    });
}

#[test]
fn a_change_that_was_meant_for_a_client_is_not_made_to_one_that_was_registered_again_under_its_identifier() {
    stopped_and_running(|folder| {
        let create = ["client", "create", "web", "--scope", "a"];
        folder.run(&create).ok();
        let seen = folder.json(&["client", "show", "web"])["revision"].clone();
        folder.run(&["client", "delete", "web"]).ok();
        folder.run(&create).ok();
        for change in [&["client", "disable", "web"][..], &["client", "delete", "web"]] {
            let reason = folder.run(&[change, &["--if-revision", text(&seen)]].concat()).refused();
            assert!(reason.starts_with("somebody else has changed client web meanwhile"), "{reason}");
        }
        assert_eq!(folder.json(&["client", "show", "web"])["disabled"], false);
    });
}

#[test]
fn a_key_set_can_come_on_standard_input_if_no_secret_does() {
    let data = used_folder();
    let folder = On(data.path());
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let keys = json!({"keys": [key, {"kty": "oct-of-another-kind", "kid": "two"}]}).to_string();
    let create = ["client", "create", "job", "--auth-method", "private_key_jwt", "--jwks-file", "-"];
    let ran = folder.run_with(&[&create[..], &["--output", "json"]].concat(), &keys);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("warning: standard input: left out: "), "{}", ran.stderr);
    let created: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert!(text(&created["keys"][0]).contains("one"), "{created}");

    let update = ["client", "update", "job", "--jwks-file", "-"];
    assert!(folder.run_with(&update, "{}").refused().starts_with("standard input: "));
    let most = 16 * 1024;
    let reason = folder.run_with(&update, &" ".repeat(most + 1)).refused();
    assert!(reason.starts_with("standard input: "), "{reason}");
    let both = ["client", "create", "c", "--secret-stdin", "--jwks-file", "-"];
    let message = folder.run_with(&both, "x").misused();
    assert!(message.contains("'--secret-stdin' cannot be used with '--jwks-file -'"), "{message}");
}
