//! A simulation: people, their programs and an attacker, in the order of time.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use passgrant::source::Network;

use crate::attack::Attack;
use crate::chance::Chance;
use crate::policy::{Calls, Client, Login, Policy, Verdict};
use crate::population::{Habit, People, Population, home, mobile, office};

pub(crate) const DAY: u64 = 24 * HOUR;
const HOUR: u64 = 3600;
/// How long somebody who is refused waits, and how often they come back: for an hour.
const PATIENCE: (u64, u8) = (HOUR / 4, 4);
const EVERY_CHATTY: u64 = 10;
/// For how long each day.
const CHATTY: u64 = 2 * HOUR;
const EVERY_FORGOTTEN: u64 = 60;
/// When the attack begins, after everybody has logged in from where they usually do.
const BEGIN: u64 = 2 * DAY;

/// What happened.
#[derive(Default)]
pub(crate) struct Tally {
    /// The accounts that the attacker logged in to.
    pub(crate) taken: BTreeSet<u32>,
    /// How many more are to be expected.
    pub(crate) expected: f64,
    /// The attacker's logins whose passwords were looked at.
    pub(crate) verified: u64,
    pub(crate) sent: u64,
    /// What they cost in DynamoDB.
    pub(crate) calls: Calls,
    /// Logins of people with the right password, and those that were refused.
    pub(crate) honest: u64,
    pub(crate) refused: u64,
    /// Owners who were refused for an hour, or whose program was.
    pub(crate) locked_out: BTreeSet<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// An owner wants to log in.
    Wants(u32),
    /// An owner enters a password; there are as many typing errors to come, and they have been refused as often.
    Enters {
        owner: u32,
        place: Place,
        errors: u8,
        refused: u8,
    },
    Forgotten(u32),
    Chatty {
        owner: u32,
        refused: u64,
    },
    Attack(usize),
}

/// A network that has an order.
type Place = std::net::Ipv4Addr;

/// A run of one attack against one policy.
pub(crate) struct Simulation<'a> {
    population: &'a Population,
    people: People,
    policy: Box<dyn Policy>,
    attack: Attack,
    chance: Chance,
    seed: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    number: u64,
    tally: Tally,
}

impl<'a> Simulation<'a> {
    pub(crate) fn new(
        population: &'a Population,
        people: People,
        policy: Box<dyn Policy>,
        attack: Attack,
        seed: u64,
    ) -> Self {
        let (chance, tally) = (Chance::new(seed), Tally::default());
        Self { population, people, policy, attack, chance, seed, queue: BinaryHeap::new(), number: 0, tally }
    }

    /// Runs it. `known` says whether everybody has logged in before; otherwise it is the first day of a service.
    pub(crate) fn run(mut self, known: bool) -> Tally {
        if known {
            self.log_everybody_in();
        }
        for day in 0..self.attack.days {
            self.plan(BEGIN + day * DAY);
        }
        let end = BEGIN + self.attack.days * DAY;
        for program in 0..self.people.forgotten_programs {
            self.at(BEGIN + u64::from(program), Event::Forgotten(program * 97));
        }
        for lane in 0..self.attack.lanes() {
            self.at(BEGIN, Event::Attack(lane));
        }
        while let Some(Reverse((now, _, event))) = self.queue.pop()
            && now < end
        {
            self.happen(event, now);
        }
        self.tally.expected = self.attack.expected(self.population);
        self.tally
    }

    fn at(&mut self, time: u64, event: Event) {
        self.number += 1;
        self.queue.push(Reverse((time, self.number, event)));
    }

    /// Each owner logs in from where they usually do.
    fn log_everybody_in(&mut self) {
        for owner in 0..self.people.owners {
            let places = match Habit::of(owner) {
                Habit::Office => vec![office()],
                Habit::Home => vec![home(owner)],
                Habit::Mobile => vec![home(owner), mobile(&mut self.chance), mobile(&mut self.chance)],
            };
            for place in places {
                self.login(owner, Client::App, place, None, u64::from(owner));
            }
        }
        for program in 0..self.people.forgotten_programs {
            self.login(program * 97, Client::Program, home(program * 97), None, DAY);
        }
        for owner in 0..self.people.chatty_programs {
            self.login(owner, Client::Program, home(owner), None, DAY);
        }
    }

