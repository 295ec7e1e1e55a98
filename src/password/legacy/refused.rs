//! Why a password hash is not taken.

use thiserror::Error;

use crate::name::UnknownName;
use crate::password::legacy::format::HashFormat;
use crate::password::legacy::text::MAX_BYTES;

/// A password hash that is not taken. It says what was expected, and nothing of the hash.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RefusedHash {
    /// The format cannot be told by the shape.
    #[error("the shape does not tell the format of the hash: state it as one of {}", known())]
    Unknown,
    /// The hash has the shape of a format that is not the one that was stated.
    #[error("the stated format is {stated}, but the hash has the shape of {shape}")]
    AnotherFormat {
        /// The format that was stated.
        stated: HashFormat,
        /// The format whose shape it has.
        shape: HashFormat,
    },
    /// The format is known, and the hash is not one that is taken.
    #[error("{format}: {reason}")]
    Refused {
        /// The format.
        format: HashFormat,
        /// What was expected.
        reason: Reason,
    },
}

fn known() -> String {
    UnknownName::none_of(&HashFormat::ALL).to_string().replace("it is not one of: ", "")
}

/// What is wrong with a hash of a known format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// It is in none of the formats.
    #[error("it has the shape of no format that is read")]
    Unknown,
    /// It is not written as the format says.
    #[error("expected {0}")]
    Malformed(&'static str),
    /// Verifying it would take too long, or too much memory.
    #[error("it costs too much to verify: at most {0}")]
    Costly(&'static str),
    /// It is hardly more than a digest.
    #[error("it is too weak to keep: at least {0}")]
    Weak(&'static str),
}

impl Reason {
    pub(super) const TOO_LONG: Self = Self::Malformed("at most 4096 bytes");
}

const _: () = assert!(MAX_BYTES == 4096);
