//! What an import did, counted by the format of the hashes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::output::listing;

/// The name under which users without a hash are counted.
pub(super) const NO_HASH: &str = "none";
/// The name under which the rejected are counted.
pub(super) const UNKNOWN: &str = "unknown";

/// What became of users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) read: u64,
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) unchanged: u64,
    pub(super) skipped: u64,
    pub(super) rejected: u64,
}

/// What became of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    Created,
    Updated,
    /// They exist already, as the input says.
    Unchanged,
    /// They exist already.
    Skipped,
    Rejected,
}

/// The counts for each format of hashes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Tally(BTreeMap<String, Counts>);

impl Tally {
    pub(super) fn count(&mut self, hash: &str, became: Became) {
        if !self.0.contains_key(hash) {
            self.0.insert(hash.to_owned(), Counts::default());
        }
        let Some(counts) = self.0.get_mut(hash) else { return };
        counts.read += 1;
        match became {
            Became::Created => counts.created += 1,
            Became::Updated => counts.updated += 1,
            Became::Unchanged => counts.unchanged += 1,
            Became::Skipped => counts.skipped += 1,
            Became::Rejected => counts.rejected += 1,
        }
    }

    pub(super) fn total(&self) -> Counts {
        self.0.values().fold(Counts::default(), |sum, counts| Counts {
            read: sum.read + counts.read,
            created: sum.created + counts.created,
            updated: sum.updated + counts.updated,
            unchanged: sum.unchanged + counts.unchanged,
            skipped: sum.skipped + counts.skipped,
            rejected: sum.rejected + counts.rejected,
        })
    }
}

/// What is printed at the end.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    pub(super) format: String,
    pub(super) dry_run: bool,
    /// The line that an interrupted import was continued at.
    pub(super) resumed_at_line: Option<u64>,
    #[serde(flatten)]
    pub(super) total: Counts,
    pub(super) by_hash: &'a Tally,
    /// Where it says why users were rejected.
    pub(super) rejects: Option<String>,
}

impl Summary<'_> {
    pub(super) fn text(&self) -> String {
        const HEADINGS: [&str; 7] = ["HASH", "READ", "CREATED", "UPDATED", "UNCHANGED", "SKIPPED", "REJECTED"];
        let row = |name: &str, counts: &Counts| {
            let Counts { read, created, updated, unchanged, skipped, rejected } = counts;
            let [read, created, updated] = [read, created, updated].map(ToString::to_string);
            let [unchanged, skipped, rejected] = [unchanged, skipped, rejected].map(ToString::to_string);
            [name.to_owned(), read, created, updated, unchanged, skipped, rejected]
        };
        let each = self.by_hash.0.iter().map(|(name, counts)| row(name, counts));
        let rows: Vec<_> =
            if self.by_hash.0.is_empty() { Vec::new() } else { each.chain([row("all", &self.total)]).collect() };
        let table = listing(HEADINGS, rows, "There are no users in it.");
        let changes = self.total.created + self.total.updated;
        let said = match (self.dry_run, changes) {
            (true, _) => "This was a dry run: nothing was written.",
            (false, 0) => "Nothing was changed.",
            (false, _) => return table,
        };
        format!("{table}\n{said}")
    }
}
