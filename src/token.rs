//! Tokens: what a successful request is answered with.

pub mod access;
pub mod id;
pub mod mint;
pub mod opaque;
