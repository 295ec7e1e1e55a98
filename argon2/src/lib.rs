//! Argon2 (RFC 9106), as fast as the processor can compute it.
//!
//! The [`argon2`] crate is the reference: this crate takes its parameters and returns its errors, and the reference
//! computes what no [`Kernel`] has proved able to. What this crate adds is the compression function in the processor's
//! widest vectors, memory in huge pages that is kept for the next computation, and references that are fetched before they are needed.
//! `docs/decisions` says what was weighed, and `cargo bench --bench argon2` shows what it is worth.

mod blake2b;
mod fill;
mod kernel;
mod memory;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use argon2::{Algorithm, Error, MAX_PWD_LEN, MAX_SALT_LEN, MAX_SECRET_LEN, MIN_SALT_LEN, Params, Version};
use blake2::{Blake2b512, Digest as _};
use zeroize::{Zeroize as _, zeroize_stack};

pub use crate::kernel::{Choice, Kernel};
pub use crate::memory::Memory;

use crate::blake2b::hash_long;
use crate::fill::{Block, Shape, WORDS, set_word, word};

/// More of the stack than a computation uses.
const STACK: usize = 16 * 1024;

/// Argon2 with its parameters, as [`argon2::Argon2`] is.
#[derive(Clone, Copy)]
pub struct Argon2<'a> {
    /// Argon2d, Argon2i or Argon2id.
    pub algorithm: Algorithm,
    /// 0x10 or 0x13.
    pub version: Version,
    /// Memory, passes, lanes, the length of the output, and associated data.
    pub params: &'a Params,
    /// The key, if there is one.
    pub secret: &'a [u8],
}

impl Argon2<'_> {
    /// Hashes a password into `output`. Nothing of it is left on the stack. What is left in `memory` stays there until the
    /// next computation overwrites it or [`Memory::wipe`] does: whoever read it could test guesses at a lower cost.
    ///
    /// # Errors
    /// The [`Error`] of the reference implementation for inputs or an output of a length that is not allowed.
    pub fn hash_into(
        &self,
        kernel: Kernel,
        password: &[u8],
        salt: &[u8],
        memory: &mut Memory,
        output: &mut [u8],
    ) -> Result<(), Error> {
        self.check(password, salt, output)?;
        self.compute(kernel, password, salt, memory, output);
        zeroize_stack::<STACK>();
        Ok(())
    }

    fn check(&self, password: &[u8], salt: &[u8], output: &[u8]) -> Result<(), Error> {
        let (least, most) = self
            .params
            .output_len()
            .map_or((Params::MIN_OUTPUT_LEN, Params::MAX_OUTPUT_LEN), |length| (length, length));
        match (password.len(), salt.len(), self.secret.len(), output.len()) {
            (.., output) if output < least => Err(Error::OutputTooShort),
            (.., output) if output > most => Err(Error::OutputTooLong),
            (password, ..) if password > MAX_PWD_LEN => Err(Error::PwdTooLong),
            (_, salt, ..) if salt < MIN_SALT_LEN => Err(Error::SaltTooShort),
            (_, salt, ..) if salt > MAX_SALT_LEN => Err(Error::SaltTooLong),
            (_, _, secret, _) if secret > MAX_SECRET_LEN => Err(Error::SecretTooLong),
            _ => Ok(()),
        }
    }

    // A function of its own, so that what it leaves on the stack is below its caller's frame, where the stack is wiped.
    #[inline(never)]
    fn compute(&self, kernel: Kernel, password: &[u8], salt: &[u8], memory: &mut Memory, output: &mut [u8]) {
        let shape = Shape::new(self.algorithm, self.version, self.params);
        let lent = memory.lend(shape.block_count());
        let mut seed = self.seed(password, salt, output.len());
        for (number, lane) in (0_u32..).zip(lent.chunks_exact_mut(shape.lane_length())) {
            for (index, block) in (0_u32..2).zip(lane) {
                let mut natural = [0; size_of::<Block>()];
                hash_long(&[&seed, &index.to_le_bytes(), &number.to_le_bytes()], &mut natural);
                for index in 0..WORDS {
                    set_word(block, kernel.place(index), word(&natural, index));
                }
            }
        }
        seed.zeroize();
        for segment in shape.segments() {
            kernel.fill(&segment, lent);
        }
        let mut last: Block = [0; size_of::<Block>()];
        for lane in lent.chunks_exact(shape.lane_length()) {
            for index in 0..WORDS {
                let made = word(&lane[shape.lane_length() - 1], kernel.place(index));
                let sum = word(&last, index) ^ made;
                set_word(&mut last, index, sum);
            }
        }
        hash_long(&[&last], output);
    }

    /// H0 (RFC 9106, section 3.2).
    fn seed(&self, password: &[u8], salt: &[u8], output_length: usize) -> [u8; 64] {
        // Every length has been checked to be at most 2^32 - 1.
        let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        let mut digest = Blake2b512::new();
        for number in [
            self.params.p_cost(),
            length(output_length),
            self.params.m_cost(),
            self.params.t_cost(),
            self.version.into(),
            self.algorithm as u32,
        ] {
            digest.update(number.to_le_bytes());
        }
        for input in [password, salt, self.secret, self.params.data()] {
            digest.update(length(input.len()).to_le_bytes());
            digest.update(input);
        }
        digest.finalize().into()
    }
}
