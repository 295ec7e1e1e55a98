//! DynamoDB and KMS as a client sees them: a loopback port that speaks HTTP/1.1, with or without TLS.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdTcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::canned::Canned;

/// What may take this long on a busy machine, and is broken if it takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A certificate authority, which issued a certificate for the loopback.
pub(crate) struct Authority {
    pem: String,
    acceptor: TlsAcceptor,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().expect("a key");
        let ca = params.self_signed(&ca_key).expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![Ipv4Addr::LOCALHOST.to_string()]).expect("a name");
        let certificate = params.signed_by(&key, &ca, &ca_key).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("a certificate and its key");
        Self { pem: ca.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    /// Writes a file of roots that includes this authority, to be named by `SSL_CERT_FILE`.
    pub(crate) fn write_roots(&self, others: &str, path: &Path) {
        std::fs::write(path, format!("{others}\n{}", self.pem)).expect("a file");
    }
}

/// One service. Dropping it ends it and closes every connection.
pub(crate) struct StandIn {
    scheme: &'static str,
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    canned: Arc<Canned>,
    /// How long an answer takes.
    delay: Duration,
    /// The operations that were called, in order.
    calls: watch::Sender<Vec<String>>,
    /// The operations that were answered, to a client that waited for the answer.
    answered: watch::Sender<Vec<String>>,
    /// No answer is given while this is held.
    held: watch::Sender<bool>,
    /// Incremented when the connections are to close.
    closing: watch::Sender<u64>,
}

impl StandIn {
    /// Answers on a loopback port, each time after `delay`.
    pub(crate) fn start(canned: &Arc<Canned>, authority: Option<&Authority>, delay: Duration) -> Self {
        let listener = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let address = listener.local_addr().expect("a bound address");
        let listener = TcpListener::from_std(listener).expect("a running tokio runtime");
        let shared = Arc::new(Shared {
            canned: Arc::clone(canned),
            delay,
            calls: watch::Sender::default(),
            answered: watch::Sender::default(),
            held: watch::channel(false).0,
            closing: watch::channel(0).0,
        });
        let acceptor = authority.map(|authority| authority.acceptor.clone());
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let accepting = tokio::spawn(accept(listener, acceptor, Arc::clone(&shared)));
        Self { scheme, address, shared, accepting }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Holds back every answer until [`Self::release`].
    pub(crate) fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    pub(crate) fn release(&self) {
        self.shared.held.send_replace(false);
    }

    /// Closes every connection, as a server does with idle ones.
    pub(crate) fn close_connections(&self) {
        self.shared.closing.send_modify(|count| *count += 1);
    }

    /// Waits until `operation` has been called `times` times.
    pub(crate) async fn asked(&self, operation: &str, times: usize) {
        wait_for(&self.shared.calls, operation, times).await;
    }

    /// Waits until `times` calls of `operation` have been answered.
    pub(crate) async fn answered(&self, operation: &str, times: usize) {
        wait_for(&self.shared.answered, operation, times).await;
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.accepting.abort();
        self.close_connections();
    }
}

async fn wait_for(calls: &watch::Sender<Vec<String>>, operation: &str, times: usize) {
    let mut calls = calls.subscribe();
    let enough = |calls: &Vec<String>| calls.iter().filter(|call| *call == operation).count() >= times;
    let waited = timeout(PATIENCE, calls.wait_for(enough)).await;
    waited.unwrap_or_else(|_| panic!("no {operation}")).expect("it is shared");
}

/// An endpoint where no process listens.
pub(crate) fn nobody() -> String {
    let listener = StdTcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
    format!("http://{}", listener.local_addr().expect("a bound address"))
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).expect("a TCP socket");
        let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
        let mut closing = shared.closing.subscribe();
        tokio::spawn(async move {
            let served = async {
                match acceptor {
                    None => serve(TokioIo::new(stream), &shared).await,
                    Some(acceptor) => match acceptor.accept(stream).await {
                        Ok(stream) => serve(TokioIo::new(stream), &shared).await,
                        Err(error) => eprintln!("TLS: {error}"),
                    },
                }
            };
            tokio::select! {
                () = served => {}
                // This fails when the stand-in is gone, which closes connections too.
                _ = closing.changed() => {}
            }
        });
    }
}

async fn serve(stream: impl Read + Write + Unpin, shared: &Arc<Shared>) {
    let service = service_fn(|request| answer(Arc::clone(shared), request));
    // A client may close its connection at any time.
    let _: hyper::Result<()> = http1::Builder::new().serve_connection(stream, service).await;
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    shared.calls.send_modify(|calls| calls.push(operation.to_owned()));
    // Even a sleep of zero may take a millisecond.
    if !shared.delay.is_zero() {
        tokio::time::sleep(shared.delay).await;
    }
    let mut waiting = shared.held.subscribe();
    waiting.wait_for(|held| !held).await.expect("it is shared");
    shared.answered.send_modify(|answered| answered.push(operation.to_owned()));
    let answer = Response::builder().header("content-type", "application/x-amz-json-1.1");
    Ok(answer.body(Full::new(shared.canned.answer(operation, &body))).expect("an answer"))
}
