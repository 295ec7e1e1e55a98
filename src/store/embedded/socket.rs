//! The loopback port at which other processes reach the embedded DynamoDB. Behind it is the embedded server's own port,
//! which is not announced: the server's answers pass through here, so that an answer has the same effects whichever way
//! it takes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use crate::connections;
use crate::store::embedded::flush::Flush;
use crate::store::embedded::known::Writes;
use crate::store::embedded::place::Place;

/// The largest part of an answer that is passed on at once.
const PIECE: usize = 16 * 1024;
/// Each takes three file descriptors: the client's, and both ends of the one that it is passed on to.
const MAX_CONNECTIONS: usize = 128;

/// How long a connection may take.
#[derive(Clone, Copy)]
struct Times {
    /// How long a client may say nothing.
    idle: Duration,
    /// How long a connection may be used, whatever comes.
    whole: Duration,
    /// How long the last answer may take, and how long a client may take to read a part of one.
    answer: Duration,
}

/// The SDK's pool closes connections that it has not used for less, and opens another one in place of any that was closed.
const TIMES: Times =
    Times { idle: Duration::from_mins(2), whole: Duration::from_hours(1), answer: Duration::from_secs(30) };

/// What is done before an answer is sent.
#[derive(Clone)]
pub(super) struct BeforeAnswer {
    /// Makes durable what was written, where that is needed.
    pub(super) flush: Option<Flush>,
    /// Counts that anything may have been written.
    pub(super) writes: Writes,
}

impl BeforeAnswer {
    async fn done(&self) -> io::Result<()> {
        self.writes.note(Place::Anywhere);
        match &self.flush {
            Some(flush) => flush.flushed(None).await,
            None => Ok(()),
        }
    }
}

/// Passes connections on to `server` until `stop`, then waits for the open ones to end.
pub(super) async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    before: BeforeAnswer,
    mut stop: watch::Receiver<bool>,
) {
    let mut open = JoinSet::new();
    let serve = |stream| pass(stream, server, before.clone(), TIMES);
    tokio::select! {
        // Dropping the sender stops it too.
        _ = stop.wait_for(|stop| *stop) => {}
        never = connections::accept(&listener, MAX_CONNECTIONS, &mut open, serve) => match never {},
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn pass(client: TcpStream, server: SocketAddr, before: BeforeAnswer, times: Times) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let ((asked, mut answer), (mut answered, mut ask)) = (client.into_split(), server.into_split());
    // However the client ends, the server may have a request of it: its answer is waited for, because of what is done
    // before it goes out.
    let asking = async {
        let _: Result<io::Result<()>, Elapsed> = timeout(times.whole, pass_on(asked, &mut ask, times.idle)).await;
        let _: io::Result<()> = ask.shutdown().await;
        sleep(times.answer).await;
    };
    let answering = async {
        let mut piece = vec![0; PIECE];
        let mut is_there = true;
        loop {
            match answered.read(&mut piece).await? {
                0 => return answer.shutdown().await,
                length => {
                    before.done().await?;
                    is_there = is_there && in_time(times.answer, answer.write_all(&piece[..length])).await.is_ok();
                }
            }
        }
    };
    let ended = tokio::select! {
        answered = answering => answered,
        () = asking => Err(io::ErrorKind::TimedOut.into()),
    };
    // Something may have been written and not answered.
    before.writes.note(Place::Anywhere);
    ended
}

/// Passes on what a client asks, until it says nothing for a while.
async fn pass_on(mut asked: OwnedReadHalf, ask: &mut OwnedWriteHalf, idle: Duration) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match in_time(idle, asked.read(&mut piece)).await? {
            0 => return Ok(()),
            length => ask.write_all(&piece[..length]).await?,
        }
    }
}

async fn in_time<T>(time: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(time, step).await.unwrap_or_else(|_: Elapsed| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::store::embedded::loopback_port;

    const NEVER: Duration = Duration::from_mins(10);
    const SOON: Duration = Duration::from_millis(20);

    /// A client, the server that its connection is passed on to, and what passes it on.
    async fn passed(times: Times) -> (TcpStream, TcpStream, impl Future<Output = io::Result<()>>) {
        let (behind, listener) = (loopback_port().await.expect("a port"), loopback_port().await.expect("a port"));
        let (server, address) = (behind.local_addr().expect("an address"), listener.local_addr().expect("an address"));
        let client = TcpStream::connect(address).await.expect("a connection");
        let (accepted, _) = listener.accept().await.expect("a connection");
        let before = BeforeAnswer { flush: None, writes: Writes::default() };
        let passing = tokio::spawn(pass(accepted, server, before, times));
        let (server, _) = behind.accept().await.expect("a connection");
        (client, server, async { passing.await.expect("no panic") })
    }

    /// Reads until there is nothing more.
    async fn ended(stream: &mut TcpStream) {
        while stream.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
    }

    #[tokio::test]
    async fn a_connection_whose_client_says_nothing_ends() {
        let times = Times { idle: SOON, whole: NEVER, answer: NEVER };
        let (mut client, mut server, passing) = passed(times).await;
        ended(&mut server).await;
        server.write_all(b"what was asked for before").await.expect("an answer");
        drop(server);
        passing.await.expect("an end");
        ended(&mut client).await;
    }

    #[tokio::test]
    async fn a_connection_whose_client_never_comes_to_an_end_ends() {
        let times = Times { idle: NEVER, whole: SOON, answer: NEVER };
        let (mut client, mut server, passing) = passed(times).await;
        let talking = async {
            while client.write_all(b"x").await.is_ok() {
                tokio::task::yield_now().await;
            }
            pending::<()>().await;
        };
        tokio::select! {
            () = talking => {}
            () = ended(&mut server) => {}
        }
        drop((client, server));
        // With an answer or without one.
        drop(passing.await);
    }

    #[tokio::test]
    async fn a_connection_whose_server_gives_no_last_answer_ends() {
        let times = Times { idle: SOON, whole: NEVER, answer: SOON };
        let (mut client, _server, passing) = passed(times).await;
        assert_eq!(passing.await.expect_err("no answer").kind(), io::ErrorKind::TimedOut);
        ended(&mut client).await;
    }
}
