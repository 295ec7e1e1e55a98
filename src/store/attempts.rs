//! Attempts, in the tokens table: under `t#` and the digest of the username, whether or not there is such a user.
//!
//! Each write can be repeated, as the SDK does when an answer is lost, without counting twice: an attempt is an element
//! of a set, not a step of a counter.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::store::item::{Item, SCHEMA, number, string};
use crate::store::key;
use crate::store::outcome::{Changed, StoreError, held};
use crate::store::table::Table;
use crate::user::Username;

/// The attempts for one username, as they are stored.
#[derive(Deserialize)]
pub(crate) struct StoredAttempts {
    /// Those that count: made in this window, and not withdrawn.
    #[serde(default)]
    pub(crate) attempts: BTreeSet<String>,
    /// The marks of wrong passwords, each with the attempt that counts for it.
    pub(crate) wrong: BTreeMap<String, String>,
    /// The end of the window.
    pub(crate) window_until: Timestamp,
    /// When the last of the attempts was made.
    pub(crate) last_at: Timestamp,
    /// How many times the username has been locked before.
    pub(crate) locked_times: u32,
    /// When all of it is forgotten.
    pub(crate) expires_at: Timestamp,
}

/// The key of the item of one username.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AttemptsKey(String);

impl AttemptsKey {
    pub(crate) fn of(username: &Username) -> Self {
        Self(key::attempts(&Sha256::digest(username.as_str())))
    }
}

/// An attempt to be reserved.
pub(crate) struct NewAttempt<'a> {
    /// Distinguishes it from every other.
    pub(crate) id: &'a str,
    pub(crate) now: Timestamp,
    /// The end of the window, if the window begins with this attempt.
    pub(crate) window_until: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// What became of an attempt to be reserved.
pub(crate) enum Reserved {
    /// It counts, as one of these.
    Counted(StoredAttempts),
    /// The window is over, or full.
    NoRoom(StoredAttempts),
    /// The item was deleted at the same moment.
    Gone,
}

/// The attempts in the tokens table.
#[derive(Clone, Debug)]
pub struct Attempts {
    tokens: Table,
}

impl Attempts {
    pub(super) fn new(tokens: Table) -> Self {
        Self { tokens }
    }

    /// Reserves an attempt, if the window is open and has fewer than `limit`; the first one opens a window.
    pub(crate) async fn reserve(
        &self,
        key: &AttemptsKey,
        attempt: &NewAttempt<'_>,
        limit: usize,
    ) -> Result<Reserved, StoreError> {
        let request = self
            .update(
                key,
                "SET #schema = :schema, window_until = if_not_exists(window_until, :window_until), \
                 wrong = if_not_exists(wrong, :none), locked_times = if_not_exists(locked_times, :zero), \
                 last_at = :now, expires_at = :expires_at ADD attempts :attempts",
            )
            .condition_expression(
                "attribute_not_exists(id) OR contains(attempts, :attempt) OR (window_until > :now AND \
                 (attribute_not_exists(attempts) OR size(attempts) < :limit))",
            )
            .expression_attribute_values(":attempt", string(attempt.id))
            .expression_attribute_values(":limit", AttributeValue::N(limit.to_string()))
            .expression_attribute_values(":zero", number(0))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match reserving(request, attempt).send().await {
            Ok(written) => Ok(Reserved::Counted(self.read(key, written.attributes)?)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => match failed.item() {
                    Some(item) => Ok(Reserved::NoRoom(self.read(key, Some(item.clone()))?)),
                    None => Ok(Reserved::Gone),
                },
                _ => Err(StoreError::from_sdk(error)),
            },
        }
    }

    /// Opens a new window in place of the one that was `read`, with this attempt as its first.
    pub(crate) async fn open_window(
        &self,
        key: &AttemptsKey,
        attempt: &NewAttempt<'_>,
        read: &StoredAttempts,
        locked_times: u32,
    ) -> Result<Changed, StoreError> {
        let request = self
            .update(
                key,
                "SET #schema = :schema, window_until = :window_until, wrong = :none, locked_times = :locked_times, \
                 last_at = :now, expires_at = :expires_at, attempts = :attempts REMOVE unanswered",
            )
            .condition_expression(
                "(window_until = :read_until AND last_at = :read_last) OR contains(attempts, :attempt)",
            )
            .expression_attribute_values(":attempt", string(attempt.id))
            .expression_attribute_values(":locked_times", number(locked_times.into()))
            .expression_attribute_values(":read_until", number(read.window_until.as_unix()))
            .expression_attribute_values(":read_last", number(read.last_at.as_unix()));
        Ok(Changed::held(held(reserving(request, attempt).send().await)?))
    }

