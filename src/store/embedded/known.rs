//! Items that need not be read again. Every write is counted, by the item that it writes, after it is done and before it is
//! answered: an item is known as long as that number is the one from before it was read.

use std::array;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::bounded_cache;
use crate::store::embedded::place::Place;
use crate::store::item::Item;
use crate::store::memory::{Memory, Version};

/// How many numbers there are. Items that share one are read again a little more often.
const NUMBERS: usize = 1024;

/// How much memory the items of a table may take that are kept, about, and how many that is usually.
const MOST_BYTES: u64 = 1 << 20;
const ABOUT_ITEMS: usize = 512;

/// The number of writes so far, by what they wrote.
#[derive(Clone, Debug)]
pub(super) struct Writes(Arc<Numbers>);

#[derive(Debug)]
struct Numbers {
    anywhere: AtomicU64,
    of_items: [AtomicU64; NUMBERS],
}

impl Default for Writes {
    fn default() -> Self {
        Self(Arc::new(Numbers { anywhere: AtomicU64::new(0), of_items: array::from_fn(|_| AtomicU64::new(0)) }))
    }
}

impl Writes {
    /// Counts a write to `place`, which is done and not answered yet.
    pub(super) fn note(&self, place: Place) {
        let number = match place {
            Place::Item(hash) => self.of_item(hash),
            Place::Anywhere => &self.0.anywhere,
        };
        number.fetch_add(1, Ordering::SeqCst);
    }

    fn of_item(&self, hash: u64) -> &AtomicU64 {
        #[expect(clippy::cast_possible_truncation, reason = "any part of it is as good as another")]
        &self.0.of_items[hash as usize % NUMBERS]
    }

    /// How many writes may have changed what is at `place`.
    pub(super) fn to(&self, place: Place) -> Version {
        let of_item = match place {
            Place::Item(hash) => self.of_item(hash).load(Ordering::SeqCst),
            Place::Anywhere => 0,
        };
        Version(of_item + self.0.anywhere.load(Ordering::SeqCst))
    }
}

/// An item, as it was.
#[derive(Clone)]
struct Kept {
    version: Version,
    item: Arc<Item>,
    bytes: usize,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<String, Kept> for Bytes {
    fn weight(&self, _: &String, kept: &Kept) -> u64 {
        kept.bytes as u64
    }
}

/// How much memory `item` takes, about.
fn bytes(item: &Item) -> usize {
    fn of_value(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
            AttributeValue::B(blob) => blob.as_ref().len(),
            AttributeValue::L(values) => values.iter().map(|value| mem::size_of_val(value) + of_value(value)).sum(),
            AttributeValue::M(members) => bytes(members),
            AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
                texts.iter().map(|text| mem::size_of_val(text) + text.len()).sum()
            }
            AttributeValue::Bs(blobs) => blobs.iter().map(|blob| mem::size_of_val(blob) + blob.as_ref().len()).sum(),
            _ => 0,
        }
    }
    item.iter().map(|(name, value)| mem::size_of::<(String, AttributeValue)>() + name.len() + of_value(value)).sum()
}

/// What is known of a table.
pub(super) struct Known {
    table: String,
    writes: Writes,
    items: Cache<String, Kept, Bytes>,
}

impl Known {
    /// Nothing yet of `table`, whose writes are counted in `writes`.
    pub(super) fn of(table: &str, writes: Writes) -> Self {
        Self { table: table.to_owned(), writes, items: bounded_cache::weighed(ABOUT_ITEMS, MOST_BYTES, Bytes) }
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Known").field("table", &self.table).finish_non_exhaustive()
    }
}

impl Memory for Known {
    fn version(&self, key: &str) -> Version {
        self.writes.to(Place::of(&self.table, key))
    }

    fn keep(&self, key: &str, version: Version, item: Item) {
        self.items.insert(key.to_owned(), Kept { version, bytes: bytes(&item), item: Arc::new(item) });
    }

    fn recall(&self, key: &str) -> Option<Item> {
        let kept = self.items.get(key)?;
        (kept.version == self.version(key)).then(|| Item::clone(&kept.item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::item::string;

    const TABLE: &str = "tokens";

    fn item(value: &str) -> Item {
        Item::from([("value".to_owned(), string(value))])
    }

    fn known() -> (Known, Writes) {
        let writes = Writes::default();
        (Known::of(TABLE, writes.clone()), writes)
    }

    #[test]
    fn an_item_is_known_until_it_may_have_been_written() {
        let (known, writes) = known();
        for place in [Place::of(TABLE, "one"), Place::Anywhere] {
            known.keep("one", known.version("one"), item("first"));
            assert_eq!(known.recall("one"), Some(item("first")));
            assert_eq!(known.recall("another"), None);
            writes.note(place);
            assert_eq!(known.recall("one"), None);
        }
    }

    #[test]
    fn a_read_that_a_write_overtook_is_not_known() {
        let (known, writes) = known();
        let version = known.version("one");
        writes.note(Place::of(TABLE, "one"));
        known.keep("one", version, item("as it was"));
        assert_eq!(known.recall("one"), None);
    }

    #[test]
    fn what_was_written_is_known_unless_somebody_else_wrote_too() {
        let (known, writes) = known();
        for others in 0..3 {
            let version = known.version("one").next();
            (0..=others).for_each(|_| writes.note(Place::of(TABLE, "one")));
            known.keep("one", version, item("as I left it"));
            assert_eq!(known.recall("one").is_some(), others == 0);
        }
        let version = known.version("one").next();
        known.keep("one", version, item("not written"));
        assert_eq!(known.recall("one"), None, "a write that was not counted");
    }

    #[test]
    fn as_many_items_are_kept_as_fit() {
        let (known, _) = known();
        let large = item(&"x".repeat(4096));
        for number in 0..10_000 {
            let key = number.to_string();
            known.keep(&key, known.version(&key), large.clone());
        }
        assert!(known.items.weight() <= MOST_BYTES);
        assert!(known.items.len() > 100, "{}", known.items.len());
        let key = "a megabyte";
        known.keep(key, known.version(key), item(&"x".repeat(1 << 20)));
        assert_eq!(known.recall(key), None);
    }
}
