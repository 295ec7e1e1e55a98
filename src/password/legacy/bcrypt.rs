//! bcrypt in the modular crypt format: `$2a$`, `$2b$` and `$2y$`, which are one algorithm here; and the variants of
//! Django and `WordPress`, which digest the password first.
//!
//! bcrypt reads 72 bytes of what it is given and the NUL that ends a shorter password. So a password of 72 bytes or more
//! is the right one if it begins with the same 72 bytes as the right one; what comes after was never looked at. A
//! password with a NUL in it matches nothing: implementations in C would have read it only up to there, and no
//! password with a NUL is accepted by the profile anyway.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::password::legacy::refused::Reason;
use crate::password::legacy::text::{self, BCRYPT};

const EXPECTED: Reason =
    Reason::Malformed("$2b$COST$ (or $2a$, $2y$), a cost of two digits, and 53 characters of bcrypt's base64");
const UNKNOWN_VARIANT: Reason = Reason::Malformed("$2a$, $2b$ or $2y$: $2x$ marks hashes of a faulty implementation");
const LEAST_COST: u32 = 4;
const MOST_COST: u32 = 14;
const TOO_COSTLY: Reason = Reason::Costly("a cost of 14");
/// What bcrypt reads.
const KEY_BYTES: usize = 72;

/// What is made of the password before bcrypt reads it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Nothing,
    /// The hexadecimal digits of its SHA-256, as Django's `bcrypt_sha256` has it.
    Sha256Hex,
    /// The base64 of an HMAC with SHA-384 of it, without the white space around it, as `WordPress` has it since 6.8.
    WordPress,
}

impl First {
    const ALL: [Self; 3] = [Self::Nothing, Self::Sha256Hex, Self::WordPress];

    fn prefix(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Sha256Hex => "$bcrypt-sha256-hex",
            Self::WordPress => "$wp",
        }
    }

    fn of(self, password: &str) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Nothing => password.to_owned(),
            Self::Sha256Hex => {
                let digest = digest::digest(&digest::SHA256, password.as_bytes());
                text::to_hex(digest.as_ref())
            }
            Self::WordPress => {
                // What PHP's trim takes away and a password can have.
                let trimmed = password.trim_matches(' ');
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384"), trimmed.as_bytes());
                STANDARD.encode(tag)
            }
        })
    }
}

#[derive(Clone)]
pub(in crate::password) struct Bcrypt {
    first: First,
    variant: char,
    cost: u32,
    salt: [u8; 16],
    output: [u8; 23],
}

impl Bcrypt {
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let last_first = First::ALL.into_iter().rev();
        let found = last_first.map(|first| (first, text.strip_prefix(first.prefix()))).find(|(_, rest)| rest.is_some());
        let (first, rest) = found.and_then(|(first, rest)| Some((first, rest?))).ok_or(EXPECTED)?;
        let ["", variant, cost, salt_and_output] = text::fields(rest).ok_or(EXPECTED)? else { return Err(EXPECTED) };
        let variant = match variant {
            "2a" => 'a',
            "2b" => 'b',
            "2y" => 'y',
            _ => return Err(UNKNOWN_VARIANT),
        };
        if cost.len() != 2 || salt_and_output.len() != 53 {
            return Err(EXPECTED);
        }
        let cost = text::number(cost.strip_prefix('0').unwrap_or(cost)).ok_or(EXPECTED)?;
        if cost > MOST_COST {
            return Err(TOO_COSTLY);
        }
        let (salt, output) = salt_and_output.split_at_checked(22).ok_or(EXPECTED)?;
        let decode = |text: &str| BCRYPT.decode(text).map_err(|_| EXPECTED);
        let salt = decode(salt)?.try_into().map_err(|_| EXPECTED)?;
        let output = decode(output)?.try_into().map_err(|_| EXPECTED)?;
        if cost < LEAST_COST {
            return Err(EXPECTED);
        }
        Ok(Self { first, variant, cost, salt, output })
    }

    /// Django's `bcrypt_sha256`, of which `text` is what bcrypt made.
    pub(super) fn of_django_sha256(text: &str) -> Result<Self, Reason> {
        let bcrypt = Self::parse(text)?;
        if bcrypt.first != First::Nothing {
            return Err(EXPECTED);
        }
        Ok(Self { first: First::Sha256Hex, ..bcrypt })
    }

    pub(super) fn verifies(&self, password: &str) -> Choice {
        let password = self.first.of(password);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let read = password.len().min(KEY_BYTES);
        key[..read].copy_from_slice(&password.as_bytes()[..read]);
        // The NUL that ends it is part of it, if there is room.
        let computed = Zeroizing::new(::bcrypt::bcrypt(self.cost, self.salt, &key[..(read + 1).min(KEY_BYTES)]));
        let ended_by_nul = Choice::from(u8::from(password.contains('\0')));
        computed[..self.output.len()].ct_eq(&self.output) & !ended_by_nul
    }

    /// A password whose NUL was read was read as a whole.
    pub(super) fn covers(&self, password: &str) -> Choice {
        Choice::from(u8::from(self.first != First::Nothing || password.len() < KEY_BYTES))
    }

    pub(super) fn kind(&self) -> (String, String) {
        let algorithm = match self.first {
            First::Nothing => "bcrypt",
            First::Sha256Hex => "bcrypt(sha256)",
            First::WordPress => "bcrypt(hmac-sha384)",
        };
        (algorithm.to_owned(), format!("cost={}", self.cost))
    }
}

impl fmt::Display for Bcrypt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, variant, cost, salt, output } = self;
        let (salt, output) = (BCRYPT.encode(salt), BCRYPT.encode(output));
        write!(formatter, "{}$2{variant}${cost:02}${salt}{output}", first.prefix())
    }
}
