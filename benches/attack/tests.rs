//! Tests of what the simulation of attacks is made of.

#![expect(dead_code, reason = "only some of it is tested")]

mod chance;
mod policies {
    pub(crate) mod entra;
    pub(crate) mod per_name;
    pub(crate) mod per_name_and_address;
}
mod policy;
mod zipf;

use std::net::Ipv4Addr;
use std::time::Duration;

use passgrant::source::Network;

use crate::chance::Chance;
use crate::policies::entra::EntraLike;
use crate::policies::per_name::PerName;
use crate::policies::per_name_and_address::PerNameAndAddress;
use crate::policy::{Client, Login, Policy, Verdict};
use crate::zipf::Zipf;

fn login(address: u8, password: u64) -> Login {
    let network = Network::of(Ipv4Addr::new(192, 0, 2, address).into());
    Login { account: 1, client: Client::App, network, password, right: password == 0 }
}

fn refused(policy: &mut impl Policy, login: Login, now: u64) -> Option<Duration> {
    match policy.login(&login, now).0 {
        Verdict::Refused(left) => Some(left),
        Verdict::Right | Verdict::Wrong => None,
    }
}

#[test]
fn passwords_are_drawn_as_often_as_the_distribution_says() {
    for zipf in [Zipf::ROCKYOU, Zipf::ROCKYOU.without(1_000)] {
        let mut chance = Chance::new(7);
        let drawn: Vec<_> = (0..200_000).map(|_| zipf.sample(&mut chance)).collect();
        assert!(drawn.iter().all(|rank| *rank >= zipf.first()));
        for rank in [zipf.first(), zipf.first() + 9, zipf.first() + 999, 1_000_000] {
            let count = drawn.iter().filter(|drawn| **drawn <= rank).count();
            let share = f64::from(u32::try_from(count).expect("so many")) / 200_000.0;
            // Five standard deviations are at most 0.0056.
            assert!((share - zipf.share(rank)).abs() < 0.006, "{rank}: {share}, not {}", zipf.share(rank));
        }
    }
    assert!((Zipf::ROCKYOU.share(1) - 0.037_433).abs() < 1e-9);
}

#[test]
fn the_same_seed_gives_the_same_passwords() {
    let draw = |seed| {
        let mut chance = Chance::new(seed);
        (0..10).map(|_| Zipf::ROCKYOU.sample(&mut chance)).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn per_name_nine_in_fifteen_minutes_never_lock_and_the_tenth_locks_everybody_out_for_longer_each_time() {
    let mut policy = PerName::default();
    for round in 0..20 {
        assert!((1..10).all(|wrong| refused(&mut policy, login(1, wrong), round * 900).is_none()));
    }
    let now = 20 * 900;
    assert!((1..11).all(|wrong| refused(&mut policy, login(1, wrong), now).is_none()));
    assert_eq!(refused(&mut policy, login(2, 0), now), Some(Duration::from_mins(15)));
    assert!((11..21).all(|wrong| refused(&mut policy, login(1, wrong), now + 900).is_none()));
    assert_eq!(refused(&mut policy, login(2, 0), now + 900), Some(Duration::from_mins(30)));
    assert_eq!(refused(&mut policy, login(2, 0), now + 2700), None);
}

#[test]
fn per_name_and_address_ten_failures_block_one_address_only() {
    let mut policy = PerNameAndAddress::default();
    assert!((1..11).all(|wrong| refused(&mut policy, login(1, wrong), 0).is_none()));
    assert_eq!(refused(&mut policy, login(1, 0), 0), Some(Duration::from_hours(30 * 24)));
    assert_eq!(refused(&mut policy, login(2, 0), 0), None);
}

#[test]
fn an_address_with_a_hundred_failures_is_throttled_for_every_name() {
    let mut policy = PerNameAndAddress::with_throttling();
    let of = |account, password| Login { account, ..login(1, password) };
    assert!((0..100).all(|account| refused(&mut policy, of(account, 1), 0).is_none()));
    assert_eq!(refused(&mut policy, of(100, 0), 0), Some(Duration::from_secs(864)));
    assert_eq!(refused(&mut policy, of(100, 0), 864), None);
}

#[test]
fn like_entra_the_tenth_failure_locks_for_a_minute_and_each_one_after_it_for_longer_but_not_familiar_places() {
    let mut policy = EntraLike::default();
    assert_eq!(refused(&mut policy, login(9, 0), 0), None);
    assert!((0..30).all(|_| refused(&mut policy, login(1, 1), 0).is_none()), "the same wrong password counts once");
    assert!((2..11).all(|wrong| refused(&mut policy, login(1, wrong), 0).is_none()));
    assert_eq!(refused(&mut policy, login(2, 0), 0), Some(Duration::from_mins(1)));
    assert_eq!(refused(&mut policy, login(9, 0), 0), None);
    assert_eq!(refused(&mut policy, login(1, 11), 60), None);
    assert_eq!(refused(&mut policy, login(2, 0), 60), Some(Duration::from_mins(2)));
}
