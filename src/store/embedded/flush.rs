//! Group commit: writes that come at the same time share one flush of the disk.
//!
//! SQLite would wait for the disk in each commit, and make every other request wait with it. Instead, each commit ends
//! when it is in the write-ahead log, where it survives a killed process, and a thread flushes that file to the disk,
//! each time for every write that is waiting. No write is answered before its flush, so an answered write also survives
//! a crash of the machine, and no read by this process is answered before the flush of what this process wrote there. SQLite itself still flushes
//! around its checkpoints, which is what keeps the file sound.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dynoxide::{Database, DynoxideError};
use tokio::sync::{mpsc, oneshot};

use crate::store::embedded::place::Place;

/// The least time from one flush to the next: under load, the writes of half a millisecond share one. Each costs the processor as much
/// as a fifth of a refresh.
const INTERVAL: Duration = Duration::from_micros(500);

/// A request that waits for a flush, and its write, if it is one.
type Waiting = (oneshot::Sender<io::Result<()>>, Option<Write>);

/// A thread that flushes, which ends when the last of these is dropped.
#[derive(Clone)]
pub(super) struct Flush {
    waiting: mpsc::UnboundedSender<Waiting>,
    unflushed: Arc<Unflushed>,
}

/// How many writes may have been committed and not flushed, by what they wrote.
#[derive(Default)]
struct Unflushed(Mutex<HashMap<Place, usize>>);

impl Unflushed {
    fn places(&self) -> MutexGuard<'_, HashMap<Place, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write that may have been committed and is not flushed: it counts until it is dropped.
pub(super) struct Write {
    unflushed: Arc<Unflushed>,
    place: Place,
}

impl Drop for Write {
    fn drop(&mut self) {
        if let Entry::Occupied(mut writes) = self.unflushed.places().entry(self.place) {
            *writes.get_mut() -= 1;
            if *writes.get() == 0 {
                writes.remove();
            }
        }
    }
}

impl Flush {
    /// Flushes instead of the commits of `database`, which is in the file at `path`. If the database keeps no
    /// write-ahead log, for example on a file system that does not allow one, commits stay as they are.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) fn instead_of_each_commit(database: &Database, path: &Path) -> Result<Option<Self>, DynoxideError> {
        let Ok(log) = File::open(log_of(path)) else { return Ok(None) };
        let Ok(flush) = Self::by(move || log.sync_data()) else { return Ok(None) };
        // This sets `synchronous = NORMAL`, and leaves the rest at SQLite's defaults.
        database.disable_bulk_loading()?;
        Ok(Some(flush))
    }

    /// Flushes with `sync`, on a thread of its own.
    pub(super) fn by(sync: impl FnMut() -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (waiting, asked) = mpsc::unbounded_channel();
        thread::Builder::new().name("flush".to_owned()).spawn(move || flush_for(asked, sync))?;
        Ok(Self { waiting, unflushed: Arc::default() })
    }

    /// To be called before a write to `place`, and given to [`Flush::flushed`] after it.
    pub(super) fn write(&self, place: Place) -> Write {
        *self.unflushed.places().entry(place).or_default() += 1;
        Write { unflushed: Arc::clone(&self.unflushed), place }
    }

    /// Whether what was read at `place` just now may not have been flushed.
    pub(super) fn is_behind(&self, place: Place) -> bool {
        let unflushed = self.unflushed.places();
        match place {
            Place::Item(_) => unflushed.contains_key(&place) || unflushed.contains_key(&Place::Anywhere),
            Place::Anywhere => !unflushed.is_empty(),
        }
    }

    /// Waits until everything that was committed before the call is on the disk. `write` counts until then, also if the
    /// request no longer waits.
    pub(super) fn flushed(&self, write: Option<Write>) -> impl Future<Output = io::Result<()>> + Send + use<> {
        let (done, flushed) = oneshot::channel();
        let asked = self.waiting.send((done, write));
        async move {
            let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
            asked.map_err(|_| gone())?;
            flushed.await.map_err(|_| gone())?
        }
    }
}

/// A flush that fails is the last: the system may have dropped what it could not write, and a later flush that succeeds
/// would say nothing about it.
fn flush_for(mut asked: mpsc::UnboundedReceiver<Waiting>, mut sync: impl FnMut() -> io::Result<()>) {
    let mut waiting = Vec::new();
    let mut flushed = Ok(());
    let mut next = Instant::now();
    while let Some(first) = asked.blocking_recv() {
        waiting.push(first);
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next = Instant::now() + INTERVAL;
        while let Ok(next) = asked.try_recv() {
            waiting.push(next);
        }
        if flushed.is_ok() {
            flushed = sync();
            if let Err(error) = &flushed {
                tracing::error!(%error, "the database could not be flushed to the disk: no write is answered until a restart, and those since the last flush may be lost");
            }
        }
        for (waiting, write) in waiting.drain(..) {
            let outcome = match &flushed {
                Ok(()) => {
                    drop(write);
                    Ok(())
                }
                Err(error) => {
                    // It stays unflushed: nobody is to be told of it, not even by reading it.
                    mem::forget(write);
                    Err(error.kind().into())
                }
            };
            // A request that no longer waits need not be told.
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
            let log = File::open(path).expect("a file");
            let flush = Flush::by(move || log.sync_data()).expect("a thread");
            let waiting = futures_util::future::join_all((0..4).map(|_| flush.flushed(None)));
            assert!(waiting.await.iter().all(|flushed| flushed.is_ok() == flushes), "{}", path.display());
        }
    }

    #[tokio::test]
    async fn nothing_is_flushed_any_more_once_a_flush_has_failed() {
        let place = Place::of("tokens", "one");
        let mut failures = [Ok(()), Err(io::Error::from(io::ErrorKind::StorageFull))].into_iter();
        let flush = Flush::by(move || failures.next().unwrap_or(Ok(()))).expect("a thread");
        assert!(flush.flushed(Some(flush.write(place))).await.is_ok());
        assert!(!flush.is_behind(place));
        for _ in 0..3 {
            assert_eq!(
                flush.flushed(Some(flush.write(place))).await.map_err(|error| error.kind()),
                Err(io::ErrorKind::StorageFull)
            );
            assert!(flush.is_behind(place), "what is read now may be lost");
        }
    }

    #[test]
    fn a_write_counts_as_unflushed_until_it_is_dropped_and_only_where_it_wrote() {
        let flush = Flush::by(|| Ok(())).expect("a thread");
        let (here, there) = (Place::of("tokens", "here"), Place::of("tokens", "there"));
        let behind = || [here, there, Place::Anywhere].map(|place| flush.is_behind(place));
        let (one, other) = (flush.write(here), flush.write(here));
        assert_eq!(behind(), [true, false, true]);
        drop(one);
        assert_eq!(behind(), [true, false, true]);
        drop(other);
        assert_eq!(behind(), [false; 3]);
        let unknown = flush.write(Place::Anywhere);
        assert_eq!(behind(), [true; 3]);
        drop(unknown);
        assert_eq!(behind(), [false; 3]);
    }
}
