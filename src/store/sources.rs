//! Sources that guess: for how many usernames each network has sent wrong passwords, in the tokens table under `n#` and
//! a digest of the network that is salted with the issuer.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::issuer::Issuer;
use crate::source::Network;
use crate::store::attempts::AttemptsKey;
use crate::store::item::{SCHEMA, number};
use crate::store::key;
use crate::store::outcome::{StoreError, held, if_held};
use crate::store::table::Table;

/// The usernames of one source, as they are stored.
#[derive(Debug, Deserialize)]
pub struct StoredSource {
    /// A few bits of a digest of each.
    #[serde(default)]
    pub usernames: BTreeSet<String>,
    /// When they are counted no longer.
    pub window_until: Timestamp,
    /// In how many windows before this one it was exhausted.
    #[serde(default)]
    pub exhausted_times: u32,
    /// When the last of those ended.
    #[serde(default)]
    pub(crate) exhausted_until: Option<Timestamp>,
}

/// A window in which usernames are counted.
pub(crate) struct Window {
    pub(crate) until: Timestamp,
    pub(crate) exhausted_times: u32,
    pub(crate) exhausted_until: Timestamp,
    /// When it is forgotten that there was one.
    pub(crate) expires_at: Timestamp,
}

/// The key of the item that counts the usernames of one source, or a share of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceKey(String);

impl SourceKey {
    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of an item that was found.
    #[cfg(feature = "cli")]
    pub(super) const fn found(key: String) -> Self {
        Self(key)
    }

    /// The key for a share of the usernames of `network`.
    pub(crate) fn of(issuer: &Issuer, network: Network, share: usize) -> Self {
        let digest = Sha256::new().chain_update(issuer.as_str()).chain_update([0]);
        let digest = digest.chain_update(network.address().to_string()).chain_update([0]);
        Self(key::source(&digest.chain_update(share.to_string()).finalize()))
    }
}

/// A username that a source has sent a wrong password for, as 48 bits of a digest.
#[derive(Clone, Debug)]
pub(crate) struct NameMark([u8; 6]);

impl NameMark {
    pub(crate) fn of(key: &AttemptsKey) -> Self {
        let mut bits = [0; 6];
        bits.copy_from_slice(&Sha256::digest(key.as_str())[..6]);
        Self(bits)
    }

    /// Which of so many shares it belongs to.
    pub(crate) fn share(&self, shares: usize) -> usize {
        let [a, b, ..] = self.0;
        usize::from(u16::from_be_bytes([a, b])) % shares.max(1)
    }

    /// How it is stored.
    pub(crate) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// The sources in the tokens table.
#[derive(Clone, Debug)]
pub struct Sources {
    tokens: Table,
}

impl Sources {
    pub(super) fn new(tokens: Table) -> Self {
        Self { tokens }
    }

    /// What is stored of a source; `None` if nothing is.
    pub(crate) async fn get(&self, key: &SourceKey) -> Result<Option<StoredSource>, StoreError> {
        let item = self.tokens.get(&key.0).await?;
        item.map(|item| self.tokens.stored(&key.0, item)).transpose()
    }

    /// Notes that a source has sent a wrong password for a username, in the window that is open, or in the first one.
    /// Returns the source after that; `None` if the window is over by now.
    pub(crate) async fn count(
        &self,
        key: &SourceKey,
        name: &NameMark,
        now: Timestamp,
        window: &Window,
    ) -> Result<Option<StoredSource>, StoreError> {
        let request = self.writing(
            key,
            name,
            window,
            "SET #schema = :schema, window_until = if_not_exists(window_until, :until), exhausted_times = \
             if_not_exists(exhausted_times, :times), exhausted_until = \
             if_not_exists(exhausted_until, :last), expires_at = if_not_exists(expires_at, :expires_at) ADD usernames :usernames",
        );
        let request = request
            .condition_expression("attribute_not_exists(id) OR window_until > :now")
            .expression_attribute_values(":now", number(now.as_unix()));
        self.written(key, request.send().await)
    }

    /// The same, in a new window in place of the one that was `read`.
    pub(crate) async fn open_window(
        &self,
        key: &SourceKey,
        name: &NameMark,
        read: &StoredSource,
        window: &Window,
    ) -> Result<Option<StoredSource>, StoreError> {
        let request = self.writing(
            key,
            name,
            window,
            "SET #schema = :schema, window_until = :until, exhausted_times = :times, exhausted_until = :last, \
             expires_at = :expires_at, usernames = :usernames",
        );
        let request = request
            .condition_expression("window_until = :read")
            .expression_attribute_values(":read", number(read.window_until.as_unix()));
        self.written(key, request.send().await)
    }

    /// Notes that a username for which a source had sent a wrong password is its own.
    pub(crate) async fn forgive(&self, key: &SourceKey, name: &NameMark) -> Result<(), StoreError> {
        let request =
            self.tokens.update(&key.0, "DELETE usernames :usernames").condition_expression("attribute_exists(id)");
        let request = request.expression_attribute_values(":usernames", AttributeValue::Ss(vec![name.text()]));
        held(request.send().await)?;
        Ok(())
    }

    fn writing(&self, key: &SourceKey, name: &NameMark, window: &Window, expression: &str) -> UpdateItemFluentBuilder {
        self.tokens
            .update(&key.0, expression)
            .return_values(ReturnValue::AllNew)
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":schema", number(SCHEMA.into()))
            .expression_attribute_values(":usernames", AttributeValue::Ss(vec![name.text()]))
            .expression_attribute_values(":until", number(window.until.as_unix()))
            .expression_attribute_values(":times", number(window.exhausted_times.into()))
            .expression_attribute_values(":last", number(window.exhausted_until.as_unix()))
            .expression_attribute_values(":expires_at", number(window.expires_at.as_unix()))
    }

    fn written(
        &self,
        key: &SourceKey,
        outcome: Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>>,
    ) -> Result<Option<StoredSource>, StoreError> {
        let item = if_held(outcome)?.and_then(|written| written.attributes);
        item.map(|item| self.tokens.stored(&key.0, item)).transpose()
    }
}
