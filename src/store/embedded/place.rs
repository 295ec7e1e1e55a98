//! What a request reads or writes.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::LazyLock;

use dynoxide::AttributeValue;

/// What a request reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// The item with this hash of its table and key. Two items of the same hash are taken for one that changes more often.
    Item(u64),
    /// It is not known what.
    Anywhere,
}

impl Place {
    /// The item of `table` with the key `key`.
    pub(super) fn of(table: &str, key: &str) -> Self {
        static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self::Item(HASHER.hash_one((table, key)))
    }

    /// The item of `table` that `attributes` are of, or are the key of, where `name` is the attribute that is the table's key.
    pub(super) fn of_item(table: &str, name: &str, attributes: &HashMap<String, AttributeValue>) -> Self {
        match attributes.get(name) {
            Some(AttributeValue::S(key)) => Self::of(table, key),
            _ => Self::Anywhere,
        }
    }
}
