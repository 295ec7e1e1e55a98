//! Users in batches: what is written together, and what must wait.

use std::collections::{HashSet, VecDeque};

use passgrant::user::Username;
use tokio::sync::mpsc::Sender;

use crate::failure::Failure;
use crate::user::import::source::{Entry, Found, Source};

/// The users of one transaction.
const MOST_USERS: usize = 50;
/// And their bytes in the input: a transaction has 4 MiB at most, and a user may be a little larger in the table.
const MOST_BYTES: usize = 1024 * 1024;

/// Parts of the input that stand for users, one after the other.
pub(super) struct Batch {
    pub(super) found: Vec<Found>,
    /// Whether everything before must be written first: somebody in it is in the input more than once, and the first
    /// one counts.
    pub(super) waits: bool,
}

/// Reads `source` to its end, and sends it in batches. `width` batches are in progress at most, in addition to those in
/// the channel.
pub(super) fn send(mut source: Source, width: usize, sender: &Sender<Result<Batch, Failure>>) {
    let mut batches = Batches::new(width + sender.max_capacity() + 1);
    loop {
        match source.next() {
            Ok(Some(found)) => {
                if let Some(batch) = batches.add(found)
                    && sender.blocking_send(Ok(batch)).is_err()
                {
                    return;
                }
            }
            Ok(None) => {
                // Nobody listens any more if the import has failed.
                let _: Result<(), _> = batches.last().map_or(Ok(()), |batch| sender.blocking_send(Ok(batch)));
                return;
            }
            Err(failure) => {
                // What was read before is written before the failure is reported.
                if let Some(batch) = batches.last()
                    && sender.blocking_send(Ok(batch)).is_err()
                {
                    return;
                }
                let _: Result<(), _> = sender.blocking_send(Err(failure));
                return;
            }
        }
    }
}

struct Batches {
    found: Vec<Found>,
    bytes: usize,
    waits: bool,
    names: HashSet<Username>,
    /// The usernames of the batches that may still be in progress.
    before: VecDeque<HashSet<Username>>,
    most_before: usize,
}

impl Batches {
    fn new(most_before: usize) -> Self {
        Self { found: Vec::new(), bytes: 0, waits: false, names: HashSet::new(), before: VecDeque::new(), most_before }
    }

    /// Adds what was found, and gives the batch that is full, or must end before it.
    fn add(&mut self, found: Found) -> Option<Batch> {
        let mut ended = None;
        if let Entry::Record(record) = &found.entry {
            let again = self.names.contains(&record.username);
            if again || self.before.iter().any(|names| names.contains(&record.username)) {
                ended = self.last();
                self.before.clear();
                self.waits = true;
            }
            self.names.insert(record.username.clone());
        }
        self.bytes += found.bytes;
        self.found.push(found);
        // A batch that has just ended is given first; this one ends with the next that is added.
        if ended.is_none() && (self.found.len() >= MOST_USERS || self.bytes >= MOST_BYTES) {
            return self.last();
        }
        ended
    }

    fn last(&mut self) -> Option<Batch> {
        if self.found.is_empty() {
            return None;
        }
        self.before.push_back(std::mem::take(&mut self.names));
        if self.before.len() > self.most_before {
            self.before.pop_front();
        }
        self.bytes = 0;
        Some(Batch { found: std::mem::take(&mut self.found), waits: std::mem::take(&mut self.waits) })
    }
}
