//! The tables' layout, for where no template creates them: the embedded DynamoDB of the local server and the tests.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};
use thiserror::Error;

use crate::store::TableNames;
use crate::store::outcome::StoreError;

/// Why the tables could not be created.
#[derive(Debug, Error)]
pub enum SchemaError {
    /// The request to DynamoDB failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A request for a table could not be built.
    #[error("the table's definition is incomplete")]
    Definition(#[from] aws_sdk_dynamodb::error::BuildError),
}

/// Creates those of the three tables that do not exist.
///
/// # Errors
/// [`SchemaError`] when a request to DynamoDB fails.
pub async fn create_tables(client: &Client, names: &TableNames) -> Result<(), SchemaError> {
    let there = client.list_tables().send().await.map_err(StoreError::from_sdk)?;
    for (table, key) in names.keys() {
        if there.table_names().iter().all(|name| name != table) {
            create_table(client, table, key).await?;
        }
    }
    let ttl = client.describe_time_to_live().table_name(&names.tokens).send().await.map_err(StoreError::from_sdk)?;
    let on = ttl.time_to_live_description().is_some_and(|ttl| ttl.attribute_name().is_some());
    if !on {
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires_at").build()?;
        let request = client.update_time_to_live().table_name(&names.tokens).time_to_live_specification(ttl);
        request.send().await.map_err(StoreError::from_sdk)?;
    }
    Ok(())
}

async fn create_table(client: &Client, table: &str, key: &str) -> Result<(), SchemaError> {
    let attribute =
        AttributeDefinition::builder().attribute_name(key).attribute_type(ScalarAttributeType::S).build()?;
    let key = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash).build()?;
    let request = client.create_table().table_name(table).attribute_definitions(attribute).key_schema(key);
    match request.billing_mode(BillingMode::PayPerRequest).send().await {
        Ok(_) => Ok(()),
        // The SDK repeats a call whose answer was late, and finds the table that the first one created.
        Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => Ok(()),
        Err(error) => Err(StoreError::from_sdk(error).into()),
    }
}
