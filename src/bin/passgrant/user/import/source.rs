//! The input as a sequence of users: each is one that can be imported, or one that is rejected, with the reason.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::PathBuf;

use passgrant::user::UsernameProfile;

use crate::failure::Failure;
use crate::user::import::csv::{self, Columns};
use crate::user::import::cursor::{Cursor, MAX_RECORD_BYTES, Position};
use crate::user::import::elements::Elements;
use crate::user::import::firebase::Config;
use crate::user::import::format::{Format, Layout};
use crate::user::import::record::{Draft, Record};
use crate::user::import::rows::Rows;
use crate::user::import::wrong::{Place, Wrong, unreadable};
use crate::user::import::{auth0, cognito, django, firebase, jsonl, keycloak, shadow};

/// Where the input comes from, and what it is.
pub(super) struct Origin {
    /// `None` for standard input.
    pub(super) path: Option<PathBuf>,
    pub(super) format: Format,
    pub(super) firebase: Option<Config>,
    pub(super) profile: UsernameProfile,
}

/// What a part of the input that stands for a user turned out to be.
pub(super) enum Entry {
    Record(Box<Record>),
    Rejected(Rejected),
}

/// A user who is not imported.
pub(super) struct Rejected {
    pub(super) place: Place,
    pub(super) reason: String,
}

/// A user, where they begin, how many bytes they take, and where the input goes on after them.
pub(super) struct Found {
    pub(super) start: Position,
    pub(super) bytes: usize,
    pub(super) entry: Entry,
    pub(super) end: Position,
}

/// A reader of users.
pub(super) struct Source {
    origin: Origin,
    parts: Parts,
}

enum Parts {
    Lines(Cursor),
    Rows(Rows, Columns),
    Elements(Elements),
}

impl Source {
    /// Opens the input at `position`: the start, or where an import was interrupted.
    pub(super) fn open(origin: Origin, position: Position) -> Result<Self, Failure> {
        let mut cursor = Cursor::new(origin.input(Position::START)?, Position::START)?;
        let layout = origin.format.layout(cursor.past_space()?);
        let resumed = |origin: &Origin| Ok::<_, Failure>(Cursor::new(origin.input(position)?, position)?);
        let is_resumed = position != Position::START;
        let parts = match layout {
            Layout::Lines if is_resumed => Parts::Lines(resumed(&origin)?),
            Layout::Lines => Parts::Lines(cursor),
            Layout::Rows => {
                let mut rows = Rows::new(cursor);
                let columns = header(&mut rows, origin.format)?;
                Parts::Rows(if is_resumed { Rows::new(resumed(&origin)?) } else { rows }, columns)
            }
            Layout::Elements(_) if is_resumed => Parts::Elements(Elements::resume(resumed(&origin)?)),
            Layout::Elements(shape) => Parts::Elements(Elements::open(cursor, shape)?),
        };
        Ok(Self { origin, parts })
    }

    /// The next user; `None` at the end. What stands for no user is passed.
    pub(super) fn next(&mut self) -> Result<Option<Found>, Failure> {
        loop {
            let (start, text, outcome) = match &mut self.parts {
                Parts::Lines(cursor) => {
                    let start = cursor.position;
                    let Some(line) = cursor.line()? else { return Ok(None) };
                    let outcome = self.origin.of_line(&line);
                    (start, line, outcome)
                }
                Parts::Rows(rows, columns) => {
                    let Some(row) = rows.next()? else { return Ok(None) };
                    let fields = row.fields().and_then(|fields| columns.fields(fields));
                    let draft = fields.and_then(|fields| match self.origin.format {
                        Format::Django => django::draft_of_row(fields),
                        Format::Cognito => cognito::draft_of_row(fields),
                        _ => csv::draft(fields),
                    });
                    (row.start, row.text, draft.map(Some))
                }
                Parts::Elements(elements) => {
                    let Some(element) = elements.next()? else { return Ok(None) };
                    let outcome = self.origin.of_text(&element.text);
                    (element.start, element.text, outcome)
                }
            };
            let checked = outcome.and_then(|draft| draft.map(|draft| draft.check(self.origin.profile)).transpose());
            let entry = match checked {
                Ok(None) => continue,
                Ok(Some(record)) => Entry::Record(Box::new(record)),
                Err(Wrong { at, reason }) => {
                    let at = at.map(|at| start.within(&text, at));
                    let line = at.map_or(start.line, |at| at.line);
                    Entry::Rejected(Rejected { place: Place { line, column: at.map(|at| at.column) }, reason })
                }
            };
            let end = self.position();
            return Ok(Some(Found { start, bytes: text.len(), entry, end }));
        }
    }

    fn position(&self) -> Position {
        match &self.parts {
            Parts::Lines(cursor) => cursor.position,
            Parts::Rows(rows, _) => rows.position(),
            Parts::Elements(elements) => elements.position(),
        }
    }
}

impl Origin {
    fn input(&self, position: Position) -> Result<Box<dyn Read + Send>, Failure> {
        let Some(path) = &self.path else { return Ok(Box::new(io::stdin())) };
        let problem = |error: io::Error| Failure::refused(format!("{}: {error}", path.display()));
        let mut file = File::open(path).map_err(problem)?;
        file.seek(SeekFrom::Start(position.offset)).map_err(problem)?;
        Ok(Box::new(file))
    }

