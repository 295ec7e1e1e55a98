//! `passgrant user import`: a DynamoDB that throttles.

#![expect(clippy::expect_used, reason = "a test without its database has failed")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use serde_json::Value;

use crate::command::{On, passgrant, run};
use crate::importing::{counts, plain_lines};
use crate::server::{Server, text};

/// Stands in front of the DynamoDB at `endpoint`, and refuses every second request if it is an `operation`, as long as
/// `faults` lasts.
pub(crate) fn throttling(endpoint: String, faults: &Arc<AtomicI64>, operation: &str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (faults, operation) = (Arc::clone(faults), format!("DynamoDB_20120810.{operation}"));
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            let (endpoint, faults, operation) = (endpoint.clone(), Arc::clone(&faults), operation.clone());
            // Each on a thread of its own: a request that waits for another may be given up by its client.
            thread::spawn(move || {
                let Some(request) = request(&mut stream) else { return };
                let throttles =
                    is_for(&operation, &request) && number % 2 == 0 && faults.fetch_sub(1, Ordering::SeqCst) > 0;
                let answer = if throttles { refusal(number, &operation) } else { forwarded(&endpoint, &request) };
                // The client may be gone.
                let _: std::io::Result<()> = stream.write_all(&answer);
            });
        }
    });
    url
}

/// A whole request; `None` if its client has given it up.
fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = [0; 4 * 1024];
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
        let head_end = request.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        if let Some(end) = head_end {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if request.len() - end >= length.map_or(0, |length| length.parse().expect("a length")) {
                return Some(request);
            }
        }
    }
}

fn is_for(operation: &str, request: &[u8]) -> bool {
    String::from_utf8_lossy(request).contains(operation)
}

/// Throttled in each of the ways that DynamoDB has, one of which is for transactions only.
fn refusal(number: usize, operation: &str) -> Vec<u8> {
    let ways = if operation.ends_with("TransactWriteItems") { 3 } else { 2 };
    let body = match number / 2 % ways {
        0 => r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"x"}"#,
        1 => r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"x"}"#,
        _ => {
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"x","CancellationReasons":[{"Code":"None"},{"Code":"ThrottlingError"}]}"#
        }
    };
    let length = body.len();
    format!("HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

/// The answer to `request`, after which the connection is closed.
fn forwarded(endpoint: &str, request: &[u8]) -> Vec<u8> {
    let address = endpoint.strip_prefix("http://").expect("an http URL");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let end = request.windows(2).position(|window| window == b"\r\n").expect("a first line") + 2;
    let parts = [&request[..end], b"connection: close\r\n", &request[end..]];
    stream.write_all(&parts.concat()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

#[test]
fn an_import_waits_while_it_is_throttled_and_loses_and_doubles_nobody() {
    let data = tempfile::tempdir().expect("a folder");
    let _server = Server::on(data.path(), &[]);
    let published: Value =
        serde_json::from_slice(&fs::read(data.path().join("dynamodb.json")).expect("a file")).expect("JSON");
    let faults = Arc::new(AtomicI64::new(12));
    let endpoint = throttling(text(&published["endpoint"]).to_owned(), &faults, "TransactWriteItems");
    let file = data.path().join("users.jsonl");
    fs::write(&file, plain_lines(0..1000)).expect("a file");
    let mut import = passgrant();
    import
        .env("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        .env("AWS_REGION", "local")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .args(["user", "import", "--output", "json", "--on-conflict", "fail"])
        .arg(&file);
    let summary = run(&mut import).without_audit_log().json();
    assert!(faults.load(Ordering::SeqCst) < 0, "it was throttled");
    assert_eq!(counts(&summary), [1000, 1000, 0, 0, 0, 0]);
    assert_eq!(On(data.path()).json(&["user", "list"]).as_array().map(Vec::len), Some(1000));
}
