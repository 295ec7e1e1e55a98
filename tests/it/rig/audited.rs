//! The audit events of a test, each held against `docs/audit.schema.json`.

#![expect(clippy::expect_used, clippy::panic, reason = "an event that cannot be read has failed its test")]

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use serde_json::Value;

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/audit.schema.json")).expect("JSON");
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).expect("a schema")
});

/// The event in a line, which keeps to the schema.
#[track_caller]
pub(crate) fn event(line: &str) -> Value {
    let event: Value = serde_json::from_str(line).expect("JSON");
    let problems: Vec<String> = SCHEMA.iter_errors(&event).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{event} is not what docs/audit.schema.json describes: {problems:?}");
    event
}

/// What the service writes: every event of every test is held against the schema when it is written.
#[derive(Clone, Default)]
pub(crate) struct Audited(Arc<Mutex<Vec<Value>>>);

impl io::Write for Audited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        let line = text.strip_suffix('\n').unwrap_or_else(|| panic!("{text:?} is not a whole line"));
        assert!(!line.contains('\n'), "{text:?} is more than one line");
        self.0.lock().expect("not poisoned").push(event(line));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Audited {
    /// The events since the last call.
    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().expect("not poisoned"))
    }

    /// The only event since the last call.
    #[track_caller]
    pub(crate) fn only(&self) -> Value {
        let mut events = self.take();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }
}
