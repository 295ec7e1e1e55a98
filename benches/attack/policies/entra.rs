//! Like Microsoft Entra's smart lockout (learn.microsoft.com/entra/identity/authentication/howto-password-smart-lockout):
//! ten failures lock for a minute, and each one after that again, for longer; places that are familiar and those that are
//! not are counted apart; the last three wrong passwords are not counted again.
//!
//! What is not published is assumed: the lock doubles each time, up to a day; a success clears what is counted where it
//! comes from; a place is an address, familiar after one login.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use passgrant::source::Network;

use crate::policy::{Calls, Login, Outcome, Policy, Verdict, verdict};

const THRESHOLD: u32 = 10;
const FIRST_LOCK: u64 = 60;
const LONGEST_LOCK: u64 = 24 * 3600;
const REMEMBERED: usize = 3;

#[derive(Default)]
pub(crate) struct EntraLike {
    familiar: HashSet<(u32, Network)>,
    counters: HashMap<(u32, bool), Counter>,
}

#[derive(Default)]
struct Counter {
    failures: u32,
    locked_until: u64,
    last: VecDeque<u64>,
}

impl Policy for EntraLike {
    fn login(&mut self, login: &Login, now: u64) -> Outcome {
        let familiar = self.familiar.contains(&(login.account, login.network));
        let counter = self.counters.entry((login.account, familiar)).or_default();
        if now < counter.locked_until {
            return (Verdict::Refused(Duration::from_secs(counter.locked_until - now)), Calls::new(1, 0));
        }
        if login.right {
            *counter = Counter::default();
            self.familiar.insert((login.account, login.network));
        } else if !counter.last.contains(&login.password) {
            counter.failures += 1;
            counter.last.push_back(login.password);
            if counter.last.len() > REMEMBERED {
                counter.last.pop_front();
            }
            if let Some(beyond) = counter.failures.checked_sub(THRESHOLD) {
                let lock = FIRST_LOCK.saturating_mul(2_u64.saturating_pow(beyond)).min(LONGEST_LOCK);
                counter.locked_until = now + lock;
            }
        }
        (verdict(login), Calls::new(1, 1))
    }
}
