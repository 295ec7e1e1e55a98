//! The accounts, and who owns them.

use std::net::Ipv4Addr;

use passgrant::source::Network;

use crate::chance::Chance;
use crate::zipf::{Rank, Zipf};

/// Who logs in, in addition to the attacker: the owners of the first of the accounts. What the others would do changes
/// nothing for them.
#[derive(Clone, Copy)]
pub(crate) struct People {
    /// How many people log in, twice a day.
    pub(crate) owners: u32,
    /// How many of them have a program that goes on with an old password, once a minute.
    pub(crate) forgotten_programs: u32,
    /// How many have a program that logs in every 10 seconds, for two hours a day.
    pub(crate) chatty_programs: u32,
}

impl People {
    pub(crate) const MANY: Self = Self { owners: 3_000, forgotten_programs: 2, chatty_programs: 2 };
    pub(crate) const FEW: Self = Self { owners: 900, forgotten_programs: 0, chatty_programs: 2 };
}

/// Above every rank: numbers of passwords that nobody has.
const NOBODYS: u64 = 1 << 40;

/// The accounts, by number.
pub(crate) struct Population {
    passwords: Vec<Rank>,
    zipf: Zipf,
}

/// Where an owner logs in from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// From an office, whose address is the same for everybody there.
    Office,
    /// From home.
    Home,
    /// Mostly from a telephone, whose network takes a new address from a pool each time.
    Mobile,
}

impl Population {
    pub(crate) fn new(accounts: u32, zipf: Zipf, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        Self { passwords: (0..accounts).map(|_| zipf.sample(&mut chance)).collect(), zipf }
    }

    pub(crate) fn accounts(&self) -> u32 {
        u32::try_from(self.passwords.len()).expect("so many")
    }

    pub(crate) fn password(&self, account: u32) -> Rank {
        self.passwords[account as usize]
    }

    /// The password that an attacker tries as the `number`th, from 0.
    pub(crate) fn likeliest(&self, number: u64) -> Rank {
        self.zipf.first() + number
    }

    /// The share of accounts that have one of the `number` likeliest passwords.
    pub(crate) fn share(&self, number: u64) -> f64 {
        self.zipf.share(self.likeliest(number) - 1)
    }

    /// A password that is nobody's.
    pub(crate) fn nobodys(number: u64) -> u64 {
        NOBODYS + number
    }
}

impl Habit {
    /// Two thirds of the owners work in one office.
    pub(crate) fn of(owner: u32) -> Self {
        match owner % 6 {
            0..=3 => Self::Office,
            4 => Self::Home,
            _ => Self::Mobile,
        }
    }

    /// Where the owner logs in from this time.
    pub(crate) fn place(self, owner: u32, chance: &mut Chance) -> Network {
        match self {
            _ if chance.happens(0.03) => somewhere(chance),
            Self::Office => office(),
            Self::Mobile if chance.happens(0.8) => mobile(chance),
            Self::Home | Self::Mobile => home(owner),
        }
    }
}

/// The office.
pub(crate) fn office() -> Network {
    network(Ipv4Addr::new(192, 0, 2, 1).to_bits())
}

/// An owner's home, where their programs run too.
pub(crate) fn home(owner: u32) -> Network {
    network(Ipv4Addr::new(10, 0, 0, 0).to_bits() + owner)
}

/// One of a telephone network's addresses.
pub(crate) fn mobile(chance: &mut Chance) -> Network {
    let number = u32::try_from(chance.below(64)).expect("small");
    network(Ipv4Addr::new(198, 51, 100, 0).to_bits() + number)
}

/// One of an attacker's addresses.
pub(crate) fn attacker(number: u64) -> Network {
    network(Ipv4Addr::new(100, 64, 0, 0).to_bits() + u32::try_from(number % (1 << 22)).expect("small"))
}

/// A place where nobody has been before.
fn somewhere(chance: &mut Chance) -> Network {
    network(Ipv4Addr::new(172, 16, 0, 0).to_bits() + u32::try_from(chance.below(1 << 20)).expect("small"))
}

fn network(bits: u32) -> Network {
    Network::of(Ipv4Addr::from_bits(bits).into())
}
