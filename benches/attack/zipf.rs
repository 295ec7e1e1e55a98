//! How often people choose which password: the CDF-Zipf model of Wang, Cheng, Wang, Huang and Jian ("Zipf's Law in
//! Passwords", IEEE TIFS 12(11), 2017). The `r` most frequent passwords are those of a share `C r^s` of all accounts.

use crate::chance::Chance;

/// A password, as its rank by frequency: 1 is the most frequent one.
pub(crate) type Rank = u64;

/// A distribution of passwords.
#[derive(Clone, Copy)]
pub(crate) struct Zipf {
    c: f64,
    s: f64,
    /// The most frequent passwords that nobody may have.
    refused: Rank,
}

impl Zipf {
    /// The published fit to the 32 million passwords of `RockYou`.
    pub(crate) const ROCKYOU: Self = Self { c: 0.037_433, s: 0.187_227, refused: 0 };

    /// The same, where the `refused` most frequent passwords cannot be set: whoever would have had one of them has
    /// another, with the frequencies of the rest.
    pub(crate) fn without(self, refused: Rank) -> Self {
        Self { refused, ..self }
    }

    /// The share of accounts that have one of the `rank` most frequent passwords.
    #[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^53")]
    pub(crate) fn share(&self, rank: Rank) -> f64 {
        let whole = |rank: Rank| if rank == 0 { 0.0 } else { (self.c * (rank as f64).powf(self.s)).min(1.0) };
        let refused = whole(self.refused);
        ((whole(rank) - refused) / (1.0 - refused)).max(0.0)
    }

    /// The password of an account.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most some ten million")]
    pub(crate) fn sample(&self, chance: &mut Chance) -> Rank {
        let refused = if self.refused == 0 { 0.0 } else { self.share_of_refused() };
        let share = refused + chance.fraction() * (1.0 - refused);
        ((share / self.c).powf(1.0 / self.s).ceil() as Rank).max(self.refused + 1)
    }

    /// The first password that an attacker tries who knows what is refused.
    pub(crate) fn first(&self) -> Rank {
        self.refused + 1
    }

    #[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^53")]
    fn share_of_refused(&self) -> f64 {
        self.c * (self.refused as f64).powf(self.s)
    }
}
