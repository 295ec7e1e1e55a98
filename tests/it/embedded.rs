//! The embedded DynamoDB: it behaves the same over a socket as in the process.

#![expect(clippy::expect_used, reason = "a test without its database has failed")]

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures_util::future::join_all;
use passgrant::aws::{AwsError, Dependency, Outlook};
use passgrant::clock::SystemClock;
use passgrant::store::TableNames;
use passgrant::store::embedded::{self, EmbeddedDynamoDb};

const TABLE: &str = "tokens";

async fn started(folder: Option<&tempfile::TempDir>) -> EmbeddedDynamoDb {
    let names = TableNames { clients: "clients".to_owned(), users: "users".to_owned(), tokens: TABLE.to_owned() };
    let file = folder.map(|folder| folder.path().join("dynamodb.sqlite"));
    EmbeddedDynamoDb::start(file.as_deref(), &names, Box::new(SystemClock)).await.expect("a DynamoDB")
}

/// A client in the process, and a client over a socket.
fn both(dynamodb: &EmbeddedDynamoDb) -> [Client; 2] {
    [dynamodb.sdk_config(), embedded::sdk_config(&dynamodb.endpoint())].map(|config| Client::new(&config))
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// An error as the code that handles it sees it.
fn seen<E: ProvideErrorMetadata + std::fmt::Debug>(error: &SdkError<E, HttpResponse>) -> String {
    let service = error.as_service_error().expect("an answer");
    let status = error.raw_response().expect("an answer").status().as_u16();
    format!("{status} {:?} {:?}", service.code(), service.message())
}

/// A change of the item `a`, which exists.
fn change(client: &Client) -> UpdateItemFluentBuilder {
    client.update_item().table_name(TABLE).key("id", text("a"))
}

#[tokio::test]
async fn an_error_of_the_embedded_database_is_the_same_in_the_process_as_over_a_socket() {
    let dynamodb = started(None).await;
    let clients = both(&dynamodb);
    let put = clients[0].put_item().table_name(TABLE).item("id", text("a")).item("count", number(7));
    put.send().await.expect("a write");

    let failing: [fn(UpdateItemFluentBuilder) -> UpdateItemFluentBuilder; 9] = [
        |change| change.table_name("nowhere").update_expression("REMOVE x"),
        |change| change.update_expression("SET x = :x").expression_attribute_values(":x", AttributeValue::Null(false)),
        |change| change.update_expression("SET"),
        |change| change.update_expression("SET a = :missing"),
        |change| change.update_expression("REMOVE x").expression_attribute_values(":unused", number(1)),
        |change| change.update_expression("SET name = if_not_exists(x, x)"),
        |change| change.set_key(Some(HashMap::from([("id".to_owned(), number(1))]))),
        |change| change.update_expression("ADD id :one").expression_attribute_values(":one", number(1)),
        |change| {
            change.update_expression("SET x = :x").expression_attribute_values(":x", AttributeValue::N("1x".to_owned()))
        },
    ];
    for (case, failing) in failing.into_iter().enumerate() {
        let mut errors = Vec::new();
        for client in &clients {
            errors.push(seen(&failing(change(client)).send().await.expect_err("an error")));
        }
        assert_eq!(errors[0], errors[1], "case {case}");
    }

    for client in &clients {
        let request =
            change(client).update_expression("SET #count = :one").expression_attribute_names("#count", "count");
        let request = request.expression_attribute_values(":one", number(1)).condition_expression("#count < :one");
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let error = request.return_values_on_condition_check_failure(old).send().await.expect_err("a condition");
        assert_eq!(
            seen(&error),
            r#"400 Some("ConditionalCheckFailedException") Some("The conditional request failed")"#
        );
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            panic!("{error:?}")
        };
        assert_eq!(failed.item().expect("the item")["count"], number(7));
        let error = client.get_item().table_name("nowhere").key("id", text("a")).send().await.expect_err("no table");
        assert!(seen(&error).starts_with(r#"400 Some("ResourceNotFoundException")"#), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_written_in_the_process_is_read_over_the_socket_and_the_other_way_round() {
    let folder = tempfile::tempdir().expect("a folder");
    let dynamodb = started(Some(&folder)).await;
    let [inside, outside] = both(&dynamodb);
    for (id, writer, reader) in [("a", &inside, &outside), ("b", &outside, &inside)] {
        let item = HashMap::from([
            ("id".to_owned(), text(id)),
            ("set".to_owned(), AttributeValue::Ss(vec!["x".to_owned(), "y".to_owned()])),
            ("map".to_owned(), AttributeValue::M(HashMap::from([("\u{e9}".to_owned(), AttributeValue::Bool(true))]))),
        ]);
        writer.put_item().table_name(TABLE).set_item(Some(item.clone())).send().await.expect("a write");
        let read = reader.get_item().table_name(TABLE).key("id", text(id)).send().await.expect("a read");
        assert_eq!(read.item, Some(item));
        let deleted = writer.delete_item().table_name(TABLE).key("id", text(id)).return_values(ReturnValue::AllOld);
        assert!(deleted.send().await.expect("a delete").attributes.is_some());
        let read = reader.get_item().table_name(TABLE).key("id", text(id)).send().await.expect("a read");
        assert_eq!(read.item, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_writes_at_the_same_time_is_done_once_and_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let dynamodb = started(Some(&folder)).await;
    let [inside, outside] = both(&dynamodb);
    let counts = (0..64).map(|index| {
        let client = if index % 8 == 0 { outside.clone() } else { inside.clone() };
        tokio::spawn(async move {
            let request = change(&client).update_expression("ADD hits :one");
            request.expression_attribute_values(":one", number(1)).send().await.map(drop)
        })
    });
    for counted in join_all(counts).await {
        counted.expect("no panic").expect("a write");
    }
    dynamodb.stop().await.expect("it stops");
    let dynamodb = started(Some(&folder)).await;
    let [inside, _] = both(&dynamodb);
    let read = inside.get_item().table_name(TABLE).key("id", text("a")).send().await.expect("a read");
    assert_eq!(read.item.expect("an item")["hits"], number(64));
}

#[tokio::test]
async fn a_stopped_database_is_unavailable() {
    let dynamodb = started(None).await;
    let [inside, _] = both(&dynamodb);
    let read = || inside.get_item().table_name(TABLE).key("id", text("a")).send();
    assert!(read().await.is_ok());
    dynamodb.stop().await.expect("it stops");
    let error = read().await.expect_err("nobody answers");
    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    assert_eq!(AwsError::new(Dependency::DynamoDb, error).outlook(), Outlook::Transient);
}
