//! A closed loop over connections that stay open: each sends its next request once it has read the answer to the last
//! one.

use std::io;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use url::form_urlencoded;

use crate::server::{PASSWORD, Registered};

/// What was measured.
pub(crate) struct Row {
    /// Milliseconds of each answer, in ascending order.
    latencies: Vec<f64>,
    seconds: f64,
    pub(crate) server_cpu: f64,
    pub(crate) driver_cpu: f64,
}

impl Row {
    fn new(of_connections: &[Vec<f64>], seconds: f64) -> Self {
        let mut latencies = of_connections.concat();
        latencies.sort_by(f64::total_cmp);
        Self { latencies, seconds, server_cpu: 0.0, driver_cpu: 0.0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "fewer than a million")]
    pub(crate) fn count(&self) -> f64 {
        self.latencies.len() as f64
    }

    pub(crate) fn rate(&self) -> f64 {
        self.count() / self.seconds
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        self.latencies[((self.count() - 1.0) * part).round() as usize]
    }

    pub(crate) fn server_cpu_ms(&self) -> f64 {
        self.server_cpu / self.count()
    }

    pub(crate) fn driver_cpu_ms(&self) -> f64 {
        self.driver_cpu / self.count()
    }
}

/// Connections to the server, driven by one thread.
pub(crate) struct Driver {
    runtime: Runtime,
    connections: Vec<Connection>,
}

impl Driver {
    pub(crate) fn connect(address: &str, count: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let connections = runtime.block_on(join_all((0..count).map(|_| Connection::open(address))));
        let connections = connections.into_iter().map(|opened| opened.expect("the server listens")).collect();
        Self { runtime, connections }
    }

    /// One connection to a server that is just starting.
    pub(crate) fn connect_soon(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let connection = runtime.block_on(async {
            loop {
                match Connection::open(address).await {
                    Ok(connection) => break connection,
                    Err(_) => tokio::time::sleep(Duration::from_micros(500)).await,
                }
            }
        });
        Self { runtime, connections: vec![connection] }
    }

    pub(crate) fn one_login(&mut self, registered: &Registered) {
        let request = login(&registered.users(1)[0]);
        let authorization = registered.authorization("RS256");
        self.runtime.block_on(self.connections[0].exchange(authorization, &request));
    }

    /// Password grants over `in_flight` connections, each of which takes its turn of `users` over and over.
    pub(crate) fn log_in(
        &mut self,
        registered: &Registered,
        users: &[String],
        in_flight: usize,
        duration: Duration,
    ) -> Row {
        let authorization = registered.authorization("RS256");
        let connections = self.connections.iter_mut().take(in_flight).enumerate();
        let loops = connections.map(async |(first, connection)| {
            let mut own = users.iter().skip(first).step_by(in_flight).cycle();
            connection.repeat(duration, authorization, |_| login(own.next().expect("a user for each connection"))).await
        });
        let started = Instant::now();
        let latencies = self.runtime.block_on(join_all(loops));
        Row::new(&latencies, started.elapsed().as_secs_f64())
    }

    /// Starts one session for each of `count` connections, and returns their refresh tokens.
    pub(crate) fn begin_chains(&mut self, registered: &Registered, algorithm: &str, count: usize) -> Vec<String> {
        let authorization = registered.authorization(algorithm);
        let users = registered.users(count);
        let logins = self.connections.iter_mut().zip(&users).map(async |(connection, user)| {
            connection.exchange(authorization, &login(user)).await;
            connection.refresh_token().to_owned()
        });
        self.runtime.block_on(join_all(logins))
    }

    /// Refreshes: one connection for each of `chains`, which continues with the token in the last answer.
    pub(crate) fn refresh(
        &mut self,
        registered: &Registered,
        algorithm: &str,
        chains: &mut [String],
        duration: Duration,
    ) -> Row {
        let authorization = registered.authorization(algorithm);
        let loops = self.connections.iter_mut().zip(chains).map(async |(connection, token)| {
            let first = token.clone();
            let refresh = |answered: Option<&Connection>| {
                let token = answered.map_or(first.as_str(), Connection::refresh_token);
                format!("grant_type=refresh_token&refresh_token={token}")
            };
            let latencies = connection.repeat(duration, authorization, refresh).await;
            connection.refresh_token().clone_into(token);
            latencies
        });
        let started = Instant::now();
        let latencies = self.runtime.block_on(join_all(loops));
        Row::new(&latencies, started.elapsed().as_secs_f64())
    }
}

fn login(user: &str) -> String {
    let form = [("grant_type", "password"), ("username", user), ("password", PASSWORD)];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

struct Connection {
    address: String,
    stream: TcpStream,
    /// The last answer.
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { address: address.to_owned(), stream, answer: Vec::with_capacity(16 * 1024) })
    }

    /// Exchanges until `duration` is over, and returns the milliseconds of each. `next` makes the body from the last
    /// answer.
    async fn repeat(
        &mut self,
        duration: Duration,
        authorization: &str,
        mut next: impl FnMut(Option<&Self>) -> String,
    ) -> Vec<f64> {
        let (begin, mut latencies) = (Instant::now(), Vec::with_capacity(1 << 16));
        let mut body = next(None);
        while begin.elapsed() < duration {
            let started = Instant::now();
            self.exchange(authorization, &body).await;
            latencies.push(started.elapsed().as_secs_f64() * 1e3);
            body = next(Some(self));
        }
        latencies
    }

    /// Sends one request and reads the answer, which must contain a token.
    async fn exchange(&mut self, authorization: &str, body: &str) {
        let request = format!(
            "POST /oauth2/token HTTP/1.1\r\nhost: {}\r\nauthorization: {authorization}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        self.stream.write_all(request.as_bytes()).await.expect("the server reads");
        self.answer.clear();
        while !self.is_answered() {
            let read = self.stream.read_buf(&mut self.answer).await.expect("an answer");
            assert!(read > 0, "the connection is closed");
        }
        assert!(self.answer.starts_with(b"HTTP/1.1 200 "), "{}", self.text());
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.answer).expect("UTF-8")
    }

    fn is_answered(&self) -> bool {
        let Some((head, body)) = self.text().split_once("\r\n\r\n") else { return false };
        let length = head.split_once("content-length: ").expect("a length").1;
        let length = length.split("\r\n").next().expect("a value");
        body.len() == length.parse::<usize>().expect("a number")
    }

    fn refresh_token(&self) -> &str {
        let value = self.text().split_once("\"refresh_token\":\"").expect("a refresh token").1;
        value.split('"').next().expect("its end")
    }
}
