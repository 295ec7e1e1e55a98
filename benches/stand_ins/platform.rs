//! The platform: the runtime API that a function polls, and the function's process.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::canned::{CLIENT, SECRET};

/// What may take this long on a busy machine, and is broken if it takes longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// The time limit of an invocation, as in `template.yaml`.
const FUNCTION: Duration = Duration::from_secs(29);

/// A function that has asked for an invocation and is waiting for it.
pub(crate) struct Poll {
    /// When it asked.
    pub(crate) at: Instant,
    invocation: oneshot::Sender<(String, Value)>,
}

impl Poll {
    /// Sends it an invocation.
    pub(crate) fn invoke(self, request_id: &str, event: Value) {
        assert!(self.invocation.send((request_id.to_owned(), event)).is_ok(), "the function is gone");
    }
}

/// The answer of a function.
pub(crate) struct Answer {
    pub(crate) request_id: String,
    pub(crate) at: Instant,
    pub(crate) body: Value,
}

/// A runtime API for one function.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    polls: mpsc::UnboundedReceiver<Poll>,
    answers: mpsc::UnboundedReceiver<Answer>,
    accepting: JoinHandle<()>,
}

#[derive(Clone)]
struct Senders {
    polls: mpsc::UnboundedSender<Poll>,
    answers: mpsc::UnboundedSender<Answer>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a loopback port");
        let address = listener.local_addr().expect("a bound address");
        let (polls, poll_receiver) = mpsc::unbounded_channel();
        let (answers, answer_receiver) = mpsc::unbounded_channel();
        let accepting = tokio::spawn(accept(listener, Senders { polls, answers }));
        Self { address, polls: poll_receiver, answers: answer_receiver, accepting }
    }

    /// Waits until the function asks for an invocation.
    pub(crate) async fn poll(&mut self) -> Poll {
        timeout(PATIENCE, self.polls.recv()).await.expect("a poll in time").expect("the server runs")
    }

    /// Whether the function has asked for an invocation that it has not been sent yet.
    pub(crate) fn is_polled(&self) -> bool {
        !self.polls.is_empty()
    }

    /// Waits for the next answer of the function.
    pub(crate) async fn answer(&mut self) -> Answer {
        timeout(PATIENCE, self.answers.recv()).await.expect("an answer in time").expect("the server runs")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, senders: Senders) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).expect("a TCP socket");
        let senders = senders.clone();
        let service = service_fn(move |request| serve(senders.clone(), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn serve(senders: Senders, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let at = Instant::now();
    let path = request.uri().path().to_owned();
    let Some(invocation) = path.strip_prefix("/2018-06-01/runtime/invocation/") else {
        let report = request.into_body().collect().await?.to_bytes();
        panic!("{path}: {}", String::from_utf8_lossy(&report));
    };
    if request.method() == Method::GET && invocation == "next" {
        let (sender, receiver) = oneshot::channel();
        // The receiver may be gone.
        let _: Result<(), mpsc::error::SendError<Poll>> = senders.polls.send(Poll { at, invocation: sender });
        let Ok((request_id, event)) = receiver.await else {
            return Ok(status(StatusCode::GONE));
        };
        return Ok(next(&request_id, &event));
    }
    let (request_id, kind) = invocation.split_once('/').expect("of an invocation");
    let request_id = request_id.to_owned();
    assert_eq!(kind, "response", "the function failed");
    let body = request.into_body().collect().await?.to_bytes();
    let body = serde_json::from_slice(&body).expect("a JSON answer");
    let _: Result<(), mpsc::error::SendError<Answer>> = senders.answers.send(Answer { request_id, at, body });
    Ok(status(StatusCode::ACCEPTED))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

#[expect(clippy::disallowed_methods, reason = "the platform's deadline is in the machine's own time")]
fn next(request_id: &str, event: &Value) -> Response<Full<Bytes>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Response::builder()
        .header("lambda-runtime-aws-request-id", request_id)
        .header("lambda-runtime-deadline-ms", (now + FUNCTION).as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:111122223333:function:passgrant")
        .body(Full::new(Bytes::from(event.to_string())))
        .expect("an invocation")
}

/// A running function, killed when dropped.
pub(crate) struct Function {
    process: Child,
    /// When `exec` had succeeded.
    pub(crate) started: Instant,
}

impl Function {
    /// Starts `program` with `environment` and what the platform adds to it.
    pub(crate) fn start(program: &Path, api: &RuntimeApi, environment: &[(String, String)], log: Stdio) -> Self {
        let process = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "passgrant")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_SESSION_TOKEN", "token")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .spawn()
            .expect("a program that runs");
        Self { process, started: Instant::now() }
    }

    /// Stops it, as the platform does with an environment that has nothing to do.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(told.expect("kill runs").success(), "the function is gone");
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _: std::io::Result<()> = self.process.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.process.wait();
    }
}

/// A token request as an HTTP API turns it into an event.
pub(crate) fn token_request(parameters: &[(&str, &str)]) -> Value {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/oauth2/token",
        "rawQueryString": "",
        "headers": {
            "authorization": format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}"))),
            "content-length": body.len().to_string(),
            "content-type": "application/x-www-form-urlencoded",
            "host": "login.example.com",
            "user-agent": "stand-in",
            "x-forwarded-for": "203.0.113.17",
        },
        "requestContext": {
            "accountId": "111122223333",
            "apiId": "h7w4t1z8ke",
            "domainName": "h7w4t1z8ke.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "h7w4t1z8ke",
            "http": {
                "method": "POST", "path": "/oauth2/token", "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.17", "userAgent": "stand-in",
            },
            "requestId": "QvJ1ohNUFiAEJ8w=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "11/Sep/2025:10:31:13 +0000",
            "timeEpoch": 1_757_586_673_482_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// The members of an answer that must have succeeded.
pub(crate) fn succeeded(answer: &Answer) -> HashMap<String, Value> {
    assert_eq!(answer.body["statusCode"], 200, "{}", answer.body);
    serde_json::from_str(answer.body["body"].as_str().expect("a body")).expect("a JSON body")
}
