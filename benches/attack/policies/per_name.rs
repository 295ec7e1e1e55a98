//! Ten in fifteen minutes for each username, as Passgrant did before: the window begins with the first attempt, the lock
//! doubles up to a day, the same wrong password counts once in a window, and success clears everything.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::policy::{Calls, Login, Outcome, Policy, Verdict, verdict};

const LIMIT: usize = 10;
const WINDOW: u64 = 15 * 60;
const LONGEST_LOCK: u64 = 24 * 3600;

#[derive(Default)]
pub(crate) struct PerName(HashMap<u32, Window>);

struct Window {
    until: u64,
    last_at: u64,
    locked_times: u32,
    wrong: HashSet<u64>,
}

impl Policy for PerName {
    fn login(&mut self, login: &Login, now: u64) -> Outcome {
        let new = |locked_times| Window { until: now + WINDOW, last_at: now, locked_times, wrong: HashSet::new() };
        let window = self.0.entry(login.account).or_insert_with(|| new(0));
        let remembered = if now - window.last_at < 2 * LONGEST_LOCK { window.locked_times } else { 0 };
        let mut calls = Calls::new(0, 2);
        if window.wrong.len() >= LIMIT {
            let lock = WINDOW.saturating_mul(2_u64.saturating_pow(window.locked_times)).min(LONGEST_LOCK);
            if now < window.last_at + lock {
                return (Verdict::Refused(Duration::from_secs(window.last_at + lock - now)), Calls::new(0, 1));
            }
            *window = new(remembered + 1);
            calls.writes += 1;
        } else if now >= window.until {
            *window = new(remembered);
            calls.writes += 1;
        }
        window.last_at = now;
        if login.right {
            self.0.remove(&login.account);
        } else if !window.wrong.insert(login.password) {
            calls.writes += 1;
        }
        (verdict(login), calls)
    }
}
