//! Requests that clients, proxies and attackers disagree about (RFC 9112): each gets one answer, or no answer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::http::{Answer, answers, exchange};
use crate::rig::path::HOSTILE;
use crate::server::Server;

/// What follows a request on its connection, and would be answered if it were taken for another one.
const NEXT: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const POST: &str = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n";
const GET: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n";

/// Well beyond the server's own limits: what it has not ended by then, it never ends.
const FOREVER: Duration = Duration::from_mins(1);

fn statuses(server: &Server, request: &str) -> Vec<u16> {
    answers(server.address(), format!("{request}{NEXT}").as_bytes()).0
}

#[test]
fn a_body_of_doubtful_length_ends_the_connection() {
    let server = Server::in_memory(&[]);
    for (name, body) in [
        ("both lengths", "content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("both lengths, the other way round", "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"),
        ("two lengths", "content-length: 3\r\ncontent-length: 5\r\n\r\na=bcd"),
        ("a list of lengths", "content-length: 3, 3\r\n\r\na=b"),
        ("a signed length", "content-length: +3\r\n\r\na=b"),
        ("a negative length", "content-length: -1\r\n\r\na=b"),
        ("a hexadecimal length", "content-length: 0x3\r\n\r\na=b"),
        ("no number", "content-length:\r\n\r\n"),
        ("a length over 64 bits", "content-length: 99999999999999999999\r\n\r\na=b"),
        ("identity", "transfer-encoding: identity\r\n\r\na=b"),
        ("no known coding", "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("chunks that are not last", "transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        ("a coding beneath the chunks", "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("chunks in chunks", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("no hexadecimal size", "transfer-encoding: chunked\r\n\r\nzz\r\na=b\r\n0\r\n\r\n"),
        ("a size with a prefix", "transfer-encoding: chunked\r\n\r\n0x3\r\na=b\r\n0\r\n\r\n"),
        ("a negative size", "transfer-encoding: chunked\r\n\r\n-1\r\na=b\r\n0\r\n\r\n"),
        ("an empty size", "transfer-encoding: chunked\r\n\r\n\r\na=b\r\n0\r\n\r\n"),
        ("a size over 64 bits", "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\na=b\r\n0\r\n\r\n"),
        ("a chunk beyond its size", "transfer-encoding: chunked\r\n\r\n3\r\na=bcd\r\n0\r\n\r\n"),
        ("a bare LF after a size", "transfer-encoding: chunked\r\n\r\n3\na=b\r\n0\r\n\r\n"),
        ("a bare LF after a chunk", "transfer-encoding: chunked\r\n\r\n3\r\na=b\n0\r\n\r\n"),
        ("a bare LF in an extension", "transfer-encoding: chunked\r\n\r\n3;x\ny\r\na=b\r\n0\r\n\r\n"),
        ("a space before the colon", "transfer-encoding : chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"),
    ] {
        assert_eq!(statuses(&server, &format!("{POST}{body}")), [400], "{name}");
    }
    let endless = format!("{POST}transfer-encoding: chunked\r\n\r\n3;{}\r\na=b\r\n0\r\n\r\n", "x".repeat(32 * 1024));
    assert_eq!(statuses(&server, &endless), [400], "an extension without end");
    let old = POST.replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(statuses(&server, &format!("{old}transfer-encoding: chunked\r\n\r\n0\r\n\r\n")), [400], "HTTP/1.0");
}

/// What RFC 9112 requires every server to accept: the next request is answered as what it is.
#[test]
fn a_body_of_plain_length_is_the_requests_own() {
    let server = Server::in_memory(&[]);
    let hidden = format!("{GET}content-length: {}\r\n\r\n{NEXT}", NEXT.len());
    assert_eq!(statuses(&server, &hidden), [200, 200], "a request in a body is no request");
    for (name, body) in [
        ("the same length twice", "content-length: 3\r\ncontent-length: 3\r\n\r\na=b"),
        ("an extension", "transfer-encoding: chunked\r\n\r\n3;x=y\r\na=b\r\n0\r\n\r\n"),
        ("a trailer", "transfer-encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\nauthorization: Basic x\r\n\r\n"),
    ] {
        assert_eq!(statuses(&server, &format!("{POST}{body}")), [400, 200], "{name}");
    }
}

#[test]
fn a_malformed_head_ends_the_connection() {
    let server = Server::in_memory(&[]);
    for (name, head) in [
        ("a folded line", format!("{GET}x: a\r\n b\r\n\r\n")),
        ("a folded first line", "GET /healthz HTTP/1.1\r\n x: a\r\nhost: x\r\n\r\n".to_owned()),
        ("a bare CR", format!("{GET}x: a\rb: c\r\n\r\n")),
        ("a NUL", format!("{GET}x: a\0b\r\n\r\n")),
        ("a name outside ASCII", format!("{GET}\u{e9}: 1\r\n\r\n")),
        ("no name", format!("{GET}: 1\r\n\r\n")),
        ("a space before the colon", format!("{GET}x : 1\r\n\r\n")),
        ("no host", "GET /healthz HTTP/1.1\r\n\r\n".to_owned()),
        ("two hosts", format!("{GET}host: y\r\n\r\n")),
        ("no version", "GET /healthz\r\n\r\n".to_owned()),
        ("tabs for spaces", "GET\t/healthz\tHTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        ("a NUL in the path", "GET /healthz\0 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        ("a space in the path", "GET /healthz x HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        ("no path", "GET  HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        ("a relative path", "GET oauth2/token HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        ("TLS", "\x16\x03\x01\x02\0\x01\0\x01".to_owned()),
    ] {
        assert_eq!(statuses(&server, &head), [400], "{name}");
    }
    assert_eq!(statuses(&server, &format!("{GET}{}\r\n", "x: y\r\n".repeat(150))), [431], "too many lines");
}

/// Requests that never reach the service, and the status with which the server itself refuses each.
fn refused() -> Vec<(&'static str, u16, Vec<u8>)> {
    let chunked = format!("{POST}transfer-encoding: chunked\r\n\r\n");
    let text = |text: String| text.into_bytes();
    vec![
        ("no version", 400, text("GET /healthz\r\n\r\n".to_owned())),
        ("an invalid name", 400, text(format!("{GET}x y: marker\r\n\r\n"))),
        ("a doubtful length", 400, text(format!("{POST}content-length: 3, 3\r\n\r\na=b"))),
        ("TLS", 400, b"\x16\x03\x01\x02\0\x01\0\x01".to_vec()),
        ("no host", 400, text("GET /healthz HTTP/1.1\r\n\r\n".to_owned())),
        ("two hosts", 400, text(format!("{GET}host: marker\r\n\r\n"))),
        ("a broken chunk", 400, text(format!("{chunked}zz\r\nmarker\r\n0\r\n\r\n"))),
        ("too large headers", 431, text(format!("{GET}x: {}\r\n\r\n", "marker".repeat(3000)))),
        ("too many headers", 431, text(format!("{GET}{}\r\n", "x: marker\r\n".repeat(150)))),
        ("a body that never comes", 408, text(format!("{POST}content-length: 9\r\n\r\nmarker"))),
    ]
}

/// Checks that an answer is the contract's, and gives the request's id.
#[track_caller]
fn is_by_contract(name: &str, status: u16, answer: &Answer) -> String {
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    assert_eq!(answer.json()["error"], "invalid_request", "{name}");
    let length = format!("content-length: {}", answer.body.len());
    for line in [
        "content-type: application/json",
        "cache-control: no-store",
        "pragma: no-cache",
        "x-content-type-options: nosniff",
        "connection: close",
        &length,
    ] {
        assert_eq!(answer.head.lines().filter(|header| *header == line).count(), 1, "{name}, {line}: {answer:?}");
    }
    assert_eq!(answer.head.matches("content-length:").count(), 1, "{name}: {answer:?}");
    assert!(!answer.head.contains("marker") && !answer.body.contains("marker"), "{name}: {answer:?}");
    let ids: Vec<_> = answer.head.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect();
    assert_eq!(ids.len(), 1, "{name}: {answer:?}");
    ids[0].to_owned()
}

#[test]
fn what_the_server_refuses_by_itself_has_the_contracts_body_and_headers() {
    let server = Server::in_memory(&[]);
    let mut ids = Vec::new();
    for (name, status, request) in refused() {
        let answer = exchange(server.address(), &request);
        ids.push(is_by_contract(name, status, &answer));
        assert!(answer.json()["error_description"].is_string(), "{name}: {answer:?}");
    }
    let large = format!("{POST}connection: close\r\ncontent-length: 20000\r\n\r\n{}", "x".repeat(20_000));
    ids.push(is_by_contract("a large body", 413, &exchange(server.address(), large.as_bytes())));
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(!log.contains("marker"), "{log}");
    for id in ids {
        assert_eq!(log.matches(&id).count(), 1, "{id} in {log}");
    }
}

#[test]
fn without_detailed_errors_the_servers_own_have_no_description() {
    let mut command = crate::command::passgrant();
    command.env("PASSGRANT_DETAILED_ERRORS", "off");
    let server = Server::start(command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]));
    for (name, status, request) in refused().into_iter().filter(|(_, status, _)| *status != 408) {
        let answer = exchange(server.address(), &request);
        is_by_contract(name, status, &answer);
        assert_eq!(answer.body, r#"{"error":"invalid_request"}"#, "{name}");
    }
}

#[test]
fn a_refusal_after_other_answers_on_its_connection_is_the_contracts_too() {
    let server = Server::in_memory(&[]);
    for (before, after) in [(GET, "GET\r\n\r\n"), ("HEAD /healthz HTTP/1.1\r\nhost: x\r\n", "\x16\x03\r\n\r\n")] {
        let requests = format!("{before}\r\n{before}\r\n{after}{NEXT}");
        let (statuses, text) = answers(server.address(), requests.as_bytes());
        assert_eq!(statuses, [200, 200, 400], "{text}");
        let last = text.rsplit("\r\n\r\n").next().expect("a body");
        assert!(last.starts_with("{\"error\":\"invalid_request\""), "{text}");
    }
    let head = exchange(server.address(), b"HEAD /healthz HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n");
    assert_eq!((head.status, head.body.as_str()), (400, ""), "HEAD has no body");
    assert!(head.head.contains("content-type: application/json"), "{head:?}");
}

#[test]
fn no_hostile_path_reaches_an_endpoint() {
    let server = Server::in_memory(&[]);
    for target in HOSTILE {
        let request = POST.replace("/oauth2/token", target);
        let (statuses, text) =
            answers(server.address(), format!("{request}content-length: 0\r\n\r\n{NEXT}").as_bytes());
        assert_eq!(statuses, [404, 200], "{target}");
        assert!(!text.contains("cookie"), "{text}");
    }
    let absolute = POST.replace("/oauth2/token", "http://elsewhere.example/oauth2/token");
    assert_eq!(statuses(&server, &format!("{absolute}content-length: 0\r\n\r\n")), [400, 200], "its host is ignored");
}

#[test]
fn the_method_is_that_of_the_request_line() {
    let server = Server::in_memory(&[]);
    for name in ["x-http-method-override", "x-http-method", "x-method-override", "_method"] {
        let get = format!("GET /oauth2/token?_method=POST HTTP/1.1\r\nhost: x\r\n{name}: POST\r\n\r\n");
        assert_eq!(statuses(&server, &get), [405, 200], "{name}");
        let post = POST.replace("/oauth2/token", "/healthz");
        let post = format!("{post}{name}: GET\r\ncontent-length: 11\r\n\r\n_method=GET");
        assert_eq!(statuses(&server, &post), [405, 200], "{name}");
    }
}

#[test]
fn nothing_of_a_request_comes_back_in_a_header() {
    let mut command = crate::command::passgrant();
    command.env("PASSGRANT_CORS_ORIGINS", "https://app.example.com");
    let server = Server::start(command.args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]));
    for value in ["injected", "x%0d%0ax: injected", "x\u{e9} injected", "x\rinjected", "x\nx: injected", "x\0injected"]
    {
        for request in [
            format!("GET /healthz HTTP/1.1\r\nhost: {value}\r\n"),
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n", value.replace(' ', "")),
            format!("GET /oauth2/token?{} HTTP/1.1\r\nhost: x\r\n", value.replace(' ', "")),
            format!(
                "OPTIONS /oauth2/token HTTP/1.1\r\nhost: x\r\naccess-control-request-method: {value}\r\norigin: https://app.example.com\r\n"
            ),
            format!(
                "OPTIONS /oauth2/token HTTP/1.1\r\nhost: x\r\naccess-control-request-method: POST\r\norigin: {value}\r\n"
            ),
            format!(
                "OPTIONS /oauth2/token HTTP/1.1\r\nhost: x\r\naccess-control-request-method: POST\r\norigin: https://app.example.com{value}\r\n"
            ),
            format!("{GET}x-request-id: {value}\r\n"),
            format!("GET /oauth2/userinfo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {value}\r\n"),
            format!("{POST}authorization: Basic {value}\r\n"),
        ] {
            let answer = exchange(server.address(), format!("{request}connection: close\r\n\r\n").as_bytes());
            assert!(!answer.head.contains("injected") && !answer.body.contains("injected"), "{request:?}: {answer:?}");
        }
    }
}

#[test]
fn a_request_that_trickles_in_is_cut_off_too() {
    let server = Server::in_memory(&[]);
    let trickle = |beginning: String| {
        let address = server.address().to_owned();
        thread::spawn(move || {
            let mut stream = TcpStream::connect(address).expect("it listens");
            let mut reading = stream.try_clone().expect("a socket");
            stream.write_all(beginning.as_bytes()).expect("it reads");
            let started = Instant::now();
            // Each byte comes well in time, but the last one never comes.
            while started.elapsed() < FOREVER && stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(200));
            }
            let mut answer = String::new();
            let _: std::io::Result<usize> = reading.read_to_string(&mut answer);
            (started.elapsed() < FOREVER).then(|| answer.lines().next().unwrap_or_default().to_owned())
        })
    };
    let head = trickle(format!("{GET}x: "));
    let body = trickle(format!("{POST}content-length: 9999\r\n\r\n"));
    let ends = [head, body].map(|trickling| trickling.join().expect("it ends"));
    assert_eq!(ends, [Some(String::new()), Some("HTTP/1.1 408 Request Timeout".to_owned())]);
}
