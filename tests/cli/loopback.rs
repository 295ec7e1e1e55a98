//! An HTTP/1.1 server of the tests on a loopback port, whose answers are bytes: some of them no server library would send.

#![expect(clippy::expect_used, reason = "a test without its server has failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A request, as it came.
pub(crate) struct Request {
    /// The request line and the headers, in lower case but for the line.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let header = |line: &String| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers: Vec<_> = lines.iter().skip(1).filter_map(header).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        Some(Self { line: lines.first()?.clone(), headers, body })
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The path, with the query.
    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// A server that gives one answer on each connection, for as long as the test runs.
pub(crate) struct Loopback {
    address: SocketAddr,
}

impl Loopback {
    /// Answers each request with the bytes that `answer` makes of it, and closes; with none, it keeps the connection and says
    /// nothing.
    pub(crate) fn start(answer: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a loopback port"), answer)
    }

    /// The same on a listener whose address somebody has to know before.
    pub(crate) fn on(
        listener: TcpListener,
        answer: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("a bound address");
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                thread::spawn(move || {
                    let Some(bytes) = Request::read(&stream).map(|request| answer(&request)) else {
                        return;
                    };
                    match bytes {
                        // The other side may have heard enough before the end.
                        Some(bytes) => drop((&stream).write_all(&bytes)),
                        None => thread::sleep(Duration::from_mins(1)),
                    }
                });
            }
        });
        Self { address }
    }

    /// Where it listens, as in `127.0.0.1:8080`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// An answer.
pub(crate) fn answer(status: u16, content_type: &str, body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} Said\r\ncontent-type: {content_type}\r\ncontent-length: {}", body.len());
    format!("{head}\r\nconnection: close\r\n\r\n{body}").into_bytes()
}
