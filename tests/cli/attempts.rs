//! `passgrant attempts`, and what `passgrant user` says and does about attempts.

#![expect(clippy::expect_used, reason = "what a test cannot make or read has failed it")]

use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Ran, passgrant, run};
use crate::http::post_form;
use crate::server::{Server, text};

const ISSUER: &str = "https://id.example.com";
const QUARTER: u64 = 15 * 60;
const MONTH: u64 = 30 * 24 * 60 * 60;

/// A deployment with limits of its own.
struct Deployment {
    data: tempfile::TempDir,
    settings: Vec<(&'static str, &'static str)>,
    server: Server,
    demo: Value,
    other: Value,
}

impl Deployment {
    fn start(settings: &[(&'static str, &'static str)]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut serve = passgrant();
        serve.envs(settings.iter().copied()).env("PASSGRANT_ISSUER", ISSUER).arg("--data").arg(data.path());
        let server = Server::start(serve.args(["serve", "--listen", "127.0.0.1:0", "--demo"]));
        let demo = server.started["demo"].clone();
        let deployment = Self { data, settings: settings.to_vec(), server, demo, other: Value::Null };
        let other = deployment.json(&["client", "create", "other"]);
        Self { other, ..deployment }
    }

    fn run(&self, issuer: &str, arguments: &[&str]) -> Ran {
        let mut command = passgrant();
        command.envs(self.settings.iter().copied()).env("PASSGRANT_ISSUER", issuer);
        run(command.arg("--data").arg::<&Path>(self.data.path()).args(arguments))
    }

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        self.run(ISSUER, arguments).ok()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        self.run(ISSUER, &[arguments, &["--output", "json"]].concat()).json()
    }

    /// What counts for the demo's user.
    fn counted(&self) -> Value {
        self.json(&["user", "show", "demo-user"])["attempts"].clone()
    }

    /// Tries a password through a client that nobody else logs in through.
    fn guess(&self, username: &str, password: &str) -> u16 {
        let credentials = (text(&self.other["client_id"]), text(&self.other["client_secret"]));
        let form = [("grant_type", "password"), ("username", username), ("password", password)];
        post_form(self.server.address(), credentials, &form).status
    }
}

/// Until when nothing more is looked at, from the last attempt on.
fn wait(budget: &Value) -> u64 {
    let number = |name: &str| budget[name].as_u64().expect("a time");
    number("until") - (number("forgotten_at") - MONTH)
}

#[test]
fn what_counts_for_a_user_is_told_of_strangers_and_of_familiar_sources_and_unlocking_forgets_both() {
    let deployment = Deployment::start(&[("PASSGRANT_ATTEMPTS_LIMIT", "1")]);
    let nothing = |sources: u64| json!({"familiar_sources": sources, "strangers": null, "familiar": null});
    assert_eq!(deployment.counted(), nothing(0));
    let shown = deployment.text(&["user", "show", "demo-user"]);
    assert!(shown.contains("there are no familiar sources"), "{shown}");

    assert_eq!(deployment.server.demo_tokens(&deployment.demo).status, 200);
    assert_eq!(deployment.counted(), nothing(1));

    assert_eq!(deployment.server.demo_login(&deployment.demo, "wrong").status, 400);
    let counted = deployment.counted();
    assert_eq!((&counted["strangers"], &counted["familiar_sources"]), (&Value::Null, &json!(1)));
    assert_eq!(deployment.guess("demo-user", "wrong"), 400);
    let counted = deployment.counted();
    for budget in ["familiar", "strangers"] {
        let budget = &counted[budget];
        assert_eq!(
            (&budget["counted"], &budget["state"], &budget["interval"]),
            (&json!(1), &json!("locked"), &Value::Null)
        );
        assert_eq!(wait(budget), QUARTER);
    }
    let shown = deployment.text(&["user", "show", "demo-user"]);
    assert_eq!(shown.matches("1 count: locked until 20").count(), 2, "{shown}");
    assert!(shown.contains("Z, from 1 source"), "{shown}");
    assert_eq!(deployment.server.demo_tokens(&deployment.demo).status, 400, "locked for familiar sources");

    deployment.text(&["user", "unlock", "demo-user"]);
    assert_eq!(deployment.counted(), nothing(1), "what is familiar stays so");
    assert_eq!(deployment.server.demo_tokens(&deployment.demo).status, 200);
    assert_eq!(deployment.guess("demo-user", text(&deployment.demo["password"])), 200);
    assert_eq!(deployment.counted(), nothing(2));
}

