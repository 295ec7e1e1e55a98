//! What the local server keeps in memory: a command in another process is heeded by the very next request.

use std::path::Path;

use serde_json::Value;

use crate::command::On;
use crate::http::{Answer, exchange, post_form};
use crate::server::{Server, text};

/// A server, and the demo's session, which has been refreshed and is therefore in memory.
struct Remembering {
    server: Server,
    demo: Value,
    refresh_token: String,
}

impl Remembering {
    fn on(data: &Path) -> Self {
        let server = Server::on(data, &["--demo"]);
        let demo = server.started["demo"].clone();
        let mut remembering = Self { server, demo, refresh_token: String::new() };
        remembering.log_in();
        remembering
    }

    fn log_in(&mut self) {
        let form = [
            ("grant_type", "password"),
            ("username", text(&self.demo["username"])),
            ("password", text(&self.demo["password"])),
            ("scope", "openid profile"),
        ];
        let client = (text(&self.demo["client_id"]), text(&self.demo["client_secret"]));
        let answer = post_form(self.server.address(), client, &form);
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&answer.json()["refresh_token"]).clone_into(&mut self.refresh_token);
        for _ in 0..2 {
            self.refreshes();
        }
    }

    fn refresh(&self) -> Answer {
        self.server.demo_refresh(&self.demo, &self.refresh_token)
    }

    /// Goes on with the session.
    #[track_caller]
    fn refreshes(&mut self) -> Value {
        let answer = self.refresh();
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&answer.json()["refresh_token"]).clone_into(&mut self.refresh_token);
        answer.json()
    }

    fn userinfo(&self, tokens: &Value) -> Value {
        let token = text(&tokens["access_token"]);
        let request = format!(
            "GET /oauth2/userinfo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        exchange(self.server.address(), request.as_bytes()).json()
    }

    #[track_caller]
    fn is_refused(&self) {
        let answer = self.refresh();
        assert_eq!((answer.status, &answer.json()["error"]), (400, &Value::from("invalid_grant")), "{answer:?}");
    }
}

#[test]
fn the_next_refresh_is_refused_once_a_command_has_ended_the_session() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = On(data.path());
    let mut remembering = Remembering::on(data.path());
    let user = text(&remembering.demo["username"]).to_owned();

    let sid = folder.json(&["session", "list", "--user", &user])[0]["sid"].clone();
    folder.run(&["session", "revoke", text(&sid)]).ok();
    remembering.is_refused();

    remembering.log_in();
    folder.run(&["session", "revoke", "--user", &user]).ok();
    remembering.is_refused();

    remembering.log_in();
    folder.run(&["user", "disable", &user]).ok();
    remembering.is_refused();
    folder.run(&["user", "enable", &user]).ok();
    remembering.is_refused();

    remembering.log_in();
    folder.run(&["client", "update", "demo-client", "--grant", "refresh_token"]).ok();
    remembering.is_refused();
    folder.run(&["client", "update", "demo-client", "--grant", "password", "--grant", "refresh_token"]).ok();
    remembering.refreshes();

    let set = ["user", "set-password", &user, "--password-stdin"];
    folder.run_with(&set, "another password of the demo").ok();
    remembering.is_refused();
    folder.run_with(&set, text(&remembering.demo["password"])).ok();

    remembering.log_in();
    folder.run(&["user", "delete", &user]).ok();
    remembering.is_refused();
}

#[test]
fn a_claim_that_a_command_sets_is_in_the_next_answer() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = On(data.path());
    let mut remembering = Remembering::on(data.path());
    let user = text(&remembering.demo["username"]).to_owned();
    for name in ["Ann", "Anna"] {
        folder.run(&["user", "update", &user, "--claim", &format!("name={name}")]).ok();
        let tokens = remembering.refreshes();
        assert_eq!(remembering.userinfo(&tokens)["name"], *name);
    }
}
