//! An HTTP client for the SDK that has no connection: it hands requests to the database in this process.
//!
//! The operations that the service uses all the time are done here: reading, writing, changing or deleting one item.
//! Every other operation, and every request that is not understood here, goes to the embedded server's socket, so that
//! only one place knows how DynamoDB words each refusal.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};

use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::transact_write_items::{TransactWriteItemsRequest, TransactWriteItemsResponse};
use dynoxide::actions::update_item::UpdateItemRequest;
use dynoxide::{AttributeValue, Database, DynoxideError};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::TableNames;
use crate::store::embedded::flush::Flush;
use crate::store::embedded::known::Writes;
use crate::store::embedded::place::Place;
use crate::store::embedded::thread::{Closed, DatabaseThread};

const TARGET: &str = "x-amz-target";
const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

type Attributes = HashMap<String, AttributeValue>;

/// What a request writes: a table, and the item there or its key; `None` for several items.
type Written<'a> = Option<(&'a String, &'a Attributes)>;

/// The tables, and where writes to them are counted.
pub(super) struct Tables {
    pub(super) names: TableNames,
    pub(super) writes: Writes,
}

impl Tables {
    /// The item that `attributes` are of, or are the key of.
    fn place(&self, table: &str, attributes: &Attributes) -> Place {
        let key = self.names.keys().into_iter().find(|(name, _)| *name == table);
        key.map_or(Place::Anywhere, |(_, key)| Place::of_item(table, key, attributes))
    }
}

/// An HTTP client for the database in this process.
#[derive(Clone)]
pub(super) struct InProcess {
    shared: Arc<Shared>,
    connector: SharedHttpConnector,
}

struct Shared {
    database: DatabaseThread,
    flush: Option<Flush>,
    tables: Arc<Tables>,
    sockets: SharedHttpClient,
    socket: OnceLock<SharedHttpConnector>,
}

impl InProcess {
    /// A client for `database`, which `sockets` reaches too. `flush` makes its writes durable, where that is needed.
    pub(super) fn new(
        database: DatabaseThread,
        flush: Option<Flush>,
        tables: Tables,
        sockets: SharedHttpClient,
    ) -> Self {
        let shared = Arc::new(Shared { database, flush, tables: Arc::new(tables), sockets, socket: OnceLock::new() });
        let connector = SharedHttpConnector::new(Connector(Arc::clone(&shared)));
        Self { shared, connector }
    }

    /// Releases the database once the calls in progress have been answered. Every later call fails.
    pub(super) async fn close(&self) {
        self.shared.database.close().await;
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InProcess")
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        // The settings are those of the only configuration that has this client.
        self.shared.socket.get_or_init(|| self.shared.sockets.http_connector(settings, components));
        self.connector.clone()
    }
}

struct Connector(Arc<Shared>);

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let shared = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            match shared.answer(&request).await? {
                Some(response) => Ok(response),
                None => {
                    shared.socket.get().ok_or_else(|| unreachable(io::ErrorKind::NotConnected))?.call(request).await
                }
            }
        })
    }
}

fn unreachable(kind: io::ErrorKind) -> ConnectorError {
    ConnectorError::io(io::Error::from(kind).into())
}

impl Shared {
    /// The answer to `request`; `None` if only the embedded server knows how to word it.
    async fn answer(&self, request: &HttpRequest) -> Result<Option<HttpResponse>, ConnectorError> {
        let headers = request.headers();
        let usual = request.method() == "POST"
            && headers.contains_key(AUTHORIZATION.as_str())
            && headers.get(CONTENT_TYPE.as_str()) == Some(MEDIA_TYPE);
        let operation = headers.get(TARGET).and_then(|target| target.strip_prefix("DynamoDB_20120810."));
        let (Some(operation), Some(body), true) = (operation, request.body().bytes(), usual) else { return Ok(None) };
        match operation {
            "GetItem" => self.read(body).await,
            "PutItem" => {
                self.write(body, |put: &PutItemRequest| Some((&put.table_name, &put.item)), Database::put_item).await
            }
            "UpdateItem" => {
                self.write(
                    body,
                    |update: &UpdateItemRequest| Some((&update.table_name, &update.key)),
                    Database::update_item,
                )
                .await
            }
            "DeleteItem" => {
                self.write(
                    body,
                    |delete: &DeleteItemRequest| Some((&delete.table_name, &delete.key)),
                    Database::delete_item,
                )
                .await
            }
            "TransactWriteItems" => self.write(body, |_| None, transact).await,
            _ => Ok(None),
        }
    }

    async fn read(&self, body: &[u8]) -> Result<Option<HttpResponse>, ConnectorError> {
        let Some(get) = parsed::<GetItemRequest>(body) else { return Ok(None) };
        let place = self.tables.place(&get.table_name, &get.key);
        let read = self.database.call(move |database| database.get_item(get)).await?;
        if let Some(flush) = self.flush.as_ref().filter(|flush| flush.is_behind(place)) {
            flushed(flush.flushed(None)).await?;
        }
        Ok(response(read))
    }