#[test]
fn a_username_that_is_slowed_down_is_listed_with_its_interval_and_unlocking_ends_that() {
    let deployment = Deployment::start(&[("PASSGRANT_ATTEMPTS_LIMIT", "50")]);
    for number in 0..50 {
        assert_eq!(deployment.guess("demo-user", &format!("wrong {number}")), 400);
    }
    let strangers = deployment.counted()["strangers"].clone();
    assert_eq!(strangers["state"], "slowed");
    assert_eq!((&strangers["counted"], &strangers["interval"]), (&json!(50), &json!(QUARTER)));
    assert_eq!(wait(&strangers), QUARTER);
    let user = deployment.json(&["user", "show", "demo-user"]);
    let expected = json!({
        "key": deployment.json(&["attempts", "list"])["names"][0]["key"],
        "username": "demo-user",
        "sub": user["sub"],
        "familiar_sources": 0,
        "strangers": strangers,
        "familiar": null,
    });
    assert_eq!(deployment.json(&["attempts", "list"]), json!({"names": [expected], "sources": []}));
    let table = deployment.text(&["attempts", "list"]);
    assert!(table.contains("one every 15m") && table.contains("No source is exhausted."), "{table}");
    let shown = deployment.text(&["user", "show", "demo-user"]);
    assert!(shown.contains("50 count: one every 15m, the next 20"), "{shown}");
    assert_eq!(deployment.guess("demo-user", text(&deployment.demo["password"])), 400);

    deployment.text(&["user", "unlock", "demo-user"]);
    assert_eq!(deployment.json(&["attempts", "list", "--all"])["names"], json!([]));
    assert_eq!(deployment.guess("demo-user", text(&deployment.demo["password"])), 200);
}

#[test]
fn what_is_locked_or_exhausted_is_listed_by_name_if_that_is_known_and_by_key_if_not() {
    let settings = [("PASSGRANT_ATTEMPTS_LIMIT", "1"), ("PASSGRANT_ATTEMPTS_SOURCE_NAMES", "2")];
    let deployment = Deployment::start(&settings);
    let empty = deployment.text(&["attempts", "list"]);
    assert_eq!(empty, "No username is locked or slowed down.\n\nNo source is exhausted.\n");
    for username in ["demo-user", "nobody"] {
        assert_eq!(deployment.guess(username, "wrong"), 400);
    }
    let list = deployment.json(&["attempts", "list", "--segments", "2"]);
    let names = list["names"].as_array().expect("names");
    assert_eq!(names.iter().map(|name| &name["username"]).collect::<Vec<_>>(), [&json!("demo-user"), &Value::Null]);
    assert_eq!(names[1]["sub"], Value::Null);
    assert!(names.iter().all(|name| name["strangers"]["state"] == "locked"), "{list}");
    let source = &list["sources"][0];
    assert_eq!(
        (&source["network"], &source["usernames"], &source["exhausted"]),
        (&Value::Null, &json!(2), &json!(true))
    );

    let table = deployment.text(&["attempts", "list"]);
    for part in ["demo-user", text(&names[1]["key"]), "nobody's", text(&source["key"])] {
        assert!(table.contains(part), "{part} in {table}");
    }
    let addresses = ["attempts", "list", "--network", "192.0.2.1", "--network", "127.0.0.1"];
    assert_eq!(deployment.json(&addresses)["sources"][0]["network"], "127.0.0.1");
    let table = deployment.text(&addresses);
    assert!(table.contains("127.0.0.1  2          exhausted  20"), "{table}");
    let other = deployment.run("https://another.example.com", &addresses).ok();
    assert!(!other.contains("127.0.0.1") && other.contains(text(&source["key"])), "{other}");
}

#[test]
fn what_counts_but_keeps_nobody_out_is_listed_only_on_demand() {
    let deployment = Deployment::start(&[]);
    assert_eq!(deployment.guess("demo-user", "wrong"), 400);
    assert_eq!(deployment.json(&["attempts", "list"]), json!({"names": [], "sources": []}));
    let all = deployment.json(&["attempts", "list", "--all"]);
    let strangers = &all["names"][0]["strangers"];
    assert_eq!(
        (&strangers["state"], &strangers["counted"], &strangers["until"]),
        (&json!("open"), &json!(1), &Value::Null)
    );
    assert_eq!((&all["sources"][0]["usernames"], &all["sources"][0]["exhausted"]), (&json!(1), &json!(false)));
    let shown = deployment.text(&["user", "show", "demo-user"]);
    assert!(shown.contains("1 count, forgotten on 20"), "{shown}");

    let asked = deployment.json(&["attempts", "list", "--network", "::ffff:127.0.0.1"]);
    assert_eq!((&asked["names"], &asked["sources"][0]["network"]), (&json!([]), &json!("127.0.0.1")));
    let mut without_issuer = passgrant();
    without_issuer.arg("--data").arg(deployment.data.path()).args(["attempts", "list", "--network", "127.0.0.1"]);
    assert!(run(&mut without_issuer).refused().starts_with("to recognise an address, set PASSGRANT_ISSUER"));
    deployment.run(ISSUER, &["attempts", "list", "--network", "127.0.0.0/8"]).misused();
}
