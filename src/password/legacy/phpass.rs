//! The portable hashes of phpass, as `phpBB`, and `WordPress` before 6.8, make them: MD5, some thousand times.

use std::fmt;

use md5::{Digest as _, Md5};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::password::legacy::crypt64;
use crate::password::legacy::refused::Reason;

const EXPECTED: Reason = Reason::Malformed("$P$ or $H$, one character of cost, 8 of salt and 22 of output");
const TOO_COSTLY: Reason = Reason::Costly("a cost of 18 (262144 rounds), which is written G");
const LEAST_COST: u8 = 7;
const MOST_COST: u8 = 18;

#[derive(Clone)]
pub(in crate::password) struct Phpass {
    /// The whole of it, 34 characters.
    text: Box<str>,
    log_rounds: u8,
}

impl Phpass {
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let rest = text.strip_prefix("$P$").or_else(|| text.strip_prefix("$H$")).ok_or(EXPECTED)?;
        // The salt may have any characters; those that phpass makes are of the same alphabet as the rest.
        if !crypt64::is_encoded(rest, 31) {
            return Err(EXPECTED);
        }
        match rest.bytes().next().and_then(crypt64::value).ok_or(EXPECTED)? {
            ..LEAST_COST => Err(EXPECTED),
            log_rounds @ LEAST_COST..=MOST_COST => Ok(Self { text: text.into(), log_rounds }),
            _ => Err(TOO_COSTLY),
        }
    }

    pub(super) fn verifies(&self, password: &str) -> Choice {
        let (salt, output) = (&self.text.as_bytes()[4..12], &self.text.as_bytes()[12..]);
        let digest = |first: &[u8]| Md5::new().chain_update(first).chain_update(password).finalize();
        let mut computed = Zeroizing::new(<[u8; 16]>::from(digest(salt)));
        for _ in 0..1_u32 << self.log_rounds {
            *computed = digest(&*computed).into();
        }
        Zeroizing::new(crypt64::encode(&*computed)).as_bytes().ct_eq(output)
    }

    pub(super) fn kind(&self) -> (String, String) {
        ("phpass".to_owned(), format!("rounds={}", 1_u32 << self.log_rounds))
    }
}

impl fmt::Display for Phpass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
