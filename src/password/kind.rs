//! What made a stored hash, for reports.

use std::fmt;

use crate::password::hash::{Expected, PasswordHash};
use crate::password::legacy::{Legacy, Wrapped};

/// The algorithm and the parameters of a stored hash, without its salt and its output.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HashKind {
    algorithm: String,
    parameters: String,
}

impl HashKind {
    /// The algorithm, such as `argon2id`, `bcrypt`, or `argon2id(sha1)` for a digest that is wrapped; `unreadable` for a
    /// hash that cannot be verified.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The parameters, such as `m=19456,t=2,p=1` or `cost=10`; empty for a hash that cannot be verified.
    #[must_use]
    pub fn parameters(&self) -> &str {
        &self.parameters
    }
}

impl fmt::Display for HashKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.algorithm)?;
        if !self.parameters.is_empty() {
            write!(formatter, " {}", self.parameters)?;
        }
        Ok(())
    }
}

impl PasswordHash {
    /// What made the hash. Nothing is computed.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        let (algorithm, parameters) = match Wrapped::parse(self.as_phc()) {
            Some(Ok(wrapped)) => {
                let (outer, parameters) = wrapped.expected.computation.kind();
                (format!("{outer}({})", wrapped.algorithm()), parameters)
            }
            Some(Err(_)) => unreadable(),
            None => match Expected::parse_phc(self.as_phc()) {
                Ok(expected) => expected.computation.kind(),
                Err(_) => Legacy::parse(self.as_phc()).map_or_else(|_| unreadable(), |legacy| legacy.kind()),
            },
        };
        HashKind { algorithm, parameters }
    }
}

fn unreadable() -> (String, String) {
    ("unreadable".to_owned(), String::new())
}