    /// Notes that the password of an attempt, identified by its `mark`, was wrong. The first attempt with a password
    /// counts for all attempts with it. Returns the attempts after that, if this one still counts.
    pub(crate) async fn mark(
        &self,
        key: &AttemptsKey,
        attempt: &str,
        mark: &str,
    ) -> Result<Option<StoredAttempts>, StoreError> {
        let request = self
            .update(key, "SET wrong.#mark = if_not_exists(wrong.#mark, :attempt)")
            .condition_expression("contains(attempts, :attempt)")
            .expression_attribute_names("#mark", mark)
            .expression_attribute_values(":attempt", string(attempt))
            .return_values(ReturnValue::AllNew);
        match request.send().await {
            Ok(written) => self.read(key, written.attributes).map(Some),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(StoreError::from_sdk(error)),
            },
        }
    }

    /// Takes back an attempt, if it still counts.
    pub(crate) async fn withdraw(&self, key: &AttemptsKey, attempt: &str) -> Result<(), StoreError> {
        let request = self
            .update(key, "DELETE attempts :attempts")
            .condition_expression("contains(attempts, :attempt)")
            .expression_attribute_values(":attempt", string(attempt))
            .expression_attribute_values(":attempts", AttributeValue::Ss(vec![attempt.to_owned()]));
        held(request.send().await)?;
        Ok(())
    }

    /// Takes back an attempt to which a delegated verifier gave no answer, if it still counts and fewer than `bound` of
    /// this window have been taken back for that reason.
    pub(crate) async fn withdraw_unanswered(
        &self,
        key: &AttemptsKey,
        attempt: &str,
        bound: usize,
    ) -> Result<Changed, StoreError> {
        let request = self
            .update(key, "DELETE attempts :attempts ADD unanswered :attempts")
            .condition_expression(
                "contains(unanswered, :attempt) OR (contains(attempts, :attempt) AND \
                 (attribute_not_exists(unanswered) OR size(unanswered) < :bound))",
            )
            .expression_attribute_values(":attempt", string(attempt))
            .expression_attribute_values(":attempts", AttributeValue::Ss(vec![attempt.to_owned()]))
            .expression_attribute_values(":bound", AttributeValue::N(bound.to_string()));
        Ok(Changed::held(held(request.send().await)?))
    }

    /// Forgets every attempt for a username.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn clear(&self, username: &Username) -> Result<(), StoreError> {
        self.delete(&AttemptsKey::of(username)).await
    }

    pub(crate) async fn delete(&self, key: &AttemptsKey) -> Result<(), StoreError> {
        self.tokens.delete(&key.0).send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    fn update(&self, key: &AttemptsKey, expression: &str) -> UpdateItemFluentBuilder {
        self.tokens.update(&key.0, expression)
    }

    fn read(&self, key: &AttemptsKey, item: Option<Item>) -> Result<StoredAttempts, StoreError> {
        self.tokens.stored(&key.0, item.unwrap_or_default())
    }
}

/// What both ways of reserving an attempt write.
fn reserving(request: UpdateItemFluentBuilder, attempt: &NewAttempt<'_>) -> UpdateItemFluentBuilder {
    request
        .expression_attribute_names("#schema", "schema")
        .expression_attribute_values(":schema", number(SCHEMA.into()))
        .expression_attribute_values(":none", AttributeValue::M(HashMap::new()))
        .expression_attribute_values(":attempts", AttributeValue::Ss(vec![attempt.id.to_owned()]))
        .expression_attribute_values(":now", number(attempt.now.as_unix()))
        .expression_attribute_values(":window_until", number(attempt.window_until.as_unix()))
        .expression_attribute_values(":expires_at", number(attempt.expires_at.as_unix()))
}
