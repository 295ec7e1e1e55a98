//! The attempt limit: an attempt is counted before its password is looked at, so that no number of requests at once
//! finds room for one more.
//!
//! An attempt that turns out to be a repetition, or came to no verdict, is taken back; the right password clears the
//! count. What fails on the way stays counted.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::attempts::AttemptPolicy;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::password::Mark;
use crate::random::Random;
use crate::store::attempts::{Attempts, AttemptsKey, Count, Counted, StoredAttempts};
use crate::store::{Changed, StoreError};
use crate::user::Username;

/// How long what is known of a name is kept after the last attempt: a lock of any length, and as long again.
const MEMORY: Duration = Duration::from_secs(2 * AttemptPolicy::MAX_LOCK.as_secs());

/// No request lives longer: an attempt without a verdict after this time will never have one.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// How long an attempt waits, again and again, for others that may still be taken back.
const WAIT_MILLISECONDS: [u64; 5] = [50, 100, 200, 400, 800];

/// Counts attempts.
pub struct AttemptLimit {
    attempts: Attempts,
    policy: AttemptPolicy,
    random: Arc<dyn Random>,
    queues: Queues,
}

/// The turn of an attempt that is not counted yet.
pub struct Turn {
    key: AttemptsKey,
    place: Place,
}

/// An attempt that is counted. Without one no password is verified.
///
/// It is to be given back: as wrong, as undecided, or as right.
#[must_use]
pub struct CountedAttempt {
    key: AttemptsKey,
    id: String,
    /// The marks of passwords that were wrong before.
    wrong: BTreeSet<String>,
    #[expect(dead_code, reason = "it is given back when it is dropped")]
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

/// Whether a wrong password was one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// The username is locked from now on.
    Now,
    /// It is not, or was before.
    NotNow,
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
        Self { attempts, policy, random, queues: Queues::new(policy.limit(), queue) }
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
        let failed = |error: StoreError| NotCounted::Failed(error.into());
        let Turn { key, place } = turn;
        let id = self.random.bytes::<12>().map_err(|error| NotCounted::Failed(error.into()))?;
        let id = URL_SAFE_NO_PAD.encode(*id);
        let count = Count { attempt: &id, now, window_until: now + self.policy.window(), expires_at: now + MEMORY };
        let mut waits = WAIT_MILLISECONDS.into_iter().map(Duration::from_millis);
        loop {
            match self.attempts.count(&key, &count, self.policy.limit()).await.map_err(failed)? {
                Counted::Yes(stored) => {
                    let wrong = stored.wrong.into_keys().collect();
                    return Ok(CountedAttempt { key, id, wrong, place });
                }
                Counted::No(stored) => match self.standing(&stored, now) {
                    Standing::Locked(left) => {
                        return Err(NotCounted::Locked(left));
                    }
                    Standing::Busy => {}
                    Standing::Over(locked_times) => {
                        let opened = self.attempts.open_window(&key, &count, &stored, locked_times).await;
                        if opened.map_err(failed)? == Changed::Yes {
                            return Ok(CountedAttempt { key, id, wrong: BTreeSet::new(), place });
                        }
                    }
                },
                Counted::Gone => {}
            }
            tokio::time::sleep(waits.next().ok_or_else(|| NotCounted::Failed(busy()))?).await;
        }
    }

    fn standing(&self, stored: &StoredAttempts, now: Timestamp) -> Standing {
        if stored.expires_at <= now {
            return Standing::Over(0);
        }
        if stored.attempts.len() < self.policy.limit() {
            return Standing::Over(stored.locked_times);
        }
        let lock = self.policy.lock(stored.locked_times);
        let left = (stored.last_at + lock).since(now);
        if left.is_zero() {
            return Standing::Over(stored.locked_times.saturating_add(1));
        }
        // Where the clock went back, more than the lock would be left.
        let locked = Standing::Locked(left.min(lock));
        let some_may_be_right = stored.wrong.len() < self.policy.limit() && now.since(stored.last_at) < LONGEST_REQUEST;
        if some_may_be_right { Standing::Busy } else { locked }
    }

    /// The password of the attempt was wrong. A password that was wrong before is counted once.
    ///
    /// What cannot be written leaves the attempt counted, and the answer as it is.
    pub(crate) async fn wrong(&self, attempt: CountedAttempt, mark: &Mark) -> Locked {
        let written = async {
            if attempt.wrong.contains(mark.as_str()) {
                self.attempts.withdraw(&attempt.key, &attempt.id).await?;
                return Ok(Locked::NotNow);
            }
            let Some(stored) = self.attempts.mark(&attempt.key, &attempt.id, mark.as_str()).await? else {
                return Ok(Locked::NotNow);
            };
            if stored.wrong.get(mark.as_str()) != Some(&attempt.id) {
                self.attempts.withdraw(&attempt.key, &attempt.id).await?;
                return Ok(Locked::NotNow);
            }
            if stored.wrong.len() < self.policy.limit() {
                return Ok(Locked::NotNow);
            }
            let seconds = self.policy.lock(stored.locked_times).as_secs();
            tracing::warn!(seconds, "a username is locked: too many wrong passwords");
            Ok(Locked::Now)
        };
        Self::noted(written.await).unwrap_or(Locked::NotNow)
    }

    /// The attempt came to no verdict, and is taken back.
    pub(crate) async fn undecided(&self, attempt: CountedAttempt) {
        Self::noted(self.attempts.withdraw(&attempt.key, &attempt.id).await);
    }

    /// The password of the attempt was right: all attempts for the name are forgotten.
    pub(crate) async fn right(&self, attempt: CountedAttempt) {
        Self::noted(self.attempts.delete(&attempt.key).await);
    }

    fn noted<T>(written: Result<T, StoreError>) -> Option<T> {
        written.inspect_err(|error| tracing::warn!(%error, "an attempt stays counted")).ok()
    }
}

fn busy() -> Error {
    Error::unavailable().because("too many attempts for the username are on their way")
}

/// The attempts of this process, name by name. No more of one name are on their way than may be wrong, and the others
/// wait here and in turn, not at DynamoDB: one account that many log in to at once is served as quickly as many are.
struct Queues {
    width: usize,
    length: usize,
    names: Arc<Mutex<HashMap<AttemptsKey, Queue>>>,
}

struct Queue {
    turns: Arc<Semaphore>,
    /// How many are on their way, or wait.
    places: usize,
}

impl Queues {
    fn new(width: usize, length: usize) -> Self {
        Self { width, length, names: Arc::default() }
    }

    /// Waits for a turn; none where too many wait already.
    async fn wait(&self, key: &AttemptsKey) -> Option<Place> {
        let (turns, mut place) = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = names.entry(key.clone()).or_insert_with(|| Queue::new(self.width));
            if queue.places >= self.width.saturating_add(self.length) {
                return None;
            }
            queue.places += 1;
            let place = Place { turn: None, names: Arc::clone(&self.names), key: key.clone() };
            (Arc::clone(&queue.turns), place)
        };
        place.turn = turns.acquire_owned().await.ok();
        Some(place)
    }
}

impl Queue {
    fn new(width: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(width)), places: 0 }
    }
}

/// A place in a queue, given back when dropped, also when the request is cancelled while it waits.
struct Place {
    turn: Option<OwnedSemaphorePermit>,
    names: Arc<Mutex<HashMap<AttemptsKey, Queue>>>,
    key: AttemptsKey,
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.turn.take());
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut queue) = names.entry(self.key.clone()) {
            queue.get_mut().places -= 1;
            if queue.get().places == 0 {
                queue.remove();
            }
        }
    }
}
