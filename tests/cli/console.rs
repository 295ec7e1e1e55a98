//! A running `passgrant console`, and a browser that has opened it.

#![expect(clippy::expect_used, reason = "a test without its page has failed")]

use std::path::Path;
use std::process::ExitStatus;

use url::form_urlencoded;

use crate::command::passgrant;
use crate::http::{Answer, exchange};
use crate::server::{Server, text};

/// A console on a free port, killed when dropped.
pub(crate) struct Console {
    server: Server,
    /// The path of its one-time address.
    pub(crate) entrance: String,
    /// Where it listens, as in `127.0.0.1:8090`.
    pub(crate) address: String,
}

impl Console {
    /// Starts a console on the folder at `data`.
    pub(crate) fn on(data: &Path, arguments: &[&str]) -> Self {
        let server = Server::start(passgrant().arg("--data").arg(data).args(["console", "--no-open"]).args(arguments));
        let url = text(&server.started["url"]).strip_prefix("http://").expect("an http URL");
        let (address, path) = url.split_once('/').expect("a path");
        Self { entrance: format!("/{path}"), address: address.to_owned(), server }
    }

    /// Opens the one-time address; the header line with the cookie that it sets.
    pub(crate) fn enter(&self) -> String {
        let answer = self.get(&self.entrance, "");
        let cookie = answer.cookie.as_deref().and_then(|cookie| cookie.split_once(';'));
        format!("cookie: {}\r\n", cookie.expect("a cookie with attributes").0)
    }

    /// `GET path` with the further header lines `headers`.
    pub(crate) fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask("GET", path, headers, "")
    }

    /// A form of the page itself, which sends `fields` to `path`.
    pub(crate) fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = format!("{cookie}origin: http://{}\r\nsec-fetch-site: same-origin\r\n", self.address);
        self.ask("POST", path, &headers, &body)
    }

    /// A request for this console's host.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        self.ask_raw(method, path, &format!("host: {}\r\n{headers}", self.address), body)
    }

    /// A request with these header lines.
    pub(crate) fn ask_raw(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{headers}connection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        exchange(&self.address, request.as_bytes())
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        self.server.signal(name);
    }

    /// Waits for its end; its exit status, and what it wrote to standard error.
    pub(crate) fn wait(self) -> (ExitStatus, String) {
        self.server.wait()
    }
}
