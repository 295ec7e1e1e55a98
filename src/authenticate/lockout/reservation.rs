//! A reserved attempt, and the task that writes what becomes of it.
//!
//! The task is separate from the request, so that a request that runs out of time, or whose client goes away, leaves no
//! honest user's attempt counted, and no wrong one uncounted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch::{self, error::RecvError};
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tracing::Instrument as _;

use crate::authenticate::lockout::policy::AttemptPolicy;
use crate::authenticate::lockout::queue::Turn;
use crate::aws::Outlook;
use crate::password::Mark;
use crate::store::attempts::{Attempts, AttemptsKey};
use crate::store::outcome::{Changed, StoreError};

/// How long a request that ends without a decision waits for its attempt to be taken back: after the answer, Lambda
/// freezes the process until the next request. It is part of the time that the front door sets aside for handing the
/// answer back.
const TIME_TO_SETTLE: Duration = Duration::from_millis(300);

/// An attempt that is counted. Without one no password is verified.
///
/// It must be given back by `wrong`, `right` or `undecided`. One that is dropped, as when its request is cancelled, gives
/// itself back according to what is known about it.
#[must_use]
pub struct Reservation {
    ledger: Arc<Ledger>,
    /// `None` once it has been given back.
    entry: Option<LedgerEntry>,
    known: Known,
}

/// What is known about an attempt so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::authenticate) enum Known {
    /// It is not reserved.
    Unreserved,
    /// Nothing about its password. Whether it is reserved may not be known either.
    Nothing,
    /// A delegated verifier has been asked, and has not answered. How long it takes may depend on the password: an
    /// attacker who gives up waiting at the right moment knows that it was wrong.
    Asked,
    /// Its password was refused.
    Wrong,
    /// Its password was right.
    Right,
}

impl Known {
    /// What is to be written about an attempt that ends here; `None` if it stays as it is.
    fn ending(self) -> Option<Ending> {
        match self {
            Self::Nothing => Some(Ending::Undecided),
            Self::Asked => Some(Ending::Unanswered),
            Self::Right => Some(Ending::Right),
            // Wrong without a mark: it stays counted as it is.
            Self::Unreserved | Self::Wrong => None,
        }
    }
}

/// Whether a wrong password was one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// The username is locked from now on.
    Now,
    /// It is not, or it already was.
    NotNow,
}

/// What is to be written about an attempt.
enum Ending {
    /// The password was wrong.
    Wrong(Mark),
    /// There is no verdict.
    Undecided,
    /// A delegated verifier gave no answer.
    Unanswered,
    /// The password was right.
    Right,
}

impl Reservation {
    /// An attempt that is about to be reserved as `id`.
    pub(super) fn new(ledger: &Arc<Ledger>, id: &str, turn: Turn) -> Self {
        let entry = LedgerEntry { id: id.to_owned(), wrong: BTreeSet::new(), turn };
        Self { ledger: Arc::clone(ledger), entry: Some(entry), known: Known::Unreserved }
    }

    /// Awaits a write that reserves the attempt: from when it is sent until it is answered, nobody knows whether it has
    /// done so.
    pub(super) async fn written<T>(
        &mut self,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.note(Known::Nothing);
        let written = write.await;
        if let Err(StoreError::Aws(error)) = &written
            && error.outlook() == Outlook::Permanent
        {
            self.note(Known::Unreserved);
        }
        written
    }

    /// Notes the marks of passwords that were wrong before.
    pub(super) fn knows_wrong(&mut self, wrong: BTreeSet<String>) {
        if let Some(entry) = &mut self.entry {
            entry.wrong = wrong;
        }
    }

    /// Notes what is known about it from now on.
    pub(in crate::authenticate) fn note(&mut self, known: Known) {
        self.known = known;
    }

    /// The password was wrong. A password that was wrong before is counted only once.
    ///
    /// If that cannot be written, the attempt stays counted, and the answer stays as it is.
    pub(in crate::authenticate) async fn wrong(mut self, mark: Mark) -> Locked {
        self.give_back(Ending::Wrong(mark)).await
    }

    /// The password was right: all attempts for the username are forgotten.
    pub(crate) async fn right(mut self) {
        self.give_back(Ending::Right).await;
    }

    /// The request ends without a decision: the attempt is taken back, unless its password had been refused by then.
    /// Attempts that a delegated verifier did not answer have a bound of their own.
    pub(in crate::authenticate) async fn undecided(mut self) {
        if let Some(ending) = self.known.ending() {
            self.give_back(ending).await;
        }
    }

    /// The same, for a short time only: what it waits for may be what has failed.
    pub(super) async fn undecided_in_time(self) {
        let _: Result<(), Elapsed> = timeout(TIME_TO_SETTLE, self.undecided()).await;
    }

