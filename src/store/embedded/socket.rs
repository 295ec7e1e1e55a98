//! The loopback port at which other processes reach the embedded DynamoDB. Behind it is the embedded server's own port,
//! which is not announced: the server's answers pass through here, so that an answer has the same effects whichever way
//! it takes.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::store::changes::Changes;
use crate::store::embedded::flush::Flush;

/// The largest part of an answer that is passed on at once.
const PIECE: usize = 16 * 1024;

/// What is done before an answer is sent.
#[derive(Clone)]
pub(super) struct BeforeAnswer {
    /// Makes durable what was written, where that is needed.
    pub(super) flush: Option<Flush>,
    /// Signals that clients may have changed.
    pub(super) changes: Changes,
}

impl BeforeAnswer {
    async fn done(&self) -> io::Result<()> {
        self.changes.note();
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
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Dropping the sender stops it too.
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(pass(stream, server, before.clone()));
            },
            // A connection that breaks concerns only its client.
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn pass(client: TcpStream, server: SocketAddr, before: BeforeAnswer) -> io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((mut asked, mut answer), (mut answered, mut ask)) = (client.into_split(), server.into_split());
    // However the client ends, the server may have a request of it: its answer is waited for, because of what is done
    // before it goes out.
    let asking = async {
        let _: io::Result<u64> = copy(&mut asked, &mut ask).await;
        let _: io::Result<()> = ask.shutdown().await;
        pending::<Infallible>().await
    };
    let answering = async {
        let mut piece = vec![0; PIECE];
        let mut is_there = true;
        loop {
            match answered.read(&mut piece).await? {
                0 => return answer.shutdown().await,
                length => {
                    before.done().await?;
                    is_there = is_there && answer.write_all(&piece[..length]).await.is_ok();
                }
            }
        }
    };
    tokio::select! {
        answered = answering => answered,
        never = asking => match never {},
    }
}
