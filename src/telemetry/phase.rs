//! Where the time of a request goes: whatever takes it notes it for the request that its task serves, so that nothing between
//! the two has to hand a record on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::dependency::Dependency;
use crate::telemetry::traces::Trace;
use crate::telemetry::traces::span::Finished;

tokio::task_local! {
    static SPENT: Arc<Spent>;
}

/// What a request spends time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The verification of a password, the wait for its turn included.
    Verification,
    /// Calls to DynamoDB. Calls made at the same time count each.
    Store,
    /// Signing.
    Signing,
}

/// What one request has spent so far.
#[derive(Debug, Default)]
pub struct Spent {
    /// In microseconds, by [`Phase`].
    times: [AtomicU64; 3],
    /// How often it was throttled, by [`Dependency`].
    throttled: [AtomicU64; 2],
    /// What it did, one by one, if it is traced.
    trace: Option<Trace>,
}

impl Spent {
    /// Nothing so far, by a request with this trace, if it is traced.
    #[must_use]
    pub fn nothing(trace: Option<Trace>) -> Self {
        Self { trace, ..Self::default() }
    }

    /// The trace of the request, if it is traced.
    #[must_use]
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// The time spent in a phase; `None` if the request was never in it.
    #[must_use]
    pub fn time(&self, phase: Phase) -> Option<Duration> {
        let microseconds = self.times[phase as usize].load(Ordering::Relaxed);
        (microseconds > 0).then(|| Duration::from_micros(microseconds))
    }

    /// How often a call of the request was throttled.
    #[must_use]
    pub fn throttled(&self, by: Dependency) -> u64 {
        self.throttled[by as usize].load(Ordering::Relaxed)
    }
}

/// Runs a request, whose task notes what it spends in `spent`.
pub async fn noted_in<F: Future>(spent: Arc<Spent>, request: F) -> F::Output {
    SPENT.scope(spent, request).await
}

/// Work for a task of its own that belongs to the request of this one.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let spent = SPENT.try_with(Arc::clone).ok();
    async move {
        match spent {
            Some(spent) => SPENT.scope(spent, work).await,
            None => work.await,
        }
    }
}

/// Does something that belongs to a phase, and notes the time that it takes, also if it is given up before it is done.
pub async fn measured<F: Future>(phase: Phase, work: F) -> F::Output {
    let _under_way = UnderWay::begin(phase);
    work.await
}

/// Something of a phase that is being done. When it is dropped, the time that it took is noted: what the deadline of a
/// request cuts off is what the request has spent most on.
#[derive(Debug)]
pub struct UnderWay {
    phase: Phase,
    started: Instant,
}

impl UnderWay {
    /// Something of this phase begins now.
    #[must_use]
    pub fn begin(phase: Phase) -> Self {
        Self { phase, started: Instant::now() }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let microseconds = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        note(|spent| spent.times[self.phase as usize].fetch_add(microseconds, Ordering::Relaxed));
    }
}

/// Notes that a call was throttled.
pub fn was_throttled(by: Dependency) {
    note(|spent| spent.throttled[by as usize].fetch_add(1, Ordering::Relaxed));
}

/// Whether the request is traced.
#[must_use]
pub fn is_traced() -> bool {
    SPENT.try_with(|spent| spent.trace.is_some()).unwrap_or(false)
}

/// Notes something that is done in the trace of the request, if it is traced.
pub fn traced(done: impl FnOnce() -> Finished) {
    let _outside_a_request = SPENT.try_with(|spent| spent.trace.as_ref().map(|trace| trace.note(done())));
}

/// What runs outside the task of a request, such as a write that goes on after the answer, is no request's.
fn note(add: impl FnOnce(&Spent) -> u64) {
    let _outside_a_request = SPENT.try_with(|spent| add(spent));
}
