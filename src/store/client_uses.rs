//! When each client last used the password grant, in the tokens table: under `u#` and the digest of the client and its
//! incarnation, so that a client that is registered again begins anew.
//!
//! These items have no end of their own: one that expired would make a client that has been idle for long look like one
//! that was never used. There is one for each client that ever logged somebody in.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::client::Client;
use crate::client::id::{ClientId, Incarnation};
use crate::clock::Day;
use crate::store::item::number;
use crate::store::key;
use crate::store::outcome::{Changed, StoreError, held};
use crate::store::table::Table;

/// A client's last use of the password grant as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredUse {
    /// For whoever reads the table: the key does not show it.
    client_id: ClientId,
    last_use_day: Day,
}

/// The clients' last uses of the password grant, in the tokens table.
#[derive(Clone, Debug)]
pub struct ClientUses {
    tokens: Table,
}

impl ClientUses {
    pub(super) fn new(tokens: Table) -> Self {
        Self { tokens }
    }

    /// The day on which `client` last logged a user in; `None` if that was never noted.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer or the item cannot be read.
    pub async fn last(&self, client: &Client) -> Result<Option<Day>, StoreError> {
        let key = key_of(client);
        let item = self.tokens.get(&key).await?;
        let stored = item.map(|item| self.tokens.stored::<StoredUse>(&key, item)).transpose()?;
        Ok(stored.map(|stored| stored.last_use_day))
    }

    /// Notes that `client` logs a user in on `day`, unless that day or a later one has been noted already.
    pub(crate) async fn note(&self, client: &Client, day: Day) -> Result<Changed, StoreError> {
        let stored = StoredUse { client_id: client.id.clone(), last_use_day: day };
        let request = self.tokens.put(self.tokens.item(&key_of(client), stored)?);
        let request = request.condition_expression("attribute_not_exists(id) OR last_use_day < :day");
        let outcome = request.expression_attribute_values(":day", number(day.start().as_unix())).send().await;
        Ok(Changed::held(held(outcome)?))
    }

    /// Forgets a client that has been deleted.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn forget(&self, client: &Client) -> Result<(), StoreError> {
        self.tokens.delete(&key_of(client)).send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }
}

fn key_of(client: &Client) -> String {
    let incarnation = client.incarnation.as_ref().map(Incarnation::as_str).unwrap_or_default();
    let digest = Sha256::new().chain_update(client.id.as_str()).chain_update([0]).chain_update(incarnation);
    key::client_use(&digest.finalize())
}
