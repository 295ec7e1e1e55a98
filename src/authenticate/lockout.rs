//! The attempt limit: an attempt is reserved before its password is looked at, so that no number of simultaneous
//! requests can exceed the limit.
//!
//! An attempt that turns out to repeat an earlier one, or that ends without a verdict, is taken back; the right
//! password clears the count. If that fails, the attempt stays counted.

pub mod policy;
mod queue;
mod reservation;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::authenticate::lockout::policy::AttemptPolicy;
use crate::authenticate::lockout::queue::{Queues, Turn};
use crate::authenticate::lockout::reservation::Ledger;
pub use crate::authenticate::lockout::reservation::Reservation;
pub(super) use crate::authenticate::lockout::reservation::{Known, Locked};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::random::Random;
use crate::store::attempts::{Attempts, AttemptsKey, NewAttempt, Reserved, StoredAttempts};
use crate::store::outcome::Changed;
use crate::user::Username;

/// How long what is known about a username is kept after its last attempt: the longest lock, and as long again.
const MEMORY: Duration = Duration::from_secs(2 * AttemptPolicy::MAX_LOCK.as_secs());

/// No request lives longer: an attempt without a verdict after this time will never have one.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// How long an attempt waits, time after time, for others that may still be taken back.
const WAIT_MILLISECONDS: [u64; 5] = [50, 100, 200, 400, 800];

/// Reserves attempts.
pub struct AttemptLimit {
    ledger: Arc<Ledger>,
    random: Arc<dyn Random>,
    queues: Queues,
}

/// Why an attempt was not reserved.
#[derive(Debug)]
pub(crate) enum NotReserved {
    /// The username is locked for this long.
    Locked(Duration),
    /// The attempt could not be reserved.
    Failed(Error),
}

impl From<NotReserved> for Error {
    fn from(refused: NotReserved) -> Self {
        match refused {
            NotReserved::Locked(left) => Self::invalid_credentials().after(left).because("the username is locked"),
            NotReserved::Failed(error) => error,
        }
    }
}

impl NotReserved {
    fn failed(error: impl Into<Error>) -> Self {
        Self::Failed(error.into())
    }
}

/// What keeps an attempt from being reserved.
enum Standing {
    /// So many passwords were wrong that no other is looked at for this long.
    Locked(Duration),
    /// As many attempts are in progress as may be wrong.
    Busy,
    /// The window is over, and the username has been locked this many times.
    Over(u32),
}

impl AttemptLimit {
    /// A limit that follows `policy`. In one process, at most `queue` attempts for one username wait for those before
    /// them.
    pub(crate) fn new(attempts: Attempts, policy: AttemptPolicy, queue: usize, random: Arc<dyn Random>) -> Self {
        let ledger = Arc::new(Ledger::new(attempts, policy));
        Self { ledger, random, queues: Queues::new(policy.limit(), queue) }
    }

    /// Waits until an attempt for `username` may be made in this process.
    ///
    /// # Errors
    /// [`Error::unavailable`] when too many are waiting already.
    pub(crate) async fn turn(&self, username: &Username) -> Result<Turn, Error> {
        self.queues.wait(AttemptsKey::of(username)).await.ok_or_else(busy)
    }

    /// Reserves an attempt, whether or not there is such a user.
    ///
    /// # Errors
    /// [`NotReserved`] when the username is locked, when the store does not answer, or when too many attempts for the
    /// username are in progress elsewhere.
    pub(crate) async fn reserve(&self, turn: Turn, now: Timestamp) -> Result<Reservation, NotReserved> {
        let id = URL_SAFE_NO_PAD.encode(*self.random.bytes::<12>().map_err(NotReserved::failed)?);
        let key = turn.key().clone();
        let mut reservation = Reservation::new(&self.ledger, &id, turn);
        match Box::pin(self.enter(&mut reservation, &key, &id, now)).await {
            Ok(()) => Ok(reservation),
            Err(error) => {
                // A write that failed may have reserved it all the same.
                reservation.undecided_in_time().await;
                Err(error)
            }
        }
    }

    async fn enter(
        &self,
        reservation: &mut Reservation,
        key: &AttemptsKey,
        id: &str,
        now: Timestamp,
    ) -> Result<(), NotReserved> {
        let (attempts, policy) = (self.ledger.attempts(), self.ledger.policy());
        let attempt = NewAttempt { id, now, window_until: now + policy.window(), expires_at: now + MEMORY };
        let mut waits = WAIT_MILLISECONDS.into_iter().map(Duration::from_millis);
        loop {
            let reserved = reservation.written(attempts.reserve(key, &attempt, policy.limit())).await;
            match reserved.map_err(NotReserved::failed)? {
                Reserved::Counted(stored) => {
                    reservation.knows_wrong(stored.wrong.into_keys().collect());
                    return Ok(());
                }
                Reserved::NoRoom(stored) => match self.standing(&stored, now) {
                    Standing::Locked(left) => {
                        reservation.note(Known::Unreserved);
                        return Err(NotReserved::Locked(left));
                    }
                    Standing::Busy => {}
                    Standing::Over(locked_times) => {
                        let opened = attempts.open_window(key, &attempt, &stored, locked_times);
                        if reservation.written(opened).await.map_err(NotReserved::failed)? == Changed::Written {
                            return Ok(());
                        }
                    }
                },
                Reserved::Gone => {}
            }
            reservation.note(Known::Unreserved);
            tokio::time::sleep(waits.next().ok_or_else(busy).map_err(NotReserved::Failed)?).await;
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
        // If the clock was set back, more than the whole lock would be left.
        let locked = Standing::Locked(left.min(lock));
        let some_may_be_right = stored.wrong.len() < policy.limit() && now.since(stored.last_at) < LONGEST_REQUEST;
        if some_may_be_right { Standing::Busy } else { locked }
    }

    /// Waits, for a short time, until the outcome of every attempt that was given back has been written. A write that
    /// takes longer goes on for as long as the process runs.
    pub(crate) async fn settled(&self) {
        self.ledger.settled().await;
    }
}

fn busy() -> Error {
    Error::unavailable().because("too many attempts for the username are in progress")
}
