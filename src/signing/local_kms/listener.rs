//! The KMS on a listener: each connection is bounded in time and size, and their number is limited.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::connections;
use crate::signing::local_kms::LocalKms;
use crate::signing::local_kms::wire::{self, Call};

/// More than the connections of a few functions.
const MAX_CONNECTIONS: usize = 64;
/// From the opening of a connection, or the previous answer, to the end of the headers. The SDK's pool closes connections
/// that it has not used for longer.
const HEADER_TIME: Duration = Duration::from_mins(2);
const BODY_TIME: Duration = Duration::from_secs(10);

/// Answers what comes to `listener` until it is dropped, and every connection with it.
pub async fn serve(listener: TcpListener, kms: Arc<LocalKms>) -> Infallible {
    let serve = |stream| connection(stream, Arc::clone(&kms));
    connections::accept(&listener, MAX_CONNECTIONS, &mut JoinSet::new(), serve).await
}

async fn connection(stream: TcpStream, kms: Arc<LocalKms>) -> hyper::Result<()> {
    let answer = service_fn(move |request| answer(Arc::clone(&kms), request));
    let mut server = http1::Builder::new();
    let server = server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    server.serve_connection(TokioIo::new(stream), answer).await
}

async fn answer(kms: Arc<LocalKms>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = timeout(BODY_TIME, wire::body(body)).await??;
    let call = Call::read(&head.method, &head.headers, &body, kms.region());
    let outcome = match call {
        Ok(call) => spawn_blocking(move || kms.perform(call)).await.map_err(io::Error::other)?,
        Err(refusal) => Err(refusal),
    };
    wire::response(outcome)
}
