//! The limit on one source: for how many usernames a network may send wrong passwords.
//!
//! It is counted after a verdict, and only for usernames that the network is strange to: the users of a large network may
//! mistype, and whoever has logged in from it is not kept out because somebody else there guesses. So many requests at
//! once may exceed it; the limit on each username holds all the same.

use std::time::Duration;

use ipnet::IpNet;
use quick_cache::sync::Cache;
use thiserror::Error;

use crate::bounded_cache;
use crate::clock::Timestamp;
use crate::issuer::Issuer;
use crate::source::Network;
use crate::store::attempts::AttemptsKey;
use crate::store::outcome::StoreError;
use crate::store::sources::{NameMark, SourceKey, Sources, StoredSource, Window};

/// The time in which usernames are counted. It begins with the first.
pub(super) const WINDOW: Duration = Duration::from_hours(1);

/// How long it is remembered, when a window is over, that a source was exhausted in it.
const MEMORY: Duration = Duration::from_hours(24);

/// How many usernames are counted in one item: a higher limit is shared out among several, each of which takes writes of
/// its own.
const NAMES_PER_ITEM: usize = 100;

/// How many exhausted sources an instance remembers.
const REMEMBERED: usize = 1024;

/// A limit that is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it must be at most {}", SourcePolicy::MOST_NAMES)]
pub struct RefusedSourcePolicy;

/// For how many usernames a source may send wrong passwords within an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePolicy {
    names: usize,
    spared: Vec<IpNet>,
}

impl SourcePolicy {
    /// The highest limit.
    pub const MOST_NAMES: usize = 10_000;

    /// A limit of `names`, where 0 is none, for every source outside the networks that are `spared`.
    ///
    /// # Errors
    /// [`RefusedSourcePolicy`] when it is more than [`SourcePolicy::MOST_NAMES`].
    pub fn new(names: usize, spared: Vec<IpNet>) -> Result<Self, RefusedSourcePolicy> {
        if names <= Self::MOST_NAMES { Ok(Self { names, spared }) } else { Err(RefusedSourcePolicy) }
    }

    fn limits(&self, network: Network) -> bool {
        let is_in = |spared: &IpNet| spared.contains(&network.address()) || Network::of(spared.addr()) == network;
        self.names > 0 && !self.spared.iter().any(is_in)
    }

    /// Into how many items the usernames of a source are shared out.
    fn shares(&self) -> usize {
        self.names.div_ceil(NAMES_PER_ITEM).max(1)
    }

    fn is_full(&self, stored: &StoredSource) -> bool {
        stored.usernames.len() >= self.allowance(stored.exhausted_times)
    }

    /// How many usernames are counted in one item before its source is exhausted, if it was in so many windows before:
    /// a quarter of the window before, and at least one.
    fn allowance(&self, exhausted_times: u32) -> usize {
        let whole = self.names.div_ceil(self.shares());
        (whole / 4_usize.saturating_pow(exhausted_times)).max(1)
    }

    /// The keys under which the usernames of a source are counted, one for each share of them. `issuer` is the salt.
    pub fn keys<'i>(&self, issuer: &'i Issuer, network: Network) -> impl Iterator<Item = SourceKey> + use<'i> {
        (0..self.shares()).map(move |share| SourceKey::of(issuer, network, share))
    }

    /// Until when a source is exhausted at `now` for the usernames that share one item with those of `stored`, if it is.
    #[must_use]
    pub fn exhausted_until(&self, stored: &StoredSource, now: Timestamp) -> Option<Timestamp> {
        if self.names == 0 || !self.is_full(stored) {
            return None;
        }
        left(stored.window_until, now).map(|left| now + left)
    }
}

/// What a wrong password counts towards, and what is stored about that.
pub(crate) struct Tally {
    key: SourceKey,
    name: NameMark,
    stored: Option<StoredSource>,
}

/// Counts the usernames that sources guess at.
pub struct SourceLimit {
    sources: Sources,
    policy: SourcePolicy,
    issuer: Issuer,
    /// Those that were seen to be exhausted, and until when they are.
    exhausted: Cache<SourceKey, Timestamp>,
}

impl SourceLimit {
    /// A limit that follows `policy`. `issuer` is the salt of the digests that are stored.
    #[must_use]
    pub fn new(sources: Sources, policy: SourcePolicy, issuer: Issuer) -> Self {
        Self { sources, policy, issuer, exhausted: bounded_cache::of(REMEMBERED) }
    }

    /// What a wrong password for a username counts towards; `None` if its source is not limited.
    pub(super) fn tally(&self, network: Network, key: &AttemptsKey) -> Option<Tally> {
        if !self.policy.limits(network) {
            return None;
        }
        let name = NameMark::of(key);
        let share = name.share(self.policy.shares());
        Some(Tally { key: SourceKey::of(&self.issuer, network, share), name, stored: None })
    }

    /// For how much longer a source is known to this instance to be exhausted, if it is.
    pub(super) fn remembers(&self, tally: &Tally, now: Timestamp) -> Option<Duration> {
        left(self.exhausted.get(&tally.key)?, now)
    }

    /// The tally with what is stored about it.
    pub(super) async fn read(&self, tally: Tally) -> Result<Tally, StoreError> {
        let stored = self.sources.get(&tally.key).await?;
        Ok(Tally { stored, ..tally })
    }

    /// For how much longer a source that was read is exhausted, if it is.
    pub(super) fn exhausted(&self, tally: &Tally, now: Timestamp) -> Option<Duration> {
        let stored = tally.stored.as_ref().filter(|stored| self.policy.is_full(stored))?;
        let left = left(stored.window_until, now)?;
        self.exhausted.insert(tally.key.clone(), stored.window_until);
        Some(left)
    }

    /// Counts a wrong password. Returns whether that exhausts the source.
    pub(super) async fn count(&self, tally: &Tally, now: Timestamp) -> Result<bool, StoreError> {
        let Tally { key, name, stored } = tally;
        let counted = match stored.as_ref().filter(|stored| left(stored.window_until, now).is_none()) {
            None => self.sources.count(key, name, now, &window(now, 0, now)).await?,
            Some(over) => {
                // Where one username exhausts it already, that says nothing: anybody may mistype.
                let is_guessing = self.policy.is_full(over) && self.policy.allowance(over.exhausted_times) > 1;
                let (times, last) = if is_guessing {
                    (over.exhausted_times.saturating_add(1), over.window_until)
                } else {
                    (over.exhausted_times, over.exhausted_until.unwrap_or(over.window_until))
                };
                let times = if now.since(last) < MEMORY { times } else { 0 };
                self.sources.open_window(key, name, over, &window(now, times, last)).await?
            }
        };
        Ok(counted.is_some_and(|source| self.policy.is_full(&source)))
    }

    /// The password for a username was right: if a wrong one was counted before, it was a slip.
    pub(super) async fn forgive(&self, tally: &Tally) -> Result<(), StoreError> {
        let Tally { key, name, stored } = tally;
        if stored.as_ref().is_some_and(|stored| stored.usernames.contains(&name.text())) {
            self.sources.forgive(key, name).await?;
        }
        Ok(())
    }
}

fn window(now: Timestamp, exhausted_times: u32, exhausted_until: Timestamp) -> Window {
    let until = now + WINDOW;
    Window { until, exhausted_times, exhausted_until, expires_at: until + MEMORY }
}

/// If the clock was set back, more than the whole window would be left.
fn left(until: Timestamp, now: Timestamp) -> Option<Duration> {
    let left = until.since(now).min(WINDOW);
    (!left.is_zero()).then_some(left)
}
