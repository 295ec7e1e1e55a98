//! Standard output: tables for people, JSON for programs.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use passgrant::clock::{Day, Timestamp};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::failure::Failure;
use crate::terminal::printable;

/// A terminal that claims to be narrower than this does not know how wide it is.
const MIN_COLUMNS: u16 = 40;
const USUAL_COLUMNS: u16 = 80;

/// How results are printed: for people, or for programs.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Table,
    Json,
}

/// Where results go.
pub(crate) enum Output {
    /// To standard output.
    Standard(OutputFormat),
    /// To whoever ran the command within this process.
    Kept(Kept),
}

/// What a command within this process has come to.
#[derive(Default)]
pub(crate) struct Kept {
    result: Mutex<Option<Value>>,
    done: Option<watch::Sender<u64>>,
}

impl Output {
    /// Whether results are printed for people.
    pub(crate) fn is_for_people(&self) -> bool {
        matches!(self, Self::Standard(OutputFormat::Table))
    }

    /// Whether they go to whoever ran the command within this process.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }

    /// Prints `value` as JSON, or the text that `text` makes.
    pub(crate) fn print<V: Serialize>(&self, value: &V, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self {
            Self::Standard(OutputFormat::Table) => print_text(&text()),
            Self::Standard(OutputFormat::Json) => print_text(&serde_json::to_string_pretty(value)?),
            Self::Kept(kept) => {
                *kept.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(serde_json::to_value(value)?);
                Ok(())
            }
        }
    }

    /// Who wants to know how much of a long work is done.
    pub(crate) fn listener(&self) -> Option<watch::Sender<u64>> {
        match self {
            Self::Standard(_) => None,
            Self::Kept(kept) => kept.done.clone(),
        }
    }
}

impl Kept {
    /// Tells `done` how much of a long work is done.
    pub(crate) fn watched(done: watch::Sender<u64>) -> Self {
        Self { result: Mutex::default(), done: Some(done) }
    }

    /// What was printed last.
    pub(crate) fn into_result(self) -> Option<Value> {
        self.result.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prints `text`, whatever the format.
pub(crate) fn print_text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::Failed(format!("standard output: {error}")),
    })
}

tokio::task_local! {
    /// The warnings of a command within this process.
    static WARNINGS: RefCell<Vec<String>>;
}

/// What `work` comes to, and its warnings.
pub(crate) async fn with_warnings<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    let kept = async {
        let outcome = work.await;
        (outcome, WARNINGS.with(RefCell::take))
    };
    WARNINGS.scope(RefCell::default(), kept).await
}

/// A warning: on standard error, unless somebody keeps it.
pub(crate) fn warn(message: &str) {
    if WARNINGS.try_with(|warnings| warnings.borrow_mut().push(message.to_owned())).is_ok() {
        return;
    }
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
