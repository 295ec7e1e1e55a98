//! Where the function's events go: to standard output, whatever the log level is, like its metrics.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use crate::audit::Event;

/// The events of a function.
pub struct AuditLog(Mutex<Lines>);

struct Lines {
    line: Vec<u8>,
    out: Box<dyn Write + Send>,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AuditLog").finish_non_exhaustive()
    }
}

impl AuditLog {
    /// Events that are written to `out`.
    #[must_use]
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(Lines { line: Vec::new(), out }))
    }

    /// Writes an event. A request is answered whether or not it can be written: what cannot be written to standard output is
    /// for the platform's own alarms.
    pub fn write(&self, event: &Event<'_>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = lines.write(event) {
            tracing::error!(%error, "an audit event was not written");
        }
    }
}

impl Lines {
    fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.line.clear();
        event.write_line(&mut self.line)?;
        // In one piece, since the log is written to the same place.
        self.out.write_all(&self.line)?;
        self.out.flush()
    }
}
