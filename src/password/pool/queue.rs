//! Threads that compute, a turn each in the order of asking, with memory that each of them keeps. A thread is started once there is
//! work that no other one is free for: a cold start has none.

use std::collections::VecDeque;
use std::iter;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use thiserror::Error;
use tokio::sync::oneshot;

use crate::password::argon2::Memory;

/// Why there was no turn, or no outcome of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum NoTurn {
    /// Too many are waiting.
    #[error("there is no place in the queue")]
    NoPlace,
    /// It did not end.
    #[error("it was interrupted")]
    Interrupted,
}

/// Work that waits for its turn.
trait Turn: Send {
    /// Whether somebody still waits for the outcome.
    fn is_awaited(&self) -> bool;
    fn take(self: Box<Self>, memory: &mut Memory);
}

struct Work<T, F> {
    work: F,
    outcome: oneshot::Sender<T>,
}

impl<T: Send, F: FnOnce(&mut Memory) -> T + Send> Turn for Work<T, F> {
    fn is_awaited(&self) -> bool {
        !self.outcome.is_closed()
    }

    fn take(self: Box<Self>, memory: &mut Memory) {
        let Self { work, outcome } = *self;
        // Nobody may be waiting any more.
        let _: Result<(), T> = outcome.send(work(memory));
    }
}

/// Work whose outcome nobody waits for.
struct Unasked<F>(F);

impl<F: FnOnce(&mut Memory) + Send> Turn for Unasked<F> {
    fn is_awaited(&self) -> bool {
        true
    }

    fn take(self: Box<Self>, memory: &mut Memory) {
        (self.0)(memory);
    }
}

/// A queue of work, and threads that take it from there. They end when it is dropped.
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to do.
    wake: Condvar,
    /// The memory that is kept for each thread, in KiB.
    kept_kib: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Turn>>,
    max_waiting: usize,
    /// `None` until the first work: as many as there are processors, which takes a cold start too long to find out.
    max_threads: Option<usize>,
    /// How many of them have been started.
    threads: usize,
    /// How many of the threads are at work, or wiping what is left of it.
    running: usize,
    /// Memory that no thread uses. It is wiped.
    unused: Vec<Memory>,
    is_closed: bool,
}

impl Queue {
    /// A queue for at most `threads` threads, or as many as there are processors, with places for `max_waiting` turns in addition
    /// to those in progress.
    pub(super) fn new(threads: Option<usize>, max_waiting: usize, kept_kib: usize) -> Self {
        let state = Mutex::new(State { max_waiting, max_threads: threads, ..State::default() });
        Self(Arc::new(Shared { state, wake: Condvar::new(), kept_kib }))
    }

