//! How many passwords may be tried for one username, and how long it is locked after that.

use std::time::Duration;

use thiserror::Error;

/// A limit or a window that is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it must be 1 to {} attempts in a window of 1 second to {} hours", AttemptPolicy::MAX_LIMIT, AttemptPolicy::MAX_LOCK.as_secs() / 3600)]
pub struct RefusedAttemptPolicy;

/// How many attempts are allowed in how much time (NIST SP 800-63B, section 5.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptPolicy {
    limit: usize,
    window: Duration,
}

impl AttemptPolicy {
    /// The most attempts that can be allowed: the limit of NIST SP 800-63B.
    pub const MAX_LIMIT: usize = 100;
    /// How many attempts may go unanswered for each that may be wrong.
    pub const UNANSWERED_PER_ATTEMPT: usize = 10;
    /// The longest window, and the longest that a username is locked.
    pub const MAX_LOCK: Duration = Duration::from_hours(24);
    /// How many attempts may count, over all windows, before there is only one in each interval; as many as may be made in
    /// one window, if they are more.
    const SLOWED_AFTER: usize = 50;
    /// How many more attempts make the interval twice as long.
    const PER_DOUBLING: usize = 10;

    /// `limit` attempts in `window`, of which a fraction of a second does not count.
    ///
    /// # Errors
    /// [`RefusedAttemptPolicy`] when one of them is zero or beyond its maximum.
    pub fn new(limit: usize, window: Duration) -> Result<Self, RefusedAttemptPolicy> {
        let sound =
            (1..=Self::MAX_LIMIT).contains(&limit) && (1..=Self::MAX_LOCK.as_secs()).contains(&window.as_secs());
        if sound { Ok(Self { limit, window }) } else { Err(RefusedAttemptPolicy) }
    }

    /// How many attempts may be made in a window.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many attempts may be taken back in a window because a delegated verifier gave no answer; any more stay
    /// counted. This leaves room for a program that keeps trying while a verifier is down, and bounds the guesses at
    /// one that breaks off, or fails, when it should say no.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.limit.saturating_mul(Self::UNANSWERED_PER_ATTEMPT)
    }

    /// The window, which begins with its first attempt.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// How many attempts may count, over all windows, before there is only one in each interval.
    #[must_use]
    pub fn slowed_after(&self) -> usize {
        self.limit.max(Self::SLOWED_AFTER)
    }

    /// How long an attempt has to wait for the next one when `counted` of them have counted over all windows: the window
    /// at first, doubled every ten attempts, and a day from [`AttemptPolicy::MAX_LIMIT`] on. `None` if there are so few
    /// that they need not wait.
    #[must_use]
    pub fn interval(&self, counted: usize) -> Option<Duration> {
        let beyond = counted.checked_sub(self.slowed_after())?;
        if counted >= Self::MAX_LIMIT {
            return Some(Self::MAX_LOCK);
        }
        Some(self.lock(u32::try_from(beyond / Self::PER_DOUBLING).unwrap_or(u32::MAX)))
    }

    /// How long a username is locked that has been locked `times` times before: the window, doubled each time, up to
    /// [`AttemptPolicy::MAX_LOCK`].
    #[must_use]
    pub fn lock(&self, times: u32) -> Duration {
        self.window.saturating_mul(2_u32.saturating_pow(times)).min(Self::MAX_LOCK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_doubles_up_to_a_day() {
        let policy = AttemptPolicy::new(10, Duration::from_mins(15)).expect("sound");
        let minutes = [0, 1, 2, 6, 7, 40, u32::MAX].map(|times| policy.lock(times).as_secs() / 60);
        assert_eq!(minutes, [15, 30, 60, 960, 1440, 1440, 1440]);
    }

    #[test]
    fn from_fifty_attempts_on_the_interval_doubles_every_ten_and_is_a_day_from_a_hundred_on() {
        let policy = AttemptPolicy::new(10, Duration::from_mins(15)).expect("sound");
        let minutes = |counted| policy.interval(counted).map(|interval| interval.as_secs() / 60);
        assert_eq!([0, 49].map(minutes), [None; 2]);
        let intervals = [50, 59, 60, 70, 80, 90, 99, 100, usize::MAX].map(minutes);
        assert_eq!(intervals, [15, 15, 30, 60, 120, 240, 240, 1440, 1440].map(Some));
    }

    #[test]
    fn a_policy_out_of_bounds_is_refused() {
        let minute = Duration::from_mins(1);
        for (limit, window) in
            [(0, minute), (101, minute), (1, Duration::from_millis(999)), (1, Duration::from_hours(25))]
        {
            assert_eq!(AttemptPolicy::new(limit, window), Err(RefusedAttemptPolicy), "{limit} in {window:?}");
        }
        assert!(AttemptPolicy::new(100, AttemptPolicy::MAX_LOCK).is_ok());
    }
}
