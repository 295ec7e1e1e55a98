//! Randomness: from the operating system, except in tests.

use zeroize::Zeroizing;

use crate::error::Error;

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system's random source failed")]
pub struct RandomFailed;

impl From<RandomFailed> for Error {
    fn from(error: RandomFailed) -> Self {
        Self::server_error().because(error)
    }
}

/// A source of cryptographically secure random bytes.
pub trait Random: Send + Sync {
    /// Fills the whole of `bytes`.
    ///
    /// # Errors
    /// [`RandomFailed`], with `bytes` in an unspecified state that must not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomFailed>;
}

impl dyn Random + '_ {
    /// `N` random bytes, wiped when dropped.
    ///
    /// # Errors
    /// [`RandomFailed`] when the source fails.
    pub fn bytes<const N: usize>(&self) -> Result<Zeroizing<[u8; N]>, RandomFailed> {
        let mut bytes = Zeroizing::new([0; N]);
        self.fill(&mut *bytes)?;
        Ok(bytes)
    }
}

/// The operating system's source.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place the ambient source is read")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomFailed> {
        getrandom::fill(bytes).map_err(|_| RandomFailed)
    }
}
