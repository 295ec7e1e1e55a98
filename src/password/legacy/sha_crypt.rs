//! SHA-crypt: `$5$` (SHA-256) and `$6$` (SHA-512), as `crypt(3)` of Linux makes them.
//!
//! Each round reads the password twice, so that a long password costs much more than a short one. One of more than
//! [`MOST_PASSWORD_BYTES`] matches nothing.

use std::fmt;

use ::sha_crypt::{Params, sha256_crypt, sha512_crypt};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::password::legacy::crypt64;
use crate::password::legacy::refused::Reason;
use crate::password::legacy::text;

const EXPECTED: Reason = Reason::Malformed(
    "$5$ or $6$, rounds=NUMBER$ if it is not 5000, at most 16 characters of salt, $ and 43 or 86 characters of output",
);
const TOO_WEAK: Reason = Reason::Weak("1000 rounds");
const TOO_COSTLY: Reason = Reason::Costly("1000000 rounds");
const MOST_ROUNDS: u32 = 1_000_000;
const MOST_PASSWORD_BYTES: usize = 128;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Sha256,
    Sha512,
}

#[derive(Clone)]
pub(in crate::password) struct ShaCrypt {
    variant: Variant,
    /// As they are written; 5000 if they are not.
    rounds: Option<u32>,
    params: Params,
    salt: Box<str>,
    output: Box<str>,
}

impl ShaCrypt {
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let (variant, rest) = match (text.strip_prefix("$5$"), text.strip_prefix("$6$")) {
            (Some(rest), _) => (Variant::Sha256, rest),
            (_, Some(rest)) => (Variant::Sha512, rest),
            _ => return Err(EXPECTED),
        };
        let (rounds, rest) = match rest.strip_prefix("rounds=") {
            Some(rest) => {
                let (rounds, rest) = rest.split_once('$').ok_or(EXPECTED)?;
                (Some(text::number(rounds).ok_or(EXPECTED)?), rest)
            }
            None => (None, rest),
        };
        let params = match rounds {
            Some(rounds) if rounds > MOST_ROUNDS => return Err(TOO_COSTLY),
            Some(rounds) => Params::new(rounds).map_err(|_| TOO_WEAK)?,
            None => Params::RECOMMENDED,
        };
        let [salt, output] = text::fields(rest).ok_or(EXPECTED)?;
        let length = if variant == Variant::Sha256 { 43 } else { 86 };
        if salt.len() > 16 || !crypt64::is_encoded(output, length) {
            return Err(EXPECTED);
        }
        Ok(Self { variant, rounds, params, salt: salt.into(), output: output.into() })
    }

    pub(super) fn verifies(&self, password: &str) -> Choice {
        let read = &password.as_bytes()[..password.len().min(MOST_PASSWORD_BYTES)];
        let whole = Choice::from(u8::from(read.len() == password.len()));
        let salt = self.salt.as_bytes();
        let computed = Zeroizing::new(match self.variant {
            Variant::Sha256 => encode(&Zeroizing::new(sha256_crypt(read, salt, self.params))[..], &[30, 31]),
            Variant::Sha512 => encode(&Zeroizing::new(sha512_crypt(read, salt, self.params))[..], &[63]),
        });
        computed.as_bytes().ct_eq(self.output.as_bytes()) & whole
    }

    pub(super) fn kind(&self) -> (String, String) {
        let algorithm = if self.variant == Variant::Sha256 { "sha256-crypt" } else { "sha512-crypt" };
        (algorithm.to_owned(), format!("rounds={}", self.rounds.unwrap_or(Params::RECOMMENDED_ROUNDS)))
    }
}

/// The digest in the order in which `crypt(3)` writes it: three bytes at a time, one from each third of it, which take
/// turns in coming first; then those that are left over.
fn encode(digest: &[u8], left_over: &[usize]) -> String {
    let third = (digest.len() - left_over.len()) / 3;
    let mut ordered = Zeroizing::new(Vec::with_capacity(digest.len()));
    for at in 0..third {
        // The two variants turn in opposite directions.
        let turn = if digest.len() == 32 { 3 - at % 3 } else { at % 3 };
        let place = |part: usize| at + (turn + part) % 3 * third;
        ordered.extend([2, 1, 0].map(|part| digest[place(part)]));
    }
    ordered.extend(left_over.iter().map(|at| digest[*at]));
    crypt64::encode(&ordered)
}

impl fmt::Display for ShaCrypt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.variant == Variant::Sha256 { "$5$" } else { "$6$" })?;
        if let Some(rounds) = self.rounds {
            write!(formatter, "rounds={rounds}$")?;
        }
        write!(formatter, "{}${}", self.salt, self.output)
    }
}
