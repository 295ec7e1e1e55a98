//! Signing: the keys that sign tokens, in KMS or, for the local server, in this process.

pub mod error;
#[cfg(feature = "cli")]
pub mod in_process;
pub mod kms;
pub mod listed;
#[cfg(feature = "cli")]
pub mod on_demand;
mod ring;
mod trouble;
mod verification_key;

pub use crate::signing::error::SigningError;
pub use crate::signing::ring::{KeyRing, SigningKey};
pub use crate::signing::trouble::RETRY_AFTER;
pub use crate::signing::verification_key::VerificationKey;
