//! The AWS SDK as this service uses it: one HTTP client, bounded attempts, and what its errors mean here.

pub mod of_function;
#[cfg(feature = "cli")]
pub mod of_operator;
pub mod watched;

use std::error::Error as StdError;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use http::Uri;
use http::uri::Scheme;

use crate::aws::watched::{THROTTLING_CODES, Watched};
pub use crate::dependency::Dependency;
use crate::error::{Error, root_cause};

/// One attempt of a call, connection included. DynamoDB and KMS answer in milliseconds: one that takes this long is lost.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
/// A call with all its attempts. The usual chain of calls, four, stays inside the 29 seconds of API Gateway; the deadline
/// of the request ends a longer one.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);
const MAX_ATTEMPTS: u32 = 3;

/// Bounds every call of the SDK clients made from `config`.
#[must_use]
pub fn bounded(config: SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(ATTEMPT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500));
    config.into_builder().timeout_config(timeouts).retry_config(retries).build()
}

/// A client of DynamoDB whose calls count towards what a request spends, and are in its trace.
#[must_use]
pub fn dynamodb(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(config).interceptor(Watched::dynamodb());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// A client of KMS whose calls count towards what a request spends, and are in its trace.
#[must_use]
pub fn kms(config: &SdkConfig) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::config::Builder::from(config).interceptor(Watched::kms());
    aws_sdk_kms::Client::from_conf(config.build())
}

/// TLS for everything this service asks: rustls on ring, for the sake of cold starts (docs/decisions/0003).
const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

/// What TLS trusts: the machine's root certificates, or nothing where there is no TLS, as reading and parsing them takes longer
/// than everything else about a connection.
fn trusted(is_plain: bool) -> TlsContext {
    let nothing = || TlsContext::builder().with_trust_store(TrustStore::empty()).build();
    if is_plain && let Ok(context) = nothing() { context } else { TlsContext::default() }
}

/// An HTTP client that follows no redirect and sends nothing twice. Making it reads and parses the root certificates, unless it is
/// only for addresses that are reached without TLS.
fn connector(is_plain: bool, connect_timeout: Option<Duration>, idle_timeout: Duration) -> SharedHttpConnector {
    let mut settings = HttpConnectorSettings::builder();
    settings.set_connect_timeout(connect_timeout);
    let connector =
        Connector::builder().tls_provider(TLS).tls_context(trusted(is_plain)).connector_settings(settings.build());
    SharedHttpConnector::new(connector.pool_idle_timeout(idle_timeout).build())
}

/// An HTTP client for services that are not AWS's, which are reached with TLS.
pub(crate) fn https_connector(connect_timeout: Duration, idle_timeout: Duration) -> SharedHttpConnector {
    connector(false, Some(connect_timeout), idle_timeout)
}

/// What connects to the collector of traces at `url`.
pub(crate) fn collector_connector(url: &Uri) -> SharedHttpConnector {
    /// As servers keep connections; and what is sent over one that was closed is only dropped.
    const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
    connector(url.scheme() == Some(&Scheme::HTTP), None, IDLE_TIMEOUT)
}

/// Whether trying again later can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Throttled, timed out, down: the same request may succeed later.
    Transient,
    /// Denied, misconfigured: an operator must act.
    Permanent,
}

/// A call to AWS that failed. Its text is for the log: it names the error, and holds nothing of the request.
#[derive(Debug, thiserror::Error)]
#[error("{dependency}: {detail}")]
pub struct AwsError {
    dependency: Dependency,
    outlook: Outlook,
    code: Option<String>,
    detail: String,
}

/// Errors of the service that pass by themselves, in addition to those of throttling. Beside them, every status of 500 and above.
const TRANSIENT_CODES: [&str; 7] = [
    "DependencyTimeoutException",
    "ExpiredToken",
    "ExpiredTokenException",
    "KeyUnavailableException",
    "LimitExceededException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Reasons for cancelling a transaction that pass by themselves.
#[cfg(feature = "cli")]
const TRANSIENT_REASONS: [&str; 3] = ["ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"];

/// Errors whose message helps an operator and cannot hold a value of the request.
const TELLING_CODES: [&str; 7] = [
    "AccessDeniedException",
    "DisabledException",
    "InvalidKeyUsageException",
    "KMSInvalidStateException",
    "NotFoundException",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
];

fn passes_by_itself(code: &str) -> bool {
    THROTTLING_CODES.contains(&code) || TRANSIENT_CODES.contains(&code)
}

impl AwsError {
    /// What `error` means, without what it may quote.
    pub fn new<E>(dependency: Dependency, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let (outlook, detail) = match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                // Without a code it is no error of the service's, but an answer that cannot be read.
                let code = service.err().code();
                let transient = status >= 500 || code.is_none_or(passes_by_itself);
                let told = service.err().message().filter(|_| code.is_some_and(|code| TELLING_CODES.contains(&code)));
                let outlook = if transient { Outlook::Transient } else { Outlook::Permanent };
                let code = code.unwrap_or("unreadable answer");
                (outlook, format!("{code} ({status}) {}", told.unwrap_or_default()).trim_end().to_owned())
            }
            SdkError::TimeoutError(_) => (Outlook::Transient, "timed out".to_owned()),
            SdkError::ResponseError(_) => (Outlook::Transient, "gave an answer that cannot be read".to_owned()),
            SdkError::ConstructionFailure(_) => (Outlook::Permanent, root_cause(&error)),
            other => (Outlook::Transient, root_cause(&other)),
        };
        Self { dependency, outlook, code, detail }
    }

    /// A transaction that was cancelled because of one of its parts; `reason` is the code of that part.
    #[cfg(feature = "cli")]
    pub(crate) fn cancelled(dependency: Dependency, reason: &str) -> Self {
        let transient = TRANSIENT_REASONS.contains(&reason);
        let outlook = if transient { Outlook::Transient } else { Outlook::Permanent };
        Self { dependency, outlook, code: None, detail: format!("a transaction was cancelled: {reason}") }
    }

    /// Whether trying again later can help.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        self.outlook
    }

    /// What the service calls the error, if it was the service that answered.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl From<AwsError> for Error {
    fn from(error: AwsError) -> Self {
        let public = match error.outlook {
            Outlook::Transient => Self::unavailable(),
            Outlook::Permanent => Self::server_error(),
        };
        public.because(error)
    }
}
