//! Client identifiers, and incarnations, which tell one registration of an identifier from another.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

use crate::random::{Random, RandomFailed};

/// Text that cannot be a client identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a client id is 1 to {} printable ASCII characters", ClientId::MAX_BYTES)]
pub struct MalformedClientId;

/// A client identifier: `*VSCHAR` (RFC 6749, appendix A.1), here 1 to 128 characters, case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientId(Box<str>);

impl ClientId {
    /// The longest client identifier, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Parses a client identifier.
    ///
    /// # Errors
    /// [`MalformedClientId`] when the text is empty, too long, or holds anything but `%x20-7E`.
    pub fn parse(text: &str) -> Result<Self, MalformedClientId> {
        let visible = text.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
        if text.is_empty() || text.len() > Self::MAX_BYTES || !visible {
            return Err(MalformedClientId);
        }
        Ok(Self(text.into()))
    }

    /// The identifier as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The characters in it that make Basic credentials name another client when they are sent as they are, and not
    /// form-encoded (RFC 6749, section 2.3.1).
    pub fn ambiguous_in_basic(&self) -> impl Iterator<Item = char> {
        ['+', '%', ':'].into_iter().filter(|character| self.0.contains(*character))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for ClientId {
    type Err = MalformedClientId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// What tells a client from an earlier one that was registered under the same identifier and deleted: random, made when
/// it is registered, and never changed. Sessions and opaque tokens hold it, and end with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(Box<str>);

impl Incarnation {
    /// A fresh incarnation.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomFailed> {
        Ok(Self(URL_SAFE_NO_PAD.encode(*random.bytes::<12>()?).into()))
    }

    /// The incarnation as it is stored.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_is_visible_ascii() {
        assert!(ClientId::parse("a b~!").is_ok());
        for bad in ["", "a\u{7f}", "a\n", "é"] {
            assert_eq!(ClientId::parse(bad), Err(MalformedClientId), "{bad:?}");
        }
        assert!(ClientId::parse(&"a".repeat(ClientId::MAX_BYTES)).is_ok());
        assert!(ClientId::parse(&"a".repeat(ClientId::MAX_BYTES + 1)).is_err());
    }
}
