//! What is wrong with a record, or with the whole input: where, and what was expected.

use std::fmt;

use crate::failure::Failure;
use crate::user::import::cursor::Position;

/// What is wrong with one record. The reason never quotes a hash or a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// How many bytes into the record, if that is known.
    pub(super) at: Option<usize>,
    pub(super) reason: String,
}

impl Wrong {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { at: None, reason: reason.into() }
    }

    pub(super) fn at(at: usize, reason: impl Into<String>) -> Self {
        Self { at: Some(at), reason: reason.into() }
    }
}

/// A place for people.
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}", self.line)?;
        self.column.map_or(Ok(()), |column| write!(formatter, ", column {column}"))
    }
}

/// The input cannot be read any further than `position`.
pub(super) fn unreadable(position: Position, reason: impl fmt::Display) -> Failure {
    let Position { line, column, .. } = position;
    Failure::refused(format!("line {line}, column {column}: {reason}"))
}
