//! The attempt limit: an attempt is reserved before its password is looked at, so that no number of simultaneous
//! requests can exceed the limit.
//!
//! A username has two budgets: one for the sources that it has lately been logged in from, and one that strangers share,
//! so that whoever knows a username cannot keep its owner out. Beyond a window, attempts are remembered, and slow
//! strangers down. In addition, a source may send wrong passwords only for so many usernames.
//!
//! An attempt that turns out to repeat an earlier one, or that ends without a verdict, is taken back. If that fails, the
//! attempt stays counted.

pub mod policy;
mod queue;
mod reservation;
pub mod sources;
pub mod standing;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::authenticate::lockout::policy::AttemptPolicy;
pub use crate::authenticate::lockout::queue::Turn;
use crate::authenticate::lockout::queue::{Origin, Queues};
pub(super) use crate::authenticate::lockout::reservation::Known;
pub use crate::authenticate::lockout::reservation::Reservation;
use crate::authenticate::lockout::reservation::{FAMILIAR, Ledger, Seen};
use crate::authenticate::lockout::sources::SourceLimit;
use crate::authenticate::lockout::standing::Standing;
use crate::client::id::ClientId;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::random::Random;
use crate::source::Network;
use crate::store::attempts::{Attempts, AttemptsKey, Budget, NewAttempt, Reserved, Room, SourceMark, StoredAttempts};
use crate::store::outcome::Changed;
use crate::user::Username;

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
pub enum NotReserved {
    /// The username is locked for this long.
    Locked(Duration),
    /// The source has guessed at too many usernames, and is not listened to for this long.
    Exhausted(Duration),
    /// The attempt could not be reserved.
    Failed(Error),
}

impl From<NotReserved> for Error {
    fn from(refused: NotReserved) -> Self {
        match refused {
            NotReserved::Locked(left) => Self::invalid_credentials().after(left).because("the username is locked"),
            NotReserved::Exhausted(left) => {
                Self::invalid_credentials().after(left).because("the source has guessed at too many usernames")
            }
            NotReserved::Failed(error) => error,
        }
    }
}

impl NotReserved {
    fn failed(error: impl Into<Error>) -> Self {
        Self::Failed(error.into())
    }
}

/// What became of an attempt in the familiar budget.
enum Entered {
    /// It counts.
    Counted,
    /// The source is a stranger to the username, of which this is stored.
    Strange(Option<Box<StoredAttempts>>),
}

impl AttemptLimit {
    /// A limit that follows `policy`. In one process, at most `queue` attempts for one username from one source wait for
    /// those before them.
    #[must_use]
    pub fn new(
        attempts: Attempts,
        policy: AttemptPolicy,
        sources: SourceLimit,
        queue: usize,
        random: Arc<dyn Random>,
    ) -> Self {
        let ledger = Arc::new(Ledger::new(attempts, policy, sources));
        Self { ledger, random, queues: Queues::new(policy.limit(), queue) }
    }

    /// Waits until an attempt for `username`, by a client and from a network, may be made in this process.
    ///
    /// # Errors
    /// [`Error::unavailable`] when too many are waiting already.
    pub async fn turn(
        &self,
        username: &Username,
        client_id: &ClientId,
        network: Option<Network>,
    ) -> Result<Turn, Error> {
        let key = AttemptsKey::of(username);
        let source = network.map(|network| SourceMark::of(&key, client_id, network));
        self.queues.wait(Origin { key, source, network }).await.ok_or_else(busy)
    }

    /// Reserves an attempt, whether or not there is such a user.
    ///
    /// # Errors
    /// [`NotReserved`] when the username is locked, when the source has guessed at too many usernames, when the store does
    /// not answer, or when too many attempts for the username are in progress elsewhere.
    pub async fn reserve(&self, turn: Turn, now: Timestamp) -> Result<Reservation, NotReserved> {
        let id = URL_SAFE_NO_PAD.encode(*self.random.bytes::<12>().map_err(NotReserved::failed)?);
        let origin = turn.origin().clone();
        let mut reservation = Reservation::new(&self.ledger, &id, turn, now);
        let attempt = NewAttempt {
            id: &id,
            source: origin.source.as_ref(),
            now,
            window_until: now + self.ledger.policy().window(),
            expires_at: now + FAMILIAR,
        };
        match Box::pin(self.enter(&mut reservation, &origin, &attempt)).await {
            Ok(()) => Ok(reservation),
            Err(error) => {
                // A write that failed may have reserved it all the same.
                reservation.undecided_in_time().await;
                Err(error)
            }
        }
    }

