//! HTTP/1.1 connections: each is bounded in time and size, and their number is limited.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulShutdown;
use passgrant::connections;
use passgrant::error::Error;
use passgrant::form::MAX_BODY_BYTES;
use passgrant::router::{self, RequestId};
use passgrant::source::FrontDoor;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::serve::refusals::{Connection, MALFORMED, NOT_RECEIVED, Refusals};

/// Each takes one file descriptor.
const MAX_CONNECTIONS: usize = 256;
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// From the opening of a connection, or the previous answer, to the end of the headers.
const HEADER_TIME: Duration = Duration::from_secs(10);
const BODY_TIME: Duration = Duration::from_secs(10);
/// The same as behind API Gateway.
const REQUEST_TIME: Duration = Duration::from_secs(29);
/// How long the requests in progress may continue when the server stops.
const CLOSING_TIME: Duration = Duration::from_secs(10);
/// How much of a body that is too large is read anyway: a client that is still sending would not see the answer.
const MAX_DISCARDED_BYTES: usize = 1024 * 1024;
/// Answers connections until `stop` returns, then lets the requests in progress finish, unless it returns again.
pub(super) async fn serve(listener: TcpListener, refusals: Refusals, mut stop: impl AsyncFnMut()) {
    let graceful = GracefulShutdown::new();
    let mut open = JoinSet::new();
    let serve = |stream| graceful.watch(connection(stream, refusals.clone()));
    tokio::select! {
        never = connections::accept(&listener, MAX_CONNECTIONS, &mut open, serve) => match never {},
        () = stop() => {}
    }
    drop(listener);
    let finished = pin!(timeout(CLOSING_TIME, graceful.shutdown()));
    tokio::select! {
        finished = finished => {
            if finished.is_err() {
                tracing::warn!("stopped with requests under way");
            }
        }
        () = stop() => tracing::warn!("stopped at once"),
    }
}

fn connection(
    stream: TcpStream,
    refusals: Refusals,
) -> impl hyper_util::server::graceful::GracefulConnection<Output = hyper::Result<()>> + Send {
    let front_door = FrontDoor { address: stream.peer_addr().ok().map(|peer| peer.ip()), appends: false };
    let connection = Connection::new(stream, refusals.clone());
    let answer = service_fn(move |mut request: Request<Incoming>| {
        let refusals = refusals.clone();
        request.extensions_mut().insert(front_door);
        async move { Ok::<_, Infallible>(answer(&refusals, request).await.map(Full::new)) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_header_size(MAX_HEADER_BYTES)
        .serve_connection(connection, answer)
}

async fn answer(refusals: &Refusals, request: Request<Incoming>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    if is_malformed(&parts) {
        return closing(refusals, &MALFORMED);
    }
    match timeout(BODY_TIME, read(body)).await {
        Ok(Ok(body)) => {
            let id = RequestId::generate(refusals.service());
            router::handle(refusals.service(), Request::from_parts(parts, body), id, REQUEST_TIME).await
        }
        Ok(Err(_broken)) => closing(refusals, &MALFORMED),
        Err(_elapsed) => closing(refusals, &NOT_RECEIVED),
    }
}

/// What hyper accepts and HTTP does not: a request to no host, or to several (RFC 9112, section 3.2), and a body whose
/// transfer coding is anything but a single `chunked` (sections 6.1 and 7.1).
fn is_malformed(head: &Parts) -> bool {
    let hosts = head.headers.get_all(HOST).iter().count();
    let codings: Vec<_> = head.headers.get_all(TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes).collect();
    let readable = match codings[..] {
        [] => true,
        [coding] => coding.eq_ignore_ascii_case(b"chunked"),
        _ => false,
    };
    !readable || hosts > 1 || (hosts == 0 && head.version > Version::HTTP_10)
}

/// The body; if it is too large, enough of it for the service to say so.
async fn read(mut body: Incoming) -> hyper::Result<Bytes> {
    // Allocated in one piece from the start: a body that grew would leave copies of itself behind, which would not be
    // wiped.
    let mut read = BytesMut::with_capacity(MAX_BODY_BYTES + 1);
    let mut discarded = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let wanted = data.len().min(MAX_BODY_BYTES + 1 - read.len());
        read.extend_from_slice(&data[..wanted]);
        discarded += data.len() - wanted;
        if discarded > MAX_DISCARDED_BYTES {
            break;
        }
    }
    Ok(read.freeze())
}

/// An answer to a request that did not arrive; its connection cannot be used again.
fn closing(refusals: &Refusals, error: &Error) -> Response<Bytes> {
    let mut response = refusals.answer(error);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
