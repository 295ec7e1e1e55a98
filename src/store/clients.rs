//! The clients table: key `client_id`.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::chain::name::ChainName;
use crate::client::authentication::{AuthMethod, ClientAuthentication, Contradiction};
use crate::client::claim_map::ClaimMap;
use crate::client::id::{ClientId, Incarnation};
use crate::client::keys::ClientKeys;
use crate::client::rules::CheckedClient;
use crate::client::secret::StoredSecret;
use crate::client::{AccessTokenFormat, Capability, Client, Grant, GrantEnd, RefreshPolicy};
use crate::clock::Timestamp;
use crate::jose::algorithm::Algorithm;
use crate::scope::Scope;
use crate::store::item::{Item, number, string};
use crate::store::memory::Version;
use crate::store::outcome::{Changed, Created, StoreError, held};
use crate::store::pages::Pages;
#[cfg(feature = "cli")]
use crate::store::restoration::Restoration;
use crate::store::signing_keys;
use crate::store::table::Table;

/// A client as it is stored. Durations are in seconds.
#[derive(Serialize, Deserialize)]
struct StoredClient {
    client_id: ClientId,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    incarnation: Option<Incarnation>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    name: Option<String>,
    disabled: bool,
    auth_method: AuthMethod,
    secrets: Vec<StoredSecret>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    jwks: Option<ClientKeys>,
    grants: Vec<Grant>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    password_grant_end: Option<GrantEnd>,
    capabilities: Vec<Capability>,
    scopes: Scope,
    default_scopes: Scope,
    audiences: Vec<Audience>,
    access_token_format: AccessTokenFormat,
    claim_map: ClaimMap,
    access_token_lifetime: u64,
    refresh_idle_lifetime: u64,
    refresh_lifetime: u64,
    refresh_grace: u64,
    refresh_needs_offline_access: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signing_algorithm: Option<Algorithm>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    chains: Vec<ChainName>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl StoredClient {
    fn new(client: &Client, revision: u64) -> Self {
        Self {
            client_id: client.id.clone(),
            revision,
            incarnation: client.incarnation.clone(),
            name: client.name.clone(),
            disabled: client.disabled,
            auth_method: client.authentication.method(),
            secrets: client.authentication.secrets().to_vec(),
            jwks: client.authentication.keys().cloned(),
            grants: client.grants.clone(),
            password_grant_end: client.password_grant_end,
            capabilities: client.capabilities.clone(),
            scopes: client.scopes.clone(),
            default_scopes: client.default_scopes.clone(),
            audiences: client.audiences.clone(),
            access_token_format: client.access_token_format,
            claim_map: client.claim_map.clone(),
            access_token_lifetime: client.access_token_lifetime.as_secs(),
            refresh_idle_lifetime: client.refresh.idle_lifetime.as_secs(),
            refresh_lifetime: client.refresh.lifetime.as_secs(),
            refresh_grace: client.refresh.grace.as_secs(),
            refresh_needs_offline_access: client.refresh.needs_offline_access,
            signing_algorithm: client.signing_algorithm,
            chains: client.chains.clone(),
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }
}

impl TryFrom<StoredClient> for Client {
    type Error = Contradiction;

    fn try_from(stored: StoredClient) -> Result<Self, Contradiction> {
        Ok(Self {
            id: stored.client_id,
            incarnation: stored.incarnation,
            name: stored.name,
            disabled: stored.disabled,
            authentication: ClientAuthentication::new(stored.auth_method, stored.secrets, stored.jwks)?,
            grants: stored.grants,
            password_grant_end: stored.password_grant_end,
            capabilities: stored.capabilities,
            scopes: stored.scopes,
            default_scopes: stored.default_scopes,
            audiences: stored.audiences,
            access_token_format: stored.access_token_format,
            claim_map: stored.claim_map,
            access_token_lifetime: Duration::from_secs(stored.access_token_lifetime),
            refresh: RefreshPolicy {
                idle_lifetime: Duration::from_secs(stored.refresh_idle_lifetime),
                lifetime: Duration::from_secs(stored.refresh_lifetime),
                grace: Duration::from_secs(stored.refresh_grace),
                needs_offline_access: stored.refresh_needs_offline_access,
            },
            signing_algorithm: stored.signing_algorithm,
            chains: stored.chains,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        })
    }
}

/// A client as it was read, and the revision that a change to it must find unchanged.
#[derive(Clone, Debug)]
pub struct Revision {
    /// The client.
    pub client: Client,
    revision: u64,
}

impl Revision {
    /// Which revision of the client it is, counted from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.revision
    }

    /// Whether it is the one that is written as `text`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.to_string() == text
    }

    /// Whether the revision that is written as `text` is of the same registration.
    #[must_use]
    pub fn is_of_registration(&self, text: &str) -> bool {
        let registration = |text: &str| text.split_once('.').map(|(_, registration)| registration.to_owned());
        registration(&self.to_string()) == registration(text)
    }

