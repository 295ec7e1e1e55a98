//! Ten failures for each username and address, which is then blocked for that username for 30 days: Auth0's brute-force
//! protection (auth0.com/docs/secure/attack-protection/brute-force-protection). On request together with its throttling of
//! suspicious addresses (suspicious-ip-throttling, same place): a hundred failures of an address, of which one is given
//! back every 864 seconds, and none of its logins is looked at while there are none left.

use std::collections::HashMap;
use std::time::Duration;

use passgrant::source::Network;

use crate::policy::{Calls, Login, Outcome, Policy, Verdict, verdict};

const LIMIT: u32 = 10;
const BLOCK: u64 = 30 * 24 * 3600;
const FAILURES: u64 = 100;
const GIVEN_BACK_EVERY: u64 = 864;

#[derive(Default)]
pub(crate) struct PerNameAndAddress {
    failures: HashMap<(u32, Network), (u32, u64)>,
    throttles: bool,
    /// What each address has used, in seconds that it takes to be given back, and since when.
    used: HashMap<Network, (u64, u64)>,
}

impl PerNameAndAddress {
    pub(crate) fn with_throttling() -> Self {
        Self { throttles: true, ..Self::default() }
    }

    /// How long an address is not listened to.
    fn throttled(&mut self, network: Network, now: u64) -> Option<Duration> {
        let (used, since) = self.used.entry(network).or_insert((0, now));
        *used = used.saturating_sub(now - *since);
        *since = now;
        let over = (*used + GIVEN_BACK_EVERY).checked_sub(FAILURES * GIVEN_BACK_EVERY)?;
        (over > 0).then(|| Duration::from_secs(over))
    }
}

impl Policy for PerNameAndAddress {
    fn login(&mut self, login: &Login, now: u64) -> Outcome {
        let calls = Calls::new(u64::from(self.throttles), 1);
        if self.throttles
            && let Some(left) = self.throttled(login.network, now)
        {
            return (Verdict::Refused(left), calls);
        }
        let (failures, last) = self.failures.entry((login.account, login.network)).or_default();
        if *failures >= LIMIT && now < *last + BLOCK {
            return (Verdict::Refused(Duration::from_secs(*last + BLOCK - now)), calls);
        }
        let mut calls = Calls::new(calls.reads, 2);
        if login.right {
            self.failures.remove(&(login.account, login.network));
        } else {
            (*failures, *last) = (*failures + 1, now);
            if self.throttles
                && let Some((used, _)) = self.used.get_mut(&login.network)
            {
                *used += GIVEN_BACK_EVERY;
                calls.writes += 1;
            }
        }
        (verdict(login), calls)
    }
}
