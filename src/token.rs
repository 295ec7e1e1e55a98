//! Tokens: what a successful request is answered with.

mod about;
pub mod access;
pub mod id;
pub mod mint;
pub mod opaque;
#[cfg(feature = "cli")]
pub mod preview;
