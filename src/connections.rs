//! How the servers of this machine accept connections: only so many at once, and any more wait for their turn.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The pause after a connection could not be accepted: usually there are no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections at `listener` until it is dropped, and does what `serve` says with each, at most `most` of them at once.
/// Those that are open are in `open`, and end with it.
pub async fn accept<F>(
    listener: &TcpListener,
    most: usize,
    open: &mut JoinSet<()>,
    mut serve: impl FnMut(TcpStream) -> F,
) -> Infallible
where
    F: Future<Output: Send> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(most));
    loop {
        tokio::select! {
            accepted = next(listener, &places) => if let Some((stream, place)) = accepted {
                let serving = serve(stream);
                open.spawn(async move {
                    // A connection that breaks concerns only its client.
                    drop(serving.await);
                    drop(place);
                });
            },
            Some(_) = open.join_next(), if !open.is_empty() => {}
        }
    }
}

/// The next connection, once there is a place for it; `None` after one that could not be accepted.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Without it, an answer may wait for the acknowledgement of the previous one.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY could not be set");
            }
            Some((stream, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Sends back whatever comes.
    async fn echo(mut stream: TcpStream) {
        let (mut read, mut write) = stream.split();
        drop(tokio::io::copy(&mut read, &mut write).await);
    }

    async fn echoed(stream: &mut TcpStream) {
        stream.write_all(b"x").await.expect("a write");
        stream.read_exact(&mut [0]).await.expect("an answer");
    }

    #[tokio::test]
    async fn a_connection_too_many_waits_until_another_one_ends() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let mut open = JoinSet::new();
            accept(&listener, 2, &mut open, echo).await
        });
        let connect = || async { TcpStream::connect(address).await.expect("a connection") };
        let (mut first, mut second, mut third) = (connect().await, connect().await, connect().await);
        echoed(&mut first).await;
        echoed(&mut second).await;
        third.write_all(b"x").await.expect("a write");
        assert!(tokio::time::timeout(Duration::from_millis(50), third.read_u8()).await.is_err(), "it waits");
        drop(first);
        assert_eq!(third.read_u8().await.expect("an answer"), b'x');
        echoed(&mut second).await;
        server.abort();
    }

    #[tokio::test]
    async fn the_open_connections_end_with_their_set() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let mut client = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
        let mut open = JoinSet::new();
        tokio::select! {
            () = echoed(&mut client) => {}
            never = accept(&listener, 2, &mut open, echo) => match never {},
        }
        assert_eq!(open.len(), 1);
        drop(open);
        assert_eq!(client.read(&mut [0]).await.ok().unwrap_or_default(), 0, "it is closed");
    }
}
