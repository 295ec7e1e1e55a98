//! Enums whose values have names: in configuration, in stored items, on the command line and on the wire.

use std::fmt;

use thiserror::Error;

/// A name that does not stand for any value of its kind.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it is not one of: {known}")]
pub struct UnknownName {
    known: String,
}

impl UnknownName {
    /// A name that is not one of `known`.
    pub(crate) fn none_of<T: fmt::Display>(known: &[T]) -> Self {
        Self { known: known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") }
    }
}

/// Gives an enum of names the traits that text, serde and the command line need.
macro_rules! named {
    ($type:ty) => {
        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = $crate::name::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.into_iter().find(|value| value.as_str() == text);
                found.ok_or_else(|| $crate::name::UnknownName::none_of(&Self::ALL))
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}
pub(crate) use named;
