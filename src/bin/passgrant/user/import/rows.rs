//! The rows of a CSV file (RFC 4180), one by one, each with its line.

use csv::{ByteRecord, ReaderBuilder, Terminator};

use crate::failure::Failure;
use crate::user::import::cursor::{Cursor, MAX_RECORD_BYTES, Position};
use crate::user::import::wrong::{Wrong, unreadable};

/// A reader of rows.
pub(super) struct Rows {
    cursor: Cursor,
}

/// The text of a row, and where it begins.
pub(super) struct Row {
    pub(super) start: Position,
    pub(super) text: Vec<u8>,
}

impl Rows {
    pub(super) fn new(cursor: Cursor) -> Self {
        Self { cursor }
    }

    pub(super) fn position(&self) -> Position {
        self.cursor.position
    }

    /// The next row that is not empty; `None` at the end. A quote that is never closed would make one row of all that
    /// follows: it is an error.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Failure> {
        while matches!(self.cursor.peek()?, Some(b'\r' | b'\n')) {
            self.cursor.next()?;
        }
        let start = self.cursor.position;
        let (mut text, mut quoted, mut field_begins) = (Vec::new(), false, true);
        while let Some(byte) = self.cursor.next()? {
            match byte {
                b'\n' if !quoted => break,
                b'"' if quoted && self.cursor.peek()? == Some(b'"') => {
                    self.cursor.next()?;
                    text.push(byte);
                }
                b'"' if quoted => quoted = false,
                b'"' if field_begins => quoted = true,
                _ => {}
            }
            field_begins = byte == b',' && !quoted;
            text.push(byte);
            if text.len() > MAX_RECORD_BYTES {
                let limit = MAX_RECORD_BYTES / 1024;
                let reason = format!("the row is longer than {limit} KiB: expected a closing quote before");
                return Err(unreadable(start, reason));
            }
        }
        if quoted {
            return Err(unreadable(
                start,
                "the file ends inside of quotes that open in this row: expected a closing quote",
            ));
        }
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        Ok((!text.is_empty()).then_some(Row { start, text }))
    }
}

impl Row {
    /// The fields of the row.
    pub(super) fn fields(&self) -> Result<Vec<String>, Wrong> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .terminator(Terminator::Any(b'\n'))
            .buffer_capacity(self.text.len().max(16))
            .from_reader(&*self.text);
        let mut record = ByteRecord::new();
        reader.read_byte_record(&mut record).map_err(|_| Wrong::new("expected a row of CSV"))?;
        let field = |(index, field): (usize, &[u8])| {
            let not_utf_8 = |_| Wrong::new(format!("column number {}: expected UTF-8", index + 1));
            str::from_utf8(field).map(str::to_owned).map_err(not_utf_8)
        };
        record.iter().enumerate().map(field).collect()
    }
}
