//! A running `passgrant serve`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test without its server has failed")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{On, passgrant};
use crate::http::{Answer, exchange, form_request, post_form};

/// A local server on a free port, killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// What it said of itself at the start.
    pub(crate) started: Value,
}

impl Server {
    /// Starts a server on the folder at `data`.
    pub(crate) fn on(data: &Path, arguments: &[&str]) -> Self {
        Self::start(passgrant().arg("--data").arg(data).args(["serve", "--listen", "127.0.0.1:0"]).args(arguments))
    }

    /// Starts a server that keeps nothing.
    pub(crate) fn in_memory(arguments: &[&str]) -> Self {
        Self::start(passgrant().args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]).args(arguments))
    }

    /// Starts `command`, and waits until it serves.
    pub(crate) fn start(command: &mut Command) -> Self {
        let piped =
            command.args(["--output", "json"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("passgrant starts");
        let mut json = String::new();
        let mut lines = BufReader::new(child.stdout.as_mut().expect("piped"));
        // Its first words end with the line that closes the object.
        while json.lines().last() != Some("}") {
            if lines.read_line(&mut json).expect("UTF-8") == 0 {
                let mut reason = String::new();
                child.stderr.as_mut().expect("piped").read_to_string(&mut reason).expect("UTF-8");
                panic!("the server did not start: {reason}");
            }
        }
        Self { child, started: serde_json::from_str(&json).expect("JSON") }
    }

    /// Where it listens, as in `127.0.0.1:8080`.
    pub(crate) fn address(&self) -> &str {
        self.started["url"].as_str().and_then(|url| url.strip_prefix("http://")).expect("an http URL")
    }

    /// The identifier of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks for tokens, with the credentials of the demo.
    pub(crate) fn demo_tokens(&self, demo: &Value) -> Answer {
        self.demo_login(demo, text(&demo["password"]))
    }

    /// Asks for tokens for the demo's user, with another password.
    pub(crate) fn demo_login(&self, demo: &Value, password: &str) -> Answer {
        exchange(self.address(), &self.demo_request(demo, password))
    }

    /// What [`Self::demo_login`] sends.
    pub(crate) fn demo_request(&self, demo: &Value, password: &str) -> Vec<u8> {
        let form = [("grant_type", "password"), ("username", text(&demo["username"])), ("password", password)];
        form_request(self.address(), credentials(demo), &form)
    }

    /// Refreshes, with the credentials of the demo's client.
    pub(crate) fn demo_refresh(&self, demo: &Value, refresh_token: &str) -> Answer {
        post_form(
            self.address(),
            credentials(demo),
            &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)],
        )
    }

    /// `kill -9`. It may not be gone yet when this returns.
    pub(crate) fn kill(&self) {
        self.signal("KILL");
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
    }

    /// Waits for its end; its exit status and what it wrote to standard error.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().expect("it ends");
        let mut log = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut log).expect("UTF-8");
        (status, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<ExitStatus> = self.child.wait();
    }
}

/// The text of a JSON string.
#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn credentials(demo: &Value) -> (&str, &str) {
    (text(&demo["client_id"]), text(&demo["client_secret"]))
}

/// A folder that a server has used and left.
pub(crate) fn used_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::on(folder.path(), &[]);
    server.signal("TERM");
    assert!(server.wait().0.success());
    folder
}

/// Runs `test` on a folder that nobody uses, and on one that a server runs on.
pub(crate) fn stopped_and_running(test: fn(On<'_>)) {
    let folder = used_folder();
    test(On(folder.path()));
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::on(folder.path(), &[]);
    test(On(folder.path()));
    drop(server);
}

/// Waits until `path` is there.
pub(crate) fn await_file(path: &Path) {
    let start = Instant::now();
    while fs::metadata(path).is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "{} never appeared", path.display());
        thread::yield_now();
    }
}