    /// Tries the familiar budget first: a login from a familiar source is thereby done, and for any other it is known what
    /// is stored.
    async fn enter(
        &self,
        reservation: &mut Reservation,
        origin: &Origin,
        attempt: &NewAttempt<'_>,
    ) -> Result<(), NotReserved> {
        let stored = if origin.source.is_some() {
            match self.enter_budget(reservation, &origin.key, attempt, Budget::Familiar, None).await? {
                Entered::Counted => return Ok(()),
                Entered::Strange(stored) => stored,
            }
        } else {
            None
        };
        let sources = self.ledger.sources();
        let Some(tally) = origin.network.and_then(|network| sources.tally(network, &origin.key)) else {
            return self.enter_budget(reservation, &origin.key, attempt, Budget::Strange, stored).await.map(drop);
        };
        if let Standing::Locked(left) = self.standing(stored.as_deref(), Budget::Strange, attempt) {
            return Err(NotReserved::Locked(left));
        }
        if let Some(left) = sources.remembers(&tally, attempt.now) {
            return Err(NotReserved::Exhausted(left));
        }
        let entered = self.enter_budget(reservation, &origin.key, attempt, Budget::Strange, stored);
        let (entered, tally) = tokio::join!(entered, sources.read(tally));
        entered?;
        let tally = tally.map_err(NotReserved::failed)?;
        if let Some(left) = sources.exhausted(&tally, attempt.now) {
            return Err(NotReserved::Exhausted(left));
        }
        reservation.counts_towards(tally);
        Ok(())
    }

    /// Reserves an attempt in one budget, of which `stored` is known.
    async fn enter_budget(
        &self,
        reservation: &mut Reservation,
        key: &AttemptsKey,
        attempt: &NewAttempt<'_>,
        budget: Budget,
        mut stored: Option<Box<StoredAttempts>>,
    ) -> Result<Entered, NotReserved> {
        let (attempts, policy) = (self.ledger.attempts(), self.ledger.policy());
        let mut waits = WAIT_MILLISECONDS.into_iter().map(Duration::from_millis);
        let mut tried = None;
        reservation.tries(budget);
        loop {
            let read = stored.as_deref().and_then(|stored| stored.budget(budget));
            let room = match (self.standing(stored.as_deref(), budget, attempt), read, &stored) {
                (Standing::Room(room), ..) if tried != Some(room) => room,
                (Standing::Locked(left), ..) => return Err(NotReserved::Locked(left)),
                (Standing::Over(next), Some(read), Some(stored)) => {
                    let attempt = &kept(attempt, budget, Some(stored));
                    let opened = attempts.open_window(key, budget, attempt, read, &next);
                    if reservation.written(opened).await.map_err(NotReserved::failed)? == Changed::Written {
                        reservation.counts_in(budget, Seen::of(stored, budget, attempt.source, attempt.now));
                        return Ok(Entered::Counted);
                    }
                    reservation.note(Known::Unreserved);
                    pause(waits.next()).await?;
                    room_of(policy, next.failures)
                }
                _ => {
                    pause(waits.next()).await?;
                    room_of(policy, read.map_or(0, |read| read.failures))
                }
            };
            tried = Some(room);
            let kept = kept(attempt, budget, stored.as_deref());
            let reserved = reservation.written(attempts.reserve(key, budget, &kept, room)).await;
            match reserved.map_err(NotReserved::failed)? {
                Reserved::Counted(stored) => {
                    reservation.counts_in(budget, Seen::of(&stored, budget, attempt.source, attempt.now));
                    return Ok(Entered::Counted);
                }
                Reserved::NoRoom(read) => {
                    reservation.note(Known::Unreserved);
                    if budget == Budget::Familiar && !is_familiar(&read, attempt) {
                        return Ok(Entered::Strange(Some(Box::new(read))));
                    }
                    stored = Some(Box::new(read));
                }
                Reserved::Gone => {
                    reservation.note(Known::Unreserved);
                    if budget == Budget::Familiar {
                        return Ok(Entered::Strange(None));
                    }
                    stored = None;
                }
            }
        }
    }

    fn standing(&self, stored: Option<&StoredAttempts>, budget: Budget, attempt: &NewAttempt<'_>) -> Standing {
        let stored = stored.and_then(|stored| stored.budget(budget));
        Standing::of(stored, self.ledger.policy(), attempt.source_text(), attempt.now)
    }

    /// Waits, for a short time, until the outcome of every attempt that was given back has been written. A write that
    /// takes longer goes on for as long as the process runs.
    pub(crate) async fn settled(&self) {
        self.ledger.settled().await;
    }
}

fn room_of(policy: AttemptPolicy, failures: usize) -> Room {
    Room { limit: standing::limit(policy, failures), failures }
}

/// The attempt, with the time for which the item is kept on account of it: a stranger's no longer than it is remembered, if
/// no familiar source is kept longer.
fn kept<'a>(attempt: &NewAttempt<'a>, budget: Budget, stored: Option<&StoredAttempts>) -> NewAttempt<'a> {
    if budget == Budget::Familiar || attempt.source.is_none() {
        return *attempt;
    }
    let remembered = attempt.now + standing::FAILURES_REMEMBERED;
    let familiar = stored.and_then(|stored| stored.familiar_sources.values().max().copied());
    NewAttempt { expires_at: familiar.map_or(remembered, |familiar| familiar.max(remembered)), ..*attempt }
}

fn is_familiar(stored: &StoredAttempts, attempt: &NewAttempt<'_>) -> bool {
    let until = attempt.source.and_then(|source| stored.familiar_sources.get(source.as_str()));
    until.is_some_and(|until| *until > attempt.now)
}

async fn pause(time: Option<Duration>) -> Result<(), NotReserved> {
    tokio::time::sleep(time.ok_or_else(busy).map_err(NotReserved::Failed)?).await;
    Ok(())
}

fn busy() -> Error {
    Error::unavailable().because("too many attempts for the username are in progress")
}
