//! What attackers do.

use passgrant::source::Network;

use crate::chance::Chance;
use crate::policy::{Client, Login, Verdict};
use crate::population::{People, Population, attacker, office};

/// An attack. What is not looked at is sent again later, so that every policy is asked for the same, in the same order.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) days: u64,
    /// How many logins come at the same time.
    pub(crate) at_once: usize,
    lanes: Vec<Lane>,
    aim: Aim,
    pace: Pace,
    from: From,
}

/// Which account and password are tried.
pub(crate) enum Aim {
    /// Each lane tries the likeliest passwords for one account, one after the other.
    Guess,
    /// Each lane sends passwords for one account that are wrong for certain.
    LockOut,
    /// The likeliest password for each account, then the next.
    Spray,
    /// A pair of a username and a password from somewhere else for each account, of which a part is right.
    Stuff { right: f64 },
    /// Wrong passwords for each account.
    Exhaust,
}

/// When.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// So many a day.
    Daily(u64),
    /// So many in each round of as many seconds.
    Rounds(u64, u64),
}

/// Where from.
#[derive(Clone, Copy)]
pub(crate) enum From {
    /// Each lane has an address of its own.
    Own,
    /// Each guess comes from the next of so many addresses.
    Botnet(u64),
    /// The office in which people work.
    Office,
}

#[derive(Clone, Copy, Default)]
struct Lane {
    account: u32,
    /// How many logins were sent, and how many were looked at.
    sent: u64,
    seen: u64,
}

impl Attack {
    /// An attack on all accounts.
    pub(crate) fn on_all(name: &'static str, days: u64, aim: Aim, pace: Pace, from: From) -> Self {
        Self { name, days, at_once: 1, lanes: vec![Lane::default()], aim, pace, from }
    }

    /// An attack on some accounts, spread over those of people who log in.
    pub(crate) fn on(name: &'static str, days: u64, accounts: u32, aim: Aim, pace: Pace, from: From) -> Self {
        // The first owners are those with chatty programs.
        let People { owners, chatty_programs, .. } = People::FEW;
        let account = |lane| if accounts == chatty_programs { lane } else { (lane * 61 + 7) % owners };
        let lanes = (0..accounts).map(|lane| Lane { account: account(lane), ..Lane::default() });
        Self { name, days, at_once: 1, lanes: lanes.collect(), aim, pace, from }
    }

    /// The same, where each time so many logins come at once.
    pub(crate) fn at_once(self, at_once: usize) -> Self {
        Self { at_once, ..self }
    }

    /// Nothing at all.
    pub(crate) fn nothing(name: &'static str, days: u64) -> Self {
        let (aim, pace, from) = (Aim::Guess, Pace::Daily(1), From::Own);
        Self { name, days, at_once: 1, lanes: Vec::new(), aim, pace, from }
    }

    pub(crate) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// How many accounts are aimed at.
    pub(crate) fn targets(&self, population: &Population) -> u32 {
        match self.aim {
            Aim::Guess | Aim::LockOut => u32::try_from(self.lanes.len()).expect("few"),
            Aim::Spray | Aim::Stuff { .. } | Aim::Exhaust => population.accounts(),
        }
    }

    /// When a lane sends its next login.
    pub(crate) fn next_at(&self, lane: usize) -> u64 {
        let Lane { sent, .. } = self.lanes[lane];
        let sent = sent / self.at_once as u64;
        match self.pace {
            Pace::Daily(number) => sent * 86_400 / number,
            Pace::Rounds(number, seconds) => sent / number * seconds + sent % number * (seconds / number).min(5),
        }
    }

    /// The next login of a lane, or as many as come at once.
    pub(crate) fn logins(&mut self, lane: usize, population: &Population, seed: u64) -> Vec<Login> {
        let number = lane as u64;
        let (aim, from, state) = (&self.aim, self.from, &mut self.lanes[lane]);
        let logins = (0..self.at_once as u64).map(|ahead| {
            let (account, password, right) =
                aim.choose(state.account, state.seen + ahead, state.sent, population, seed);
            let network = from.address(number, state.sent);
            state.sent += 1;
            Login { account, client: Client::App, network, password, right }
        });
        logins.collect()
    }

    /// Takes note of an answer. Returns whether that is an account taken.
    pub(crate) fn learn(&mut self, lane: usize, verdict: Verdict) -> bool {
        let state = &mut self.lanes[lane];
        state.seen += u64::from(!matches!(verdict, Verdict::Refused(_)));
        verdict == Verdict::Right
    }

    /// How many of the accounts that are guessed at are taken, to be expected from how many guesses were looked at. The
    /// simulation goes on as if none was right, so that no single account decides.
    pub(crate) fn expected(&self, population: &Population) -> f64 {
        match self.aim {
            Aim::Guess => self.lanes.iter().map(|lane| population.share(lane.seen)).sum(),
            _ => 0.0,
        }
    }
}

impl Aim {
    /// Account, password, and whether it is right.
    fn choose(&self, own: u32, seen: u64, sent: u64, all: &Population, draw: u64) -> (u32, u64, bool) {
        let accounts = u64::from(all.accounts());
        // Everybody's accounts, in an order that leaves out nobody.
        let each = u32::try_from((seen * 61_637) % accounts).expect("an account");
        match self {
            Self::Guess => (own, all.likeliest(seen), false),
            Self::LockOut => (own, Population::nobodys(sent), false),
            Self::Spray => {
                let password = all.likeliest(seen / accounts);
                (each, password, all.password(each) == password)
            }
            Self::Exhaust => (each, Population::nobodys(sent), false),
            Self::Stuff { right } => {
                if Chance::new(draw ^ seen.wrapping_mul(0x9E37_79B9)).happens(*right) {
                    (each, all.password(each), true)
                } else {
                    (each, Population::nobodys(seen), false)
                }
            }
        }
    }
}

impl From {
    fn address(self, lane: u64, sent: u64) -> Network {
        match self {
            Self::Own => attacker(lane),
            Self::Botnet(addresses) => attacker((lane * 7_919 + sent) % addresses),
            Self::Office => office(),
        }
    }
}
