//! What the attempts that are stored say about the next one.

use std::time::Duration;

use crate::authenticate::lockout::policy::AttemptPolicy;
use crate::clock::Timestamp;
use crate::store::attempts::{NextWindow, Room, StoredBudget};

/// No request lives longer: an attempt without a verdict after this time will never have one.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// After how long without an attempt it is forgotten how often a username was locked, and everything if there was only one
/// window: the longest lock, and as long again.
const LOCKS_REMEMBERED: Duration = Duration::from_secs(2 * AttemptPolicy::MAX_LOCK.as_secs());

/// After how long without an attempt everything is forgotten.
const FAILURES_REMEMBERED: Duration = Duration::from_hours(30 * 24);

/// How many marks of wrong passwords are remembered beyond their window.
const MARKS_REMEMBERED: usize = 32;

/// What keeps an attempt from being reserved, or does not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is room in the window.
    Room(Room),
    /// As many attempts are in progress as may be wrong.
    Busy,
    /// So many passwords were wrong that no other is looked at for this long.
    Locked(Duration),
    /// The window is over, and another may be opened.
    Over(NextWindow),
}

impl Standing {
    /// The standing of an attempt from `source` at `now` in a budget as it is stored.
    pub(crate) fn of(stored: Option<&StoredBudget>, policy: AttemptPolicy, source: &str, now: Timestamp) -> Self {
        let Some(stored) = stored else {
            return Self::Room(Room { limit: limit(policy, 0), failures: 0 });
        };
        let quiet = now.since(stored.last_at);
        if quiet >= remembered(stored.failures) {
            return Self::Over(NextWindow { locked_times: 0, failures: 0, known_wrong: Vec::new() });
        }
        let limit = limit(policy, stored.failures);
        let locked_times = if quiet < LOCKS_REMEMBERED { stored.locked_times } else { 0 };
        if stored.attempts.len() < limit {
            return if now < stored.window_until {
                Self::Room(Room { limit, failures: stored.failures })
            } else {
                Self::Over(next(stored, locked_times))
            };
        }
        let wait = wait(stored, policy, source);
        let left = (stored.last_at + wait).since(now);
        if left.is_zero() {
            let times = if quiet < LOCKS_REMEMBERED { locked_times.saturating_add(1) } else { 0 };
            return Self::Over(next(stored, times));
        }
        let some_may_be_right = stored.wrong.len() < limit && quiet < LONGEST_REQUEST;
        // If the clock was set back, more than the whole wait would be left.
        if some_may_be_right { Self::Busy } else { Self::Locked(left.min(wait)) }
    }
}

/// After how long without an attempt everything is forgotten, if so many counted in earlier windows. Whoever guesses once at
/// each of many names, most of which nobody has, leaves little behind.
pub(super) fn remembered(failures: usize) -> Duration {
    if failures == 0 { LOCKS_REMEMBERED } else { FAILURES_REMEMBERED }
}

/// How many attempts may count in a window: as many as the policy allows, and no more than are left until there is only
/// one in each interval.
pub(super) fn limit(policy: AttemptPolicy, failures: usize) -> usize {
    policy.limit().min(policy.slowed_after().saturating_sub(failures).max(1))
}

/// How long nobody is let in after the last attempt of a window that is full.
///
/// Where there is only one attempt in each interval, whoever made it leaves the next one to others: the owner of the
/// account, who tries once from a new place, is let in although an attacker keeps trying from another.
pub(super) fn wait(stored: &StoredBudget, policy: AttemptPolicy, source: &str) -> Duration {
    match policy.interval(stored.counted()) {
        None => policy.lock(stored.locked_times),
        Some(interval) if stored.last_source.as_deref() == Some(source) => interval.saturating_mul(2),
        Some(interval) => interval,
    }
}

fn next(stored: &StoredBudget, locked_times: u32) -> NextWindow {
    let mut known_wrong = stored.known_wrong.clone();
    known_wrong.extend(stored.wrong.keys().filter(|mark| !stored.known_wrong.contains(mark)).cloned());
    let forgotten = known_wrong.len().saturating_sub(MARKS_REMEMBERED);
    known_wrong.drain(..forgotten);
    NextWindow { locked_times, failures: stored.counted(), known_wrong }
}
