//! What is stored about the attempts for one username.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::client::id::ClientId;
use crate::clock::Timestamp;
use crate::source::Network;
use crate::store::item::Item;
use crate::store::key;
use crate::store::outcome::StoreError;
use crate::store::table::Table;
use crate::user::Username;

/// The attribute that tells whether an item has a budget.
const WINDOW_UNTIL: &str = "window_until";

/// The attribute that holds the sources that a username has been logged in from.
const FAMILIAR_SOURCES: &str = "familiar_sources";

/// The attributes of a budget.
pub(super) const ATTRIBUTES: [&str; 10] = [
    "attempts",
    "wrong",
    WINDOW_UNTIL,
    "last_at",
    "locked_times",
    "unanswered",
    "failures",
    "known_wrong",
    "last_source",
    "failed_at",
];

/// Those that every item has had since there was only one budget.
pub(super) const KEPT: [&str; 4] = ["wrong", WINDOW_UNTIL, "last_at", "locked_times"];

/// Which attempts count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Those from sources that the username has not been logged in from lately.
    Strange,
    /// Those from sources that it has been logged in from.
    Familiar,
}

impl Budget {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Strange, Self::Familiar];

    /// What the names of its attributes begin with. Those of strangers are named as they were when all attempts shared
    /// one budget.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Strange => "",
            Self::Familiar => "familiar_",
        }
    }
}

/// The attempts for one username, as they are stored.
#[derive(Debug, Default)]
pub struct StoredAttempts {
    strange: Option<StoredBudget>,
    familiar: Option<StoredBudget>,
    /// The sources that the username has been logged in from, and until when each of them counts as familiar.
    pub familiar_sources: BTreeMap<String, Timestamp>,
}

/// The attempts of one budget, as they are stored.
#[derive(Debug, Deserialize)]
pub struct StoredBudget {
    /// Those that count: made in this window, and not withdrawn.
    #[serde(default)]
    pub attempts: BTreeSet<String>,
    /// The marks of wrong passwords, each with the attempt that counts for it.
    pub wrong: BTreeMap<String, String>,
    /// The end of the window.
    pub window_until: Timestamp,
    /// When the last of the attempts was made.
    pub last_at: Timestamp,
    /// How many times the username has been locked before.
    pub locked_times: u32,
    /// How many attempts counted in earlier windows, since they were last forgotten.
    #[serde(default)]
    pub failures: usize,
    /// The marks of wrong passwords of earlier windows, the oldest first.
    #[serde(default)]
    pub known_wrong: Vec<String>,
    /// Which source made the last of the attempts.
    #[serde(default)]
    pub last_source: Option<String>,
    /// When a password was last wrong.
    #[serde(default)]
    pub(crate) failed_at: Option<Timestamp>,
}

impl StoredAttempts {
    pub(super) fn read(table: &Table, key: &AttemptsKey, mut item: Item) -> Result<Self, StoreError> {
        table.check_schema(key.as_str(), &item)?;
        let sources = item.extract_if(|name, _| name == FAMILIAR_SOURCES).collect();
        let Sources { familiar_sources } = table.part(key.as_str(), sources)?;
        let prefix = Budget::Familiar.prefix();
        let familiar = item.extract_if(|name, _| name.starts_with(prefix));
        let familiar = familiar.map(|(name, value)| (name[prefix.len()..].to_owned(), value)).collect();
        let familiar = StoredBudget::read(table, key, familiar)?;
        Ok(Self { strange: StoredBudget::read(table, key, item)?, familiar, familiar_sources })
    }

    /// The attempts of a budget, if there ever were any.
    #[must_use]
    pub fn budget(&self, budget: Budget) -> Option<&StoredBudget> {
        match budget {
            Budget::Strange => self.strange.as_ref(),
            Budget::Familiar => self.familiar.as_ref(),
        }
    }

    pub(super) fn into_budget(self, budget: Budget) -> Option<StoredBudget> {
        match budget {
            Budget::Strange => self.strange,
            Budget::Familiar => self.familiar,
        }
    }
}

impl StoredBudget {
    /// When a password was last wrong, as far as that is known.
    #[must_use]
    pub fn failed_at(&self) -> Timestamp {
        self.failed_at.unwrap_or(self.last_at)
    }

    /// Reads a budget from its attributes, if it has any.
    fn read(table: &Table, key: &AttemptsKey, attributes: Item) -> Result<Option<Self>, StoreError> {
        if !attributes.contains_key(WINDOW_UNTIL) {
            return Ok(None);
        }
        table.part(key.as_str(), attributes).map(Some)
    }

    /// How many attempts count since they were last forgotten, those of this window included.
    #[must_use]
    pub fn counted(&self) -> usize {
        self.failures.saturating_add(self.attempts.len())
    }
}

/// The key of the item of one username.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttemptsKey(String);

impl AttemptsKey {
    /// The key of `username`.
    #[must_use]
    pub fn of(username: &Username) -> Self {
        Self(key::attempts(&Sha256::digest(username.as_str())))
    }

    /// The key of an item that was found.
    #[cfg(feature = "cli")]
    pub(super) const fn found(key: String) -> Self {
        Self(key)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A source of attempts for one username, a client and a network, as 96 bits of a digest that is salted with the username.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SourceMark(String);

impl SourceMark {
    pub(crate) fn of(key: &AttemptsKey, client_id: &ClientId, network: Network) -> Self {
        let digest = Sha256::new().chain_update(&key.0).chain_update([0]).chain_update(client_id.as_str());
        let digest = digest.chain_update([0]).chain_update(network.address().to_string()).finalize();
        Self(URL_SAFE_NO_PAD.encode(&digest[..12]))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
struct Sources {
    #[serde(default)]
    familiar_sources: BTreeMap<String, Timestamp>,
}