    /// What the table must hold for a change to it.
    fn condition(&self) -> (&'static str, HashMap<String, AttributeValue>) {
        let read = (":read".to_owned(), number(self.revision));
        match &self.client.incarnation {
            None => ("revision = :read AND attribute_not_exists(incarnation)", HashMap::from([read])),
            Some(incarnation) => {
                let registered = (":registered".to_owned(), string(incarnation.as_str()));
                ("revision = :read AND incarnation = :registered", HashMap::from([read, registered]))
            }
        }
    }
}

/// Its number, and which registration of the client it is of: the numbers of another one begin anew.
impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.client.incarnation {
            None => write!(formatter, "{}", self.revision),
            Some(incarnation) => write!(formatter, "{}.{}", self.revision, incarnation.as_str()),
        }
    }
}

/// The clients table.
#[derive(Clone, Debug)]
pub struct Clients {
    table: Table,
}

impl Clients {
    pub(super) fn new(table: Table) -> Self {
        Self { table }
    }

    /// The version of the client called `id`, where that can be known: to be asked before a client is read that is to be kept.
    pub(crate) fn version(&self, id: &ClientId) -> Version {
        self.table.version(id.as_str())
    }

    /// The client called `id`.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer or the item cannot be read.
    pub async fn get(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok(self.get_revision(id).await?.map(|found| found.client))
    }

    /// The client called `id`, to be changed.
    ///
    /// # Errors
    /// As [`Clients::get`].
    pub async fn get_revision(&self, id: &ClientId) -> Result<Option<Revision>, StoreError> {
        let item = self.table.get(id.as_str()).await?;
        item.map(|item| self.read(id.as_str(), item)).transpose()
    }

    fn read(&self, key: &str, item: Item) -> Result<Revision, StoreError> {
        let stored: StoredClient = self.table.stored(key, item)?;
        let revision = stored.revision;
        let client = stored.try_into().map_err(|problem| self.table.inconsistent(key, problem))?;
        Ok(Revision { client, revision })
    }

    /// The item of a client, after making sure that it can be read again: one that cannot is never written.
    fn written(&self, client: &Client, revision: u64) -> Result<Item, StoreError> {
        let key = client.id.as_str();
        let item = self.table.item(key, StoredClient::new(client, revision))?;
        self.read(key, item.clone())?;
        Ok(item)
    }

    /// Registers a client; never overwrites one.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails, or the client could not be read again.
    pub async fn create(&self, client: &CheckedClient) -> Result<Created, StoreError> {
        self.table.create(self.written(client, 1)?).await
    }

    /// Replaces the client that was read as `read` with `client`, unless somebody has changed or deleted it meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails, or the client could not be read again.
    pub async fn replace(&self, read: &Revision, client: &CheckedClient) -> Result<Changed, StoreError> {
        let item = self.written(client, read.revision + 1)?;
        let (condition, values) = read.condition();
        let request = self.table.put(item).condition_expression(condition);
        let outcome = request.set_expression_attribute_values(Some(values)).send().await;
        Ok(Changed::held(held(outcome)?))
    }

    /// Deletes the client that was read as `read`, unless somebody has changed or deleted it meanwhile. Its sessions end with
    /// it.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    #[cfg(feature = "cli")]
    pub async fn delete_revision(&self, read: &Revision) -> Result<Changed, StoreError> {
        let (condition, values) = read.condition();
        let request = self.table.delete(read.client.id.as_str()).condition_expression(condition);
        let outcome = request.set_expression_attribute_values(Some(values)).send().await;
        Ok(Changed::held(held(outcome)?))
    }

    /// Deletes a client. Its sessions end with it.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn delete(&self, id: &ClientId) -> Result<Changed, StoreError> {
        let request = self.table.delete(id.as_str());
        let outcome = request.condition_expression("attribute_exists(client_id)").send().await;
        Ok(Changed::held(held(outcome)?))
    }

    /// What copies clients and wrapped signing keys that are missing here from the table called `from`, which was restored
    /// from a backup. Sessions of before do not continue with a client of it, which is another registration.
    #[cfg(feature = "cli")]
    #[must_use]
    pub fn restoration(&self, from: &str) -> Restoration {
        Restoration::new(from, &self.table, |item, random| {
            // Only clients have a method to authenticate by.
            if item.contains_key("auth_method") {
                item.insert("incarnation".to_owned(), string(Incarnation::generate(random)?.as_str()));
            }
            Ok(())
        })
    }

    /// Every client, by reading the whole table: for the command line only.
    #[must_use]
    pub fn list(&self) -> Pages<'_, Client> {
        let request = self.table.scan().filter_expression("NOT begins_with(client_id, :signing_key)");
        let request = request.expression_attribute_values(":signing_key", string(signing_keys::PREFIX));
        Pages::new(request, |item| Ok(self.read(&self.table.key_of(&item), item)?.client))
    }
}
