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
use crate::authenticate::lockout::sources::{SourceLimit, Tally};
use crate::authenticate::lockout::standing;
use crate::aws::Outlook;
use crate::clock::Timestamp;
use crate::password::Mark;
use crate::store::attempts::{Attempts, AttemptsKey, Budget, SourceMark, StoredAttempts, Success};
use crate::store::outcome::{Changed, StoreError};
use crate::telemetry::phase;
use crate::telemetry::record::Alert;

/// How long a request that ends without a decision waits for its attempt to be taken back: after the answer, Lambda
/// freezes the process until the next request. It is part of the time that the front door sets aside for handing the
/// answer back.
const TIME_TO_SETTLE: Duration = Duration::from_millis(300);

/// How long a source stays familiar after the last login from it.
pub(super) const FAMILIAR: Duration = Duration::from_hours(90 * 24);
/// How many sources can be familiar to one username.
const MOST_FAMILIAR: usize = 16;
/// How long strangers must have been quiet before a login from a familiar source makes up for what they did. An account that
/// is logged in to every second would otherwise give an attacker a fresh start every second.
const QUIET: Duration = Duration::from_hours(7 * 24);

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
    pub(super) fn new(ledger: &Arc<Ledger>, id: &str, turn: Turn, now: Timestamp) -> Self {
        let entry =
            LedgerEntry { id: id.to_owned(), turn, now, budget: Budget::Strange, tally: None, seen: Seen::default() };
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

    /// Notes which budget it counts in, and what was stored then.
    pub(super) fn counts_in(&mut self, budget: Budget, seen: Seen) {
        if let Some(entry) = &mut self.entry {
            entry.budget = budget;
            entry.seen = seen;
        }
    }

    /// Notes in which budget it is about to be reserved.
    pub(super) fn tries(&mut self, budget: Budget) {
        self.counts_in(budget, Seen::default());
    }

    /// Notes what a wrong password counts towards, in addition to the budget.
    pub(super) fn counts_towards(&mut self, tally: Tally) {
        if let Some(entry) = &mut self.entry {
            entry.tally = Some(tally);
        }
    }

    /// Notes what is known about it from now on.
    pub(in crate::authenticate) fn note(&mut self, known: Known) {
        self.known = known;
    }

    /// The password was wrong. A password that was wrong before is counted only once.
    ///
    /// If that cannot be written, the attempt stays counted, and the answer stays as it is. Returns what an operator wants
    /// to hear about, if it was one too many: for its username, for its source, or for both.
    pub async fn wrong(mut self, mark: Mark) -> Vec<Alert> {
        self.give_back(Ending::Wrong(mark)).await
    }

    /// The password was right: where it came from is familiar from now on. If it was before, all attempts from familiar
    /// sources are forgotten; otherwise, only this one is.
    pub async fn right(mut self) {
        self.give_back(Ending::Right).await;
    }

    /// The request ends without a decision: the attempt is taken back, unless its password had been refused by then.
    /// Attempts that a delegated verifier did not answer have a bound of their own.
    pub async fn undecided(mut self) {
        if let Some(ending) = self.known.ending() {
            self.give_back(ending).await;
        }
    }

    /// The same, for a short time only: what it waits for may be what has failed.
    pub(super) async fn undecided_in_time(self) {
        let _: Result<(), Elapsed> = timeout(TIME_TO_SETTLE, self.undecided()).await;
    }

    /// Has a task of its own write what becomes of it, and waits for that. A caller that stops waiting changes nothing.
    async fn give_back(&mut self, ending: Ending) -> Vec<Alert> {
        let Some(task) = self.hand_over(ending) else {
            return Vec::new();
        };
        let written = task.await.inspect_err(|error| tracing::warn!(%error, "an attempt stays counted"));
        written.unwrap_or_default()
    }

    fn hand_over(&mut self, ending: Ending) -> Option<JoinHandle<Vec<Alert>>> {
        let entry = self.entry.take()?;
        // Without a runtime the process is about to end, and the attempt stays counted.
        let runtime = Handle::try_current().ok()?;
        let under_way = UnderWay::begin(&self.ledger);
        let write = async move { under_way.0.write(&entry, ending).await };
        Some(runtime.spawn(phase::carried(write.in_current_span())))
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
    turn: Turn,
    /// When it was made.
    now: Timestamp,
    budget: Budget,
    tally: Option<Tally>,
    seen: Seen,
}

impl LedgerEntry {
    fn key(&self) -> &AttemptsKey {
        &self.turn.origin().key
    }

    fn source(&self) -> Option<&SourceMark> {
        self.turn.origin().source.as_ref()
    }
}

/// What was stored about a username when an attempt was reserved, as far as it matters for what becomes of the attempt.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The marks of passwords that were wrong before.
    wrong: BTreeSet<String>,
    /// The familiar sources that have to go if another one is added.
    dropped: Vec<String>,
    /// Whether strangers have been quiet for so long that a login from a familiar source makes up for them.
    strangers_are_quiet: bool,
}

impl Seen {
    pub(super) fn of(stored: &StoredAttempts, budget: Budget, source: Option<&SourceMark>, now: Timestamp) -> Self {
        let mut wrong = BTreeSet::new();
        if let Some(budget) = stored.budget(budget) {
            wrong.extend(budget.wrong.keys().chain(&budget.known_wrong).cloned());
        }
        let strange = stored.budget(Budget::Strange);
        let strangers_are_quiet = strange.is_some_and(|strange| {
            let forgettable = strange.counted() > 0 || !strange.known_wrong.is_empty();
            forgettable && now.since(strange.failed_at()) >= QUIET
        });
        Self { wrong, dropped: dropped(stored, source, now), strangers_are_quiet }
    }
}

