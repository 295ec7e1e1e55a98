//! The example of an old login system, as its README walks through it.

#![expect(clippy::expect_used, reason = "an example that does not run has failed")]

use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::command::{On, passgrant};
use crate::http::{Answer, post_form};
use crate::server::Server;

const SECRET: &str = "a-secret-of-the-two-sides-0123456789";

/// The old system, killed when dropped.
struct OldSystem {
    child: Child,
    printed: Lines<BufReader<ChildStdout>>,
}

impl OldSystem {
    fn python(arguments: &[&str]) -> Command {
        let mut python = Command::new("python3");
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/legacy-login/legacy_login.py")).args(arguments);
        python.env("LEGACY_LOGIN_SECRET", SECRET);
        python
    }

    /// Starts it on the accounts at `path`, and returns the URL that it prints.
    fn start(path: &Path) -> (Self, String) {
        let path = path.to_str().expect("UTF-8");
        let mut python = Self::python(&["serve", path, "0"]);
        let mut child = python.stdout(Stdio::piped()).spawn().expect("Python 3 is installed");
        let printed = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut system = Self { child, printed };
        let url = system.next_line();
        (system, url)
    }

    /// The next line that it prints: its URL at first, then one for each question.
    fn next_line(&mut self) -> String {
        self.printed.next().expect("it runs").expect("UTF-8")
    }
}

impl Drop for OldSystem {
    fn drop(&mut self) {
        // It may have ended already.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}

#[test]
fn the_users_of_the_example_move_one_by_one_and_need_the_old_system_once() {
    let folder = tempdir().expect("a folder");
    let (data, accounts) = (folder.path().join("data"), folder.path().join("accounts.sqlite"));
    let path = accounts.to_str().expect("UTF-8");
    assert!(OldSystem::python(&["create", path]).status().expect("Python 3 is installed").success());
    let (mut old, url) = OldSystem::start(&accounts);

    let verifiers = json!([{"name": "legacy", "url": url, "secret_env": "PASSGRANT_LEGACY_SECRET", "import": true}]);
    let mut command = passgrant();
    command
        .env("PASSGRANT_LEGACY_SECRET", SECRET)
        .env("PASSGRANT_DELEGATED_VERIFIERS", verifiers.to_string())
        .env("PASSGRANT_AUTH_CHAINS", "moving=directory,legacy")
        .env("PASSGRANT_AUTH_CHAIN", "moving")
        .arg("--data")
        .arg(&data)
        .args(["serve", "--listen", "127.0.0.1:0"]);
    let server = Server::start(&mut command);
    let client = On(&data).json(&["client", "create", "app"]);
    let secret = client["client_secret"].as_str().expect("a secret");
    let log_in = |username: &str, password: &str| -> Answer {
        let form = [("grant_type", "password"), ("username", username), ("password", password)];
        post_form(server.address(), ("app", secret), &form)
    };
    let show = |username: &str| -> Value { On(&data).json(&["user", "show", username]) };

    let mut refusals = Vec::new();
    for (username, password, said) in [
        ("ann", "a wrong password", "ann no"),
        ("old", "the account is closed", "old no"),
        ("nobody", "a password", "nobody unknown_user"),
    ] {
        let refused = log_in(username, password);
        assert_eq!((refused.status, old.next_line().as_str()), (400, said));
        refusals.push(refused.body);
        On(&data).run(&["user", "show", username]).refused();
    }
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");

    assert_eq!(log_in("ann", "correct horse battery staple").status, 200);
    assert_eq!(old.next_line(), "ann yes");
    let ann = show("ann");
    assert_eq!((&ann["sub"], &ann["claims"]["email"]), (&json!("legacy:1"), &json!("ann@example.com")));

    drop(old);
    assert_eq!(log_in("ann", "correct horse battery staple").status, 200, "she has moved");
    assert_eq!(log_in("ann", "a wrong password").status, 400);
    assert_eq!(log_in("bob", "Tr0ub4dor&3").status, 503, "he has not");
}
