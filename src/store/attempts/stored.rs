//! What is stored about the attempts for one username.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
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
    pub(super) fn read(table: &Table, key: &AttemptsKey, item: &Item) -> Result<Self, StoreError> {
        let strange = StoredBudget::read(table, key, item, Budget::Strange)?;
        let familiar = StoredBudget::read(table, key, item, Budget::Familiar)?;
        let Sources { familiar_sources } =
            part(table, key, item, [("familiar_sources", "familiar_sources".to_owned())])?;
        Ok(Self { strange, familiar, familiar_sources })
    }

    /// The attempts of a budget, if there ever were any.
    #[must_use]
    pub fn budget(&self, budget: Budget) -> Option<&StoredBudget> {
        match budget {
            Budget::Strange => self.strange.as_ref(),
            Budget::Familiar => self.familiar.as_ref(),
        }
    }
}

impl StoredBudget {
    /// When a password was last wrong, as far as that is known.
    #[must_use]
    pub fn failed_at(&self) -> Timestamp {
        self.failed_at.unwrap_or(self.last_at)
    }

    pub(super) fn read(
        table: &Table,
        key: &AttemptsKey,
        item: &Item,
        budget: Budget,
    ) -> Result<Option<Self>, StoreError> {
        let stored_as = |name: &str| format!("{}{name}", budget.prefix());
        if !item.contains_key(&stored_as(WINDOW_UNTIL)) {
            return Ok(None);
        }
        part(table, key, item, ATTRIBUTES.map(|name| (name, stored_as(name)))).map(Some)
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

/// Reads some attributes of an item, each of which is stored under another name.
fn part<const N: usize, S: DeserializeOwned>(
    table: &Table,
    key: &AttemptsKey,
    item: &Item,
    names: [(&str, String); N],
) -> Result<S, StoreError> {
    let taken = |(name, stored_as): (&str, String)| Some((name.to_owned(), item.get(&stored_as)?.clone()));
    let mut part: Item = names.into_iter().filter_map(taken).collect();
    part.extend(item.get("schema").map(|schema| ("schema".to_owned(), schema.clone())));
    table.stored(key.as_str(), part)
}
