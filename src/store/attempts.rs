//! Attempts, in the tokens table: under `t#` and the digest of the username, whether or not there is such a user.
//!
//! An item has two budgets: one for the sources that the username has lately been logged in from, and one that all others
//! share. Each write can be repeated, as the SDK does when an answer is lost, without counting twice: an attempt is an
//! element of a set, not a step of a counter.

#[cfg(feature = "cli")]
pub mod counted;
mod stored;

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::clock::Timestamp;
pub(crate) use crate::store::attempts::stored::SourceMark;
use crate::store::attempts::stored::{ATTRIBUTES, KEPT};
pub use crate::store::attempts::stored::{AttemptsKey, Budget, StoredAttempts, StoredBudget};
use crate::store::item::{Item, SCHEMA, number, string};
use crate::store::outcome::{Changed, StoreError, held, if_held, in_the_way};
use crate::store::table::Table;
use crate::user::Username;

/// An attempt to be reserved.
#[derive(Clone, Copy)]
pub(crate) struct NewAttempt<'a> {
    /// Distinguishes it from every other.
    pub(crate) id: &'a str,
    /// Where it comes from, if that is known.
    pub(crate) source: Option<&'a SourceMark>,
    pub(crate) now: Timestamp,
    /// The end of the window, if the window begins with this attempt.
    pub(crate) window_until: Timestamp,
    /// When all of the item is forgotten.
    pub(crate) expires_at: Timestamp,
}

impl NewAttempt<'_> {
    /// Its source, as it is stored: one that is not known is one of its own.
    pub(crate) fn source_text(&self) -> &str {
        self.source.map_or("unknown", SourceMark::as_str)
    }
}

/// What a budget has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// How many attempts may count in a window.
    pub(crate) limit: usize,
    /// How many attempts counted in earlier windows: if they have become more, there may be less room.
    pub(crate) failures: usize,
}

/// What a new window begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextWindow {
    pub(crate) locked_times: u32,
    pub(crate) failures: usize,
    pub(crate) known_wrong: Vec<String>,
    /// When a password was last wrong.
    pub(crate) failed_at: Timestamp,
}

/// What became of an attempt to be reserved.
pub(crate) enum Reserved {
    /// It counts, as one of these.
    Counted(StoredAttempts),
    /// The window is over, or full, or the source is not a familiar one.
    NoRoom(StoredAttempts),
    /// There is no item, or it was deleted at the same moment.
    Gone,
}

