//! A table: what is read from it and written to it, whatever its items are.

#[cfg(feature = "cli")]
mod many;

use std::fmt::Display;
use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json::Object;
use crate::store::claims;
use crate::store::item::{Item, SCHEMA, number, string};
use crate::store::memory::{Memory, Version};
use crate::store::outcome::{Created, StoreError, held};

/// One of the three tables.
#[derive(Clone, Debug)]
pub(super) struct Table {
    dynamodb: DynamoDb,
    name: String,
    /// The attribute that is its key.
    key: &'static str,
    /// What need not be read again, where that can be known.
    memory: Option<Arc<dyn Memory>>,
}

impl Table {
    pub(super) fn new(dynamodb: &DynamoDb, name: &str, key: &'static str) -> Self {
        Self { dynamodb: dynamodb.clone(), name: name.to_owned(), key, memory: None }
    }

    /// The same, with `memory` of its items.
    #[cfg(feature = "cli")]
    pub(super) fn with(self, memory: Arc<dyn Memory>) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// The item that stores `stored` under `key`. The key and the schema are filled in here and nowhere else.
    pub(super) fn item(&self, key: &str, stored: impl Serialize) -> Result<Item, StoreError> {
        let item: Result<Item, _> = serde_dynamo::to_item(stored);
        let mut item = item.map_err(|error| self.inconsistent(key, error))?;
        item.insert(self.key.to_owned(), string(key));
        item.insert("schema".to_owned(), number(SCHEMA.into()));
        Ok(item)
    }

    /// Reads what the item under `key` stores.
    pub(super) fn stored<S: DeserializeOwned>(&self, key: &str, item: Item) -> Result<S, StoreError> {
        self.check_schema(key, &item)?;
        self.part(key, item)
    }

    /// Whether the item under `key` is one that this version reads.
    pub(super) fn check_schema(&self, key: &str, item: &Item) -> Result<(), StoreError> {
        match item.get("schema").and_then(|schema| schema.as_n().ok()) {
            Some(schema) if *schema == SCHEMA.to_string() => Ok(()),
            Some(schema) => Err(self.inconsistent(key, format!("its schema is {schema}, not {SCHEMA}"))),
            None => Err(self.inconsistent(key, "it has no schema")),
        }
    }

    /// Reads a part of the item under `key`, whose schema has been checked.
    pub(super) fn part<S: DeserializeOwned>(&self, key: &str, part: Item) -> Result<S, StoreError> {
        serde_dynamo::from_item(part).map_err(|error| self.inconsistent(key, error))
    }

    /// Takes claims out of the item under `key`, if it has any.
    pub(super) fn take_claims(
        &self,
        key: &str,
        item: &mut Item,
        attribute: &str,
    ) -> Result<Option<Object>, StoreError> {
        claims::take(item, attribute).map_err(|_| self.inconsistent(key, format!("its {attribute} cannot be read")))
    }

    pub(super) fn inconsistent(&self, key: &str, problem: impl Display) -> StoreError {
        StoreError::Inconsistent { table: self.name.clone(), key: key.to_owned(), problem: problem.to_string() }
    }

    /// The item under `key`, as it is now.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Item>, StoreError> {
        let request = self.dynamodb.get_item().table_name(&self.name).key(self.key, string(key));
        let answer = request.consistent_read(true).send().await.map_err(StoreError::from_sdk)?;
        Ok(answer.item)
    }

    /// The version of the item under `key`, where that can be known: to be asked before an item is read that is to be kept.
    pub(super) fn version(&self, key: &str) -> Version {
        self.memory.as_ref().map(|memory| memory.version(key)).unwrap_or_default()
    }

    /// The item under `key`, as it is now, from memory if it is known there. Not for a key that may be a guess: whoever guesses would see
    /// by the time it takes what others have asked for lately.
    pub(super) async fn get_known(&self, key: &str) -> Result<Option<Item>, StoreError> {
        let Some(memory) = &self.memory else { return self.get(key).await };
        if let Some(item) = memory.recall(key) {
            return Ok(Some(item));
        }
        let version = memory.version(key);
        let read = self.get(key).await?;
        if let Some(item) = &read {
            memory.keep(key, version, item.clone());
        }
        Ok(read)
    }

    /// Sends `request`, which changes the item under `key`, and keeps what it becomes for [`Table::get_known`].
    pub(super) async fn change_known(
        &self,
        key: &str,
        request: UpdateItemFluentBuilder,
    ) -> Result<(), SdkError<UpdateItemError, HttpResponse>> {
        let Some(memory) = &self.memory else { return request.send().await.map(|_| ()) };
        let version = memory.version(key).next();
        let changed = request.return_values(ReturnValue::AllNew).send().await?;
        if let Some(item) = changed.attributes {
            memory.keep(key, version, item);
        }
        Ok(())
    }

    /// Writes a new item; never overwrites one.
    pub(super) async fn create(&self, item: Item) -> Result<Created, StoreError> {
        let request = self.put(item).condition_expression("attribute_not_exists(#key)");
        let outcome = request.expression_attribute_names("#key", self.key).send().await;
        Ok(Created::held(held(outcome)?))
    }

    pub(super) fn put(&self, item: Item) -> PutItemFluentBuilder {
        self.dynamodb.put_item().table_name(&self.name).set_item(Some(item))
    }

    pub(super) fn update(&self, key: &str, expression: &str) -> UpdateItemFluentBuilder {
        let request = self.dynamodb.update_item().table_name(&self.name).key(self.key, string(key));
        request.update_expression(expression)
    }

    pub(super) fn delete(&self, key: &str) -> DeleteItemFluentBuilder {
        self.dynamodb.delete_item().table_name(&self.name).key(self.key, string(key))
    }

    /// A request for the whole table, page by page.
    pub(super) fn scan(&self) -> ScanFluentBuilder {
        self.dynamodb.scan().table_name(&self.name).consistent_read(true)
    }

    /// A request for one of `segments` parts of the table, the first of which is 0, page by page. If there are more than one,
    /// a change that is a few seconds old may not be seen yet: that costs half as much.
    pub(super) fn scan_of(&self, segment: u32, segments: u32) -> ScanFluentBuilder {
        // A page of a megabyte takes longer to read than a call may take, on a machine that is busy.
        const PAGE: i32 = 1000;
        let request = self.scan().limit(PAGE);
        if segments == 1 {
            return request;
        }
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        request.segment(number(segment)).total_segments(number(segments)).consistent_read(false)
    }

    /// The key of an item that a scan found.
    pub(super) fn key_of(&self, item: &Item) -> String {
        item.get(self.key).and_then(|key| key.as_s().ok()).cloned().unwrap_or_default()
    }
}
