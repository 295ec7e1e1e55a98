//! A stand-in.

#![expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "it stands in for more")]

use std::fmt;
use std::str::FromStr;

use passgrant::password::{Argon2Policy, PasswordHash};
use passgrant::random::{Random, RandomFailed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HashFormat {
    Argon2id,
}

impl HashFormat {
    pub(super) const fn as_str(self) -> &'static str {
        "argon2id"
    }
}

#[derive(Debug)]
pub(super) struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("it is not one of: argon2id")
    }
}

impl FromStr for HashFormat {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        if text == "argon2id" { Ok(Self::Argon2id) } else { Err(Unknown) }
    }
}

#[derive(Clone)]
pub(super) struct ForeignHash(PasswordHash);

#[derive(Debug)]
pub(super) struct RefusedHash;

impl fmt::Display for RefusedHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected $argon2id$ or another format")
    }
}

impl ForeignHash {
    pub(super) fn read(text: &str, _format: Option<HashFormat>) -> Result<Self, RefusedHash> {
        let hash = serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|_| RefusedHash)?;
        if text.starts_with("$argon2id$") { Ok(Self(hash)) } else { Err(RefusedHash) }
    }

    pub(super) fn format(&self) -> HashFormat {
        HashFormat::Argon2id
    }

    pub(super) fn needs_wrapping(&self) -> bool {
        false
    }

    pub(super) fn into_stored(self, _: &Argon2Policy, _: &dyn Random) -> Result<PasswordHash, RandomFailed> {
        Ok(self.0)
    }
}
