//! The objects in an array of a JSON document that is too large to be read at once.

use std::io;

use crate::failure::Failure;
use crate::user::import::cursor::{Cursor, MAX_RECORD_BYTES, Position};
use crate::user::import::wrong::unreadable;

/// Longer than the name of any member that is looked for.
const MAX_NAME_BYTES: usize = 1024;

/// Where the objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// In the array that is the document.
    Array,
    /// In the array that is this member of the document.
    Member(&'static str),
}

/// A reader of the objects.
pub(super) struct Elements {
    cursor: Cursor,
    is_first: bool,
}

/// The text of one of them, and where it begins. Of one that is too long, there is only the beginning, which is longer
/// than [`MAX_RECORD_BYTES`].
pub(super) struct Element {
    pub(super) start: Position,
    pub(super) text: Vec<u8>,
}

impl Elements {
    /// The objects of the document that begins at `cursor`.
    pub(super) fn open(cursor: Cursor, shape: Shape) -> Result<Self, Failure> {
        let mut elements = Self { cursor, is_first: true };
        match shape {
            Shape::Array => elements.expect(b'[', "expected [ and the users, separated by commas")?,
            Shape::Member(name) => elements.find(name)?,
        }
        Ok(elements)
    }

    /// The objects after one that ended at `cursor`.
    pub(super) fn resume(cursor: Cursor) -> Self {
        Self { cursor, is_first: false }
    }

    pub(super) fn position(&self) -> Position {
        self.cursor.position
    }

    pub(super) fn next(&mut self) -> Result<Option<Element>, Failure> {
        let mut next = self.cursor.past_space()?;
        if next == Some(b']') {
            return Ok(None);
        }
        if !self.is_first {
            self.expect(b',', "expected a comma and another user, or ] at the end of them")?;
            next = self.cursor.past_space()?;
        }
        self.is_first = false;
        let start = self.cursor.position;
        match next {
            None => Err(unreadable(start, "the file ends inside of the array of users: expected ]")),
            Some(b'{') => {
                let mut text = Vec::new();
                self.pass_value(|byte| {
                    if text.len() <= MAX_RECORD_BYTES {
                        text.push(byte);
                    }
                })?;
                Ok(Some(Element { start, text }))
            }
            Some(_) => Err(unreadable(start, "expected { and the members of a user")),
        }
    }

    fn expect(&mut self, byte: u8, expected: &str) -> Result<(), Failure> {
        if self.cursor.past_space()? != Some(byte) {
            return Err(unreadable(self.cursor.position, expected));
        }
        self.cursor.next()?;
        Ok(())
    }

    /// Passes everything before the elements of the member `name`. A document that is an array is that member itself.
    fn find(&mut self, name: &str) -> Result<(), Failure> {
        if self.cursor.past_space()? == Some(b'[') {
            self.cursor.next()?;
            return Ok(());
        }
        self.expect(b'{', &format!("expected {{ and a member \"{name}\""))?;
        loop {
            if self.cursor.past_space()? != Some(b'"') {
                return Err(unreadable(self.cursor.position, format!("expected a member \"{name}\"")));
            }
            let mut found = Vec::new();
            self.pass_value(|byte| {
                if found.len() < MAX_NAME_BYTES {
                    found.push(byte);
                }
            })?;
            self.expect(b':', "expected a colon after the name of a member")?;
            if found == format!("\"{name}\"").as_bytes() {
                return self.expect(b'[', &format!("\"{name}\": expected an array"));
            }
            self.cursor.past_space()?;
            self.pass_value(|_| {})?;
            if self.cursor.past_space()? == Some(b'}') {
                return Err(unreadable(self.cursor.position, format!("expected a member \"{name}\"")));
            }
            self.expect(b',', "expected a comma or }")?;
        }
    }

    /// Passes one value, whose end is found by its brackets and strings only.
    fn pass_value(&mut self, mut each: impl FnMut(u8)) -> Result<(), Failure> {
        let start = self.cursor.position;
        let (mut depth, mut in_string) = (0_usize, false);
        while let Some(byte) = self.cursor.peek()? {
            match byte {
                b'\\' if in_string => {
                    self.take(&mut each)?;
                }
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' | b',' if !in_string && depth == 0 => return Ok(()),
                b'}' | b']' if !in_string => depth -= 1,
                _ => {}
            }
            self.take(&mut each)?;
            if depth == 0 && !in_string && matches!(byte, b'"' | b'}' | b']') {
                return Ok(());
            }
        }
        Err(unreadable(start, "the file ends inside of what begins here"))
    }

    fn take(&mut self, each: &mut impl FnMut(u8)) -> io::Result<()> {
        if let Some(byte) = self.cursor.next()? {
            each(byte);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str, shape: Shape) -> Result<Vec<String>, String> {
        let input = Box::new(io::Cursor::new(text.as_bytes().to_vec()));
        let said = |failure| match failure {
            Failure::Refused(reason) | Failure::RefusedOption(_, reason) | Failure::Failed(reason) => reason,
            _ => String::new(),
        };
        let cursor = Cursor::new(input, Position::START).map_err(|error| error.to_string())?;
        let mut elements = Elements::open(cursor, shape).map_err(said)?;
        let mut found = Vec::new();
        while let Some(element) = elements.next().map_err(said)? {
            let Position { line, column, .. } = element.start;
            found.push(format!("{line}:{column} {}", String::from_utf8_lossy(&element.text)));
        }
        Ok(found)
    }

    #[test]
    fn the_objects_of_a_document_are_found_wherever_they_are() {
        let expected = vec![r#"1:2 {"a":"}]\"{"}"#.to_owned(), r#"2:2 {"b":[{}]}"#.to_owned()];
        let array = "[{\"a\":\"}]\\\"{\"},\n {\"b\":[{}]}\n]";
        assert_eq!(elements(array, Shape::Array), Ok(expected.clone()));
        assert_eq!(elements(array, Shape::Member("users")), Ok(expected));
        let member = r#"{"x":{"users":[{"no":1}]},"y":1,"z":"\\","users":[{"a":1}],"rest":"#;
        assert_eq!(elements(member, Shape::Member("users")), Ok(vec![r#"1:51 {"a":1}"#.to_owned()]));
        assert_eq!(elements("\u{feff}[]", Shape::Array), Ok(Vec::new()));
    }

    #[test]
    fn a_document_without_users_is_refused_with_the_place() {
        for (text, shape, reason) in [
            ("", Shape::Array, "line 1, column 1: expected [ and the users, separated by commas"),
            ("\n x", Shape::Array, "line 2, column 2: expected [ and the users, separated by commas"),
            ("[{}", Shape::Array, "line 1, column 4: expected a comma and another user, or ] at the end of them"),
            ("[{},", Shape::Array, "line 1, column 5: the file ends inside of the array of users: expected ]"),
            ("[{} {}]", Shape::Array, "line 1, column 5: expected a comma and another user, or ] at the end of them"),
            ("[1]", Shape::Array, "line 1, column 2: expected { and the members of a user"),
            ("[{\"a\":[", Shape::Array, "line 1, column 2: the file ends inside of what begins here"),
            ("{\"a\":1}", Shape::Member("users"), "line 1, column 7: expected a member \"users\""),
            ("{\"users\":{}}", Shape::Member("users"), "line 1, column 10: \"users\": expected an array"),
            ("{}", Shape::Member("users"), "line 1, column 2: expected a member \"users\""),
        ] {
            assert_eq!(elements(text, shape), Err(reason.to_owned()), "{text:?}");
        }
    }
}
