//! One request and one answer, each on a connection of its own, with everything bounded: nobody knows what answers.

pub(crate) mod caller;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use url::Url;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Everything after the connection. A cold start and one retry of KMS stay well below it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// More than any answer of the service has, with all keys and every claim.
const MAX_BODY_BYTES: usize = 256 * 1024;
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum Trouble {
    #[error("the URL has no host")]
    NoHost,
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("no TLS: {0}")]
    Tls(String),
    #[error("no complete answer within {} seconds", ANSWER_TIMEOUT.as_secs())]
    TimedOut,
    #[error("the answer is not HTTP/1.1, or broke off: {0}")]
    NotHttp(String),
    #[error("the answer is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
}

/// What the connection of an answer was secured with.
#[derive(Clone, Debug)]
pub(crate) struct Secured {
    pub(crate) version: String,
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) secured: Option<Secured>,
}

impl Answer {
    /// A header, as far as it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, if it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// What sends requests.
#[derive(Default)]
pub(crate) struct Wire {
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Wire {
    /// `GET`, or another method without a body.
    pub(crate) async fn ask(&self, method: Method, url: &str, headers: HeaderMap) -> Result<Answer, Trouble> {
        self.send(method, url, headers, Bytes::new()).await
    }

    /// `POST` of a form.
    pub(crate) async fn post(&self, url: &str, mut headers: HeaderMap, form: String) -> Result<Answer, Trouble> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.send(Method::POST, url, headers, form.into()).await
    }

    async fn send(&self, method: Method, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Trouble> {
        let url = Url::parse(url).map_err(|_| Trouble::NoHost)?;
        let (host, port) = (url.host_str().ok_or(Trouble::NoHost)?, url.port_or_known_default().unwrap_or(443));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port)));
        let unreachable = |reason: String| Trouble::Unreachable(format!("{host}:{port}: {reason}"));
        let stream = connecting.await.map_err(|_| unreachable("no answer".to_owned()))?;
        let stream = stream.map_err(|error| unreachable(error.to_string()))?;
        let answering = async {
            if url.scheme() == "http" {
                return exchange(stream, &url, method, headers, body).await;
            }
            let stream = self.secure(stream, host).await?;
            let secured = secured(&stream);
            let answer = exchange(stream, &url, method, headers, body).await?;
            Ok(Answer { secured: Some(secured), ..answer })
        };
        timeout(ANSWER_TIMEOUT, answering).await.unwrap_or(Err(Trouble::TimedOut))
    }

    async fn secure(&self, stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, Trouble> {
        let refused = |error: io::Error| Trouble::Tls(error.to_string());
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Trouble::NoHost)?;
        let config = if let Some(config) = self.tls.get() {
            Arc::clone(config)
        } else {
            let config = trusting_the_machine().map_err(|error| Trouble::Tls(error.to_string()))?;
            Arc::clone(self.tls.get_or_init(|| Arc::new(config)))
        };
        TlsConnector::from(config).connect(name, stream).await.map_err(refused)
    }
}

/// TLS as every client has it that trusts what this machine trusts.
fn trusting_the_machine() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth())
}

fn secured(stream: &TlsStream<TcpStream>) -> Secured {
    let (_, session) = stream.get_ref();
    let version = session.protocol_version().and_then(|version| version.as_str()).unwrap_or("of no known version");
    let chain = session.peer_certificates().unwrap_or_default();
    Secured {
        version: version.replace("TLSv1_", "TLS 1."),
        chain: chain.iter().map(|certificate| certificate.clone().into_owned()).collect(),
    }
}

async fn exchange<S>(stream: S, url: &Url, method: Method, headers: HeaderMap, body: Bytes) -> Result<Answer, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let not_http = |error: hyper::Error| Trouble::NotHttp(error.to_string());
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(not_http)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target(url).parse().map_err(|_| Trouble::NoHost)?;
    *request.headers_mut() = headers;
    let authority = url.authority().parse().map_err(|_| Trouble::NoHost)?;
    request.headers_mut().insert(HOST, authority);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("passgrant-doctor"));
    let answer = async {
        let (head, body) = sender.send_request(request).await.map_err(not_http)?.into_parts();
        let body = Limited::new(body, MAX_BODY_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { Trouble::TooLarge } else { Trouble::NotHttp(error.to_string()) }
        })?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes(), secured: None })
    };
    let answer = answer.await;
    connection.abort();
    answer
}

fn target(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}
