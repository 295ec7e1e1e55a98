//! Clients that go away before they are answered.

#![expect(clippy::expect_used, reason = "a test without its verifier has failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SendError, channel};
use std::thread;

use serde_json::json;

use crate::command::passgrant;
use crate::server::Server;

const DEPARTURES: usize = 3;

/// A delegated verifier that waits until its caller gives up, [`DEPARTURES`] times, and then says yes. It sends a message
/// when a call begins, and another when the call is over.
fn verifier() -> (String, Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for number in 0..=DEPARTURES {
            let (mut stream, _) = listener.accept().expect("a call");
            read_head(&stream);
            sender.send(()).expect("a listener");
            if number == DEPARTURES {
                let body = r#"{"result":"yes"}"#;
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
                    .expect("an asker");
            }
            // The rest of the question, up to the end of the call. After the last one nobody may be listening any more.
            let _: std::io::Result<usize> = stream.read_to_end(&mut Vec::new());
            let _: Result<(), SendError<()>> = sender.send(());
        }
    });
    (url, receiver)
}

fn read_head(stream: &TcpStream) {
    let mut lines = BufReader::with_capacity(1, stream).lines();
    while !lines.next().expect("a head").expect("UTF-8").is_empty() {}
}

#[test]
fn a_client_that_goes_away_leaves_no_attempt_counted() {
    let (url, verifier) = verifier();
    let verifiers = json!([{"name": "slow", "url": url, "secret_env": "PASSGRANT_SECRET_OF_SLOW"}]);
    let mut serve = passgrant();
    serve
        .env("PASSGRANT_ATTEMPTS_LIMIT", "1")
        .env("PASSGRANT_DELEGATED_VERIFIERS", verifiers.to_string())
        .env("PASSGRANT_SECRET_OF_SLOW", "0123456789abcdef0123456789abcdef")
        .env("PASSGRANT_AUTH_CHAINS", "slow=slow")
        .env("PASSGRANT_AUTH_CHAIN", "slow")
        .args(["serve", "--in-memory", "--listen", "127.0.0.1:0", "--demo"]);
    let server = Server::start(&mut serve);
    let demo = server.started["demo"].clone();
    for _ in 0..DEPARTURES {
        let mut stream = TcpStream::connect(server.address()).expect("it listens");
        stream.write_all(&server.demo_request(&demo, "the right one")).expect("it reads");
        verifier.recv().expect("the verifier is asked");
        drop(stream);
        verifier.recv().expect("the call is given up");
    }
    assert_eq!(server.demo_login(&demo, "the right one").status, 200);
}
