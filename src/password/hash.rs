//! Argon2id (RFC 9106): policies, hashes, and the work of computing one.

use std::fmt;

use argon2::password_hash::phc;
use argon2::{Algorithm, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::password::Password;
use crate::password::argon2::{self as computed, Memory};
use crate::random::{Random, RandomFailed};

/// A password hash as it is stored: Argon2id as a PHC string, or one of the forms of `docs/password-hashes.md`. Printing it
/// reveals nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// The text, only for the store.
    pub(crate) fn as_phc(&self) -> &str {
        &self.0
    }

    pub(super) fn of_text(text: &str) -> Self {
        Self(text.into())
    }
}

#[cfg(fuzzing)]
impl PasswordHash {
    /// Memory in KiB, passes and lanes of a hash that can be verified, for the fuzz targets: no Argon2 is computed.
    ///
    /// # Errors
    /// [`UnreadableHash`] when it cannot be read, or asks for more work than is allowed.
    pub fn parameters(&self) -> Result<[u32; 3], UnreadableHash> {
        let params = Expected::parse_phc(&self.0)?.computation.params;
        Ok([params.m_cost(), params.t_cost(), params.p_cost()])
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(..)")
    }
}

/// Argon2 parameters that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Argon2 takes 8 KiB per lane to 1 GiB of memory, 1 to 64 iterations and 1 to 16 lanes")]
pub struct RefusedPolicy;

/// The Argon2id parameters (RFC 9106) that new passwords are hashed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argon2Policy(Params);

impl Argon2Policy {
    const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    const MAX_ITERATIONS: u32 = 64;
    const MAX_PARALLELISM: u32 = 16;
    const OUTPUT_BYTES: usize = 32;

    /// A policy of `memory_kib` KiB, `iterations` passes and `parallelism` lanes.
    ///
    /// # Errors
    /// [`RefusedPolicy`] when a value is beyond what RFC 9106 or this service allows.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, RefusedPolicy> {
        let params = Params::new(memory_kib, iterations, parallelism, Some(Self::OUTPUT_BYTES));
        params.ok().filter(is_bounded).map(Self).ok_or(RefusedPolicy)
    }

    /// Hashes a password under a fresh salt. This takes tens of milliseconds, so it must not run on a thread that
    /// serves other requests.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn hash(&self, password: &Password, random: &dyn Random) -> Result<PasswordHash, RandomFailed> {
        Ok(self.salted(&*random.bytes::<16>()?).hash(password, &mut Memory::new()))
    }

    pub(super) fn salted(&self, salt: &[u8]) -> Computation {
        let algorithm = Algorithm::Argon2id;
        Computation { algorithm, version: Version::V0x13, params: self.0.clone(), salt: salt.to_vec() }
    }

    /// What stands in for the hash of an unknown user. Its salt is made from the username, so that what is computed for
    /// one username says nothing about the passwords tried for another.
    pub(super) fn of_nobody(&self, name: &str) -> Expected {
        Expected { computation: self.salted(&Sha256::digest(name)[..16]), output: Vec::new() }
    }

    /// What is left to compute after `done` to have done the work of this policy: as many passes, over as much memory
    /// as the work that is left fills in them. `None` if `done` was as much work or more.
    pub(super) fn rest_of(&self, done: &Computation) -> Option<Computation> {
        let (policy, done) = (&self.0, &done.params);
        let left = work(policy).checked_sub(work(done))?;
        let memory_kib = u32::try_from(left / u64::from(policy.t_cost())).ok()?;
        Some(Self::new(memory_kib, policy.t_cost(), policy.p_cost()).ok()?.salted(&[0; 16]))
    }

    /// How much memory a computation of this policy takes, in KiB.
    pub(super) fn memory_kib(&self) -> usize {
        self.0.block_count()
    }

    /// Whether a hash that `computation` made is one that this policy would make.
    pub(super) fn made(&self, computation: &Computation) -> bool {
        computation.algorithm == Algorithm::Argon2id
            && computation.version == Version::V0x13
            && computation.params == self.0
    }
}

fn is_bounded(params: &Params) -> bool {
    params.m_cost() <= Argon2Policy::MAX_MEMORY_KIB
        && params.t_cost() <= Argon2Policy::MAX_ITERATIONS
        && params.p_cost() <= Argon2Policy::MAX_PARALLELISM
}

/// How much memory is filled, in KiB, which is what determines the time.
fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// What Argon2 takes in addition to the password. New hashes are of Argon2id; those of Argon2i and Argon2d come from
/// other systems.
#[derive(Clone)]
pub(super) struct Computation {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
}

impl Computation {
    pub(super) fn hash(&self, password: &Password, memory: &mut Memory) -> PasswordHash {
        PasswordHash(self.phc_of(password.prepared.as_bytes(), memory).into())
    }

