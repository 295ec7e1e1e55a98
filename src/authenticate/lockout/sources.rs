//! The limit on one source: for how many usernames a network may send wrong passwords.
//!
//! It is counted after a verdict, and only for usernames that the network is strange to: the users of a large network may
//! mistype, and whoever has logged in from it is not kept out because somebody else there guesses. So many requests at
//! once may exceed it; the limit on each username holds all the same.

use std::time::Duration;

use ipnet::IpNet;
use quick_cache::sync::Cache;
use thiserror::Error;

use crate::clock::Timestamp;
use crate::issuer::Issuer;
use crate::source::Network;
use crate::store::attempts::AttemptsKey;
use crate::store::outcome::StoreError;
use crate::store::sources::{NameMark, SourceKey, Sources};

/// The time in which usernames are counted. It begins with the first.
pub(super) const WINDOW: Duration = Duration::from_hours(1);

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
        self.names > 0 && !self.spared.iter().any(|spared| spared.contains(&network.address()))
    }

    /// Into how many items the usernames of a source are shared out.
    fn shares(&self) -> usize {
        self.names.div_ceil(NAMES_PER_ITEM).max(1)
    }
}

/// What a wrong password counts towards.
#[derive(Clone)]
pub(crate) struct Tally {
    key: SourceKey,
    name: NameMark,
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
        Self { sources, policy, issuer, exhausted: Cache::new(REMEMBERED) }
    }

    /// What a wrong password for a username counts towards; `None` if its source is not limited.
    pub(super) fn tally(&self, network: Network, key: &AttemptsKey) -> Option<Tally> {
        if !self.policy.limits(network) {
            return None;
        }
        let name = NameMark::of(key);
        let share = name.share(self.policy.shares());
        Some(Tally { key: SourceKey::of(&self.issuer, network, share), name })
    }

    /// For how much longer a source is known to this instance to be exhausted, if it is.
    pub(super) fn remembers(&self, tally: &Tally, now: Timestamp) -> Option<Duration> {
        left(self.exhausted.get(&tally.key)?, now)
    }

    /// For how much longer a source is exhausted, if it is.
    pub(super) async fn exhausted(&self, tally: &Tally, now: Timestamp) -> Result<Option<Duration>, StoreError> {
        let Some(stored) = self.sources.get(&tally.key).await? else {
            return Ok(None);
        };
        if stored.usernames.len() < self.limit() {
            return Ok(None);
        }
        self.exhausted.insert(tally.key.clone(), stored.window_until);
        Ok(left(stored.window_until, now))
    }

    /// Counts a wrong password. Returns whether that exhausts the source.
    pub(super) async fn count(&self, tally: &Tally, now: Timestamp) -> Result<bool, StoreError> {
        let counted = self.sources.count(&tally.key, &tally.name, now, now + WINDOW).await?;
        Ok(counted.is_some_and(|source| source.usernames.len() == self.limit()))
    }

    /// How many usernames are counted in one item before its source is exhausted.
    fn limit(&self) -> usize {
        self.policy.names.div_ceil(self.policy.shares())
    }
}

/// If the clock was set back, more than the whole window would be left.
fn left(until: Timestamp, now: Timestamp) -> Option<Duration> {
    let left = until.since(now).min(WINDOW);
    (!left.is_zero()).then_some(left)
}
