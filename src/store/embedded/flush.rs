//! Group commit: writes that come at the same time share one flush of the disk.
//!
//! SQLite would wait for the disk in each commit, and make every other request wait with it. Instead, each commit ends
//! when it is in the write-ahead log, where it survives a killed process, and a thread flushes that file to the disk,
//! each time for every write that is waiting. No write is answered before its flush, so an answered write also survives
//! a crash of the machine. SQLite itself still flushes around its checkpoints, which is what keeps the file sound.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use dynoxide::{Database, DynoxideError};
use tokio::sync::{mpsc, oneshot};

/// A write that waits for a flush.
type Waiting = oneshot::Sender<io::Result<()>>;

/// A thread that flushes, which ends when the last of these is dropped.
#[derive(Clone)]
pub(super) struct Flush {
    waiting: mpsc::UnboundedSender<Waiting>,
}

impl Flush {
    /// Flushes instead of the commits of `database`, which is in the file at `path`. If the database keeps no
    /// write-ahead log, for example on a file system that does not allow one, commits stay as they are.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) fn instead_of_each_commit(database: &Database, path: &Path) -> Result<Option<Self>, DynoxideError> {
        let Ok(log) = File::open(log_of(path)) else { return Ok(None) };
        let (waiting, asked) = mpsc::unbounded_channel();
        if thread::Builder::new().name("flush".to_owned()).spawn(move || flush_for(asked, &log)).is_err() {
            return Ok(None);
        }
        // This sets `synchronous = NORMAL`, and leaves the rest at SQLite's defaults.
        database.disable_bulk_loading()?;
        Ok(Some(Self { waiting }))
    }

    /// Waits until everything that was committed before the call is on the disk.
    pub(super) fn flushed(&self) -> impl Future<Output = io::Result<()>> + Send + use<> {
        let (done, flushed) = oneshot::channel();
        let asked = self.waiting.send(done);
        async move {
            let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
            asked.map_err(|_| gone())?;
            flushed.await.map_err(|_| gone())?
        }
    }
}

fn flush_for(mut asked: mpsc::UnboundedReceiver<Waiting>, log: &File) {
    let mut waiting = Vec::new();
    while let Some(first) = asked.blocking_recv() {
        waiting.push(first);
        while let Ok(next) = asked.try_recv() {
            waiting.push(next);
        }
        let flushed = log.sync_data();
        if let Err(error) = &flushed {
            tracing::error!(%error, "the database could not be flushed to the disk");
        }
        for waiting in waiting.drain(..) {
            let outcome = match &flushed {
                Ok(()) => Ok(()),
                Err(error) => Err(error.kind().into()),
            };
            // A write that no longer waits need not be told.
            let _: Result<(), io::Result<()>> = waiting.send(outcome);
        }
    }
}

/// SQLite's write-ahead log of the database at `path`: it stays the same file as long as the database is open.
fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn every_waiting_write_is_told_whether_the_flush_succeeded() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "committed").expect("a file");
        for (path, flushes) in [(file.as_path(), true), (Path::new("/dev/null"), false)] {
            let (waiting, asked) = mpsc::unbounded_channel();
            let log = File::open(path).expect("a file");
            let thread = thread::spawn(move || flush_for(asked, &log));
            let flush = Flush { waiting };
            let waiting = futures_util::future::join_all((0..4).map(|_| flush.flushed()));
            assert!(waiting.await.iter().all(|flushed| flushed.is_ok() == flushes), "{}", path.display());
            drop(flush);
            thread.join().expect("it ends with the last who could ask");
        }
    }
}
