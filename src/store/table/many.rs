//! Many items at once, for the command line.

use std::collections::HashMap;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TableDescription,
    TransactWriteItem,
};

use crate::aws::{AwsError, Dependency};
use crate::store::item::{Item, string};
use crate::store::outcome::StoreError;
use crate::store::table::Table;

impl Table {
    /// Writes new items, all of them or none. If keys are taken, nothing is written, and for each item there is what
    /// its key is taken by.
    ///
    /// An item is written twice in a transaction, and paid for twice.
    pub(in crate::store) async fn create_all(&self, items: Vec<Item>) -> Result<Vec<Option<Item>>, StoreError> {
        let puts = items.into_iter().map(|item| self.transact_put(item)).collect::<Result<Vec<_>, _>>()?;
        let count = puts.len();
        // The SDK does not repeat it: whoever calls this has to know that an answer may have been lost.
        let once = aws_sdk_dynamodb::Config::builder().retry_config(RetryConfig::disabled());
        let request = self.dynamodb.transact_write_items().set_transact_items(Some(puts));
        let Err(error) = request.customize().config_override(once).send().await else {
            return Ok(vec![None; count]);
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(StoreError::from_sdk(error));
        };
        let reasons = cancelled.cancellation_reasons();
        let is_taken = |code: &str| code == "ConditionalCheckFailed";
        let other = reasons.iter().filter_map(|reason| reason.code()).find(|code| *code != "None" && !is_taken(code));
        if other.is_some()
            || reasons.len() != count
            || !reasons.iter().any(|reason| reason.code().is_some_and(is_taken))
        {
            return Err(AwsError::cancelled(Dependency::DynamoDb, other.unwrap_or("no reason")).into());
        }
        let existing = |reason: &CancellationReason| match reason.code().filter(|code| is_taken(code)) {
            None => Ok(None),
            Some(_) => match reason.item() {
                Some(item) => Ok(Some(item.clone())),
                None => Err(AwsError::cancelled(Dependency::DynamoDb, "a condition without its item").into()),
            },
        };
        reasons.iter().map(existing).collect()
    }

    fn transact_put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#key)")
            .expression_attribute_names("#key", self.key)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        let put = put.map_err(|error| self.inconsistent("", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// The items that there are under `keys`, of which there may be 100 at most, in no particular order.
    pub(in crate::store) async fn get_all(&self, keys: &[&str]) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        let key = |key: &&str| HashMap::from([(self.key.to_owned(), string(key))]);
        let mut left: Vec<HashMap<String, AttributeValue>> = keys.iter().map(key).collect();
        while !left.is_empty() {
            let before = left.len();
            let request = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(left)).build();
            let request = request.map_err(|error| self.inconsistent("", error))?;
            let answer = self.dynamodb.batch_get_item().request_items(&self.name, request).send().await;
            let answer = answer.map_err(StoreError::from_sdk)?;
            found.extend(answer.responses.and_then(|mut tables| tables.remove(&self.name)).unwrap_or_default());
            let unprocessed = answer.unprocessed_keys.and_then(|mut tables| tables.remove(&self.name));
            left = unprocessed.map(|unprocessed| unprocessed.keys).unwrap_or_default();
            if left.len() >= before {
                return Err(AwsError::cancelled(Dependency::DynamoDb, "ThrottlingError").into());
            }
        }
        Ok(found)
    }

    /// The table called `name`, which has the same key as this one.
    pub(in crate::store) fn called(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    pub(in crate::store) fn name(&self) -> &str {
        &self.name
    }

    /// The attribute that is its key.
    pub(in crate::store) fn key(&self) -> &'static str {
        self.key
    }

    /// What DynamoDB says about the table.
    pub(in crate::store) async fn description(&self) -> Result<TableDescription, StoreError> {
        let answer =
            self.dynamodb.describe_table().table_name(&self.name).send().await.map_err(StoreError::from_sdk)?;
        answer.table.ok_or_else(|| self.inconsistent("", "it is not described"))
    }

    /// How many items it has, about: DynamoDB counts every six hours.
    pub(in crate::store) async fn about_items(&self) -> Result<u64, StoreError> {
        let count = self.description().await?.item_count.unwrap_or_default();
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// What DynamoDB calls the table, which no other table is ever called.
    pub(in crate::store) async fn id(&self) -> Result<String, StoreError> {
        let table = self.description().await?;
        let id = [table.table_id, table.table_arn].into_iter().flatten().next();
        id.ok_or_else(|| self.inconsistent("", "it has no identifier"))
    }
}
