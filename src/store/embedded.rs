//! A DynamoDB inside the process, for the local server and the tests: the same wire, on a loopback port.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use dynoxide::Database;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::aws;
use crate::store::TableNames;
use crate::store::schema::{SchemaError, create_tables};

/// How often expired items are deleted.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Why the embedded DynamoDB did not start or stop.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// The database could not be opened.
    #[error("the database cannot be opened: {0}")]
    Open(String),
    /// No loopback port could be listened on.
    #[error("no loopback port: {0}")]
    Listen(#[from] std::io::Error),
    /// The tables could not be made.
    #[error(transparent)]
    Tables(#[from] SchemaError),
    /// The server stopped with an error.
    #[error("the embedded DynamoDB failed: {0}")]
    Serve(String),
}

/// A running embedded DynamoDB.
pub struct EmbeddedDynamoDb {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
    sweeper: JoinHandle<()>,
}

impl EmbeddedDynamoDb {
    /// Starts a DynamoDB that keeps its data in the file at `path`, or in memory alone, with the tables of `names`.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the file cannot be opened or the tables not be made.
    pub async fn start(path: Option<&Path>, names: &TableNames) -> Result<Self, EmbeddedError> {
        let database = match path {
            Some(path) => Database::new(&path.to_string_lossy()),
            None => Database::memory(),
        };
        let database = database.map_err(|error| EmbeddedError::Open(error.to_string()))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let sweeper = tokio::spawn(sweep(database.clone()));
        let stopped = async {
            // A dropped sender stops the server as a sent message does.
            let _: Result<(), oneshot::error::RecvError> = stopped.await;
        };
        let server = tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, stopped));
        let running = Self { address, stop, server, sweeper };
        create_tables(&Client::new(&sdk_config(&running.endpoint())), names).await?;
        Ok(running)
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it once the requests under way are answered.
    ///
    /// # Errors
    /// [`EmbeddedError::Serve`] when it had failed before.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        self.sweeper.abort();
        // It is gone already when nobody listens.
        let _: Result<(), ()> = self.stop.send(());
        match self.server.await {
            Ok(served) => served.map_err(EmbeddedError::Serve),
            Err(error) => Err(EmbeddedError::Serve(error.to_string())),
        }
    }
}

async fn sweep(database: Database) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let database = database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "expired items could not be deleted");
        }
    }
}

/// The SDK's configuration for an embedded DynamoDB at `endpoint`, which asks for credentials and takes any.
#[must_use]
pub fn sdk_config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "embedded DynamoDB");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws::http_client())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::from_static("local"))
        .endpoint_url(endpoint);
    aws::bounded(config.build())
}
