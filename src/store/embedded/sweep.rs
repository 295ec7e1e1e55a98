//! What DynamoDB does with expired items: it deletes them, some time after they expired.
//!
//! It works page by page, with a pause after each: a request never waits longer than a page takes, however many items
//! there are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database, DynoxideError, Item};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::clock::Clock;
use crate::store::embedded::known::Writes;
use crate::store::embedded::place::Place;
use crate::store::key;

/// How often expired items are deleted. The first sweep also comes this long after the start, when there is better work
/// to do.
const EVERY: Duration = Duration::from_mins(1);
/// The most items that are examined while requests wait.
const PAGE: usize = 50;

/// Deletes the expired items of one table.
#[derive(Clone)]
pub(super) struct Sweep {
    database: Database,
    table: String,
    clock: Arc<dyn Clock>,
    writes: Writes,
}

impl Sweep {
    pub(super) fn new(database: Database, table: String, clock: Box<dyn Clock>, writes: Writes) -> Self {
        Self { database, table, clock: clock.into(), writes }
    }

    /// Sweeps again and again, without end.
    pub(super) async fn forever(self) {
        let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.once().await {
                tracing::warn!(%error, "expired items could not be deleted");
            }
        }
    }

    /// Examines every item once. Returns how many it deleted.
    async fn once(&self) -> Result<usize, DynoxideError> {
        let (mut after, mut deleted) = (None, 0);
        loop {
            let begun = Instant::now();
            let sweep = self.clone();
            let page = tokio::task::spawn_blocking(move || sweep.page(after)).await;
            // A page that was interrupted is examined again in the next sweep.
            let Ok(page) = page else { return Ok(deleted) };
            let (of_page, next) = page?;
            deleted += of_page;
            if next.is_none() {
                return Ok(deleted);
            }
            after = next;
            // Half of the time belongs to the requests.
            sleep(begun.elapsed()).await;
        }
    }

    /// Deletes the expired items of the page that follows the item `after`. Returns how many they are, and the last
    /// item of the page.
    fn page(&self, after: Option<Item>) -> Result<(usize, Option<Item>), DynoxideError> {
        let now = AttributeValue::N(self.clock.now().as_unix().to_string());
        let now = HashMap::from([(":now".to_owned(), now)]);
        let expired = "expires_at < :now".to_owned();
        let page = self.database.scan(ScanRequest {
            table_name: self.table.clone(),
            filter_expression: Some(expired.clone()),
            projection_expression: Some(key::TOKENS.to_owned()),
            expression_attribute_values: Some(now.clone()),
            limit: Some(PAGE),
            exclusive_start_key: after,
            ..ScanRequest::default()
        })?;
        let mut deleted = 0;
        for item in page.items.unwrap_or_default() {
            let place = Place::of_item(&self.table, key::TOKENS, &item);
            let outcome = self.database.delete_item(DeleteItemRequest {
                table_name: self.table.clone(),
                key: item,
                // The item may have been used at this very moment, and live on.
                condition_expression: Some(expired.clone()),
                expression_attribute_values: Some(now.clone()),
                ..DeleteItemRequest::default()
            });
            match outcome {
                Ok(_) => {
                    self.writes.note(place);
                    deleted += 1;
                }
                Err(DynoxideError::ConditionalCheckFailedException(..)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((deleted, page.last_evaluated_key))
    }
}

#[cfg(test)]
mod tests {
    use dynoxide::actions::put_item::PutItemRequest;

    use super::*;
    use crate::clock::Timestamp;
    use crate::store::embedded::with_tokens_table;

    struct At(u64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix(self.0)
        }
    }

    /// A sweep at time 1000 of a table with items that expire at these times.
    fn sweep(expiries: impl Iterator<Item = u64>) -> Sweep {
        let database = with_tokens_table();
        for (index, expires_at) in expiries.enumerate() {
            let id = AttributeValue::S(format!("{expires_at}-{index}"));
            let expires_at = AttributeValue::N(expires_at.to_string());
            let item = HashMap::from([("id".to_owned(), id), ("expires_at".to_owned(), expires_at)]);
            let table_name = "tokens".to_owned();
            database.put_item(PutItemRequest { table_name, item, ..PutItemRequest::default() }).expect("a write");
        }
        Sweep::new(database, "tokens".to_owned(), Box::new(At(1000)), Writes::default())
    }

    fn items(sweep: &Sweep) -> Vec<Item> {
        let scan = ScanRequest { table_name: sweep.table.clone(), ..ScanRequest::default() };
        sweep.database.scan(scan).expect("a scan").items.unwrap_or_default()
    }

    #[tokio::test]
    async fn a_sweep_deletes_what_has_expired_and_nothing_else() {
        let expiries = (0..400).map(|index| if index % 3 == 0 { 999 } else { 1000 + index % 3 });
        let sweep = sweep(expiries);
        let deleted = || sweep.writes.to(Place::of("tokens", "999-0"));
        let before = deleted();
        assert_eq!(sweep.once().await.expect("a sweep"), 134);
        assert_ne!(deleted(), before, "it is counted as a write");
        assert_eq!(items(&sweep).len(), 400 - 134);
        assert!(items(&sweep).iter().all(|item| item["expires_at"] != AttributeValue::N("999".to_owned())));
        assert_eq!(sweep.once().await.expect("a sweep"), 0);
    }

    #[test]
    fn a_request_waits_for_one_page_of_a_sweep_at_most_however_much_has_expired() {
        let sweep = sweep(std::iter::repeat_n(999, 3 * PAGE));
        let (deleted, next) = sweep.page(None).expect("a page");
        assert_eq!((deleted, items(&sweep).len()), (PAGE, 2 * PAGE), "the database is free again");
        assert!(next.is_some(), "and the sweep goes on from there");
    }
}
