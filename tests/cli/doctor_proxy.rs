//! A proxy before a real server that spoils answers as gateways do.

#![expect(clippy::expect_used, reason = "a test without its server has failed")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::loopback::{Loopback, Request, answer};

/// What the proxy does to the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoilt {
    Nothing,
    RenamedHeaders,
    Stored,
    Cached,
    Encoded,
    BodiesNotDecoded,
    OwnErrors,
    PlainText,
    SkewedDate,
    WrongIssuer,
    ForeignKeys,
    NoKeys,
    Redirected,
    AnyMethod,
    Huge,
    NoMetadata,
    KeysUnavailable,
    IntrospectionElsewhere,
}

/// Starts the proxy on `listener`, before the server at `upstream`.
pub(crate) fn proxy(listener: TcpListener, upstream: String, spoil: Spoilt) -> Loopback {
    Loopback::on(listener, move |request| Some(answered(&upstream, request, spoil)))
}

fn answered(upstream: &str, request: &Request, spoil: Spoilt) -> Vec<u8> {
    match spoil {
        Spoilt::Redirected => {
            return b"HTTP/1.1 301 Moved\r\nlocation: https://elsewhere.example/\r\ncontent-length: 0\r\n\r\n".to_vec();
        }
        Spoilt::OwnErrors if request.path().ends_with("passgrant-doctor") => {
            return answer(404, "application/json", "{\"message\":\"Not Found\"}");
        }
        Spoilt::AnyMethod if request.line.starts_with("GET /oauth2/token") => {
            return answer(200, "application/json", "{}");
        }
        Spoilt::NoMetadata if request.path().contains("well-known") => {
            return answer(404, "text/html", "<p>not here</p>");
        }
        Spoilt::KeysUnavailable if request.path().ends_with("/jwks") => {
            return answer(503, "application/json", "{\"message\":\"Service Unavailable\"}");
        }
        Spoilt::IntrospectionElsewhere
            if request.line.starts_with("POST") && request.path().ends_with("/introspect") =>
        {
            return answer(200, "text/html", "<p>welcome</p>");
        }
        Spoilt::Huge if request.path().contains("well-known") => {
            return answer(200, "application/json", &format!("\"{}\"", "x".repeat(1024 * 1024)));
        }
        _ => {}
    }
    let (head, body) = forwarded(upstream, request, spoil == Spoilt::BodiesNotDecoded);
    spoiled(head, body, spoil, request)
}

/// The head, each line in lower case and without the length, and the body.
fn forwarded(upstream: &str, request: &Request, encode: bool) -> (Vec<String>, String) {
    let body = if encode { STANDARD.encode(&request.body).into_bytes() } else { request.body.clone() };
    let passed_on = request.headers.iter().filter(|(name, _)| name != "content-length");
    let headers: Vec<String> = passed_on.map(|(name, value)| format!("{name}: {value}")).collect();
    let sent = format!("{}\r\n{}\r\ncontent-length: {}\r\n\r\n", request.line, headers.join("\r\n"), body.len());
    let mut stream = TcpStream::connect(upstream).expect("the server listens");
    stream.write_all(&[sent.as_bytes(), &body].concat()).expect("the server reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the server answers");
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
    let head = head.lines().map(str::to_owned).filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    (head.collect(), body.to_owned())
}

fn spoiled(mut head: Vec<String>, mut body: String, spoil: Spoilt, request: &Request) -> Vec<u8> {
    let is = |line: &String, name: &str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
    match spoil {
        Spoilt::RenamedHeaders => {
            for line in &mut head {
                if is(line, "www-authenticate") {
                    *line = format!("x-amzn-remapped-{line}");
                }
            }
        }
        Spoilt::Stored => head.retain(|line| !is(line, "cache-control")),
        Spoilt::Cached => head.push("age: 17".to_owned()),
        Spoilt::Encoded => body = STANDARD.encode(&body),
        Spoilt::PlainText if body.contains("\"error\"") => "Bad Request".clone_into(&mut body),
        Spoilt::SkewedDate => {
            head.retain(|line| !is(line, "date"));
            head.push("date: Thu, 01 Jan 2026 00:00:00 GMT".to_owned());
        }
        Spoilt::WrongIssuer => body = body.replace("\"issuer\":\"http://127.0.0.1", "\"issuer\":\"http://127.0.0.2"),
        Spoilt::ForeignKeys => body = body.replace("\"kid\":\"", "\"kid\":\"x"),
        Spoilt::NoKeys if request.path().ends_with("/jwks") => "{\"keys\":[]}".clone_into(&mut body),
        _ => {}
    }
    if !request.line.starts_with("HEAD ") || !body.is_empty() {
        head.push(format!("content-length: {}", body.len()));
    }
    format!("{}\r\n\r\n{body}", head.join("\r\n")).into_bytes()
}
