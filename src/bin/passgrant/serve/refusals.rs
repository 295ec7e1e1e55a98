//! What is refused before it becomes a request, answered like everything else.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::{HeaderName, Response};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use passgrant::error::Error;
use passgrant::response;
use passgrant::router::RequestId;
use passgrant::service::Service;
use tokio::net::TcpStream;

pub(super) static MALFORMED: Error = Error::invalid_request("The request is not well-formed HTTP.");
pub(super) static NOT_RECEIVED: Error = Error::not_received("The request did not arrive in time.");
static HEAD_TOO_LARGE: Error = Error::head_too_large("The headers are larger than 16 KiB, or more than 100.");

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes the answers to what does not reach the router.
#[derive(Clone)]
pub(super) struct Refusals {
    service: Arc<Service>,
    detailed: bool,
}

impl Refusals {
    /// The refusals of `service`, with a description for people if they are to be `detailed`.
    pub(super) fn new(service: Arc<Service>, detailed: bool) -> Self {
        Self { service, detailed }
    }

    /// The service, for requests that do reach it.
    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    /// Makes the answer, and writes its line in the log.
    pub(super) fn answer(&self, error: &Error) -> Response<Bytes> {
        let id = RequestId::generate(&self.service);
        let (status, code) = error.kind().answer();
        let (status, request_id) = (status.as_u16(), id.as_header().to_str().unwrap_or_default());
        tracing::info!(request_id, status, code, reason = %error, "not a request");
        let mut response = response::error(error, self.detailed);
        response.headers_mut().insert(REQUEST_ID, id.as_header().clone());
        response
    }

    /// What to send where hyper would send `head` and nothing else: it answers by itself what it cannot parse, and
    /// offers no way to change that answer. The service itself never refuses without a body.
    fn instead_of(&self, head: &[u8]) -> Option<Bytes> {
        let head = std::str::from_utf8(head).ok()?;
        let (before, after) = head.split_once("\r\ncontent-length: 0\r\n")?;
        let status = before.split(' ').nth(1).filter(|status| status.starts_with('4'))?;
        let response = self.answer(if status == "431" { &HEAD_TOO_LARGE } else { &MALFORMED });
        let mut text = format!("{before}\r\n").into_bytes();
        for (name, value) in response.headers() {
            text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        text.extend(format!("content-length: {}\r\n{after}", response.body().len()).into_bytes());
        text.extend(response.body());
        Some(text.into())
    }
}

/// A client's connection, on which hyper's own answers are replaced.
pub(super) struct Connection {
    stream: TokioIo<TcpStream>,
    refusals: Refusals,
    /// Whether the next write begins an answer.
    begins: bool,
    /// What is still to be sent in place of what hyper writes.
    instead: Option<Bytes>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, refusals: Refusals) -> Self {
        Self { stream: TokioIo::new(stream), refusals, begins: true, instead: None }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Read for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl Write for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.begins {
            self.begins = false;
            self.instead = parts.first().and_then(|head| self.refusals.instead_of(head));
        }
        let Some(mut instead) = self.instead.take() else {
            return self.stream().poll_write_vectored(context, parts);
        };
        while instead.has_remaining() {
            match self.as_mut().stream().poll_write(context, &instead) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(0)),
                Poll::Ready(Ok(written)) => instead.advance(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.instead = Some(instead);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().stream().poll_flush(context))?;
        // hyper flushes each answer once all of it is written, and only then.
        self.begins = true;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}
