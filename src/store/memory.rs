//! Items that are still known from when they were read or written.

use std::fmt;

use crate::store::item::Item;

/// A state of an item, which is another one after every change. Where changes cannot be seen, it stays the same, and says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version(pub(super) u64);

impl Version {
    /// The one after a single change.
    pub(super) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What is known of the items of a table, where every change of them can be seen: on the local server, whose every write
/// passes through its process.
pub(super) trait Memory: fmt::Debug + Send + Sync {
    /// The version of the item under `key`. What is read after this, or written as the next version, may be kept as that.
    fn version(&self, key: &str) -> Version;

    /// Keeps what the item under `key` was as `version`, for a while.
    fn keep(&self, key: &str, version: Version, item: Item);

    /// The item under `key`, if it is known as the version that it is now.
    fn recall(&self, key: &str) -> Option<Item>;
}
