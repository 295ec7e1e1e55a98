//! Sources that guess: for how many usernames each network has sent wrong passwords, in the tokens table under `n#` and
//! a digest of the network that is salted with the issuer.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata as _, SdkError};
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
use crate::store::outcome::StoreError;
use crate::store::table::Table;

/// The usernames of one source, as they are stored.
#[derive(Debug, Deserialize)]
pub struct StoredSource {
    /// A few bits of a digest of each.
    #[serde(default)]
    pub usernames: BTreeSet<String>,
    /// When they are counted no longer.
    pub window_until: Timestamp,
}

/// The key of the item that counts the usernames of one source, or a share of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SourceKey(String);

impl SourceKey {
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

    fn text(&self) -> String {
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

    /// Notes that a source has sent a wrong password for a username, in the window that is open, or in one that it opens.
    /// Returns the source after that.
    pub(crate) async fn count(
        &self,
        key: &SourceKey,
        name: &NameMark,
        now: Timestamp,
        window_until: Timestamp,
    ) -> Result<Option<StoredSource>, StoreError> {
        let request = |expression: &str| {
            let request = self.tokens.update(&key.0, expression).return_values(ReturnValue::AllNew);
            let request = request.expression_attribute_names("#schema", "schema");
            let request = request.expression_attribute_values(":schema", number(SCHEMA.into()));
            let request = request.expression_attribute_values(":usernames", AttributeValue::Ss(vec![name.text()]));
            let request = request.expression_attribute_values(":until", number(window_until.as_unix()));
            request.expression_attribute_values(":now", number(now.as_unix()))
        };
        let counted = request(
            "SET #schema = :schema, window_until = if_not_exists(window_until, :until), \
             expires_at = if_not_exists(expires_at, :until) ADD usernames :usernames",
        );
        let counted = counted.condition_expression("attribute_not_exists(id) OR window_until > :now");
        if let Some(written) = written(counted.send().await)? {
            return self.read(key, written);
        }
        let opened =
            request("SET #schema = :schema, window_until = :until, expires_at = :until, usernames = :usernames");
        match written(opened.condition_expression("window_until <= :now").send().await)? {
            Some(written) => self.read(key, written),
            None => Ok(None),
        }
    }

    fn read(&self, key: &SourceKey, written: UpdateItemOutput) -> Result<Option<StoredSource>, StoreError> {
        written.attributes.map(|item| self.tokens.stored(&key.0, item)).transpose()
    }
}

/// What a conditional write wrote; `None` if its condition did not hold.
fn written(
    outcome: Result<UpdateItemOutput, SdkError<UpdateItemError, HttpResponse>>,
) -> Result<Option<UpdateItemOutput>, StoreError> {
    match outcome {
        Ok(written) => Ok(Some(written)),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(error) => Err(StoreError::from_sdk(error)),
    }
}
