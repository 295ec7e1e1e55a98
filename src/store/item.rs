//! Items: what a stored thing and its key have in common.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::outcome::StoreError;

pub(super) type Item = HashMap<String, AttributeValue>;

/// The layout of items that this version writes, and the only one it reads.
pub(crate) const SCHEMA: u32 = 1;

/// Writes a stored form as an item.
pub(super) fn to_item<S: Serialize>(table: &str, key: &str, stored: S) -> Result<Item, StoreError> {
    serde_dynamo::to_item(stored).map_err(|error| inconsistent(table, key, error))
}

/// Reads the stored form of the item under `key`.
pub(super) fn from_item<S: DeserializeOwned>(table: &str, key: &str, item: Item) -> Result<S, StoreError> {
    match item.get("schema").and_then(|schema| schema.as_n().ok()) {
        Some(schema) if *schema == SCHEMA.to_string() => {}
        found => {
            let found = found.map_or("none", String::as_str);
            return Err(inconsistent(table, key, format!("its schema is {found}, not {SCHEMA}")));
        }
    }
    serde_dynamo::from_item(item).map_err(|error| inconsistent(table, key, error))
}

/// Every item of a table with its key, by reading the whole table.
pub(super) async fn scan(dynamodb: &Client, table: &str, key: &str) -> Result<Vec<(String, Item)>, StoreError> {
    let request = dynamodb.scan().table_name(table).consistent_read(true);
    let items = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let keyed = |item: Item| {
        let key = item.get(key).and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
        (key, item)
    };
    Ok(items.map_err(StoreError::from_sdk)?.into_iter().map(keyed).collect())
}

pub(super) fn inconsistent(table: &str, key: &str, problem: impl Display) -> StoreError {
    StoreError::Inconsistent { table: table.to_owned(), key: key.to_owned(), problem: problem.to_string() }
}

pub(super) fn string(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
