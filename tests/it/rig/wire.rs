//! The wire between the AWS SDK and an endpoint: it forwards, records every exchange, and breaks on demand.

#![expect(clippy::expect_used, reason = "a wire that cannot go on fails the test it serves")]

mod fault;
mod tests;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

pub(crate) use self::fault::{Fault, Matcher};
use self::fault::{Injected, Refusal, Service};
use crate::rig::loopback::Loopback;

/// Twice the 16 MB of the largest request that either service takes.
const MAX_BODY_BYTES: usize = 32 << 20;

/// A proxy before one endpoint; stopped when dropped, with every connection and every answer it withholds.
pub(crate) struct Wire {
    server: Loopback,
    line: Arc<Line>,
}

/// One request and its answer, or what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// The last part of `X-Amz-Target`; empty if the request does not have that header.
    pub(crate) operation: String,
    /// When the head of the request had arrived.
    pub(crate) start: Instant,
    /// When the answer was ready to be sent, or the exchange was given up.
    pub(crate) end: Instant,
}

struct Line {
    upstream: Uri,
    client: Client<HttpConnector, Full<Bytes>>,
    exchanges: Mutex<Vec<Exchange>>,
    faults: Mutex<Vec<Injected<Fault>>>,
    hooks: Mutex<Vec<Injected<Hook>>>,
    /// The operations of the exchanges that hung.
    hung: Mutex<Vec<String>>,
}

/// What a test does when an exchange begins, which goes on after that.
type Hook = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

impl Wire {
    /// Forwards to `upstream`, as in `http://127.0.0.1:8000`.
    pub(crate) fn start(upstream: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let line = Arc::new(Line {
            upstream: upstream.parse().expect("an upstream URL"),
            client: Client::builder(TokioExecutor::new()).build(connector),
            exchanges: Mutex::default(),
            faults: Mutex::default(),
            hooks: Mutex::default(),
            hung: Mutex::default(),
        });
        let shared = Arc::clone(&line);
        let server = Loopback::start(move |request| exchange(Arc::clone(&shared), request));
        Self { server, line }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// The exchanges that ended since the last call, in the order of their ends.
    pub(crate) fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut lock(&self.line.exchanges))
    }

    /// Breaks the exchanges that `matcher` selects; if several faults do, the one injected first decides.
    pub(crate) fn inject(&self, fault: Fault, matcher: Matcher) {
        lock(&self.line.faults).push(Injected::new(fault, matcher));
    }

    /// How many exchanges of `operation` have hung so far, by [`Fault::Hang`] or [`Fault::HangAfter`].
    pub(crate) fn hung(&self, operation: &str) -> usize {
        lock(&self.line.hung).iter().filter(|hung| *hung == operation).count()
    }

    pub(crate) fn clear_faults(&self) {
        lock(&self.line.faults).clear();
    }

    /// Does something when the exchanges that `matcher` selects begin, and only then forwards them.
    pub(crate) fn hook(&self, matcher: Matcher, hook: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        lock(&self.line.hooks).push(Injected::new(Arc::new(hook), matcher));
    }

    pub(crate) fn clear_hooks(&self) {
        lock(&self.line.hooks).clear();
    }
}

/// The length of the longest chain of exchanges in which each starts after the one before it ended.
///
/// Loopback answers so fast that calls made at once may still follow each other: hold every exchange with
/// [`Fault::Delay`] before counting. The exchanges may come from several wires.
pub(crate) fn sequential_rounds(exchanges: &[Exchange]) -> usize {
    let mut by_end: Vec<&Exchange> = exchanges.iter().collect();
    by_end.sort_by_key(|exchange| exchange.end);
    // The exchange that ends first never makes a chain shorter, so taking it each time finds the longest.
    let mut rounds = 0;
    let mut last_end = None;
    for exchange in by_end {
        if last_end.is_none_or(|end| exchange.start >= end) {
            rounds += 1;
            last_end = Some(exchange.end);
        }
    }
    rounds
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("the wire does not panic")
}

/// Records its exchange when dropped: one that a client gives up on never comes to an end of its own.
struct Recording {
    line: Arc<Line>,
    operation: String,
    start: Instant,
}

impl Drop for Recording {
    fn drop(&mut self) {
        lock(&self.line.exchanges).push(Exchange {
            operation: std::mem::take(&mut self.operation),
            start: self.start,
            end: Instant::now(),
        });
    }
}

