//! Whether somebody changed clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts changes of the clients table, where that can be known: when every write passes through this process, as it does
/// on the local server. What was read is still what the table has while the number is the same as before it was read.
/// In AWS it never changes, and tells nothing.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<AtomicU64>);

impl Changes {
    /// How many there were.
    pub(crate) fn number(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one, which is done and not answered yet.
    #[cfg(feature = "cli")]
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
