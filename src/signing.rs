//! Signing: the keys that sign tokens. They are in KMS, or in this process: unwrapped here, or the local server's own.

pub mod envelope;
pub mod error;
pub mod in_process;
mod key;
#[cfg(feature = "cli")]
mod key_file;
pub mod kms;
pub mod listed;
#[cfg(feature = "cli")]
pub mod local_kms;
#[cfg(feature = "cli")]
mod made;
#[cfg(feature = "cli")]
pub mod on_demand;
mod pair;
mod ring;
pub mod secret;
mod slot;
mod trouble;
mod verification_key;

pub use crate::signing::error::SigningError;
pub use crate::signing::key::SigningKey;
pub use crate::signing::ring::KeyRing;
pub use crate::signing::trouble::RETRY_AFTER;
pub use crate::signing::verification_key::VerificationKey;
