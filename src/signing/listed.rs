//! Keys as an operator lists them: keys in KMS, and keys in envelopes.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::jose::algorithm::Algorithm;
use crate::store::signing_keys::{KeyName, MalformedKeyName};

/// The prefix of the name of a key in an envelope. No name of a key in KMS begins like this.
const ENVELOPE: &str = "envelope:";

/// Why a list of keys cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MalformedKeys {
    /// An entry is neither a key nor a key and an algorithm.
    #[error("an entry is a key, or KEY=ALGORITHM with an algorithm such as RS256")]
    Entry,
    /// An envelope is listed under a name that is not valid.
    #[error(transparent)]
    Envelope(#[from] MalformedKeyName),
    /// Verifiers choose a key by its `kid`, and go by the `alg` that comes with it: one `kid` has one `alg`.
    #[error("a key is listed twice, with two algorithms or once without one: a key has one, or none")]
    TwoAlgorithms,
}

/// A key as it is listed: `KEY`, or `KEY=ALGORITHM` to bind it to that algorithm. No name of a key contains a `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// A key id, key ARN, alias name or alias ARN; or `envelope:` and the name of a wrapped key.
    pub name: String,
    /// The only algorithm that the key signs with; `None` for every algorithm that fits it.
    pub algorithm: Option<Algorithm>,
}

impl ListedKey {
    /// The name of the wrapped key that is meant, if it is one.
    #[must_use]
    pub fn envelope(&self) -> Option<KeyName> {
        self.name.strip_prefix(ENVELOPE).and_then(|name| KeyName::parse(name).ok())
    }

    /// How the wrapped key `name` is listed.
    #[must_use]
    pub fn of_envelope(name: &KeyName, algorithm: Option<Algorithm>) -> Self {
        Self { name: format!("{ENVELOPE}{name}"), algorithm }
    }

    /// Reads a list of keys separated by commas. Empty entries are ignored.
    ///
    /// # Errors
    /// [`MalformedKeys`] for an entry that cannot be read, or for one key with two algorithms.
    pub fn list(text: &str) -> Result<Vec<Self>, MalformedKeys> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let keys: Vec<Self> = entries.map(str::parse).collect::<Result<_, _>>()?;
        let contradicts = |(index, key): (usize, &Self)| {
            keys[..index].iter().any(|other| other.name == key.name && other.algorithm != key.algorithm)
        };
        if keys.iter().enumerate().any(contradicts) { Err(MalformedKeys::TwoAlgorithms) } else { Ok(keys) }
    }
}

impl FromStr for ListedKey {
    type Err = MalformedKeys;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, algorithm) = match text.split_once('=') {
            Some((name, algorithm)) => (name, Some(algorithm.trim().parse().map_err(|_| MalformedKeys::Entry)?)),
            None => (text, None),
        };
        let name = name.trim().to_owned();
        if name.is_empty() {
            return Err(MalformedKeys::Entry);
        }
        if let Some(wrapped) = name.strip_prefix(ENVELOPE) {
            KeyName::parse(wrapped)?;
        }
        Ok(Self { name, algorithm })
    }
}

impl fmt::Display for ListedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        match self.algorithm {
            Some(algorithm) => write!(formatter, "={algorithm}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_listed_with_an_algorithm_or_without_one_and_reads_as_it_was_written() {
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        for (name, algorithm) in [
            (arn, None),
            (arn, Some(Algorithm::Rs256)),
            ("alias/a/b_c-d", Some(Algorithm::EdDsa)),
            ("arn:aws:kms:eu-central-1:111122223333:alias/x", Some(Algorithm::Hs512)),
        ] {
            let key = ListedKey { name: name.to_owned(), algorithm };
            let text = key.to_string();
            assert_eq!(ListedKey::list(&format!(" , {} ,", text.replace('=', " = "))), Ok(vec![key]), "{text}");
        }
    }

    #[test]
    fn an_entry_without_a_key_or_with_an_unknown_algorithm_is_refused() {
        for text in ["=RS256", " = RS256", "alias/a=", "alias/a=rs256", "alias/a=none", "alias/a=RS256=RS256", "="] {
            assert_eq!(ListedKey::list(text), Err(MalformedKeys::Entry), "{text}");
        }
    }

    #[test]
    fn a_key_in_an_envelope_is_listed_by_its_name() {
        let keys = ListedKey::list("envelope:main-2026, envelope:old=PS256, alias/envelope:x").expect("a list");
        let names: Vec<_> = keys.iter().map(|key| key.envelope().map(|name| name.to_string())).collect();
        assert_eq!(names, [Some("main-2026".to_owned()), Some("old".to_owned()), None]);
        let name = KeyName::parse("old").expect("a name");
        assert_eq!(ListedKey::of_envelope(&name, Some(Algorithm::Ps256)), keys[1]);
        for text in ["envelope:", "envelope:A", "envelope: a b", "envelope:a/b=RS256"] {
            assert_eq!(ListedKey::list(text), Err(MalformedKeys::Envelope(MalformedKeyName)), "{text}");
        }
    }

    #[test]
    fn a_key_that_is_listed_twice_has_one_algorithm() {
        for text in ["alias/a=RS256,alias/a=PS256", "alias/a,alias/b,alias/a=RS256", "alias/a=RS256,alias/a"] {
            assert_eq!(ListedKey::list(text), Err(MalformedKeys::TwoAlgorithms), "{text}");
        }
        for (text, keys) in [("alias/a=RS256, alias/a = RS256", 2), ("alias/a,alias/b=RS256,alias/a", 3), ("", 0)] {
            assert_eq!(ListedKey::list(text).map(|keys| keys.len()), Ok(keys), "{text}");
        }
    }
}
