//! How much the local server accepts from a client.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::http::{exchange, get, post};
use crate::server::Server;

/// Well beyond the server's own limits: what it has not ended by then, it never ends.
const FOREVER: Duration = Duration::from_mins(1);

#[test]
fn an_oversize_body_is_answered_with_413() {
    let server = Server::in_memory(&[]);
    let body = |length: usize| format!("a={}", "x".repeat(length - 2));
    assert_eq!(post(server.address(), "", &body(16 * 1024)).status, 400);
    for length in [16 * 1024 + 1, 1024 * 1024] {
        let answer = post(server.address(), "", &body(length));
        assert_eq!((answer.status, &answer.json()["error"]), (413, &"invalid_request".into()), "{length}");
    }
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let head = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = exchange(server.address(), format!("{head}{}0\r\n\r\n", chunk.repeat(5)).as_bytes());
    assert_eq!(chunked.status, 413);
}

#[test]
fn oversize_headers_are_answered_with_431() {
    let server = Server::in_memory(&[]);
    let get = |size: usize| {
        format!("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {}\r\n\r\n", "x".repeat(size))
    };
    assert_eq!(exchange(server.address(), get(8 * 1024).as_bytes()).status, 200);
    assert_eq!(exchange(server.address(), get(17 * 1024).as_bytes()).status, 431);
}

#[test]
fn a_connection_that_dawdles_is_cut_off() {
    let server = Server::in_memory(&[]);
    let unfinished = |request: &str| {
        let mut stream = TcpStream::connect(server.address()).expect("it listens");
        stream.set_read_timeout(Some(FOREVER)).expect("a socket");
        stream.write_all(request.as_bytes()).expect("it reads");
        stream
    };
    let body = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 9\r\n\r\na=";
    let streams = ["", "GET /healthz HTTP/1.1\r\nhost:", body].map(unfinished);
    assert_eq!(get(server.address(), "/healthz").status, 200, "others are served meanwhile");
    let ends = streams.map(|mut stream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it closes the connection");
        answer.lines().next().unwrap_or_default().to_owned()
    });
    assert_eq!(ends, ["", "", "HTTP/1.1 408 Request Timeout"]);
}
