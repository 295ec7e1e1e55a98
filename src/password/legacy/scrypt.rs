//! scrypt (RFC 7914), as a PHC string.

use std::fmt;

use ::scrypt::Params;
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::password::legacy::refused::Reason;
use crate::password::legacy::text;

const EXPECTED: Reason =
    Reason::Malformed("$scrypt$ln=LOG2N,r=BLOCKSIZE,p=PARALLELISM$, the salt in base64, $ and the output in base64");
const WRONG_LENGTH: Reason = Reason::Malformed("an output of 16 to 64 bytes");
const TOO_MUCH_MEMORY: Reason = Reason::Costly("128 MiB of memory (128 bytes times N times r)");
const TOO_WIDE: Reason = Reason::Costly("64 for r and for p");
const TOO_MUCH_WORK: Reason = Reason::Costly("2097152 for N times r times p");
const MOST_MEMORY: u64 = 128 * 1024 * 1024;
const MOST_WORK: u64 = 1 << 21;
/// Keeps what is needed in addition to N times r small.
const MOST_WIDE: u32 = 64;

/// The work that scrypt does, within bounds.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    params: Params,
}

impl Cost {
    /// A cost of N = 2^`log_n`, `r` and `p`.
    pub(super) fn new(log_n: u32, r: u32, p: u32) -> Result<Self, Reason> {
        let n = 1_u64.checked_shl(log_n).filter(|_| (1..32).contains(&log_n)).ok_or(EXPECTED)?;
        if r == 0 || p == 0 {
            return Err(EXPECTED);
        }
        if r > MOST_WIDE || p > MOST_WIDE {
            return Err(TOO_WIDE);
        }
        let block = n.saturating_mul(u64::from(r));
        if block.saturating_mul(128) > MOST_MEMORY {
            return Err(TOO_MUCH_MEMORY);
        }
        if block.saturating_mul(u64::from(p)) > MOST_WORK {
            return Err(TOO_MUCH_WORK);
        }
        let log_n = u8::try_from(log_n).map_err(|_| EXPECTED)?;
        Params::new(log_n, r, p).map(|params| Self { params }).map_err(|_| EXPECTED)
    }

    /// A cost of `n`, which is a power of two, `r` and `p`.
    pub(super) fn of_n(n: u32, r: u32, p: u32) -> Result<Self, Reason> {
        if !n.is_power_of_two() {
            return Err(EXPECTED);
        }
        Self::new(n.ilog2(), r, p)
    }

    /// What scrypt makes of a password; nothing if the length is not one that it can make.
    pub(super) fn derive(self, password: &str, salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
        let mut output = Zeroizing::new(vec![0; length]);
        if ::scrypt::scrypt(password.as_bytes(), salt, &self.params, &mut output).is_err() {
            output.clear();
        }
        output
    }

    pub(super) fn log_n(self) -> u8 {
        self.params.log_n()
    }

    pub(super) fn r(self) -> u32 {
        self.params.r()
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ln={},r={},p={}", self.params.log_n(), self.params.r(), self.params.p())
    }
}

#[derive(Clone)]
pub(in crate::password) struct Scrypt {
    cost: Cost,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Scrypt {
    pub(super) fn new(cost: Cost, salt: Vec<u8>, output: Vec<u8>) -> Result<Self, Reason> {
        if !(16..=64).contains(&output.len()) {
            return Err(WRONG_LENGTH);
        }
        Ok(Self { cost, salt, output })
    }

    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let ["", "scrypt", parameters, salt, output] = text::fields(text).ok_or(EXPECTED)? else {
            return Err(EXPECTED);
        };
        let numbers = text::pairs(parameters, ["ln", "r", "p"]).ok_or(EXPECTED)?;
        let [Some(log_n), Some(r), Some(p)] = numbers.map(|number| number.and_then(text::number)) else {
            return Err(EXPECTED);
        };
        let [Some(salt), Some(output)] = [salt, output].map(text::base64) else { return Err(EXPECTED) };
        Self::new(Cost::new(log_n, r, p)?, salt, output)
    }

    pub(super) fn verifies(&self, password: &str) -> Choice {
        self.cost.derive(password, &self.salt, self.output.len()).ct_eq(&self.output)
    }

    pub(super) fn kind(&self) -> (String, String) {
        ("scrypt".to_owned(), self.cost.to_string())
    }
}

impl fmt::Display for Scrypt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "$scrypt${}${}${}", self.cost, text::to_base64(&self.salt), text::to_base64(&self.output))
    }
}
