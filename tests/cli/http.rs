//! The little of HTTP/1.1 that the tests speak, over plain sockets: some of what they send no client library would.

#![expect(clippy::expect_used, clippy::panic, reason = "a test without its answer has failed")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::form_urlencoded;

/// An answer: its status, its head and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    /// The cookie that it sets, with its attributes.
    pub(crate) cookie: Option<String>,
}

impl Answer {
    fn parse(bytes: Vec<u8>) -> Self {
        let text = String::from_utf8(bytes).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let head_lower = head.to_ascii_lowercase();
        let cookies = head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie: "));
        let cookie = cookies.filter_map(|line| line.split_once(": ")).map(|(_, cookie)| cookie.to_owned()).next();
        Self { status, head: head_lower, body: body.to_owned(), cookie }
    }

    /// The JSON in the body.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// Sends `request` as it is, and reads until the server closes.
pub(crate) fn exchange(address: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.write_all(request).expect("the server reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server answers");
    Answer::parse(answer)
}

/// Sends `requests` as they are; the statuses of all answers until the server closes, and the text of them.
pub(crate) fn answers(address: &str, requests: &[u8]) -> (Vec<u16>, String) {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    // A server that has refused the first may close before it has taken the rest.
    let _: std::io::Result<()> = stream.write_all(requests);
    let mut answers = Vec::new();
    let _: std::io::Result<usize> = stream.read_to_end(&mut answers);
    let text = String::from_utf8(answers).expect("UTF-8");
    let statuses = text.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().expect("a status"));
    (statuses.collect(), text.to_ascii_lowercase())
}

/// `GET path`.
pub(crate) fn get(address: &str, path: &str) -> Answer {
    exchange(address, format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())
}

/// A token request whose body is `body`.
pub(crate) fn post(address: &str, authorization: &str, body: &str) -> Answer {
    exchange(address, &token_request(address, authorization, body))
}

/// A token request with `parameters`, by a client with Basic credentials.
pub(crate) fn post_form(address: &str, credentials: (&str, &str), parameters: &[(&str, &str)]) -> Answer {
    exchange(address, &form_request(address, credentials, parameters))
}

/// What [`post_form`] sends.
pub(crate) fn form_request(address: &str, (id, secret): (&str, &str), parameters: &[(&str, &str)]) -> Vec<u8> {
    let basic = format!("authorization: Basic {}\r\n", STANDARD.encode(format!("{id}:{secret}")));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    token_request(address, &basic, &body)
}

fn token_request(address: &str, authorization: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST /oauth2/token HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{authorization}\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}
