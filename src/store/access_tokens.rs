//! Access tokens, in the tokens table: opaque ones under `a#` and their digest, and notes that a JWT is revoked under
//! `r#` and its `jti`. A JWT itself is not stored.

use serde::{Deserialize, Serialize};

use crate::client::id::Incarnation;
use crate::clock::Timestamp;
use crate::json::{Object, Value};
use crate::store::claims;
use crate::store::key;
use crate::store::outcome::StoreError;
use crate::store::table::Table;

const CLAIMS: &str = "claims";

/// An opaque access token as it is stored, without its key.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredAccessToken {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) client_incarnation: Option<Incarnation>,
    /// What it stands for.
    #[serde(skip)]
    pub(crate) claims: Object,
    pub(crate) expires_at: Timestamp,
}

/// A note that lasts until it expires, and says nothing else.
#[derive(Serialize)]
struct Note {
    expires_at: Timestamp,
}

/// What the tokens table says about access tokens.
#[derive(Clone, Debug)]
pub struct AccessTokens {
    tokens: Table,
}

impl AccessTokens {
    pub(super) fn new(tokens: Table) -> Self {
        Self { tokens }
    }

    /// Stores what the opaque access token with this digest stands for: `claims`, which are a JSON object.
    pub(crate) async fn put<C: Serialize>(
        &self,
        digest: &[u8],
        client_incarnation: Option<&Incarnation>,
        claims: &C,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = key::access_token(digest);
        let Ok(Value::Object(claims)) = Value::of(claims) else {
            return Err(self.tokens.inconsistent(&key, "its claims are not a JSON object"));
        };
        let stored =
            StoredAccessToken { client_incarnation: client_incarnation.cloned(), claims: Object::new(), expires_at };
        let mut item = self.tokens.item(&key, stored)?;
        claims::put(&mut item, CLAIMS, &claims);
        self.tokens.create(item).await?;
        Ok(())
    }

    /// What the opaque access token with this digest stands for; `None` if it is unknown, revoked or expired.
    pub(crate) async fn get(&self, digest: &[u8], now: Timestamp) -> Result<Option<StoredAccessToken>, StoreError> {
        let key = key::access_token(digest);
        let Some(mut item) = self.tokens.get(&key).await? else {
            return Ok(None);
        };
        let claims = self.tokens.take_claims(&key, &mut item, CLAIMS)?;
        let stored: StoredAccessToken = self.tokens.stored(&key, item)?;
        let claims = claims.ok_or_else(|| self.tokens.inconsistent(&key, "it has no claims"))?;
        Ok(Some(StoredAccessToken { claims, ..stored }).filter(|stored| now < stored.expires_at))
    }

    /// Deletes the opaque access token with this digest, if it is there.
    pub(crate) async fn delete(&self, digest: &[u8]) -> Result<(), StoreError> {
        self.tokens.delete(&key::access_token(digest)).send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    /// Notes that the JWT called `jti` is revoked, until the JWT expires by itself.
    pub(crate) async fn revoke(&self, jti: &str, expires_at: Timestamp) -> Result<(), StoreError> {
        let item = self.tokens.item(&key::revocation(jti), Note { expires_at })?;
        self.tokens.put(item).send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    /// Whether the JWT called `jti` was revoked.
    pub(crate) async fn is_revoked(&self, jti: &str) -> Result<bool, StoreError> {
        Ok(self.tokens.get(&key::revocation(jti)).await?.is_some())
    }
}
