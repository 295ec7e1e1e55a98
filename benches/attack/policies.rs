//! The policies, one file each. Only Passgrant's is the code itself; the others are models in memory.

mod entra;
mod none;
mod passgrant;
mod per_name;
mod per_name_and_address;
mod sketch;

use crate::policies::entra::EntraLike;
use crate::policies::none::Unlimited;
use crate::policies::passgrant::Passgrant;
use crate::policies::per_name::PerName;
use crate::policies::per_name_and_address::PerNameAndAddress;
use crate::policies::sketch::WithSketch;
use crate::policy::Policy;

/// Which policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    None,
    PerName,
    PerNameAndAddress,
    WithThrottling,
    EntraLike,
    Passgrant,
    WithSketch,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::None,
        Self::PerName,
        Self::PerNameAndAddress,
        Self::WithThrottling,
        Self::EntraLike,
        Self::Passgrant,
        Self::WithSketch,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PerName => "ten in 15 min per name",
            Self::PerNameAndAddress => "per name and address",
            Self::WithThrottling => "the same, addresses throttled",
            Self::EntraLike => "Entra-like",
            Self::Passgrant => "Passgrant",
            Self::WithSketch => "Passgrant and a sketch",
        }
    }

    pub(crate) fn start(self, seed: u64) -> Box<dyn Policy> {
        match self {
            Self::None => Box::new(Unlimited),
            Self::PerName => Box::new(PerName::default()),
            Self::PerNameAndAddress => Box::new(PerNameAndAddress::default()),
            Self::WithThrottling => Box::new(PerNameAndAddress::with_throttling()),
            Self::EntraLike => Box::new(EntraLike::default()),
            Self::Passgrant => Box::new(Passgrant::start(seed)),
            Self::WithSketch => Box::new(WithSketch::new(Passgrant::start(seed))),
        }
    }
}
