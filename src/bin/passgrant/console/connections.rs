//! HTTP/1.1 connections of the page: each is bounded in time and size, and their number is limited.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::console::peer::Owner;
use crate::output::warn;

/// A browser opens six.
const MAX_CONNECTIONS: usize = 64;
/// Browsers send the cookies of all ports of the address.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// From the opening of a connection, or the previous answer, to the end of the headers.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// How long the body of a request may take, unless it goes on coming as fast as through a slow tunnel: it may be a file.
const BODY_TIME: Duration = Duration::from_secs(30);
const LEAST_BYTES_A_SECOND: u64 = 64 * 1024;
/// How long the requests in progress may continue at the end.
const CLOSING_TIME: Duration = Duration::from_secs(5);
/// The pause after a connection could not be accepted: usually there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers connections to `address` until `stop` returns, then lets the requests in progress finish, unless it returns again.
pub(super) async fn serve(listener: TcpListener, address: SocketAddr, routes: Router, mut stop: impl AsyncFnMut()) {
    let owner = Owner::of(address);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let accepting = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let (routes, watcher) = (routes.clone(), graceful.watcher());
                    tokio::spawn(async move {
                        if is_of(owner, peer, address).await {
                            answer(stream, routes, watcher).await;
                        }
                        drop(place);
                    });
                }
                Err(_no_descriptors) => sleep(ACCEPT_PAUSE).await,
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop() => {}
    }
    drop(listener);
    let finished = pin!(timeout(CLOSING_TIME, graceful.shutdown()));
    tokio::select! {
        finished = finished => if finished.is_err() {
            warn("the console has ended with requests under way");
        },
        () = stop() => {}
    }
}

/// Whether a connection is of the user of this console, or nobody can tell.
async fn is_of(owner: Option<Owner>, peer: SocketAddr, address: SocketAddr) -> bool {
    let Some(owner) = owner else { return true };
    spawn_blocking(move || owner.has(peer, address)).await.unwrap_or(false)
}

async fn answer(stream: TcpStream, routes: Router, watcher: Watcher) {
    // Without it, a part of a growing page may wait for the acknowledgement of the previous one.
    let _: io::Result<()> = stream.set_nodelay(true);
    let service = TowerToHyperService::new(routes);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_header_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    // A connection that breaks concerns only its client.
    let _: hyper::Result<()> = watcher.watch(connection).await;
}

/// `request`, whose body ends with an error if it does not come in time.
pub(super) async fn in_time(request: Request) -> Request {
    request.map(|body| if body.is_end_stream() { body } else { timed(body, BODY_TIME) })
}

/// `body`, which must have come within `most`, and within further time for each part of it that has come.
fn timed(body: Body, most: Duration) -> Body {
    let beginning = (body, 0, Instant::now() + most);
    Body::from_stream(stream::try_unfold(beginning, async |(mut body, received, end): (Body, u64, Instant)| {
        let end_now = end + Duration::from_secs(received / LEAST_BYTES_A_SECOND);
        let Some(frame) = timeout_at(end_now, body.frame()).await.map_err(axum::Error::new)? else { return Ok(None) };
        let data = frame?.into_data().unwrap_or_default();
        let received = received + data.len() as u64;
        Ok::<_, axum::Error>(Some((data, (body, received, end))))
    }))
}

#[cfg(test)]
mod tests {
    use axum::body::{Bytes, to_bytes};
    use futures_util::StreamExt as _;

    use super::*;

    fn parts(parts: &[&'static [u8]]) -> impl futures_util::Stream<Item = Result<Bytes, axum::Error>> + use<> {
        stream::iter(parts.iter().map(|&part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_in_time_is_an_error() {
        let whole = timed(Body::from_stream(parts(&[b"a=", b"b"])), BODY_TIME);
        assert_eq!(to_bytes(whole, 9).await.expect("a body"), "a=b");
        let stalled = Body::from_stream(parts(&[b"a="]).chain(stream::pending()));
        assert!(to_bytes(timed(stalled, Duration::ZERO), 9).await.is_err());
    }

    #[tokio::test]
    async fn a_large_body_that_keeps_on_coming_has_more_time() {
        const SECOND: &[u8] = &[0; 64 * 1024];
        let later = async {
            sleep(Duration::from_millis(20)).await;
            Ok(Bytes::from_static(b"end"))
        };
        let slow = Body::from_stream(parts(&[SECOND]).chain(stream::once(later)));
        let body = to_bytes(timed(slow, Duration::ZERO), SECOND.len() * 2).await;
        assert_eq!(body.expect("a body").len(), SECOND.len() + 3);
    }
}