    async fn write<T: DeserializeOwned + Send + 'static, U: Serialize + Send + 'static>(
        &self,
        body: &[u8],
        written: fn(&T) -> Written<'_>,
        run: fn(&Database, T) -> Result<U, DynoxideError>,
    ) -> Result<Option<HttpResponse>, ConnectorError> {
        let Some(request) = parsed::<T>(body) else { return Ok(None) };
        let place = written(&request).map_or(Place::Anywhere, |(table, item)| self.tables.place(table, item));
        let (writes, flush) = (self.tables.writes.clone(), self.flush.clone());
        let write = flush.as_ref().map(|flush| flush.write(place));
        let call = self.database.call(move |database| {
            // It may have written before it panics.
            let written = catch_unwind(AssertUnwindSafe(|| run(database, request)));
            // Both on the database's thread: they happen even if the request no longer waits.
            writes.note(place);
            let flush = flush.map(|flush| flush.flushed(write));
            (written.unwrap_or_else(|panic| resume_unwind(panic)), flush)
        });
        let (written, flush) = call.await?;
        // A refused write reveals what is there, as a read does, and may be the repetition of one that succeeded.
        if let Some(flush) = flush {
            flushed(flush).await?;
        }
        Ok(response(written))
    }
}

impl From<Closed> for ConnectorError {
    fn from(Closed: Closed) -> Self {
        unreachable(io::ErrorKind::ConnectionRefused)
    }
}

/// Without the token, which the database would keep for ten minutes, with the size of each item: an import has many. It
/// is for an answer that was lost, and whoever writes must know how to recognise what was written anyway.
fn transact(
    database: &Database,
    mut request: TransactWriteItemsRequest,
) -> Result<TransactWriteItemsResponse, DynoxideError> {
    request.client_request_token = None;
    database.transact_write_items(request)
}

/// `None` for a request that cannot be read: the server knows how to refuse it.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

async fn flushed(flush: impl Future<Output = io::Result<()>>) -> Result<(), ConnectorError> {
    flush.await.map_err(|error| ConnectorError::io(error.into()))
}

fn response<U: Serialize>(outcome: Result<U, DynoxideError>) -> Option<HttpResponse> {
    let (status, json) = match outcome {
        Ok(answer) => (200, serde_json::to_string(&answer).ok()?),
        // The server resolves this tag, and the crate does not expose how. Nothing was written, so the server can be
        // asked again.
        Err(DynoxideError::EnvelopedValidation(_)) => return None,
        Err(error) => (error.status_code(), error.to_json()),
    };
    let mut response = HttpResponse::new(StatusCode::try_from(status).ok()?, SdkBody::from(json));
    response.headers_mut().insert(CONTENT_TYPE.as_str(), MEDIA_TYPE);
    Some(response)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::error::SdkError;
    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_smithy_http_client::Builder as HttpClientBuilder;

    use super::*;
    use crate::store::embedded::{config, with_tokens_table};

    fn client(flush: Flush) -> Client {
        let database = with_tokens_table();
        let tables = Tables {
            names: TableNames { clients: "clients".into(), users: "users".into(), tokens: "tokens".into() },
            writes: Writes::default(),
        };
        let in_process = InProcess::new(
            DatabaseThread::start(database).expect("a thread"),
            Some(flush),
            tables,
            HttpClientBuilder::new().build_http(),
        );
        Client::new(&config("http://127.0.0.1:9", SharedHttpClient::new(in_process)))
    }

    #[tokio::test]
    async fn nothing_that_may_not_be_on_the_disk_is_answered() {
        let id = || AttributeValue::S("one".to_owned());
        let flushes = client(Flush::by(|| Ok(())).expect("a thread"));
        let put = |client: &Client| {
            client
                .put_item()
                .table_name("tokens")
                .item("id", id())
                .condition_expression("attribute_not_exists(id)")
                .send()
        };
        put(&flushes).await.expect("a write");
        assert!(matches!(put(&flushes).await, Err(SdkError::ServiceError(_))), "it is there already");
        flushes.get_item().table_name("tokens").key("id", id()).send().await.expect("a read");

        let fails = client(Flush::by(|| Err(io::ErrorKind::StorageFull.into())).expect("a thread"));
        fails.get_item().table_name("tokens").key("id", id()).send().await.expect("a read before any write");
        // The SDK repeats a write that was not answered, and the repetition finds its condition unmet.
        assert!(matches!(put(&fails).await, Err(SdkError::DispatchFailure(_))));
        let read = fails.get_item().table_name("tokens").key("id", id()).send().await;
        assert!(matches!(read, Err(SdkError::DispatchFailure(_))), "what was written may be lost");
    }
}
