//! The input, byte by byte, and where one is in it.

use std::io::{self, BufRead as _, BufReader, Read};

use serde::{Deserialize, Serialize};

/// The longest record, in bytes: more than a user may have in the table.
pub(super) const MAX_RECORD_BYTES: usize = 512 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A place in the input. Lines and columns count from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Position {
    pub(super) const START: Self = Self { offset: 0, line: 1, column: 1 };

    /// The place after `byte`.
    fn pass(&mut self, byte: u8) {
        self.offset += 1;
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else if !is_continuation(byte) {
            self.column += 1;
        }
    }

    /// The place `at` bytes into `text`, which begins here.
    pub(super) fn within(mut self, text: &[u8], at: usize) -> Self {
        text.iter().take(at).for_each(|byte| self.pass(*byte));
        self
    }
}

/// Whether a byte continues a character of UTF-8.
fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// The rest of the input.
pub(super) struct Cursor {
    input: BufReader<Box<dyn Read + Send>>,
    pub(super) position: Position,
}

impl Cursor {
    /// The input from `position` on, which is where `input` is. A byte order mark at the start is passed over.
    pub(super) fn new(input: Box<dyn Read + Send>, position: Position) -> io::Result<Self> {
        let mut cursor = Self { input: BufReader::with_capacity(64 * 1024, input), position };
        if position == Position::START && cursor.input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            cursor.input.consume(BYTE_ORDER_MARK.len());
            cursor.position.offset += BYTE_ORDER_MARK.len() as u64;
        }
        Ok(cursor)
    }

    /// The next byte, which stays the next; `None` at the end.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.input.fill_buf()?.first().copied())
    }

    /// The next byte, which is passed.
    pub(super) fn next(&mut self) -> io::Result<Option<u8>> {
        let next = self.peek()?;
        if let Some(byte) = next {
            self.input.consume(1);
            self.position.pass(byte);
        }
        Ok(next)
    }

    /// Passes white space, and gives the byte after it, which stays the next.
    pub(super) fn past_space(&mut self) -> io::Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(Some(byte));
            }
            self.next()?;
        }
        Ok(None)
    }

    /// The next line, without its ending; `None` at the end. Of a line that is too long, there is only the beginning,
    /// which is longer than [`MAX_RECORD_BYTES`].
    pub(super) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut any = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                self.position.column += line.len() as u64;
                return Ok(any.then_some(line));
            }
            any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            let room = (MAX_RECORD_BYTES + 1).saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            self.position.offset += used as u64;
            if end.is_some() {
                self.position.line += 1;
                self.position.column = 1;
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
        }
    }
}
