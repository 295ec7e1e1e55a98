//! Standard output: tables for people, JSON for programs.

use std::io::{self, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use passgrant::clock::{Day, Timestamp};
use serde::Serialize;

use crate::failure::Failure;

/// A terminal that claims to be narrower than this does not know how wide it is.
const MIN_COLUMNS: u16 = 40;
const USUAL_COLUMNS: u16 = 80;

/// How results are printed: for people, or for programs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Table,
    Json,
}

/// Standard output.
pub(crate) struct Output {
    format: OutputFormat,
}

impl Output {
    pub(crate) const fn new(format: OutputFormat) -> Self {
        Self { format }
    }

    /// Whether results are printed for people.
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == OutputFormat::Table
    }

    /// Prints `value` as JSON, or the text that `text` makes.
    pub(crate) fn print<V: Serialize>(&self, value: &V, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = match self.format {
            OutputFormat::Table => text(),
            OutputFormat::Json => serde_json::to_string_pretty(value)?,
        };
        print_text(&text)
    }
}

/// Prints `text`, whatever the format.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::refused(format!("standard output: {error}")),
    })
}

/// A warning on standard error.
pub(crate) fn warn(message: &str) {
    // A warning that cannot be written stops nothing.
    let _: io::Result<()> = writeln!(io::stderr().lock(), "warning: {message}");
}

/// A table of many things, with one row for each; `nothing` is printed if there are none.
pub(crate) fn listing<const N: usize>(
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    nothing: &str,
) -> String {
    let mut table = plain_table();
    table.set_header(headings);
    table.add_rows(rows.into_iter().map(|row| row.map(|cell| printable(&cell))));
    if table.is_empty() { nothing.to_owned() } else { text(table) }
}

/// A table of one thing, with one row for each of its parts.
pub(crate) fn details(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut table = plain_table();
    table.add_rows(rows.into_iter().map(|(name, value)| [name.to_owned(), printable(&value)]));
    text(table)
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn text(mut table: Table) -> String {
    if table.width().is_some_and(|columns| columns < MIN_COLUMNS) {
        table.set_width(USUAL_COLUMNS);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// `text`, with the characters that could control a terminal made visible.
fn printable(text: &str) -> String {
    let visible = |character: char| {
        if character.is_control() && character != '\n' {
            character.escape_default().to_string()
        } else {
            character.to_string()
        }
    };
    text.chars().map(visible).collect()
}

/// A day in the format of RFC 3339.
pub(crate) fn date(day: Day) -> String {
    rfc3339(day.start()).chars().take_while(|&character| character != 'T').collect()
}

/// A moment in the format of RFC 3339.
pub(crate) fn rfc3339(moment: Timestamp) -> String {
    /// The last second of the year 9999, where the format ends.
    const LAST: u64 = 253_402_300_799;
    let seconds = moment.as_unix().min(LAST);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}
