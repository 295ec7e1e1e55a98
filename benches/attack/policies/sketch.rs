//! Another policy with a sketch of guessed passwords in front of it, after Tian, Herley and Schechter ("`StopGuessing`: Using
//! Guessed Passwords to Thwart Online Guessing", IEEE EuroS&P 2017): a password that was wrong often, for whichever
//! username, is not looked at when it comes from a source that is strange to the username.
//!
//! The sketch is a perfect one: it takes no password for another.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use passgrant::source::Network;

use crate::policy::{Calls, Client, Login, Outcome, Policy, Verdict};

/// For how many usernames a password must have been wrong.
const OFTEN: usize = 50;
/// How long that is remembered.
const REMEMBERED: u64 = 24 * 3600;

pub(crate) struct WithSketch<P> {
    policy: P,
    guessed: HashMap<u64, HashMap<u32, u64>>,
    familiar: HashSet<(u32, Client, Network)>,
}

impl<P> WithSketch<P> {
    pub(crate) fn new(policy: P) -> Self {
        Self { policy, guessed: HashMap::new(), familiar: HashSet::new() }
    }

    fn is_guessed_often(&self, password: u64, now: u64) -> bool {
        let Some(names) = self.guessed.get(&password).filter(|names| names.len() >= OFTEN) else { return false };
        names.values().filter(|at| now - **at < REMEMBERED).take(OFTEN).count() == OFTEN
    }
}

impl<P: Policy> Policy for WithSketch<P> {
    fn login(&mut self, login: &Login, now: u64) -> Outcome {
        let source = (login.account, login.client, login.network);
        let familiar = self.familiar.contains(&source);
        // A source is found to be strange by the policy's first write, and the sketch is read after that.
        if !familiar && self.is_guessed_often(login.password, now) {
            return (Verdict::Refused(Duration::from_secs(REMEMBERED)), Calls::new(1, 1));
        }
        let (verdict, mut calls) = self.policy.login(login, now);
        if !familiar {
            calls.reads += 1;
        }
        match verdict {
            Verdict::Right => {
                self.familiar.insert(source);
            }
            Verdict::Wrong => {
                self.guessed.entry(login.password).or_default().insert(login.account, now);
                calls.writes += 1;
            }
            Verdict::Refused(_) => {}
        }
        (verdict, calls)
    }
}
