//! The thread that works on the database.
//!
//! Only one call can work on the database at a time. If each did so on its own thread, a thread that serves other
//! requests too would wait for the lock, or a request that has been given the lock would wait for a thread.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock, mpsc};
use std::thread;

use dynoxide::Database;
use tokio::sync::oneshot;

type Call = Box<dyn FnOnce(&Database) + Send>;

/// A thread that works on a database, and ends when this is dropped or closed.
pub(super) struct DatabaseThread {
    /// `None` once it is closed.
    calls: RwLock<Option<mpsc::Sender<Call>>>,
    ended: RwLock<Option<oneshot::Receiver<()>>>,
}

/// The database was closed, or the call did not end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl DatabaseThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The error of the operating system.
    pub(super) fn start(database: Database) -> io::Result<Self> {
        let (calls, made) = mpsc::channel::<Call>();
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name("database".to_owned()).spawn(move || {
            for call in made {
                // Whoever waits for a call that panics gets no answer.
                let _: thread::Result<()> = catch_unwind(AssertUnwindSafe(|| call(&database)));
            }
            drop(database);
            // Nobody may wait for it.
            let _: Result<(), ()> = end.send(());
        })?;
        Ok(Self { calls: RwLock::new(Some(calls)), ended: RwLock::new(Some(ended)) })
    }

    /// What `work` makes of the database, after every call that was made before this one.
    ///
    /// # Errors
    /// [`Closed`].
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database) -> T + Send + 'static,
    ) -> Result<T, Closed> {
        let (answer, answered) = oneshot::channel();
        let call = Box::new(move |database: &Database| {
            // What nobody waits for any more is left out: the SDK gives a call up after a second and makes it again, so a
            // slow database would otherwise do more and more in vain.
            if !answer.is_closed() {
                drop(answer.send(work(database)));
            }
        });
        self.send(call)?;
        answered.await.map_err(|_| Closed)
    }

    fn send(&self, call: Call) -> Result<(), Closed> {
        let calls = self.calls.read().unwrap_or_else(PoisonError::into_inner);
        calls.as_ref().ok_or(Closed)?.send(call).map_err(|_| Closed)
    }

    /// Releases the database once the calls in progress have been answered. Every later call fails.
    pub(super) async fn close(&self) {
        self.calls.write().unwrap_or_else(PoisonError::into_inner).take();
        let ended = self.ended.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended {
            // Either way the thread has ended.
            let _: Result<(), oneshot::error::RecvError> = ended.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_immediate;

    use super::*;

    #[tokio::test]
    async fn a_call_is_answered_after_those_that_were_made_before_it() {
        let thread = DatabaseThread::start(Database::memory().expect("a database")).expect("a thread");
        let (done, order) = mpsc::channel();
        let calls = (0..5).map(|number| {
            let done = done.clone();
            thread.call(move |_| done.send(number))
        });
        assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn closing_waits_for_the_calls_in_progress_and_refuses_later_ones() {
        let database = Database::memory().expect("a database");
        let thread = DatabaseThread::start(database).expect("a thread");
        let (release, released) = mpsc::channel::<()>();
        let busy = thread.call(move |_| released.recv().is_err());
        let close = async {
            drop(release);
            thread.close().await;
        };
        assert_eq!(tokio::join!(busy, close).0, Ok(true));
        assert_eq!(thread.call(|_| ()).await, Err(Closed));
        thread.close().await;
    }

    #[tokio::test]
    async fn a_call_that_was_given_up_before_its_turn_is_left_out() {
        let thread = DatabaseThread::start(Database::memory().expect("a database")).expect("a thread");
        let (done, asked) = mpsc::channel::<()>();
        let (release, released) = mpsc::channel::<()>();
        let busy = thread.call(move |_| released.recv().is_err());
        let mut busy = Box::pin(busy);
        let mut abandoned = Box::pin(thread.call(move |_| done.send(())));
        // They are in the queue once they have been polled.
        let polled = (poll_immediate(&mut busy).await, poll_immediate(&mut abandoned).await);
        assert_eq!(polled, (None, None));
        drop(abandoned);
        drop(release);
        assert_eq!(busy.await, Ok(true));
        assert_eq!(thread.call(|_| ()).await, Ok(()));
        assert_eq!(asked.try_recv(), Err(mpsc::TryRecvError::Disconnected), "it was dropped, and never done");
    }

    #[tokio::test]
    async fn a_call_that_panics_is_not_answered_and_the_next_one_is() {
        let thread = DatabaseThread::start(Database::memory().expect("a database")).expect("a thread");
        assert_eq!(thread.call(|_| assert!(std::hint::black_box(false), "a call that fails")).await, Err(Closed));
        assert_eq!(thread.call(|_| 1).await, Ok(1));
    }
}
