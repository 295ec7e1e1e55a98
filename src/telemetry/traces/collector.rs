//! The collector: what takes the spans of a request, if it can be had quickly.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_types::body::SdkBody;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use thiserror::Error;
use tokio::time::timeout;

use crate::clock::{Clock, Timestamp};
use crate::error::root_cause;
use crate::telemetry::traces::settings::CollectorUrl;

/// How long a request waits until its spans are taken.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long a collector that did not take them is left alone.
const LEFT_ALONE: Duration = Duration::from_mins(1);
/// An answer says how many spans were refused. It is read to its end, so that the connection can be used again.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Makes what connects to a URL.
pub type Connect = fn(&Uri) -> SharedHttpConnector;

/// Why spans were not taken. It quotes nothing of them, and nothing of what came back.
#[derive(Debug, Error)]
enum NotTaken {
    #[error("it took too long")]
    TimedOut,
    #[error("it was not reached: {0}")]
    NotReached(String),
    #[error("it answered with status {0}")]
    Status(StatusCode),
}

/// A collector, with one HTTP client.
pub(super) struct Collector {
    url: CollectorUrl,
    connect: Connect,
    connector: OnceLock<SharedHttpConnector>,
    /// When it did not take something, in seconds since the Unix epoch; zero if that is long ago.
    failed_at: AtomicU64,
}

impl Collector {
    pub(super) fn new(url: &CollectorUrl, connect: Connect) -> Self {
        Self { url: url.clone(), connect, connector: OnceLock::new(), failed_at: AtomicU64::new(0) }
    }

    pub(super) fn prepare(&self) {
        self.connector();
    }

    fn connector(&self) -> &SharedHttpConnector {
        self.connector.get_or_init(|| (self.connect)(self.url.as_uri()))
    }

    /// Whether it is not to be asked at the moment.
    pub(super) fn is_left_alone(&self, now: Timestamp) -> bool {
        let failed_at = self.failed_at.load(Ordering::Relaxed);
        failed_at > 0 && now.since(Timestamp::from_unix(failed_at)) < LEFT_ALONE
    }

    /// Sends a message, once, within `time`.
    pub(super) async fn send(&self, message: Vec<u8>, time: Duration, clock: &dyn Clock) {
        let reason = match timeout(PATIENCE.min(time), self.call(message)).await {
            Ok(Ok(())) => return,
            Ok(Err(reason)) => reason,
            // Of a collector that was given less time than it has, nothing is known.
            Err(_elapsed) if time < PATIENCE => return,
            Err(_elapsed) => NotTaken::TimedOut,
        };
        self.failed_at.store(clock.now().as_unix(), Ordering::Relaxed);
        let left_alone = LEFT_ALONE.as_secs();
        tracing::warn!(%reason, left_alone, "the collector did not take the spans of a request");
    }

    async fn call(&self, message: Vec<u8>) -> Result<(), NotTaken> {
        let unusable = || NotTaken::NotReached("the URL cannot be used".to_owned());
        let request = Request::post(self.url.as_uri())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT, concat!("passgrant/", env!("CARGO_PKG_VERSION")))
            .body(SdkBody::from(message))
            .map_err(|_| unusable())?;
        let request = request.try_into().map_err(|_| unusable())?;
        let response = self.connector().call(request).await;
        let response = response.map_err(|error| NotTaken::NotReached(root_cause(&error)))?;
        let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
        // Whatever it says, and however it ends: the status has said what is of consequence.
        let _said = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        if status.is_success() { Ok(()) } else { Err(NotTaken::Status(status)) }
    }
}
