//! The names of chains and verifiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

/// The name of the verifier that every deployment has, and of the chain of only that verifier.
pub(super) const DIRECTORY: &str = "directory";

/// Text that cannot name a chain or a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a name is 1 to {} characters of a-z, 0-9, _ and -", ChainName::MAX_BYTES)]
pub struct MalformedName;

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $type(pub(super) Box<str>);

        impl $type {
            /// The longest name, in bytes.
            pub const MAX_BYTES: usize = 64;

            /// Parses a name: `[a-z0-9_-]{1,64}`.
            ///
            /// # Errors
            /// [`MalformedName`] for any other text.
            pub fn parse(text: &str) -> Result<Self, MalformedName> {
                let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
                if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(allowed) {
                    return Err(MalformedName);
                }
                Ok(Self(text.into()))
            }

            /// The name as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = MalformedName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    )*};
}

names! {
    /// The name of a chain.
    ChainName;
    /// The name of a delegated verifier.
    VerifierName;
}
