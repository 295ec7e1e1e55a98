//! A wish that a long command ends early, and whole: it asks for it where it can go on from later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a command is to stop. At a shell it never is: a signal ends the process.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks every command that has this to stop.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