/// What is written about an attempt whose password was right.
pub(crate) struct Success<'a> {
    pub(crate) attempt: &'a str,
    /// Where it came from, which is familiar from now on.
    pub(crate) source: &'a SourceMark,
    /// Until when it is.
    pub(crate) familiar_until: Timestamp,
    /// The sources that are familiar no longer.
    pub(crate) dropped: &'a [String],
    /// Whether what strangers failed at is forgotten, if the source was familiar.
    pub(crate) forgives: bool,
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

    /// Reserves an attempt in `budget`, if its window is open and has room; the first one opens a window. The familiar
    /// budget takes only attempts from familiar sources.
    pub(crate) async fn reserve(
        &self,
        key: &AttemptsKey,
        budget: Budget,
        attempt: &NewAttempt<'_>,
        room: Room,
    ) -> Result<Reserved, StoreError> {
        let p = budget.prefix();
        let update = format!(
            "SET #schema = :schema, {p}window_until = if_not_exists({p}window_until, :window_until), \
             {p}wrong = if_not_exists({p}wrong, :none), {p}locked_times = if_not_exists({p}locked_times, :zero), \
             {p}last_at = :now, {p}last_source = :source, expires_at = :expires_at, \
             familiar_sources = if_not_exists(familiar_sources, :none) ADD {p}attempts :attempts"
        );
        let familiar = match budget {
            Budget::Strange => "",
            Budget::Familiar => "familiar_sources.#source > :now AND ",
        };
        let condition = format!(
            "contains({p}attempts, :attempt) OR ({familiar}(attribute_not_exists({p}failures) OR {p}failures = \
             :failures) AND (attribute_not_exists({p}window_until) OR ({p}window_until > :now AND \
             (attribute_not_exists({p}attempts) OR size({p}attempts) < :limit))))"
        );
        let mut request = self
            .update(key, &update)
            .condition_expression(condition)
            .expression_attribute_values(":attempt", string(attempt.id))
            .expression_attribute_values(":limit", count(room.limit))
            .expression_attribute_values(":failures", count(room.failures))
            .expression_attribute_values(":zero", number(0))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if budget == Budget::Familiar {
            request = request.expression_attribute_names("#source", attempt.source_text());
        }
        match reserving(request, attempt).send().await {
            Ok(written) => Ok(Reserved::Counted(self.read(key, written.attributes)?)),
            Err(error) => match in_the_way(error)? {
                Some(item) => Ok(Reserved::NoRoom(self.read(key, Some(item))?)),
                None => Ok(Reserved::Gone),
            },
        }
    }

    /// Opens a new window of `budget` in place of the one that was `read`, with this attempt as its first, unless another
    /// attempt has been made since then. If the SDK repeats it because an answer was lost, nothing is written, and `reserve`
    /// finds the attempt there.
    pub(crate) async fn open_window(
        &self,
        key: &AttemptsKey,
        budget: Budget,
        attempt: &NewAttempt<'_>,
        read: &StoredBudget,
        next: &NextWindow,
    ) -> Result<Changed, StoreError> {
        let p = budget.prefix();
        let update = format!(
            "SET #schema = :schema, {p}window_until = :window_until, {p}wrong = :none, {p}locked_times = \
             :locked_times, {p}failures = :failures, {p}known_wrong = :known_wrong, {p}failed_at = :failed_at, {p}last_at = :now, \
             {p}last_source = :source, expires_at = :expires_at, {p}attempts = :attempts, \
             familiar_sources = if_not_exists(familiar_sources, :none) REMOVE {p}unanswered"
        );
        let condition = format!(
            "{p}window_until = :read_until AND {p}last_at = :read_last AND \
             (attribute_not_exists({p}attempts) OR size({p}attempts) <= :read_attempts)"
        );
        let known_wrong = next.known_wrong.iter().map(|mark| string(mark)).collect();
        let request = self
            .update(key, &update)
            .condition_expression(condition)
            .expression_attribute_values(":read_attempts", count(read.attempts.len()))
            .expression_attribute_values(":failed_at", number(next.failed_at.as_unix()))
            .expression_attribute_values(":locked_times", number(next.locked_times.into()))
            .expression_attribute_values(":failures", count(next.failures))
            .expression_attribute_values(":known_wrong", AttributeValue::L(known_wrong))
            .expression_attribute_values(":read_until", number(read.window_until.as_unix()))
            .expression_attribute_values(":read_last", number(read.last_at.as_unix()));
        Ok(Changed::held(held(reserving(request, attempt).send().await)?))
    }

    /// Notes that the password of an attempt, identified by its `mark`, was wrong. The first attempt with a password
    /// counts for all attempts with it. Returns the attempts of the budget after that, if this one still counts.
    pub(crate) async fn mark(
        &self,
        key: &AttemptsKey,
        budget: Budget,
        attempt: &str,
        mark: &str,
        now: Timestamp,
    ) -> Result<Option<StoredBudget>, StoreError> {
        let p = budget.prefix();
        let request = self
            .update(key, &format!("SET {p}wrong.#mark = if_not_exists({p}wrong.#mark, :attempt), {p}failed_at = :now"))
            .expression_attribute_values(":now", number(now.as_unix()))
            .condition_expression(format!("contains({p}attempts, :attempt)"))
            .expression_attribute_names("#mark", mark)
            .expression_attribute_values(":attempt", string(attempt))
            .return_values(ReturnValue::AllNew);
        match if_held(request.send().await)? {
            Some(written) => Ok(self.read(key, written.attributes)?.into_budget(budget)),
            None => Ok(None),
        }
    }

    /// Takes back an attempt, if it still counts.
    pub(crate) async fn withdraw(&self, key: &AttemptsKey, budget: Budget, attempt: &str) -> Result<(), StoreError> {
        let p = budget.prefix();
        let request = self
            .update(key, &format!("DELETE {p}attempts :attempts"))
            .condition_expression(format!("contains({p}attempts, :attempt)"))
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
        budget: Budget,
        attempt: &str,
        bound: usize,
    ) -> Result<Changed, StoreError> {
        let p = budget.prefix();
        let condition = format!(
            "contains({p}unanswered, :attempt) OR (contains({p}attempts, :attempt) AND \
             (attribute_not_exists({p}unanswered) OR size({p}unanswered) < :bound))"
        );
        let request = self
            .update(key, &format!("DELETE {p}attempts :attempts ADD {p}unanswered :attempts"))
            .condition_expression(condition)
            .expression_attribute_values(":attempt", string(attempt))
            .expression_attribute_values(":attempts", AttributeValue::Ss(vec![attempt.to_owned()]))
            .expression_attribute_values(":bound", count(bound));
        Ok(Changed::held(held(request.send().await)?))
    }

    /// Notes a login: its source is familiar from now on. It clears the familiar budget if that is its own; from a
    /// strange source, only the attempt itself is taken back.
    pub(crate) async fn succeed(
        &self,
        key: &AttemptsKey,
        budget: Budget,
        success: &Success<'_>,
    ) -> Result<(), StoreError> {
        let mut update = "SET familiar_sources.#source = :until, expires_at = :until".to_owned();
        let mut removed: Vec<String> =
            (0..success.dropped.len()).map(|place| format!("familiar_sources.#dropped{place}")).collect();
        if budget == Budget::Familiar {
            removed.extend(ATTRIBUTES.map(|attribute| format!("{}{attribute}", budget.prefix())));
            if success.forgives {
                update.push_str(", wrong = :none");
                removed.extend(["attempts", "failures", "known_wrong", "failed_at"].map(str::to_owned));
            }
        }
        if !removed.is_empty() {
            let _infallible = write!(update, " REMOVE {}", removed.join(", "));
        }
        if budget == Budget::Strange {
            update.push_str(" DELETE attempts :attempts");
        }
        let mut request = self
            .update(key, &update)
            .condition_expression("attribute_exists(familiar_sources)")
            .expression_attribute_names("#source", success.source.as_str())
            .expression_attribute_values(":until", number(success.familiar_until.as_unix()));
        if success.forgives && budget == Budget::Familiar {
            request = request.expression_attribute_values(":none", AttributeValue::M(HashMap::new()));
        }
        for (place, dropped) in success.dropped.iter().enumerate() {
            request = request.expression_attribute_names(format!("#dropped{place}"), dropped);
        }
        if budget == Budget::Strange {
            let attempts = AttributeValue::Ss(vec![success.attempt.to_owned()]);
            request = request.expression_attribute_values(":attempts", attempts);
        }
        held(request.send().await)?;
        Ok(())
    }

    /// What is stored about a username, if anything is.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer or the item cannot be read.
    pub async fn get(&self, key: &AttemptsKey) -> Result<Option<StoredAttempts>, StoreError> {
        let item = self.tokens.get(key.as_str()).await?;
        item.map(|item| self.read(key, Some(item))).transpose()
    }

    /// Forgets every attempt for a username. The sources that it has been logged in from stay familiar.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn forget(&self, username: &Username) -> Result<(), StoreError> {
        let [strange, familiar] = Budget::ALL.map(|budget| {
            let removed = ATTRIBUTES.iter().filter(|name| budget == Budget::Familiar || !KEPT.contains(name));
            removed.map(|name| format!("{}{name}", budget.prefix())).collect::<Vec<_>>().join(", ")
        });
        let update = format!(
            "SET wrong = :none, window_until = :zero, last_at = :zero, locked_times = :zero REMOVE {strange}, {familiar}"
        );
        let request = self
            .update(&AttemptsKey::of(username), &update)
            .condition_expression("attribute_exists(id)")
            .expression_attribute_values(":none", AttributeValue::M(HashMap::new()))
            .expression_attribute_values(":zero", number(0));
        held(request.send().await)?;
        Ok(())
    }

    /// Forgets everything about a username, also where it has been logged in from.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn clear(&self, username: &Username) -> Result<(), StoreError> {
        self.tokens.delete(AttemptsKey::of(username).as_str()).send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    fn update(&self, key: &AttemptsKey, expression: &str) -> UpdateItemFluentBuilder {
        self.tokens.update(key.as_str(), expression)
    }

    fn read(&self, key: &AttemptsKey, item: Option<Item>) -> Result<StoredAttempts, StoreError> {
        StoredAttempts::read(&self.tokens, key, item.unwrap_or_default())
    }
}

fn count(count: usize) -> AttributeValue {
    AttributeValue::N(count.to_string())
}

/// What both ways of reserving an attempt write.
fn reserving(request: UpdateItemFluentBuilder, attempt: &NewAttempt<'_>) -> UpdateItemFluentBuilder {
    request
        .expression_attribute_names("#schema", "schema")
        .expression_attribute_values(":schema", number(SCHEMA.into()))
        .expression_attribute_values(":none", AttributeValue::M(HashMap::new()))
        .expression_attribute_values(":attempts", AttributeValue::Ss(vec![attempt.id.to_owned()]))
        .expression_attribute_values(":source", string(attempt.source_text()))
        .expression_attribute_values(":now", number(attempt.now.as_unix()))
        .expression_attribute_values(":window_until", number(attempt.window_until.as_unix()))
        .expression_attribute_values(":expires_at", number(attempt.expires_at.as_unix()))
}
