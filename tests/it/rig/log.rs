//! What a test logs, captured.

#![expect(clippy::expect_used, reason = "a log that cannot be read has failed its test")]

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use passgrant::telemetry::{self, Format};
use tracing::dispatcher::{DefaultGuard, Dispatch};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// With only one subscriber, tracing would ask the subscriber of the thread that is the first to log a line, and remember
/// for all threads what that one says. If it is a test without a subscriber, nobody would see that line any more. With two,
/// tracing asks both.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

impl Captured {
    /// Captures what this thread logs, for as long as the guard is held.
    pub(crate) fn at(level: LevelFilter) -> (Self, DefaultGuard) {
        LazyLock::force(&SECOND);
        let captured = Self::default();
        let subscriber = telemetry::subscriber(Format::Json, level, captured.clone());
        (captured, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("UTF-8")
    }
}
