//! Time, as the protocol counts it: whole seconds since the Unix epoch (RFC 7519, `NumericDate`).

use std::fmt;
use std::ops::Add;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const SECONDS_OF_DAY: u64 = 86_400;

/// A moment, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `seconds` after the Unix epoch.
    #[must_use]
    pub const fn from_unix(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn as_unix(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero when `earlier` is in fact later, as after a step of the clock.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// The day, by UTC, that it belongs to.
    #[must_use]
    pub const fn day(self) -> Day {
        Day(Self(self.0 - self.0 % SECONDS_OF_DAY))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }
}

/// A day by UTC, known by its first moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Timestamp", into = "Timestamp")]
pub struct Day(Timestamp);

impl Day {
    /// Its first moment.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.0
    }

    /// The whole days from `earlier` to this one; zero when `earlier` is in fact later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.since(earlier.0).as_secs() / SECONDS_OF_DAY
    }
}

impl From<Timestamp> for Day {
    fn from(moment: Timestamp) -> Self {
        moment.day()
    }
}

impl From<Day> for Timestamp {
    fn from(day: Day) -> Self {
        day.start()
    }
}

/// A duration as people write it, in whole seconds: `90d`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
        let mut rest = self.0.as_secs();
        if rest == 0 {
            return formatter.write_str("0s");
        }
        for (unit, seconds) in UNITS {
            if rest >= seconds {
                write!(formatter, "{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

/// Where the service gets the time from.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The present moment since the Unix epoch, as precisely as the clock has it. The protocol never needs more than
    /// [`Clock::now`].
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(self.now().as_unix())
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.since_epoch().as_secs())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place the ambient clock is read")]
    fn since_epoch(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_one_by_utc_whichever_of_its_moments_stands_for_it() {
        let [start, end, next] = [1_767_225_600, 1_767_311_999, 1_767_312_000].map(Timestamp::from_unix);
        assert_eq!((start.day(), start.day().start()), (end.day(), start));
        assert_eq!((next.day().since(end.day()), end.day().since(next.day())), (1, 0));
        let read: Day = serde_json::from_str("1767311999").expect("a moment");
        assert_eq!(serde_json::to_string(&read).expect("a number"), "1767225600");
    }

    #[test]
    fn a_span_is_written_in_as_few_units_as_it_has() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (3_600, "1h"), (5_400, "1h30m"), (7_776_000, "90d")] {
            assert_eq!(Span(Duration::from_secs(seconds)).to_string(), text);
        }
    }
}
