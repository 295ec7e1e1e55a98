//! What is compared: ways to decide which logins are looked at.

use std::ops::AddAssign;
use std::time::Duration;

use passgrant::source::Network;

/// A login, by somebody honest or not.
#[derive(Clone, Copy)]
pub(crate) struct Login {
    pub(crate) account: u32,
    pub(crate) client: Client,
    pub(crate) network: Network,
    /// Which password is sent: two of the same number are the same.
    pub(crate) password: u64,
    /// Whether it is the account's.
    pub(crate) right: bool,
}

/// The program that a login is made with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// The application that people use, and attackers too.
    App,
    /// What runs by itself with a password that somebody once entered.
    Program,
}

/// What became of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
    /// Its password was not looked at, and would not be for this long.
    Refused(Duration),
}

/// What a login cost in DynamoDB, in addition to the read of the user.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
}

impl Calls {
    pub(crate) const fn new(reads: u64, writes: u64) -> Self {
        Self { reads, writes }
    }
}

impl AddAssign for Calls {
    fn add_assign(&mut self, other: Self) {
        self.reads += other.reads;
        self.writes += other.writes;
    }
}

/// What became of a login, and what it cost.
pub(crate) type Outcome = (Verdict, Calls);

/// A policy, with everything that it remembers.
pub(crate) trait Policy {
    /// Decides about a login at `now`, in seconds.
    fn login(&mut self, login: &Login, now: u64) -> Outcome;

    /// Decides about logins that come at the same time. A model decides about one after the other, as if it were perfect.
    fn at_once(&mut self, logins: &[Login], now: u64) -> Vec<Outcome> {
        logins.iter().map(|login| self.login(login, now)).collect()
    }
}

/// The verdict on a password that is looked at.
pub(crate) fn verdict(login: &Login) -> Verdict {
    if login.right { Verdict::Right } else { Verdict::Wrong }
}
