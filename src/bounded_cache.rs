//! Caches that hold so many entries at most.

use std::hash::Hash;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter};

/// How many locks a cache has at most: enough that requests on all processors seldom wait for one another.
const SHARDS: usize = 16;

/// A cache of `most` entries. By itself, the crate would count the processors to find out how many locks to have, which takes longer
/// than everything else about making it.
pub(crate) fn of<Key: Eq + Hash, Value: Clone>(most: usize) -> Cache<Key, Value> {
    let capacity = u64::try_from(most).unwrap_or(u64::MAX);
    let options = OptionsBuilder::new().shards(SHARDS).estimated_items_capacity(most).weight_capacity(capacity).build();
    match options {
        Ok(options) => {
            Cache::with_options(options, UnitWeighter, DefaultHashBuilder::default(), DefaultLifecycle::default())
        }
        // Only options that are missing are refused.
        Err(_) => Cache::new(most),
    }
}