async fn exchange(line: Arc<Line>, request: Request<Incoming>) -> io::Result<Response<Answer>> {
    let start = Instant::now();
    let (service, operation) = target(request.headers());
    let recording = Recording { line, operation, start };
    let line = &recording.line;
    let fault = lock(&line.faults)
        .iter_mut()
        .filter_map(|injected| injected.select(&recording.operation))
        // Each fault counts the exchange, and does not depend on what was injected before it.
        .fold(None, |first, fault| first.or(Some(fault)));

    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, whole(body).await?);
    let hooks: Vec<Hook> =
        lock(&line.hooks).iter_mut().filter_map(|injected| injected.select(&recording.operation)).collect();
    for hook in hooks {
        hook().await;
    }
    if let Some(Fault::Delay(delay)) = fault {
        tokio::time::sleep(delay).await;
    }
    match fault {
        None | Some(Fault::Delay(_)) => Ok(line.forward(request).await?.map(Answer::whole)),
        Some(Fault::Truncate) => line.forward(request).await.map(truncate),
        Some(Fault::ResetAfter) => {
            line.forward(request).await?;
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Some(Fault::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(fault @ (Fault::Hang | Fault::HangAfter)) => {
            if fault == Fault::HangAfter {
                line.forward(request).await?;
            }
            lock(&line.hung).push(recording.operation.clone());
            std::future::pending().await
        }
        Some(Fault::Garbage) => refuse(service.garbage()),
        Some(Fault::Throttle) => refuse(service.throttling()),
        Some(Fault::ServerError) => refuse(service.server_error()),
        Some(Fault::Unavailable503) => refuse(fault::UNAVAILABLE),
        Some(Fault::ExpiredCredentials) => refuse(service.expired_credentials()),
    }
}

fn target(headers: &HeaderMap) -> (Service, String) {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.rsplit_once('.').unwrap_or_default();
    let service = match service {
        "TrentService" => Service::Kms,
        _ => Service::DynamoDb,
    };
    (service, operation.to_owned())
}

impl Line {
    /// Sends the request as it came. Its `Host` stays the wire's, which the signature covers.
    async fn forward(&self, mut request: Request<Bytes>) -> io::Result<Response<Bytes>> {
        let mut uri = self.upstream.clone().into_parts();
        uri.scheme.get_or_insert(Scheme::HTTP);
        uri.path_and_query = match request.uri().path_and_query() {
            Some(path_and_query) => Some(path_and_query.clone()),
            None => Some(PathAndQuery::from_static("/")),
        };
        *request.uri_mut() = Uri::from_parts(uri).map_err(io::Error::other)?;
        let answer = self.client.request(request.map(Full::new)).await.map_err(io::Error::other)?;
        let (mut head, body) = answer.into_parts();
        head.headers.remove(TRANSFER_ENCODING);
        Ok(Response::from_parts(head, whole(body).await?))
    }
}

async fn whole(body: Incoming) -> io::Result<Bytes> {
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    Ok(body.map_err(io::Error::other)?.to_bytes())
}

fn refuse(refusal: Refusal) -> io::Result<Response<Answer>> {
    Response::builder()
        .status(refusal.status)
        .header(CONTENT_TYPE, refusal.content_type)
        .body(Answer::whole(refusal.body))
        .map_err(io::Error::other)
}

fn truncate(answer: Response<Bytes>) -> Response<Answer> {
    let (mut head, body) = answer.into_parts();
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    let half = body.slice(..body.len() / 2);
    Response::from_parts(head, Answer { bytes: Some(half), cut: Some(Cut::Flush) })
}

/// The body of an answer: whole, or the first bytes of it and then the end of the connection.
struct Answer {
    bytes: Option<Bytes>,
    cut: Option<Cut>,
}

enum Cut {
    /// Lets the server write what it has; an error at once would take the first half along.
    Flush,
    Close,
}

impl Answer {
    fn whole(bytes: Bytes) -> Self {
        Self { bytes: Some(bytes), cut: None }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.cut {
            None => Poll::Ready(None),
            Some(Cut::Flush) => {
                self.cut = Some(Cut::Close);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Cut::Close) => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.cut, &self.bytes) {
            (None, Some(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            (None, None) => SizeHint::with_exact(0),
            (Some(_), _) => SizeHint::default(),
        }
    }
}
