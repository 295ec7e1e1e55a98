//! Copying what is missing from a table that was restored from a backup into the live one: for the command line only.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, KeyType, ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TableDescription,
};
use thiserror::Error;

use crate::random::{Random, RandomFailed};
use crate::store::item::{Item, SCHEMA};
use crate::store::outcome::{Created, StoreError};
use crate::store::pages::Pages;
use crate::store::table::Table;

/// Why nothing is copied from a table into another.
#[derive(Debug, Error)]
pub enum NotCopied {
    /// The request to DynamoDB failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They are one table.
    #[error("{0} is the live table itself")]
    Same(String),
    /// It is a table of something else.
    #[error("{table} is not a table of this kind: its key is not {key} alone")]
    OtherKind {
        /// The table.
        table: String,
        /// What the key should be.
        key: &'static str,
    },
}

/// Gives an item what keeps that which went with it before from coming back with it.
pub(super) type Renew = fn(&mut Item, &dyn Random) -> Result<(), RandomFailed>;

/// An item of a restored table.
#[derive(Clone, Debug)]
pub struct Restored {
    key: String,
    item: Item,
}

impl Restored {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether it has the layout that this version writes; no other is copied.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let schema = self.item.get("schema").and_then(|schema| schema.as_n().ok());
        !self.key.is_empty() && schema.is_some_and(|schema| *schema == SCHEMA.to_string())
    }
}

/// From a restored table into the live one of the same kind. What is in the live one is never overwritten, so that a run
/// that was interrupted can simply be started again.
pub struct Restoration {
    from: Table,
    to: Table,
    renew: Renew,
}

impl Restoration {
    /// From the table called `from` into `to`.
    pub(super) fn new(from: &str, to: &Table, renew: Renew) -> Self {
        Self { from: to.called(from), to: to.clone(), renew }
    }

    /// Makes sure that both tables exist, are of this kind, and are two.
    ///
    /// # Errors
    /// [`NotCopied`] when they are not, or DynamoDB does not answer.
    pub async fn check(&self) -> Result<(), NotCopied> {
        let (from, to) = (self.from.description().await?, self.to.description().await?);
        for (table, description) in [(&self.from, &from), (&self.to, &to)] {
            if !is_keyed_by(description, table.key()) {
                return Err(NotCopied::OtherKind { table: table.name().to_owned(), key: table.key() });
            }
        }
        // Two names may stand for one table: a name, and an ARN.
        let is_same = self.from.name() == self.to.name() || (from.table_id.is_some() && from.table_id == to.table_id);
        if is_same { Err(NotCopied::Same(self.from.name().to_owned())) } else { Ok(()) }
    }

    /// What is in one of `segments` parts of the restored table, the first of which is 0. They may be read at the same time.
    #[must_use]
    pub fn segment(&self, segment: u32, segments: u32) -> Pages<'_, Restored> {
        const PAGE: i32 = 1000;
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        // Nobody writes to a restored table, so that nothing is gained by a consistent read.
        let request = self.from.scan().consistent_read(false).limit(PAGE);
        let request = match segments {
            0 | 1 => request,
            _ => request.segment(number(segment)).total_segments(number(segments)),
        };
        Pages::new(request, |item| Ok(Restored { key: self.from.key_of(&item), item }))
    }

    /// The most items of which [`Restoration::missing`] can be asked at once.
    pub const MOST_AT_ONCE: usize = 100;

    /// Those of `restored`, of which there may be [`Restoration::MOST_AT_ONCE`] at most, that are not in the live table.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer.
    pub async fn missing(&self, restored: &[Restored]) -> Result<Vec<Restored>, StoreError> {
        let keys: Vec<&str> = restored.iter().map(Restored::key).collect();
        let live: Vec<String> = self.to.get_all(&keys).await?.iter().map(|item| self.to.key_of(item)).collect();
        Ok(restored.iter().filter(|restored| !live.contains(&restored.key)).cloned().collect())
    }

    /// The item as it will be written. What ended with it, or after it was backed up, stays ended: no session continues with
    /// a user or a client that was restored.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn renewed(&self, restored: Restored, random: &dyn Random) -> Result<Restored, RandomFailed> {
        let Restored { key, mut item } = restored;
        (self.renew)(&mut item, random)?;
        Ok(Restored { key, item })
    }

    /// Writes an item that was [renewed](Restoration::renewed), unless there is one under its key. If it is called again
    /// because an answer was lost, the item that is there is known by what was renewed.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn write(&self, renewed: &Restored) -> Result<Created, StoreError> {
        let request = self.to.put(renewed.item.clone()).condition_expression("attribute_not_exists(#key)");
        let request = request.expression_attribute_names("#key", self.to.key());
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let Err(error) = request.return_values_on_condition_check_failure(old).send().await else {
            return Ok(Created::Written);
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Created::held(refused.item() == Some(&renewed.item)))
            }
            _ => Err(StoreError::from_sdk(error)),
        }
    }
}

fn is_keyed_by(description: &TableDescription, key: &str) -> bool {
    let [only] = description.key_schema() else {
        return false;
    };
    let is_text = |attribute: &AttributeDefinition| {
        attribute.attribute_name() == key && *attribute.attribute_type() == ScalarAttributeType::S
    };
    let is_key = only.attribute_name() == key && *only.key_type() == KeyType::Hash;
    is_key && description.attribute_definitions().iter().any(is_text)
}
