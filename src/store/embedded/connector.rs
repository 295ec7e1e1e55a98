//! An HTTP client for the SDK that has no connection: it hands requests to the database in this process.
//!
//! The operations that the service uses all the time are done here: reading, writing, changing or deleting one item, and
//! the transactions in which users are imported.
//! Every other operation, and every request that is not understood here, goes to the embedded server's socket, so that
//! only one place knows how DynamoDB words each refusal.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

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
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::transact_write_items::{TransactWriteItem, TransactWriteItemsRequest};
use dynoxide::actions::update_item::UpdateItemRequest;
use dynoxide::{Database, DynoxideError};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::changes::Changes;
use crate::store::embedded::flush::Flush;

const TARGET: &str = "x-amz-target";
const MEDIA_TYPE: &str = "application/x-amz-json-1.0";

/// The table whose changes are counted, and the counter.
pub(super) struct Noted {
    pub(super) table: String,
    pub(super) changes: Changes,
}

impl Noted {
    /// Passes on the outcome of a write to `table`, and counts the write if its changes are counted.
    fn note<T>(&self, table: &str, outcome: T) -> T {
        if table == self.table {
            self.changes.note();
        }
        outcome
    }
}

/// An HTTP client for the database in this process.
#[derive(Clone)]
pub(super) struct InProcess {
    shared: Arc<Shared>,
    connector: SharedHttpConnector,
}

struct Shared {
    /// `None` once it is closed.
    database: RwLock<Option<Database>>,
    flush: Option<Flush>,
    noted: Noted,
    sockets: SharedHttpClient,
    socket: OnceLock<SharedHttpConnector>,
}

impl InProcess {
    /// A client for `database`, which `sockets` reaches too. `flush` makes its writes durable, where that is needed.
    pub(super) fn new(database: Database, flush: Option<Flush>, noted: Noted, sockets: SharedHttpClient) -> Self {
        let database = RwLock::new(Some(database));
        let shared = Arc::new(Shared { database, flush, noted, sockets, socket: OnceLock::new() });
        let connector = SharedHttpConnector::new(Connector(Arc::clone(&shared)));
        Self { shared, connector }
    }

    /// Releases the database once the calls in progress have been answered. Every later call fails.
    pub(super) fn close(&self) {
        self.shared.database.write().unwrap_or_else(PoisonError::into_inner).take();
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
        let operation = Operation::of(&request);
        let is_read = operation == Some(Operation::Get);
        let write = self.0.flush.as_ref().filter(|_| !is_read).map(Flush::write);
        let outcome = match &*self.0.database.read().unwrap_or_else(PoisonError::into_inner) {
            None => return unreachable(&io::ErrorKind::ConnectionRefused.into()),
            Some(database) => {
                operation.and_then(|operation| operation.run(database, &self.0.noted, request.body().bytes()?))
            }
        };
        let Some(response) = outcome else {
            return match self.0.socket.get() {
                Some(socket) => socket.call(request),
                None => unreachable(&io::ErrorKind::NotConnected.into()),
            };
        };
        match &self.0.flush {
            // A refused write reveals what is there, as a read does, and may be the repetition of one that succeeded.
            Some(flush) if write.is_some() || flush.is_behind() => {
                let flushed = flush.flushed(write);
                HttpConnectorFuture::new(async move {
                    flushed.await.map_err(|error| ConnectorError::io(error.into()))?;
                    Ok(response)
                })
            }
            _ => HttpConnectorFuture::ready(Ok(response)),
        }
    }
}

fn unreachable(error: &io::Error) -> HttpConnectorFuture {
    HttpConnectorFuture::ready(Err(ConnectorError::io(io::Error::from(error.kind()).into())))
}

/// An operation that needs no socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Get,
    Put,
    Update,
    Delete,
    Transact,
}

impl Operation {
    /// The operation that `request` asks for; `None` if that is another one, or the request is not one that the SDK
    /// makes.
    fn of(request: &HttpRequest) -> Option<Self> {
        let headers = request.headers();
        let usual = request.method() == "POST"
            && headers.contains_key(AUTHORIZATION.as_str())
            && headers.get(CONTENT_TYPE.as_str()) == Some(MEDIA_TYPE);
        match headers.get(TARGET)?.strip_prefix("DynamoDB_20120810.")? {
            "GetItem" if usual => Some(Self::Get),
            "PutItem" if usual => Some(Self::Put),
            "UpdateItem" if usual => Some(Self::Update),
            "DeleteItem" if usual => Some(Self::Delete),
            "TransactWriteItems" if usual => Some(Self::Transact),
            _ => None,
        }
    }

    /// The answer to a request with this `body`; `None` if only the embedded server knows how to word it.
    fn run(self, database: &Database, noted: &Noted, body: &[u8]) -> Option<HttpResponse> {
        match self {
            Self::Get => answer(body, |request| database.get_item(request)),
            Self::Put => answer(body, |request: PutItemRequest| {
                noted.note(&request.table_name.clone(), database.put_item(request))
            }),
            Self::Update => answer(body, |request: UpdateItemRequest| {
                noted.note(&request.table_name.clone(), database.update_item(request))
            }),
            Self::Delete => answer(body, |request: DeleteItemRequest| {
                noted.note(&request.table_name.clone(), database.delete_item(request))
            }),
            Self::Transact => answer(body, |request| transact(database, noted, request)),
        }
    }
}

/// Without the token, which the database would keep for ten minutes, with the size of each item: an import has many. It
/// is for an answer that was lost, and whoever writes must know how to recognise what was written anyway.
fn transact(
    database: &Database,
    noted: &Noted,
    mut request: TransactWriteItemsRequest,
) -> Result<impl Serialize + use<>, DynoxideError> {
    request.client_request_token = None;
    let tables: Vec<String> = request.transact_items.iter().filter_map(changed_table).cloned().collect();
    let outcome = database.transact_write_items(request);
    tables.iter().fold(outcome, |outcome, table| noted.note(table, outcome))
}

fn changed_table(item: &TransactWriteItem) -> Option<&String> {
    let put = item.put.as_ref().map(|put| &put.table_name);
    let update = || item.update.as_ref().map(|update| &update.table_name);
    let delete = || item.delete.as_ref().map(|delete| &delete.table_name);
    put.or_else(update).or_else(delete)
}

fn answer<T, U>(body: &[u8], run: impl FnOnce(T) -> Result<U, DynoxideError>) -> Option<HttpResponse>
where
    T: DeserializeOwned,
    U: Serialize,
{
    // The server knows how to refuse a request that cannot be read.
    let (status, json) = match run(serde_json::from_slice(body).ok()?) {
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
        let noted = Noted { table: "clients".to_owned(), changes: Changes::default() };
        let in_process = InProcess::new(database, Some(flush), noted, HttpClientBuilder::new().build_http());
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