    /// The hash of `secret` as a PHC string.
    pub(super) fn phc_of(&self, secret: &[u8], memory: &mut Memory) -> String {
        let output = self.run(secret, memory);
        format!(
            "${}$v={}$m={},t={},p={}${}${}",
            self.algorithm,
            u32::from(self.version),
            self.params.m_cost(),
            self.params.t_cost(),
            self.params.p_cost(),
            STANDARD_NO_PAD.encode(&self.salt),
            STANDARD_NO_PAD.encode(&*output),
        )
    }

    /// The algorithm and its parameters, as a report writes them. The version is the current one if it is not written.
    pub(super) fn kind(&self) -> (String, String) {
        let Self { algorithm, version, params, .. } = self;
        let version = if *version == Version::V0x13 { "" } else { "v=16," };
        let parameters = format!("{version}m={},t={},p={}", params.m_cost(), params.t_cost(), params.p_cost());
        (algorithm.to_string(), parameters)
    }

    pub(super) fn memory_kib(&self) -> u32 {
        self.params.m_cost()
    }

    /// How much memory is filled, in KiB.
    pub(super) fn work(&self) -> u64 {
        work(&self.params)
    }

    pub(super) fn run(&self, secret: &[u8], memory: &mut Memory) -> Zeroizing<Vec<u8>> {
        let length = self.params.output_len().unwrap_or(Argon2Policy::OUTPUT_BYTES);
        let mut output = Zeroizing::new(vec![0; length]);
        let computed =
            computed::hash_into(self.algorithm, self.version, &self.params, secret, &self.salt, memory, &mut output);
        if computed.is_err() {
            // Bounded parameters and inputs leave it nothing to refuse; if it did refuse, an empty output matches no
            // hash.
            output.clear();
        }
        output
    }
}

/// A stored hash, taken apart. One without an output matches nothing.
pub(super) struct Expected {
    pub(super) computation: Computation,
    output: Vec<u8>,
}

/// A stored hash that cannot be read, or asks for more work than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stored password hash cannot be read")]
pub struct UnreadableHash;

impl Expected {
    /// Reads a PHC string.
    ///
    /// # Errors
    /// [`UnreadableHash`] when it is not one of Argon2, is damaged, or asks for more work than is allowed.
    pub(super) fn parse_phc(text: &str) -> Result<Self, UnreadableHash> {
        let hash = phc::PasswordHash::new(text).map_err(|_| UnreadableHash)?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(|_| UnreadableHash)?;
        let version = hash.version.unwrap_or(0x13).try_into().map_err(|_| UnreadableHash)?;
        let params = Params::try_from(&hash).map_err(|_| UnreadableHash)?;
        let (Some(salt), Some(output)) = (hash.salt, hash.hash) else {
            return Err(UnreadableHash);
        };
        if !is_bounded(&params) {
            return Err(UnreadableHash);
        }
        let computation = Computation { algorithm, version, params, salt: salt.to_vec() };
        Ok(Self { computation, output: output.as_bytes().to_vec() })
    }

    pub(super) fn is_argon2id(&self) -> bool {
        self.computation.algorithm == Algorithm::Argon2id
    }

    pub(super) fn is(&self, computed: &[u8]) -> Choice {
        Choice::from(u8::from(!computed.is_empty())) & computed.ct_eq(&self.output)
    }
}

/// 24 bits of what a verification computed. They tell the passwords tried for one user apart, and say next to nothing
/// about any of them: anyone who wants to test a guess against them has to compute Argon2, as for the hash itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    /// The mark of what a verification computed.
    #[must_use]
    pub fn of(computed: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(&Sha256::digest(computed)[..3]))
    }

    /// The mark, four characters of base64url.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
impl PasswordHash {
    pub(super) fn of_phc(phc: &str) -> Self {
        Self(phc.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_the_work_makes_up_for_a_cheaper_hash() {
        let policy = |memory, passes| Argon2Policy::new(memory, passes, 1).expect("within bounds");
        let live = policy(19456, 2);
        let rest =
            |memory, passes| live.rest_of(&policy(memory, passes).salted(&[0; 16])).map(|rest| work(&rest.params));
        assert_eq!(rest(19456, 1), Some(19456));
        assert_eq!(rest(4096, 3), Some(2 * 19456 - 3 * 4096));
        assert_eq!(rest(64, 1), Some(2 * 19456 - 64));
        assert_eq!(rest(19456, 2), None, "nothing is left");
        assert_eq!(rest(65536, 2), None, "nor after a hash that costs more");
        assert_eq!(rest(19450, 2), None, "less than the least that Argon2 takes");
    }
}
