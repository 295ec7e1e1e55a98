//! Password hashes that other systems made: read as each system writes them, kept in one spelling a family, and verified
//! until a login replaces them with Argon2id.
//!
//! A digest that is not a password hash at all, such as a salted SHA-1, is never kept as it is: it is wrapped in Argon2id.
//! `docs/password-hashes.md` lists what is read and within which bounds.

mod bcrypt;
mod crypt64;
mod digest;
mod firebase;
mod foreign;
mod format;
mod pbkdf2;
mod phpass;
mod refused;
#[cfg(test)]
mod rules;
mod scrypt;
mod sha_crypt;
mod stack;
mod text;
#[cfg(test)]
mod vectors;
mod wrapped;

use std::fmt;

use subtle::Choice;

use crate::password::legacy::bcrypt::Bcrypt;
use crate::password::legacy::firebase::Firebase;
use crate::password::legacy::pbkdf2::Pbkdf2;
use crate::password::legacy::phpass::Phpass;
use crate::password::legacy::refused::Reason;
use crate::password::legacy::scrypt::Scrypt;
use crate::password::legacy::sha_crypt::ShaCrypt;
use crate::password::legacy::stack::wiped_after;
use crate::password::legacy::text::MAX_BYTES;

pub use crate::password::legacy::foreign::ForeignHash;
pub use crate::password::legacy::format::HashFormat;
pub use crate::password::legacy::refused::RefusedHash;

pub(super) use crate::password::legacy::wrapped::Wrapped;

/// A hash that is verified as it is. [`fmt::Display`] writes the one spelling that is stored.
#[derive(Clone)]
pub(super) enum Legacy {
    Bcrypt(Bcrypt),
    Firebase(Firebase),
    Pbkdf2(Pbkdf2),
    Phpass(Phpass),
    Scrypt(Scrypt),
    ShaCrypt(ShaCrypt),
}

impl Legacy {
    /// Reads a hash as it is stored.
    ///
    /// # Errors
    /// [`Reason`] when it is not one of these formats, is damaged, or asks for more work than is allowed.
    pub(super) fn parse(stored: &str) -> Result<Self, Reason> {
        if stored.len() > MAX_BYTES {
            return Err(Reason::TOO_LONG);
        }
        match HashFormat::told_by_prefix(stored) {
            Some(HashFormat::Bcrypt) => Bcrypt::parse(stored).map(Self::Bcrypt),
            Some(HashFormat::Firebase) => Firebase::parse(stored).map(Self::Firebase),
            Some(HashFormat::Pbkdf2) => Pbkdf2::parse(stored).map(Self::Pbkdf2),
            Some(HashFormat::Phpass) => Phpass::parse(stored).map(Self::Phpass),
            Some(HashFormat::Scrypt) => Scrypt::parse(stored).map(Self::Scrypt),
            Some(HashFormat::ShaCrypt) => ShaCrypt::parse(stored).map(Self::ShaCrypt),
            _ => Err(Reason::Unknown),
        }
    }

    /// Whether `password` is the one behind the hash, compared in constant time.
    pub(super) fn verifies(&self, password: &str) -> Choice {
        wiped_after(|| match self {
            Self::Bcrypt(hash) => hash.verifies(password),
            Self::Firebase(hash) => hash.verifies(password),
            Self::Pbkdf2(hash) => hash.verifies(password),
            Self::Phpass(hash) => hash.verifies(password),
            Self::Scrypt(hash) => hash.verifies(password),
            Self::ShaCrypt(hash) => hash.verifies(password),
        })
    }

    /// Whether the hash says anything about the whole of `password`, and not only about how it begins.
    pub(super) fn covers(&self, password: &str) -> Choice {
        match self {
            Self::Bcrypt(hash) => hash.covers(password),
            _ => Choice::from(1),
        }
    }

    /// The algorithm and its parameters, as a report writes them.
    pub(super) fn kind(&self) -> (String, String) {
        match self {
            Self::Bcrypt(hash) => hash.kind(),
            Self::Firebase(hash) => hash.kind(),
            Self::Pbkdf2(hash) => hash.kind(),
            Self::Phpass(hash) => hash.kind(),
            Self::Scrypt(hash) => hash.kind(),
            Self::ShaCrypt(hash) => hash.kind(),
        }
    }
}

impl fmt::Display for Legacy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bcrypt(hash) => hash.fmt(formatter),
            Self::Firebase(hash) => hash.fmt(formatter),
            Self::Pbkdf2(hash) => hash.fmt(formatter),
            Self::Phpass(hash) => hash.fmt(formatter),
            Self::Scrypt(hash) => hash.fmt(formatter),
            Self::ShaCrypt(hash) => hash.fmt(formatter),
        }
    }
}
