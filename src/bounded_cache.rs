//! Caches that hold so many entries at most.

use std::hash::Hash;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, UnitWeighter, Weighter};

/// How many locks a cache has at most: enough that requests on all processors seldom wait for one another.
const SHARDS: usize = 16;

/// A cache of `most` entries.
pub(crate) fn of<Key: Eq + Hash, Value: Clone>(most: usize) -> Cache<Key, Value> {
    weighed(most, u64::try_from(most).unwrap_or(u64::MAX), UnitWeighter)
}

/// A cache of about so many entries, which weigh `most` together. By itself, the crate would count the processors to find out how
/// many locks to have, which takes longer than everything else about making it.
pub(crate) fn weighed<Key: Eq + Hash, Value: Clone, Weight: Weighter<Key, Value> + Clone>(
    about: usize,
    most: u64,
    weight: Weight,
) -> Cache<Key, Value, Weight> {
    let options = OptionsBuilder::new().shards(SHARDS).estimated_items_capacity(about).weight_capacity(most).build();
    match options {
        Ok(options) => Cache::with_options(options, weight, DefaultHashBuilder::default(), DefaultLifecycle::default()),
        // Only options that are missing are refused.
        Err(_) => Cache::with_weighter(about, most, weight),
    }
}