/// Which familiar sources have to go, so that there is room for `source`: those whose time is over, and the ones that were
/// used least lately.
fn dropped(stored: &StoredAttempts, source: Option<&SourceMark>, now: Timestamp) -> Vec<String> {
    let mut others: Vec<(&String, &Timestamp)> = stored
        .familiar_sources
        .iter()
        .filter(|(mark, _)| source.is_none_or(|source| source.as_str() != *mark))
        .collect();
    others.sort_by_key(|(_, until)| **until);
    let too_many = others.len().saturating_sub(MOST_FAMILIAR - 1);
    let over = others.iter().take_while(|(_, until)| **until <= now).count();
    others[..too_many.max(over)].iter().map(|(mark, _)| (*mark).clone()).collect()
}

fn stays_counted(error: &StoreError) {
    tracing::warn!(%error, "an attempt stays counted");
}

/// Writes what becomes of attempts.
pub(super) struct Ledger {
    attempts: Attempts,
    policy: AttemptPolicy,
    sources: SourceLimit,
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
    pub(super) fn new(attempts: Attempts, policy: AttemptPolicy, sources: SourceLimit) -> Self {
        Self { attempts, policy, sources, under_way: watch::Sender::new(0) }
    }

    pub(super) fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    pub(super) fn sources(&self) -> &SourceLimit {
        &self.sources
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

    async fn write(&self, entry: &LedgerEntry, ending: Ending) -> Vec<Alert> {
        let LedgerEntry { id, budget, .. } = entry;
        let no_alert = |()| Vec::new();
        let written = match ending {
            Ending::Wrong(mark) => self.wrong(entry, &mark).await,
            Ending::Undecided => self.attempts.withdraw(entry.key(), *budget, id).await.map(no_alert),
            Ending::Unanswered => self.withdraw_unanswered(entry).await.map(no_alert),
            Ending::Right => self.right(entry).await.map(no_alert),
        };
        written.inspect_err(stays_counted).unwrap_or_default()
    }

    /// A familiar source waits for a read, which makes up for the write by which a stranger learned that it is one. The
    /// times of refused logins would otherwise tell anybody in a network which users log in from there.
    async fn wrong(&self, entry: &LedgerEntry, mark: &Mark) -> Result<Vec<Alert>, StoreError> {
        if entry.budget == Budget::Familiar {
            self.attempts.get(entry.key()).await?;
        }
        // A password that was wrong before, as a program's that nobody told of the new one, says nothing about its source either.
        if entry.seen.wrong.contains(mark.as_str()) {
            self.attempts.withdraw(entry.key(), entry.budget, &entry.id).await?;
            return Ok(Vec::new());
        }
        let (marked, exhausted) = tokio::join!(self.mark(entry, mark), self.count(entry));
        // What one of them found out is said even if the other could not be written.
        let noted = [exhausted, marked].map(|noted| noted.inspect_err(stays_counted).unwrap_or_default());
        Ok(noted.into_iter().flatten().collect())
    }

    async fn mark(&self, entry: &LedgerEntry, mark: &Mark) -> Result<Option<Alert>, StoreError> {
        let (key, LedgerEntry { id, budget, .. }) = (entry.key(), entry);
        let Some(stored) = self.attempts.mark(key, *budget, id, mark.as_str(), entry.now).await? else {
            return Ok(None);
        };
        if stored.wrong.get(mark.as_str()) != Some(id) {
            self.attempts.withdraw(key, *budget, id).await?;
            return Ok(None);
        }
        if stored.wrong.len() < standing::limit(self.policy, stored.failures) {
            return Ok(None);
        }
        let slowed = self.policy.interval(stored.counted()).is_some();
        let seconds = standing::wait(&stored, self.policy, "").as_secs();
        tracing::warn!(
            seconds,
            slowed,
            familiar = *budget == Budget::Familiar,
            "too many wrong passwords for a username"
        );
        Ok(Some(if slowed { Alert::UsernameSlowed } else { Alert::UsernameLocked }))
    }

    async fn count(&self, entry: &LedgerEntry) -> Result<Option<Alert>, StoreError> {
        let Some(tally) = &entry.tally else {
            return Ok(None);
        };
        let exhausted = self.sources.count(tally, entry.now).await?;
        Ok(exhausted.then_some(Alert::SourceExhausted))
    }

    async fn right(&self, entry: &LedgerEntry) -> Result<(), StoreError> {
        let (key, LedgerEntry { id, budget, seen, .. }) = (entry.key(), entry);
        let Some(source) = entry.source() else {
            return self.attempts.withdraw(key, *budget, id).await;
        };
        let success = Success {
            attempt: id,
            source,
            familiar_until: entry.now + FAMILIAR,
            dropped: &seen.dropped,
            forgives: seen.strangers_are_quiet,
        };
        let forgiven = async {
            match &entry.tally {
                Some(tally) => self.sources.forgive(tally).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(self.attempts.succeed(key, *budget, &success), forgiven).map(drop)
    }

    async fn withdraw_unanswered(&self, entry: &LedgerEntry) -> Result<(), StoreError> {
        let withdrawn =
            self.attempts.withdraw_unanswered(entry.key(), entry.budget, &entry.id, self.policy.unanswered());
        if withdrawn.await? == Changed::Unmet {
            tracing::warn!("an attempt stays counted: a verifier left too many for the username unanswered");
        }
        Ok(())
    }
}