    /// Two logins of each owner in the course of a day, which for all of them begins between 8 and 9.
    fn plan(&mut self, day: u64) {
        for owner in 0..self.people.owners {
            for (from, hours) in [(8, 1), (9, 9)] {
                let time = day + from * HOUR + self.chance.below(hours * HOUR);
                self.at(time, Event::Wants(owner));
            }
        }
        for owner in 0..self.people.chatty_programs {
            self.at(day + u64::from(owner), Event::Chatty { owner, refused: 0 });
        }
    }

    fn happen(&mut self, event: Event, now: u64) {
        match event {
            Event::Wants(owner) => {
                let Network::V4(place) = Habit::of(owner).place(owner, &mut self.chance) else { return };
                let errors = if self.chance.happens(0.05) { 1 + u8::from(self.chance.happens(0.3)) } else { 0 };
                self.tally.honest += 1;
                self.enters(owner, place, errors, 0, now);
            }
            Event::Enters { owner, place, errors, refused } => self.enters(owner, place, errors, refused, now),
            Event::Forgotten(owner) => {
                let old = Population::nobodys(u64::from(owner) << 32);
                self.login(owner, Client::Program, home(owner), Some(old), now);
                self.at(now + EVERY_FORGOTTEN, event);
            }
            Event::Chatty { owner, refused } => {
                let verdict = self.login(owner, Client::Program, home(owner), None, now);
                let refused = if verdict == Verdict::Right { 0 } else { refused + 1 };
                if refused * EVERY_CHATTY >= HOUR {
                    self.tally.locked_out.insert(owner);
                }
                if now % DAY < CHATTY {
                    self.at(now + EVERY_CHATTY, Event::Chatty { owner, refused });
                }
            }
            Event::Attack(lane) => self.attack(lane, now),
        }
    }

    fn enters(&mut self, owner: u32, place: Place, errors: u8, refused: u8, now: u64) {
        let network = Network::V4(place);
        if errors > 0 {
            let typed = Population::nobodys(self.chance.next() >> 25);
            self.login(owner, Client::App, network, Some(typed), now);
            self.at(now + 8, Event::Enters { owner, place, errors: errors - 1, refused });
            return;
        }
        if self.login(owner, Client::App, network, None, now) == Verdict::Right {
            return;
        }
        let (wait, times) = PATIENCE;
        self.tally.refused += u64::from(refused == 0);
        if refused < times {
            self.at(now + wait, Event::Enters { owner, place, errors, refused: refused + 1 });
        } else {
            self.tally.locked_out.insert(owner);
        }
    }

    /// A login of an owner, with the right password unless another one is given.
    fn login(&mut self, owner: u32, client: Client, network: Network, wrong: Option<u64>, now: u64) -> Verdict {
        let password = wrong.unwrap_or_else(|| self.population.password(owner));
        let login = Login { account: owner, client, network, password, right: wrong.is_none() };
        self.policy.login(&login, now).0
    }

    fn attack(&mut self, lane: usize, now: u64) {
        let logins = self.attack.logins(lane, self.population, self.seed);
        let outcomes = match logins.as_slice() {
            [one] => vec![self.policy.login(one, now)],
            several => self.policy.at_once(several, now),
        };
        for (login, (verdict, calls)) in logins.iter().zip(outcomes) {
            self.tally.sent += 1;
            self.tally.calls += calls;
            // The user is read for each.
            self.tally.calls.reads += 1;
            self.tally.verified += u64::from(!matches!(verdict, Verdict::Refused(_)));
            if self.attack.learn(lane, verdict) {
                self.tally.taken.insert(login.account);
            }
        }
        self.at((BEGIN + self.attack.next_at(lane)).max(now), Event::Attack(lane));
    }
}