    /// Has a task of its own write what becomes of it, and waits for that. A caller that stops waiting changes nothing.
    async fn give_back(&mut self, ending: Ending) -> Locked {
        let Some(task) = self.hand_over(ending) else {
            return Locked::NotNow;
        };
        let written = task.await.inspect_err(|error| tracing::warn!(%error, "an attempt stays counted"));
        written.unwrap_or(Locked::NotNow)
    }

    fn hand_over(&mut self, ending: Ending) -> Option<JoinHandle<Locked>> {
        let entry = self.entry.take()?;
        // Without a runtime the process is about to end, and the attempt stays counted.
        let runtime = Handle::try_current().ok()?;
        let under_way = UnderWay::begin(&self.ledger);
        let write = async move { under_way.0.write(&entry, ending).await };
        Some(runtime.spawn(write.in_current_span()))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(ending) = self.known.ending() {
            drop(self.hand_over(ending));
        }
    }
}

/// An attempt as it stands in the store.
struct LedgerEntry {
    id: String,
    /// The marks of passwords that were wrong before.
    wrong: BTreeSet<String>,
    turn: Turn,
}

impl LedgerEntry {
    fn key(&self) -> &AttemptsKey {
        self.turn.key()
    }
}

/// Writes what becomes of attempts.
pub(super) struct Ledger {
    attempts: Attempts,
    policy: AttemptPolicy,
    /// How many writes are in progress.
    under_way: watch::Sender<usize>,
}

/// One write that is in progress, until it is dropped.
struct UnderWay(Arc<Ledger>);

impl UnderWay {
    fn begin(ledger: &Arc<Ledger>) -> Self {
        ledger.under_way.send_modify(|under_way| *under_way += 1);
        Self(Arc::clone(ledger))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|under_way| *under_way -= 1);
    }
}

impl Ledger {
    pub(super) fn new(attempts: Attempts, policy: AttemptPolicy) -> Self {
        Self { attempts, policy, under_way: watch::Sender::new(0) }
    }

    pub(super) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    pub(super) fn policy(&self) -> AttemptPolicy {
        self.policy
    }

    /// Waits until no write is in progress any more, for at most [`TIME_TO_SETTLE`].
    pub(super) async fn settled(&self) {
        let mut under_way = self.under_way.subscribe();
        let none_is_left = under_way.wait_for(|under_way| *under_way == 0);
        // `self` holds the sender, so the channel cannot close during the wait.
        let _: Result<Result<_, RecvError>, Elapsed> = timeout(TIME_TO_SETTLE, none_is_left).await;
    }

    async fn write(&self, entry: &LedgerEntry, ending: Ending) -> Locked {
        let (key, id) = (entry.key(), &entry.id);
        let not_now = |()| Locked::NotNow;
        let written = match ending {
            Ending::Wrong(mark) => self.mark(entry, &mark).await,
            Ending::Undecided => self.attempts.withdraw(key, id).await.map(not_now),
            Ending::Unanswered => self.withdraw_unanswered(entry).await.map(not_now),
            Ending::Right => self.attempts.delete(key).await.map(not_now),
        };
        written.inspect_err(|error| tracing::warn!(%error, "an attempt stays counted")).unwrap_or(Locked::NotNow)
    }

    async fn mark(&self, entry: &LedgerEntry, mark: &Mark) -> Result<Locked, StoreError> {
        let (key, LedgerEntry { id, wrong, .. }) = (entry.key(), entry);
        if wrong.contains(mark.as_str()) {
            self.attempts.withdraw(key, id).await?;
            return Ok(Locked::NotNow);
        }
        let Some(stored) = self.attempts.mark(key, id, mark.as_str()).await? else {
            return Ok(Locked::NotNow);
        };
        if stored.wrong.get(mark.as_str()) != Some(id) {
            self.attempts.withdraw(key, id).await?;
            return Ok(Locked::NotNow);
        }
        if stored.wrong.len() < self.policy.limit() {
            return Ok(Locked::NotNow);
        }
        let seconds = self.policy.lock(stored.locked_times).as_secs();
        tracing::warn!(seconds, "a username is locked: too many wrong passwords");
        Ok(Locked::Now)
    }

    async fn withdraw_unanswered(&self, entry: &LedgerEntry) -> Result<(), StoreError> {
        if self.attempts.withdraw_unanswered(entry.key(), &entry.id, self.policy.unanswered()).await? == Changed::Unmet
        {
            tracing::warn!("an attempt stays counted: a verifier left too many for the username unanswered");
        }
        Ok(())
    }
}
