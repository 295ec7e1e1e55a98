//! PBKDF2 (RFC 8018, section 5.2) with HMAC. Every system writes it in another way; it is stored as a PHC string.
//!
//! Each block of the output is computed by itself, and costs as much as any other. Only the first is kept and compared:
//! it has at least 160 bits.

use std::fmt;
use std::num::NonZeroU32;

use ring::pbkdf2;
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::password::legacy::refused::Reason;
use crate::password::legacy::text;

const EXPECTED: Reason = Reason::Malformed(
    "$pbkdf2-sha256$ (or -sha512, -sha1), the iterations, the salt in base64 and the output in base64",
);
const TOO_SHORT: Reason = Reason::Malformed("an output of at least 16 bytes");
const TOO_WEAK: Reason = Reason::Weak("1000 iterations");
const LEAST_ITERATIONS: u32 = 1000;
const LEAST_OUTPUT: usize = 16;

/// The function under the HMAC.
#[derive(Clone, Copy)]
pub(super) enum Prf {
    Sha1,
    Sha256,
    Sha512,
}

impl Prf {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn block_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// About a second of work on one core.
    fn most_iterations(self) -> (u32, Reason) {
        match self {
            Self::Sha1 => (2_000_000, Reason::Costly("2000000 iterations with SHA-1")),
            Self::Sha256 => (2_000_000, Reason::Costly("2000000 iterations with SHA-256")),
            Self::Sha512 => (1_000_000, Reason::Costly("1000000 iterations with SHA-512")),
        }
    }

    fn algorithm(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

#[derive(Clone)]
pub(in crate::password) struct Pbkdf2 {
    prf: Prf,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Pbkdf2 {
    pub(super) fn new(prf: Prf, iterations: u32, salt: Vec<u8>, mut output: Vec<u8>) -> Result<Self, Reason> {
        let (most, too_costly) = prf.most_iterations();
        let iterations = NonZeroU32::new(iterations).filter(|some| some.get() >= LEAST_ITERATIONS).ok_or(TOO_WEAK)?;
        if iterations.get() > most {
            return Err(too_costly);
        }
        if output.len() < LEAST_OUTPUT {
            return Err(TOO_SHORT);
        }
        output.truncate(prf.block_bytes());
        Ok(Self { prf, iterations, salt, output })
    }

    /// Reads `$pbkdf2-sha256$i=29000$salt$output`, or the same without `i=`, as passlib writes it.
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let ["", name, parameters, salt, output] = text::fields(text).ok_or(EXPECTED)? else { return Err(EXPECTED) };
        let prf = match name {
            "pbkdf2" | "pbkdf2-sha1" => Prf::Sha1,
            "pbkdf2-sha256" => Prf::Sha256,
            "pbkdf2-sha512" => Prf::Sha512,
            _ => return Err(EXPECTED),
        };
        let (iterations, length) = if parameters.contains('=') {
            parameters_of_phc(parameters)?
        } else {
            (text::number(parameters).ok_or(EXPECTED)?, None)
        };
        let salt = text::either_base64(salt).ok_or(EXPECTED)?;
        let output = text::either_base64(output).ok_or(EXPECTED)?;
        if length.is_some_and(|length| usize::try_from(length) != Ok(output.len())) {
            return Err(EXPECTED);
        }
        Self::new(prf, iterations, salt, output)
    }

    pub(super) fn verifies(&self, password: &str) -> Choice {
        let mut computed = Zeroizing::new(vec![0; self.output.len()]);
        pbkdf2::derive(self.prf.algorithm(), self.iterations, &self.salt, password.as_bytes(), &mut computed);
        computed.ct_eq(&self.output)
    }

    pub(super) fn kind(&self) -> (String, String) {
        (format!("pbkdf2-{}", self.prf.as_str()), format!("i={}", self.iterations))
    }
}

impl fmt::Display for Pbkdf2 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prf, iterations, salt, output } = self;
        let (salt, output) = (text::to_base64(salt), text::to_base64(output));
        write!(formatter, "$pbkdf2-{}$i={iterations}${salt}${output}", prf.as_str())
    }
}

/// The iterations, and the length of the output if it is written.
fn parameters_of_phc(text: &str) -> Result<(u32, Option<u32>), Reason> {
    let [iterations, length] = text::pairs(text, ["i", "l"]).ok_or(EXPECTED)?;
    let length = length.map(|length| text::number(length).ok_or(EXPECTED)).transpose()?;
    Ok((iterations.and_then(text::number).ok_or(EXPECTED)?, length))
}
