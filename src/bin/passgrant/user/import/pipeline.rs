//! Reading, hashing and writing at the same time: a thread reads, every core hashes, and several batches are written at
//! once. What became of them is accounted for in the order of the input.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use tokio::sync::mpsc::channel;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::progress::Progress as Bar;
use crate::stop::Stop;
use crate::user::import::batch::{Batch, send};
use crate::user::import::checkpoint::{Checkpoint, Progress};
use crate::user::import::rejects::Rejects;
use crate::user::import::source::Source;
use crate::user::import::writing::{Done, OnConflict, Writing};

/// How many batches are written at once. An import that stops at the first conflict writes one after the other, so that
/// nothing behind the conflict is written.
const WIDTH: usize = 8;
/// How many batches are read ahead.
const AHEAD: usize = 2;
/// How long before the checkpoint is written again.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(200);

/// Everything that accounts for what was done.
pub(super) struct Account {
    pub(super) progress: Progress,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) rejects: Rejects,
    pub(super) bar: Bar,
    pub(super) written: Instant,
}

/// Imports `source` to its end, or until it fails or is stopped. Whatever was done is accounted for in `account`.
pub(super) async fn run(source: Source, writing: Writing, stop: &Stop, account: &mut Account) -> Result<(), Failure> {
    let width = if writing.on_conflict == OnConflict::Fail { 1 } else { WIDTH };
    let (sender, mut receiver) = channel(AHEAD);
    // Not one of the runtime's, which waits for its own when it ends: this one may wait for standard input.
    thread::Builder::new().name("reader".to_owned()).spawn(move || send(source, width, &sender))?;
    let writing = Arc::new(writing);
    let write = |batch: Batch| {
        let writing = Arc::clone(&writing);
        tokio::spawn(async move { writing.write(batch).await })
    };
    let mut running = FuturesOrdered::new();
    let mut held: Option<Batch> = None;
    let mut ended: Option<Result<(), Failure>> = None;
    loop {
        // What is being written still is, and accounted for.
        if ended.is_none() && stop.is_set() {
            held = None;
            ended = Some(Err(Failure::Failed("the import was stopped".to_owned())));
        }
        let takes = ended.is_none() && held.is_none() && running.len() < width;
        tokio::select! {
            Some(done) = running.next(), if !running.is_empty() => account.add(done??)?,
            next = receiver.recv(), if takes => match next {
                None => ended = Some(Ok(())),
                Some(Err(failure)) => ended = Some(Err(failure)),
                Some(Ok(batch)) if batch.waits && !running.is_empty() => held = Some(batch),
                Some(Ok(batch)) => running.push_back(write(batch)),
            },
            else => break,
        }
        if running.is_empty()
            && let Some(batch) = held.take()
        {
            running.push_back(write(batch));
        }
    }
    ended.unwrap_or(Ok(()))
}

impl Account {
    fn add(&mut self, done: Done) -> Result<(), Failure> {
        let users = done.outcomes.len() as u64;
        for outcome in done.outcomes {
            self.progress.tally.count(outcome.hash, outcome.became);
            if let Some(rejected) = outcome.rejected {
                self.bar.beside(|| self.rejects.add(&rejected))?;
            }
        }
        if let Some(end) = done.end {
            self.progress.position = end;
        }
        self.bar.add(users, self.progress.position.offset);
        if let Some(stop) = done.stop {
            return Err(stop);
        }
        if self.written.elapsed() >= CHECKPOINT_EVERY {
            self.keep()?;
        }
        Ok(())
    }

    /// Writes what is accounted for to the disk.
    pub(super) fn keep(&mut self) -> Result<(), Failure> {
        self.progress.rejects_bytes = self.rejects.flushed()?;
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint.write(&self.progress)?;
        }
        self.written = Instant::now();
        Ok(())
    }
}
