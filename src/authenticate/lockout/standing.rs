//! What the attempts that are stored say about the next one.

use std::time::Duration;

use crate::authenticate::lockout::policy::AttemptPolicy;
use crate::clock::Timestamp;
use crate::store::attempts::{NextWindow, Room, StoredBudget};

/// No request lives longer: an attempt without a verdict after this time will never have one.
const LONGEST_REQUEST: Duration = Duration::from_secs(30);

/// After how long without an attempt it is forgotten how often a username was locked: the longest lock, and as long again.
const LOCKS_REMEMBERED: Duration = Duration::from_secs(2 * AttemptPolicy::MAX_LOCK.as_secs());

/// After how long without a wrong password everything is forgotten.
pub(super) const FAILURES_REMEMBERED: Duration = Duration::from_hours(30 * 24);

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
        if now.since(stored.failed_at()) >= FAILURES_REMEMBERED {
            return Self::Over(NextWindow { locked_times: 0, failures: 0, known_wrong: Vec::new(), failed_at: now });
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

/// What counts in one budget of a username, for whoever looks after the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many attempts count, those of earlier windows included.
    pub attempts: usize,
    /// The time in which only one attempt is looked at; `None` if the username is not slowed down.
    pub interval: Option<Duration>,
    /// Until when no attempt is looked at; `None` if the next one is. Where only one attempt is looked at in each interval,
    /// the source that made the last one has to wait for another interval.
    pub wait_until: Option<Timestamp>,
    /// When all of it is forgotten, if no other attempt counts until then.
    pub forgotten_at: Timestamp,
}

impl Count {
    /// What counts at `now` in a budget as it is stored; `None` if nothing is stored, or all of it is forgotten.
    #[must_use]
    pub fn of(stored: Option<&StoredBudget>, policy: AttemptPolicy, now: Timestamp) -> Option<Self> {
        let stored = stored.filter(|stored| now.since(stored.failed_at()) < FAILURES_REMEMBERED)?;
        let wait_until = match Standing::of(Some(stored), policy, "", now) {
            Standing::Locked(left) => Some(now + left),
            Standing::Room(_) | Standing::Busy | Standing::Over(_) => None,
        };
        Some(Self {
            attempts: stored.counted(),
            interval: policy.interval(stored.counted()),
            wait_until,
            forgotten_at: stored.failed_at() + FAILURES_REMEMBERED,
        })
    }
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
    NextWindow { locked_times, failures: stored.counted(), known_wrong, failed_at: stored.failed_at() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn policy() -> AttemptPolicy {
        AttemptPolicy::new(3, 15 * MINUTE).expect("sound")
    }

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + 60 * minutes)
    }

    /// A budget whose window began, and whose last attempt was made, at the first minute.
    fn budget(attempts: usize, failures: usize) -> StoredBudget {
        let ids: Vec<_> = (0..attempts).map(|number| number.to_string()).collect();
        StoredBudget {
            attempts: ids.iter().cloned().collect(),
            wrong: ids.iter().map(|id| (format!("mark {id}"), id.clone())).collect(),
            window_until: at(15),
            last_at: at(0),
            locked_times: 0,
            failures,
            known_wrong: Vec::new(),
            last_source: None,
            failed_at: None,
        }
    }

    #[test]
    fn an_operator_is_told_what_the_next_attempt_meets() {
        for (attempts, failures, now, counted, interval, wait_until) in [
            (2, 0, 1, 2, None, None),
            (3, 0, 1, 3, None, Some(15)),
            (3, 0, 15, 3, None, None),
            (3, 20, 1, 23, None, Some(15)),
            (2, 48, 1, 50, Some(15), Some(15)),
            (1, 50, 1, 51, Some(30), Some(30)),
            (1, 50, 30, 51, Some(30), None),
            (1, 51, 1, 52, Some(60), Some(60)),
            (1, 99, 16, 100, Some(24 * 60), Some(24 * 60)),
        ] {
            let count = Count::of(Some(&budget(attempts, failures)), policy(), at(now));
            let expected = Count {
                attempts: counted,
                interval: interval.map(|minutes| minutes * MINUTE),
                wait_until: wait_until.map(at),
                forgotten_at: at(0) + FAILURES_REMEMBERED,
            };
            assert_eq!(count, Some(expected), "{attempts} and {failures} after {now} minutes");
        }
    }

    #[test]
    fn of_attempts_that_are_forgotten_nothing_is_told() {
        let stored = budget(3, 60);
        let end = at(0) + FAILURES_REMEMBERED;
        assert!(Count::of(Some(&stored), policy(), Timestamp::from_unix(end.as_unix() - 1)).is_some());
        assert_eq!(Count::of(Some(&stored), policy(), end), None);
        assert_eq!(Count::of(None, policy(), at(0)), None);
    }
}
