//! A DynamoDB inside the process, for the local server and the tests. It speaks the same protocol as DynamoDB: on a
//! loopback port with other processes, and without a socket with this one.

mod connector;
mod flush;
mod known;
mod lean;
mod place;
mod socket;
mod sweep;
mod thread;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::Builder as HttpClientBuilder;
use dynoxide::Database;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use crate::aws;
use crate::clock::Clock;
use crate::store::embedded::connector::{InProcess, Tables};
use crate::store::embedded::flush::Flush;
use crate::store::embedded::known::{Known, Writes};
use crate::store::embedded::socket::BeforeAnswer;
use crate::store::embedded::sweep::Sweep;
use crate::store::embedded::thread::DatabaseThread;
use crate::store::schema::{SchemaError, create_tables};
use crate::store::table::Table;
use crate::store::{Store, TableNames};

/// Why the embedded DynamoDB did not start or stop.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// The database could not be opened.
    #[error("the database cannot be opened: {0}")]
    Open(String),
    /// No loopback port could be bound.
    #[error("no loopback port: {0}")]
    Listen(#[from] io::Error),
    /// The tables could not be created.
    #[error(transparent)]
    Tables(#[from] SchemaError),
    /// The server stopped with an error.
    #[error("the embedded DynamoDB failed: {0}")]
    Serve(String),
}

/// A running embedded DynamoDB.
pub struct EmbeddedDynamoDb {
    address: SocketAddr,
    hidden: SocketAddr,
    before: BeforeAnswer,
    in_process: InProcess,
    writes: Writes,
    stop: watch::Sender<bool>,
    server: JoinHandle<Result<(), String>>,
    sockets: Vec<JoinHandle<()>>,
    sweeper: JoinHandle<()>,
}

impl EmbeddedDynamoDb {
    /// Starts a DynamoDB that keeps its data in the file at `path`, or only in memory, with the tables of `names`.
    /// Items expire by `clock`.
    ///
    /// # Errors
    /// [`EmbeddedError`] when the file cannot be opened or the tables cannot be created.
    pub async fn start(path: Option<&Path>, names: &TableNames, clock: Box<dyn Clock>) -> Result<Self, EmbeddedError> {
        let open = |error: dynoxide::DynoxideError| EmbeddedError::Open(error.to_string());
        let (database, flush) = match path {
            Some(path) => {
                let database = Database::new(&path.to_string_lossy()).map_err(open)?;
                let flush = Flush::instead_of_each_commit(&database, path).map_err(open)?;
                (database, flush)
            }
            None => (Database::memory().map_err(open)?, None),
        };
        let writes = Writes::default();
        let (stop, stopped) = watch::channel(false);
        let (behind, listener) = (loopback_port().await?, loopback_port().await?);
        let (hidden, address) = (behind.local_addr()?, listener.local_addr()?);
        let mut server_stopped = stopped.clone();
        let server = dynoxide::server::serve_with_shutdown(behind, database.clone(), async move {
            // Dropping the sender stops it too.
            let _: Result<_, watch::error::RecvError> = server_stopped.wait_for(|stop| *stop).await;
        });
        let before = BeforeAnswer { flush: flush.clone(), writes: writes.clone() };
        let sweep = Sweep::new(database.clone(), names.tokens.clone(), clock, writes.clone());
        let tables = Tables { names: names.clone(), writes: writes.clone() };
        let running = Self {
            address,
            hidden,
            before: before.clone(),
            in_process: InProcess::new(DatabaseThread::start(database)?, flush, tables, sockets()),
            writes,
            stop,
            server: tokio::spawn(server),
            sockets: vec![tokio::spawn(socket::serve(listener, hidden, before, stopped))],
            sweeper: tokio::spawn(sweep.forever()),
        };
        create_tables(&running.client(), names).await?;
        Ok(running)
    }

    /// The URL that it listens at.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Listens on `listener` as well, for whoever does not reach this machine's loopback addresses: a container, for example.
    pub fn also_listen(&mut self, listener: TcpListener) {
        let serving = socket::serve(listener, self.hidden, self.before.clone(), self.stop.subscribe());
        self.sockets.push(tokio::spawn(serving));
    }

    /// The SDK's configuration for it in this process. No connection is opened: the requests that the SDK would write
    /// to one are handed over directly. A write is answered once it is on the disk.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        config(&self.endpoint(), SharedHttpClient::new(self.in_process.clone()))
    }

    fn client(&self) -> Client {
        lean::client(&self.sdk_config(), self.endpoint())
    }

    /// The tables called `names`, accessed in this process. What is read of clients, users and sessions is kept until it changes.
    #[must_use]
    pub fn store(&self, names: &TableNames) -> Store {
        let client = self.client();
        Store::of(names, |name, key| {
            Table::new(&client, name, key).with(Arc::new(Known::of(name, self.writes.clone())))
        })
    }

    /// Stops it once the requests in progress are answered. Later callers find it unreachable.
    ///
    /// # Errors
    /// [`EmbeddedError::Serve`] when it had failed before.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        self.sweeper.abort();
        self.in_process.close().await;
        self.stop.send_replace(true);
        let failed = |error: JoinError| EmbeddedError::Serve(error.to_string());
        self.server.await.map_err(failed)?.map_err(EmbeddedError::Serve)?;
        for socket in self.sockets {
            socket.await.map_err(failed)?;
        }
        Ok(())
    }
}

async fn loopback_port() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// The SDK's configuration for an embedded DynamoDB at `endpoint`, which requires credentials and accepts any.
#[must_use]
pub fn sdk_config(endpoint: &str) -> SdkConfig {
    config(endpoint, sockets())
}

/// Without TLS: an embedded DynamoDB is reached on loopback, so nothing has to wait for the certificates to be read.
fn sockets() -> SharedHttpClient {
    HttpClientBuilder::new().build_http()
}

fn config(endpoint: &str, http_client: SharedHttpClient) -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "embedded DynamoDB");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::from_static("local"))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .endpoint_url(endpoint);
    aws::bounded(config.build())
}

/// A database in memory with an empty table, `tokens`, as the tests of its parts need it.
#[cfg(test)]
fn with_tokens_table() -> Database {
    let database = Database::memory().expect("a database");
    let table = serde_json::from_str(
        r#"{"TableName": "tokens", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}"#,
    );
    database.create_table(table.expect("a request")).expect("a table");
    database
}
