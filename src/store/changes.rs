//! Whether clients have changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts changes of the clients table, where they can be known: when every write passes through this process, as it
/// does on the local server. What was read is still current as long as the number is the same as before the read. In
/// AWS the number never changes, and says nothing.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<AtomicU64>);

impl Changes {
    /// The number of changes so far.
    pub(crate) fn number(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one change, which is done but not answered yet.
    #[cfg(feature = "cli")]
    pub(crate) fn note(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
