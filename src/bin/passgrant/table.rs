//! `passgrant table`: bringing back what a table has lost.

use std::sync::{Mutex, PoisonError};

use clap::{Args, Subcommand, ValueEnum};
use futures_util::future::try_join_all;
use passgrant::audit::{Action, TargetKind};
use passgrant::random::OsRandom;
use passgrant::store::backoff::Backoff;
use passgrant::store::outcome::{Created, StoreError};
use passgrant::store::restoration::{Restoration, Restored};
use serde::Serialize;
use tokio::time::sleep;

use crate::Context;
use crate::audit::Change;
use crate::failure::Failure;
use crate::output::details;
use crate::pace::Pace;
use crate::patience::patiently;
use crate::progress::Progress;

const COPY_EXAMPLES: &str = "\
Examples:
  passgrant table copy users --from passgrant-users-restored --dry-run
  passgrant table copy users --from passgrant-users-restored
  passgrant table copy clients --from passgrant-clients-restored --output json";

/// The most segments that a table is read in.
const MOST_SEGMENTS: i64 = 64;
/// How many items one segment writes at the same time.
const WRITES_AT_ONCE: usize = 8;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Copy what is missing from a table that was restored from a backup into the live one
    ///
    /// What is in the live table is never overwritten, so that a run that was interrupted can simply be started again.
    /// Whoever was deleted since the backup comes back too: look with `--dry-run` first. No session continues with a user
    /// or a client that was copied.
    #[command(after_help = COPY_EXAMPLES)]
    Copy(Copy),
}

/// The tables that are worth bringing back. An old tokens table would bring back sessions that have ended.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The clients, and the wrapped signing keys in the same table
    Clients,
    /// The users
    Users,
}

#[derive(Args)]
pub(crate) struct Copy {
    /// Which table is copied
    #[arg(value_name = "TABLE")]
    kind: Kind,
    /// The restored table, by its name
    #[arg(long, value_name = "NAME")]
    from: String,
    /// Only count what is missing, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// How many parts of the restored table are read at the same time [default: 4; locally 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=MOST_SEGMENTS))]
    segments: Option<u32>,
    /// At most how many items are copied in a second: that costs capacity that logins need too
    #[arg(long, value_name = "ITEMS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

impl Command {
    pub(crate) fn change(&self, context: &Context) -> Option<Change> {
        match self {
            Self::Copy(Copy { dry_run: true, .. }) => None,
            Self::Copy(Copy { kind, .. }) => {
                let tables = &context.config.tables;
                let table = match kind {
                    Kind::Clients => &tables.clients,
                    Kind::Users => &tables.users,
                };
                Some(Change::of_many(Action::TableCopied, TargetKind::Table, table))
            }
        }
    }

    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Copy(copy) => copy.run(context).await,
        }
    }
}

impl Copy {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let (store, tables) = (&context.database().await?.store, &context.config.tables);
        let (restoration, to, noun) = match self.kind {
            Kind::Clients => (store.clients.restoration(&self.from), &tables.clients, "clients"),
            Kind::Users => (store.users.restoration(&self.from), &tables.users, "users"),
        };
        restoration.check().await.map_err(|error| Failure::refused(error.to_string()))?;
        let bar = Progress::of(noun, &context.output, None);
        let copying = Copying {
            restoration,
            dry_run: self.dry_run,
            pace: Pace::new(self.rate),
            done: Mutex::new((Counts::default(), bar)),
        };
        // The database of a local server does one thing at a time, and for a page of a part it reads the rest of the table.
        let segments = self.segments.unwrap_or(if context.data.is_some() { 1 } else { 4 });
        let copied = try_join_all((0..segments).map(|segment| copying.segment(segment, segments))).await;
        let (counts, bar) = copying.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        context.audit.counts(counts.named());
        copied?;
        bar.finish();
        let summary = Summary { from: &self.from, to, dry_run: self.dry_run, counts };
        context.output.print(&summary, || summary.text())?;
        summary.outcome()
    }
}

/// A restoration under way, and what it has done.
struct Copying {
    restoration: Restoration,
    dry_run: bool,
    pace: Pace,
    done: Mutex<(Counts, Progress)>,
}

impl Copying {
    async fn segment(&self, segment: u32, segments: u32) -> Result<(), Failure> {
        let mut pages = self.restoration.segment(segment, segments);
        while let Some(page) = patiently(&mut pages).await? {
            for some in page.chunks(Restoration::MOST_AT_ONCE) {
                self.pace.wait(some.len()).await;
                let counts = self.copy(some).await?;
                let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
                done.0.add(&counts);
                done.1.add(counts.read, 0);
            }
        }
        Ok(())
    }

    async fn copy(&self, some: &[Restored]) -> Result<Counts, Failure> {
        let readable: Vec<Restored> = some.iter().filter(|restored| restored.is_readable()).cloned().collect();
        let missing = persist(|| self.restoration.missing(&readable)).await?;
        let mut counts = Counts {
            read: some.len() as u64,
            unreadable: (some.len() - readable.len()) as u64,
            missing: missing.len() as u64,
            ..Counts::default()
        };
        let mut missing = missing.into_iter().peekable();
        while !self.dry_run && missing.peek().is_some() {
            let writes = missing.by_ref().take(WRITES_AT_ONCE).map(|restored| self.write(restored));
            let written = try_join_all(writes).await?;
            counts.copied += written.iter().filter(|created| **created == Created::Written).count() as u64;
        }
        Ok(counts)
    }

    async fn write(&self, restored: Restored) -> Result<Created, Failure> {
        let renewed = self.restoration.renewed(restored, &OsRandom)?;
        Ok(persist(|| self.restoration.write(&renewed)).await?)
    }
}

async fn persist<T, C>(call: impl Fn() -> C) -> Result<T, StoreError>
where
    C: Future<Output = Result<T, StoreError>>,
{
    Backoff::new(&OsRandom).persist(sleep, call).await
}

/// How many items were found, and what became of them.
#[derive(Default, Serialize)]
struct Counts {
    read: u64,
    missing: u64,
    copied: u64,
    unreadable: u64,
}

impl Counts {
    fn named(&self) -> [(&'static str, u64); 4] {
        let Self { read, missing, copied, unreadable } = *self;
        [("read", read), ("missing", missing), ("copied", copied), ("unreadable", unreadable)]
    }

    fn add(&mut self, more: &Self) {
        self.read += more.read;
        self.missing += more.missing;
        self.copied += more.copied;
        self.unreadable += more.unreadable;
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    from: &'a str,
    to: &'a str,
    dry_run: bool,
    #[serde(flatten)]
    counts: Counts,
}

impl Summary<'_> {
    fn text(&self) -> String {
        let Counts { read, missing, copied, unreadable } = &self.counts;
        let number = |count: &u64| count.to_string();
        details([
            ("From", self.from.to_owned()),
            ("To", self.to.to_owned()),
            ("Read", number(read)),
            ("Missing", number(missing)),
            ("Copied", if self.dry_run { "nothing: a dry run".to_owned() } else { number(copied) }),
            ("Unreadable", number(unreadable)),
        ])
    }

    /// What cannot be read is not copied, and whoever is waiting for it should not take the copy for whole.
    fn outcome(&self) -> Result<(), Failure> {
        match self.counts.unreadable {
            0 => Ok(()),
            count => Err(Failure::Failed(format!(
                "not everything was copied: {count} of the items of {} are not as this version writes them",
                self.from
            ))),
        }
    }
}
