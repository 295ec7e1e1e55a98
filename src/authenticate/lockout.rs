//! The attempt limit: an attempt is counted before its password is looked at, so that no number of requests at once
//! finds room for one more.
//!
//! An attempt that turns out to be a repetition, or came to no verdict, is taken back; the right password clears the
//! count. What fails on the way stays counted.

mod counted;
pub mod policy;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use crate::authenticate::lockout::counted::CountedAttempt;
use crate::authenticate::lockout::counted::Ledger;
pub(super) use crate::authenticate::lockout::counted::{Known, Locked};
use crate::authenticate::lockout::policy::AttemptPolicy;
use crate::authenticate::lockout::queue::{Place, Queues};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::password::Mark;
use crate::random::Random;
use crate::store::attempts::{Attempts, AttemptsKey, Count, Counted, StoredAttempts};
use crate::store::outcome::Changed;
use crate::user::Username;

/// How long what is known of a name is kept after the last attempt: a lock of any length, and as long again.
const MEMORY: Duration = Duration::from_secs(2 * AttemptPolicy::MAX_LOCK.as_secs());

/// No request lives longer: an attempt without a verdict after this time will never have one.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// How long an attempt waits, again and again, for others that may still be taken back.
const WAIT_MILLISECONDS: [u64; 5] = [50, 100, 200, 400, 800];

/// Counts attempts.
pub struct AttemptLimit {
    ledger: Arc<Ledger>,
    random: Arc<dyn Random>,
    queues: Queues,
}

/// The turn of an attempt that is not counted yet.
pub struct Turn {
    key: AttemptsKey,
    place: Place,
}

/// Why an attempt was not counted.
#[derive(Debug)]
pub(crate) enum NotCounted {
    /// The username is locked for so long.
    Locked(Duration),
    /// The count could not be made.
    Failed(Error),
}

impl From<NotCounted> for Error {
    fn from(refused: NotCounted) -> Self {
        match refused {
            NotCounted::Locked(left) => Self::invalid_credentials().after(left).because("the username is locked"),
            NotCounted::Failed(error) => error,
        }
    }
}

impl NotCounted {
    fn failed(error: impl Into<Error>) -> Self {
        Self::Failed(error.into())
    }
}

/// What keeps an attempt from being counted.
enum Standing {
    /// So many passwords were wrong that no more is looked at for so long.
    Locked(Duration),
    /// As many attempts are on their way as may be wrong.
    Busy,
    /// The window is over, and the name was locked so many times.
    Over(u32),
}

impl AttemptLimit {
    /// A limit of `policy`. In one process at most `queue` attempts for one name wait for those before them.
    pub(crate) fn new(attempts: Attempts, policy: AttemptPolicy, queue: usize, random: Arc<dyn Random>) -> Self {
        let ledger = Arc::new(Ledger::new(attempts, policy));
        Self { ledger, random, queues: Queues::new(policy.limit(), queue) }
    }

    /// Waits until an attempt for `username` may be made in this process.
    ///
    /// # Errors
    /// [`Error::unavailable`] when too many wait already.
    pub(crate) async fn turn(&self, username: &Username) -> Result<Turn, Error> {
        let key = AttemptsKey::of(username);
        let place = self.queues.wait(&key).await.ok_or_else(busy)?;
        Ok(Turn { key, place })
    }

    /// Counts an attempt, whether there is a user of that name or not.
    ///
    /// # Errors
    /// [`NotCounted`] for a locked name, when the store does not answer, or when too many attempts for the name are on
    /// their way elsewhere.
    pub(crate) async fn count(&self, turn: Turn, now: Timestamp) -> Result<CountedAttempt, NotCounted> {
        let Turn { key, place } = turn;
        let id = URL_SAFE_NO_PAD.encode(*self.random.bytes::<12>().map_err(NotCounted::failed)?);
        let mut attempt = CountedAttempt::new(&self.ledger, &key, &id, place);
        match Box::pin(self.enter(&mut attempt, &key, &id, now)).await {
            Ok(()) => Ok(attempt),
            Err(error) => {
                // A write that failed may have counted it.
                attempt.undecided_in_time().await;
                Err(error)
            }
        }
    }

    async fn enter(
        &self,
        attempt: &mut CountedAttempt,
        key: &AttemptsKey,
        id: &str,
        now: Timestamp,
    ) -> Result<(), NotCounted> {
        let (attempts, policy) = (self.ledger.attempts(), self.ledger.policy());
        let count = Count { attempt: id, now, window_until: now + policy.window(), expires_at: now + MEMORY };
        let mut waits = WAIT_MILLISECONDS.into_iter().map(Duration::from_millis);
        loop {
            match attempt.written(attempts.count(key, &count, policy.limit())).await.map_err(NotCounted::failed)? {
                Counted::Yes(stored) => {
                    attempt.knows_wrong(stored.wrong.into_keys().collect());
                    return Ok(());
                }
                Counted::No(stored) => match self.standing(&stored, now) {
                    Standing::Locked(left) => {
                        attempt.note(Known::Uncounted);
                        return Err(NotCounted::Locked(left));
                    }
                    Standing::Busy => {}
                    Standing::Over(locked_times) => {
                        let opened = attempts.open_window(key, &count, &stored, locked_times);
                        if attempt.written(opened).await.map_err(NotCounted::failed)? == Changed::Yes {
                            return Ok(());
                        }
                    }
                },
                Counted::Gone => {}
            }
            attempt.note(Known::Uncounted);
            tokio::time::sleep(waits.next().ok_or_else(busy).map_err(NotCounted::Failed)?).await;
        }
    }

    fn standing(&self, stored: &StoredAttempts, now: Timestamp) -> Standing {
        let policy = self.ledger.policy();
        if stored.expires_at <= now {
            return Standing::Over(0);
        }
        if stored.attempts.len() < policy.limit() {
            return Standing::Over(stored.locked_times);
        }
        let lock = policy.lock(stored.locked_times);
        let left = (stored.last_at + lock).since(now);
        if left.is_zero() {
            return Standing::Over(stored.locked_times.saturating_add(1));
        }
        // Where the clock went back, more than the lock would be left.
        let locked = Standing::Locked(left.min(lock));
        let some_may_be_right = stored.wrong.len() < policy.limit() && now.since(stored.last_at) < LONGEST_REQUEST;
        if some_may_be_right { Standing::Busy } else { locked }
    }

    /// The password of the attempt was wrong. A password that was wrong before is counted once.
    ///
    /// What cannot be written leaves the attempt counted, and the answer as it is.
    pub(crate) async fn wrong(&self, attempt: CountedAttempt, mark: Mark) -> Locked {
        attempt.wrong(mark).await
    }

    /// The request ends without a decision: the attempt is taken back, unless its password had been refused by then.
    /// Those that a delegated verifier gave no answer to have a bound of their own.
    pub(crate) async fn undecided(&self, attempt: CountedAttempt) {
        attempt.undecided().await;
    }

    /// The password of the attempt was right: all attempts for the name are forgotten.
    pub(crate) async fn right(&self, attempt: CountedAttempt) {
        attempt.right().await;
    }

    /// Waits until what becomes of every attempt that was given back has been written, for a short time. What takes
    /// longer goes on for as long as the process runs.
    pub(crate) async fn settled(&self) {
        self.ledger.settled().await;
    }
}

fn busy() -> Error {
    Error::unavailable().because("too many attempts for the username are on their way")
}
