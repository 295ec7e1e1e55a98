//! The randomness of the tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use passgrant::random::{Random, RandomFailed};
use sha2::{Digest as _, Sha256};

/// Bytes that are the same in every run: SHA-256 of a counter.
#[derive(Clone, Default)]
pub(crate) struct CountingRandom(Arc<AtomicU64>);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomFailed> {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::digest(self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}
