//! The attacks, and how large each of them is.

use crate::attack::{Aim, Attack, From, Pace};
use crate::population::People;

/// An attack, and who else logs in.
pub(crate) struct Scenario {
    pub(crate) key: &'static str,
    pub(crate) people: People,
    /// Whether they have logged in before.
    pub(crate) known: bool,
    /// Whether guessed passwords are the same for many names, so that a sketch of them may matter.
    pub(crate) sketch: bool,
    pub(crate) attack: Attack,
}

const KEYS: [&str; 14] = [
    "nothing",
    "first-day",
    "paced",
    "rotating",
    "chatty",
    "burst",
    "stuffing",
    "stuffing-botnet",
    "spray-1",
    "spray-5",
    "spray-10000",
    "vandal",
    "vandal-botnet",
    "office",
];

impl Scenario {
    /// All of them. A quick run makes each a tenth as large.
    pub(crate) fn all(quick: bool) -> Vec<Self> {
        KEYS.iter().map(|key| Self::new(key, if quick { 10 } else { 1 })).collect()
    }

    fn new(key: &'static str, part: u32) -> Self {
        let attack = match key {
            "nothing" => Attack::nothing("no attack", 1),
            "first-day" => Attack::nothing("no attack, and nobody has logged in before", 1),
            "stuffing" | "stuffing-botnet" | "spray-1" | "spray-5" | "spray-10000" | "office" => on_all(key, part),
            _ => on_some(key, part),
        };
        let many = matches!(key, "nothing" | "first-day" | "office");
        Self {
            key,
            people: if many { People::MANY } else { People::FEW },
            known: key != "first-day",
            sketch: key == "nothing" || key.starts_with("spray") || key.starts_with("stuffing"),
            attack,
        }
    }
}

/// The attacks that choose their accounts.
fn on_some(key: &str, part: u32) -> Attack {
    let days = if part == 1 { 2 } else { 1 };
    match key {
        "paced" => {
            let name = "9 guesses every 15 minutes at each of 40 names, an address for each";
            Attack::on(name, days, 40 / part, Aim::Guess, Pace::Rounds(9, 900), From::Own)
        }
        "rotating" => {
            let name = "a guess every 2 minutes at each of 40 names, 10,000 addresses";
            Attack::on(name, days, 40 / part, Aim::Guess, Pace::Rounds(1, 120), From::Botnet(10_000))
        }
        "chatty" => {
            let name = "a guess every 3 seconds at each of 2 names, whose programs log in every 10 for 2 hours";
            Attack::on(name, 1, 2, Aim::Guess, Pace::Rounds(1, 3), From::Own)
        }
        "burst" => {
            let name = "500 guesses at once at each of 20 names, every 12 hours, 10,000 addresses";
            Attack::on(name, 1, 20 / part, Aim::Guess, Pace::Rounds(1, 43_200), From::Botnet(10_000)).at_once(500)
        }
        "vandal" => {
            let name = "a wrong password every 2 minutes for each of 30 owners, an address for each";
            Attack::on(name, days, 30 / part, Aim::LockOut, Pace::Rounds(1, 120), From::Own)
        }
        _ => {
            let name = "a wrong password every 2 minutes for each of 30 owners, 10,000 addresses";
            Attack::on(name, days, 30 / part, Aim::LockOut, Pace::Rounds(1, 120), From::Botnet(10_000))
        }
    }
}

/// The attacks on whichever account.
fn on_all(key: &str, part: u32) -> Attack {
    let daily = |number: u64| Pace::Daily(number / u64::from(part));
    let (stuff, botnet) = (Aim::Stuff { right: 0.01 }, From::Botnet);
    match key {
        "stuffing" => Attack::on_all("20,000 pairs, 1% right, from 4 addresses", 1, stuff, daily(20_000), botnet(4)),
        "stuffing-botnet" => {
            Attack::on_all("10,000 pairs, 1% right, from 5,000 addresses", 1, stuff, daily(10_000), botnet(5_000))
        }
        "spray-1" => Attack::on_all("spraying, 20,000 a day from 1 address", 1, Aim::Spray, daily(20_000), botnet(1)),
        "spray-5" => Attack::on_all("spraying, 20,000 a day from 5 addresses", 1, Aim::Spray, daily(20_000), botnet(5)),
        "spray-10000" => {
            Attack::on_all("spraying, 20,000 a day from 10,000 addresses", 1, Aim::Spray, daily(20_000), botnet(10_000))
        }
        _ => {
            let name = "wrong passwords for 5,000 names from the office of 2,000 people";
            Attack::on_all(name, 1, Aim::Exhaust, daily(5_000), From::Office)
        }
    }
}