    /// Has `work` done in its turn, with memory that may hold what an earlier turn left in it. It is in the queue when
    /// this returns. If the future is dropped before its turn comes, the work is left out.
    pub(super) fn turn<T, F>(&self, work: F) -> impl Future<Output = Result<T, NoTurn>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&mut Memory) -> T + Send + 'static,
    {
        let (outcome, done) = oneshot::channel();
        let queued = self.add(Box::new(Work { work, outcome }));
        async move {
            queued?;
            done.await.map_err(|_| NoTurn::Interrupted)
        }
    }

    /// Has `work` done when a thread has time. If there is no place for it, it is left out.
    pub(super) fn unasked(&self, work: impl FnOnce(&mut Memory) + Send + 'static) {
        let _: Result<(), NoTurn> = self.add(Box::new(Unasked(work)));
    }

    fn add(&self, turn: Box<dyn Turn>) -> Result<(), NoTurn> {
        let mut state = self.0.state();
        if state.is_closed {
            return Err(NoTurn::Interrupted);
        }
        if !state.has_place() {
            state.waiting.retain(|turn| turn.is_awaited());
        }
        if !state.has_place() {
            return Err(NoTurn::NoPlace);
        }
        state.waiting.push_back(turn);
        if state.needs_thread() && !self.start_thread(&mut state) {
            state.waiting.pop_back();
            return Err(NoTurn::Interrupted);
        }
        drop(state);
        self.0.wake.notify_one();
        Ok(())
    }

    /// Starts another thread. Returns whether there is one: without another, the work waits for those that there are.
    fn start_thread(&self, state: &mut State) -> bool {
        let shared = Arc::clone(&self.0);
        match thread::Builder::new().name("argon2".to_owned()).spawn(move || shared.work()) {
            Ok(_) => state.threads += 1,
            Err(error) => {
                let threads = state.threads;
                tracing::error!(%error, threads, "the operating system starts no thread to verify passwords");
            }
        }
        state.threads > 0
    }

    /// Waits until there is nothing to do.
    #[cfg(test)]
    pub(super) async fn rest(&self) {
        let is_at_rest = || {
            let state = self.0.state();
            state.waiting.is_empty() && state.running == 0
        };
        while !is_at_rest() {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.state().is_closed = true;
        self.wake.notify_all();
    }

    /// What each thread does, until the queue is closed.
    fn work(&self) {
        while let Some((mut turn, mut memory)) = self.first() {
            loop {
                // Whoever waits for a turn that panics is told that it was interrupted.
                let _: thread::Result<()> = catch_unwind(AssertUnwindSafe(|| turn.take(&mut memory)));
                memory.shrink_to(self.kept_kib);
                match self.state().next() {
                    Some(next) => turn = next,
                    None => break,
                }
            }
            memory.wipe();
            let mut state = self.state();
            state.unused.push(memory);
            state.running -= 1;
        }
    }

    /// Waits for something to do, and takes memory for it. `None` when the queue is closed.
    fn first(&self) -> Option<(Box<dyn Turn>, Memory)> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(turn) = state.next() {
                state.running += 1;
                return Some((turn, state.unused.pop().unwrap_or_default()));
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn max_threads(&mut self) -> usize {
        *self.max_threads.get_or_insert_with(|| thread::available_parallelism().map_or(1, NonZero::get))
    }

    fn has_place(&mut self) -> bool {
        self.waiting.len() < self.max_waiting + self.max_threads().saturating_sub(self.running)
    }

    /// Whether there is more to do than threads that are free to do it, and another may be started.
    fn needs_thread(&mut self) -> bool {
        self.threads < self.max_threads() && self.running + self.waiting.len() > self.threads
    }

    fn next(&mut self) -> Option<Box<dyn Turn>> {
        iter::from_fn(|| self.waiting.pop_front()).find(|turn| turn.is_awaited())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A queue of one thread, which is busy until the sender is dropped.
    fn busy(max_waiting: usize) -> (Queue, mpsc::Sender<()>) {
        let queue = Queue::new(Some(1), max_waiting, 64);
        let (release, released) = mpsc::channel::<()>();
        queue.unasked(move |_| assert!(released.recv().is_err()));
        (queue, release)
    }

    #[tokio::test]
    async fn turns_are_taken_in_the_order_of_asking() {
        let (queue, release) = busy(8);
        let (done, order) = mpsc::channel();
        let turns: Vec<_> = (0..5)
            .map(|number| {
                let done = done.clone();
                queue.turn(move |_| done.send(number))
            })
            .collect();
        drop(release);
        assert!(futures_util::future::join_all(turns).await.iter().all(Result::is_ok));
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn a_turn_that_nobody_waits_for_gives_its_place_to_another_and_is_left_out() {
        let (queue, release) = busy(1);
        let (done, asked) = mpsc::channel::<()>();
        while queue.0.state().running == 0 {
            tokio::task::yield_now().await;
        }
        let abandoned = queue.turn(move |_| done.send(()));
        assert_eq!(queue.turn(|_| ()).await, Err(NoTurn::NoPlace));
        drop(abandoned);
        let other = queue.turn(|_| ());
        drop(release);
        assert_eq!(other.await, Ok(()));
        assert_eq!(asked.try_recv(), Err(mpsc::TryRecvError::Disconnected), "it was dropped, and never done");
    }

    #[tokio::test]
    async fn a_turn_that_panics_is_interrupted_and_the_next_one_is_taken() {
        let queue = Queue::new(Some(1), 8, 64);
        assert_eq!(
            queue.turn(|_| assert!(std::hint::black_box(false), "a turn that fails")).await,
            Err(NoTurn::Interrupted)
        );
        assert_eq!(queue.turn(|_| 1).await, Ok(1));
    }

    #[tokio::test]
    async fn a_thread_is_started_for_work_that_no_other_is_free_for_and_for_nothing_else() {
        let queue = Queue::new(Some(2), 8, 64);
        assert_eq!(queue.0.state().threads, 0);
        for _ in 0..3 {
            assert_eq!(queue.turn(|_| ()).await, Ok(()));
            queue.rest().await;
        }
        assert_eq!(queue.0.state().threads, 1);
        let (release, released) = mpsc::channel::<()>();
        queue.unasked(move |_| assert!(released.recv().is_err()));
        let others: Vec<_> = (0..4).map(|_| queue.turn(|_| ())).collect();
        assert_eq!(queue.0.state().threads, 2);
        assert!(futures_util::future::join_all(others).await.iter().all(Result::is_ok));
        drop(release);
    }

    /// A memory is wiped as soon as nothing waits for it, and not before: what follows overwrites it.
    #[tokio::test]
    async fn memory_is_wiped_when_nothing_waits_for_it() {
        let (queue, release) = busy(8);
        queue.unasked(|memory| memory.prepare(64));
        drop(release);
        queue.rest().await;
        assert!(queue.0.state().unused.iter().all(Memory::is_wiped));
        assert_eq!(queue.0.state().unused.len(), 1);
    }
}