    /// What a line stands for; an empty one for nothing.
    fn of_line(&self, line: &[u8]) -> Result<Option<Draft>, Wrong> {
        if line.trim_ascii().is_empty() { Ok(None) } else { self.of_text(line) }
    }

    fn of_text(&self, text: &[u8]) -> Result<Option<Draft>, Wrong> {
        if text.len() > MAX_RECORD_BYTES {
            return Err(Wrong::new(format!("longer than {} KiB: expected one user", MAX_RECORD_BYTES / 1024)));
        }
        let text = str::from_utf8(text).map_err(|error| Wrong::at(error.valid_up_to(), "expected UTF-8"))?;
        match self.format {
            Format::Jsonl | Format::Csv => jsonl::draft(text).map(Some),
            Format::Keycloak => keycloak::draft(text),
            Format::Auth0 => auth0::draft(text).map(Some),
            Format::Cognito => cognito::draft(text).map(Some),
            Format::Django => django::draft(text),
            Format::Firebase => firebase::draft(text, self.firebase.as_ref()).map(Some),
            Format::Shadow => shadow::draft(text).map(Some),
        }
    }
}

fn header(rows: &mut Rows, format: Format) -> Result<Columns, Failure> {
    let needed = if format == Format::Cognito { cognito::USERNAME } else { "username" };
    let position = rows.position();
    let Some(row) = rows.next()? else {
        return Err(unreadable(position, format!("the file is empty: expected a header with a column {needed}")));
    };
    let columns = row.fields().and_then(|header| Columns::of(header, needed));
    let known = columns
        .and_then(|columns| if format == Format::Csv { columns.check_known().map(|()| columns) } else { Ok(columns) });
    known.map_err(|wrong| unreadable(row.start, wrong.reason))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What there is in `path` from `position` on: where each user begins and ends, and who they are.
    fn found(path: &Path, format: Format, position: Position) -> Vec<(Position, Position, String)> {
        let path = Some(path.to_owned());
        let origin = Origin { path, format, firebase: None, profile: UsernameProfile::CaseMapped };
        let Ok(mut source) = Source::open(origin, position) else { panic!("it opens") };
        let mut all = Vec::new();
        loop {
            match source.next() {
                Ok(None) => return all,
                Ok(Some(Found { start, end, entry, .. })) => all.push((
                    start,
                    end,
                    match entry {
                        Entry::Record(record) => record.username.to_string(),
                        Entry::Rejected(Rejected { place, reason }) => format!("{place}: {reason}"),
                    },
                )),
                Err(failure) => panic!("{:?}", failure.report()),
            }
        }
    }

    #[test]
    fn from_the_end_of_each_user_on_the_same_is_read_as_from_the_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let odd = folder.path().join("odd");
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/import");
        let mut inputs: Vec<_> = [
            ("users.jsonl", Format::Jsonl),
            ("users.csv", Format::Csv),
            ("keycloak.json", Format::Keycloak),
            ("auth0.jsonl", Format::Auth0),
            ("cognito.csv", Format::Cognito),
            ("cognito.json", Format::Cognito),
            ("django.json", Format::Django),
            ("django.csv", Format::Django),
            ("firebase.json", Format::Firebase),
            ("shadow", Format::Shadow),
        ]
        .map(|(name, format)| (fs::read(samples.join(name)).expect("a sample"), format))
        .into();
        for (text, format) in [
            ("\u{feff}\r\n{\"username\":\"a\"}\r\n\r\n{}\n\n{\"username\":\"\u{e9}\"} \n{\"", Format::Jsonl),
            (
                "\u{feff}username,claims\r\n\r\na,\"{\r\n\"\"x\"\":\"\"\u{e9}\"\"}\"\r\n\r\n\r\nb\nc,\n\nd,\"\"",
                Format::Csv,
            ),
            ("\u{feff} [ {\"email\":\"a\"}\r\n,{\"x\":\"]\"} ,\n{\"email\":\"\u{e9}\"}]", Format::Auth0),
            ("{\"users\" : [\n{\"username\":\"a\"},\n{\"username\":7},{\"username\":\"b\"}\n]}", Format::Keycloak),
            ("{\"users\":[]}", Format::Firebase),
        ] {
            inputs.push((text.as_bytes().to_vec(), format));
        }
        for (text, format) in inputs {
            for text in
                [text.clone(), String::from_utf8_lossy(&text).replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()]
            {
                fs::write(&odd, &text).expect("a file");
                let all = found(&odd, format, Position::START);
                for (index, (start, end, _)) in all.iter().enumerate() {
                    assert_eq!(found(&odd, format, *end), all[index + 1..], "{format:?} after {end:?}");
                    let before = String::from_utf8_lossy(&text[..usize::try_from(start.offset).expect("an offset")]);
                    assert_eq!(start.line, 1 + before.matches('\n').count() as u64, "{format:?}");
                }
            }
        }
    }
}
