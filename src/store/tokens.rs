//! The tokens table: key `id`, TTL on `expires_at`. Sessions are `s#` and the digest of their handle, used
//! assertions `j#` and the digest of their client and identifier.

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::client::id::{ClientId, Incarnation};
use crate::clock::Timestamp;
use crate::json::{Object, Value};
use crate::scope::Scope;
use crate::store::claims;
use crate::store::item::{Item, SCHEMA, from_item, inconsistent, number, string, to_item};
use crate::store::key;
use crate::store::outcome::{Created, StoreError, held};
use crate::user::{Subject, Username};

const KEY: &str = "id";
const CLAIMS: &str = "claims";
const ASSERTED_CLAIMS: &str = "asserted_claims";

/// A session as it is stored. Digests and the salt are base64url.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredSession {
    pub(crate) id: String,
    pub(crate) schema: u32,
    pub(crate) client_id: ClientId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) client_incarnation: Option<Incarnation>,
    pub(crate) username: Username,
    pub(crate) sub: Subject,
    /// The user's password generation at the login.
    pub(crate) password_generation: u64,
    /// The user's session generation at the login.
    #[serde(default)]
    pub(crate) session_generation: u64,
    /// What a delegated verifier said of the user at the login.
    #[serde(skip)]
    pub(crate) asserted_claims: Object,
    pub(crate) scope: Scope,
    pub(crate) audiences: Vec<Audience>,
    pub(crate) auth_time: Timestamp,
    /// The end of the session's absolute lifetime.
    pub(crate) not_after: Timestamp,
    /// The end of its idle lifetime, or of the absolute one where that is earlier; DynamoDB deletes the item after it.
    pub(crate) expires_at: Timestamp,
    /// The digest of the live secret.
    pub(crate) secret_digest: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none", default)]
    pub(crate) rotation: Option<StoredRotation>,
}

/// An opaque access token, as it is written, but for the claims.
#[derive(Serialize)]
struct StoredAccessToken<'a> {
    id: &'a str,
    schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_incarnation: Option<&'a Incarnation>,
    expires_at: Timestamp,
}

/// The same, as it is read.
#[derive(Deserialize)]
pub(crate) struct KnownAccessToken {
    #[serde(default)]
    pub(crate) client_incarnation: Option<Incarnation>,
    #[serde(skip)]
    pub(crate) claims: Object,
    expires_at: Timestamp,
}

/// A session's last rotation.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredRotation {
    /// The digest of the secret that was presented.
    pub(crate) parent_digest: String,
    /// What the live secret was derived with.
    pub(crate) salt: String,
    pub(crate) rotated_at: Timestamp,
}

/// A client assertion that was used.
#[derive(Serialize)]
struct UsedAssertion<'a> {
    id: &'a str,
    schema: u32,
    /// Tells the request that used it from every other.
    attempt: &'a str,
    expires_at: Timestamp,
}

/// What became of a rotation.
pub(crate) enum Rotated {
    /// The secret that was presented was the live one, and its successor is now.
    Won,
    /// It was not, or no longer: this is the session as it stands.
    Lost(Box<StoredSession>),
    /// The session is gone.
    Gone,
}

/// The tokens table.
#[derive(Clone, Debug)]
pub struct Tokens {
    dynamodb: DynamoDb,
    table: String,
}

impl Tokens {
    pub(super) fn new(dynamodb: DynamoDb, table: String) -> Self {
        Self { dynamodb, table }
    }

    /// Asks for an item that is not there, which opens a connection.
    pub(crate) async fn open_connection(&self) -> Result<(), StoreError> {
        let request = self.dynamodb.get_item().table_name(&self.table).key(KEY, string("connection"));
        request.send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    pub(crate) async fn get_session(&self, id: &str) -> Result<Option<StoredSession>, StoreError> {
        let request = self.dynamodb.get_item().table_name(&self.table).key(KEY, string(id));
        let answer = request.consistent_read(true).send().await.map_err(StoreError::from_sdk)?;
        answer.item.map(|item| self.read_session(id, item)).transpose()
    }

    fn read_session(&self, id: &str, mut item: Item) -> Result<StoredSession, StoreError> {
        let asserted_claims = self.take(&mut item, id, ASSERTED_CLAIMS)?.unwrap_or_default();
        let stored: StoredSession = from_item(&self.table, id, item)?;
        Ok(StoredSession { asserted_claims, ..stored })
    }

    fn take(&self, item: &mut Item, id: &str, attribute: &str) -> Result<Option<Object>, StoreError> {
        let unreadable = |_| inconsistent(&self.table, id, format!("its {attribute} are none that were written"));
        claims::take(item, attribute).map_err(unreadable)
    }

    /// The sessions of a user, by reading the whole table: for the command line alone.
    pub(crate) async fn sessions_of(&self, username: &Username) -> Result<Vec<StoredSession>, StoreError> {
        let request = self.dynamodb.scan().table_name(&self.table).consistent_read(true);
        let request = request
            .filter_expression("begins_with(id, :session) AND username = :username")
            .expression_attribute_values(":session", string(key::SESSION))
            .expression_attribute_values(":username", string(username.as_str()));
        let items = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let items = items.map_err(StoreError::from_sdk)?;
        items.into_iter().map(|item| self.read_session(key::SESSION, item)).collect()
    }

    /// Stores a new session. Its key is random: one that is there already was stored by an attempt whose answer got lost.
    pub(crate) async fn put_session(&self, session: &StoredSession) -> Result<(), StoreError> {
        let mut item = to_item(&self.table, &session.id, session)?;
        if !session.asserted_claims.is_empty() {
            claims::put(&mut item, ASSERTED_CLAIMS, &session.asserted_claims);
        }
        let request = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item));
        held(request.condition_expression("attribute_not_exists(id)").send().await)?;
        Ok(())
    }

    /// Makes `next` the live secret, if the one with the digest `rotation.parent_digest` is it still.
    pub(crate) async fn rotate_session(
        &self,
        id: &str,
        next_digest: &str,
        rotation: &StoredRotation,
        expires_at: Timestamp,
    ) -> Result<Rotated, StoreError> {
        let request = self.dynamodb.update_item().table_name(&self.table).key(KEY, string(id));
        let request = request
            .update_expression(
                "SET secret_digest = :next, parent_digest = :presented, salt = :salt, rotated_at = :now, expires_at = :expires",
            )
            .condition_expression("secret_digest = :presented")
            .expression_attribute_values(":next", string(next_digest))
            .expression_attribute_values(":presented", string(&rotation.parent_digest))
            .expression_attribute_values(":salt", string(&rotation.salt))
            .expression_attribute_values(":now", number(rotation.rotated_at.as_unix()))
            .expression_attribute_values(":expires", number(expires_at.as_unix()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = request.send().await else {
            return Ok(Rotated::Won);
        };
        if let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() {
            return match failed.item() {
                Some(item) => Ok(Rotated::Lost(Box::new(self.read_session(id, item.clone())?))),
                None => Ok(Rotated::Gone),
            };
        }
        Err(StoreError::from_sdk(error))
    }

    /// Stores what an opaque access token stands for.
    pub(crate) async fn put_access_token<C: Serialize>(
        &self,
        id: &str,
        client_incarnation: Option<&Incarnation>,
        claims: &C,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let Ok(Value::Object(claims)) = Value::of(claims) else {
            return Err(inconsistent(&self.table, id, "its claims are no JSON object"));
        };
        let stored = StoredAccessToken { id, schema: SCHEMA, client_incarnation, expires_at };
        let mut item = to_item(&self.table, id, stored)?;
        claims::put(&mut item, CLAIMS, &claims);
        let request = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item));
        held(request.condition_expression("attribute_not_exists(id)").send().await)?;
        Ok(())
    }

    /// What an opaque access token stands for; none when it is unknown, revoked or expired.
    pub(crate) async fn get_access_token(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<KnownAccessToken>, StoreError> {
        let request = self.dynamodb.get_item().table_name(&self.table).key(KEY, string(id));
        let answer = request.consistent_read(true).send().await.map_err(StoreError::from_sdk)?;
        let Some(mut item) = answer.item else {
            return Ok(None);
        };
        let claims = self.take(&mut item, id, CLAIMS)?;
        let stored: KnownAccessToken = from_item(&self.table, id, item)?;
        let claims = claims.ok_or_else(|| inconsistent(&self.table, id, "it has no claims"))?;
        Ok(Some(KnownAccessToken { claims, ..stored }).filter(|stored| now < stored.expires_at))
    }

    /// Notes that the access token called `jti` is revoked, until it expires by itself.
    pub(crate) async fn put_revocation(&self, jti: &str, expires_at: Timestamp) -> Result<(), StoreError> {
        let request = self.dynamodb.put_item().table_name(&self.table).item(KEY, string(&key::revocation(jti)));
        let request = request.item("schema", number(SCHEMA.into())).item("expires_at", number(expires_at.as_unix()));
        request.send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    /// Whether the access token called `jti` was revoked.
    pub(crate) async fn is_revoked(&self, jti: &str) -> Result<bool, StoreError> {
        let request = self.dynamodb.get_item().table_name(&self.table).key(KEY, string(&key::revocation(jti)));
        let answer = request.consistent_read(true).send().await.map_err(StoreError::from_sdk)?;
        Ok(answer.item.is_some())
    }

    /// Stores that an assertion was used. A write that is sent again since its answer got lost is the same `attempt`,
    /// and has not come too late.
    pub(crate) async fn put_assertion(
        &self,
        id: &str,
        attempt: &str,
        expires_at: Timestamp,
    ) -> Result<Created, StoreError> {
        let item = to_item(&self.table, id, UsedAssertion { id, schema: SCHEMA, attempt, expires_at })?;
        let request = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item));
        let request = request.condition_expression("attribute_not_exists(id) OR attempt = :attempt");
        let outcome = request.expression_attribute_values(":attempt", string(attempt)).send().await;
        Ok(Created::held(held(outcome)?))
    }

    /// Deletes an item, if it is there.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), StoreError> {
        let request = self.dynamodb.delete_item().table_name(&self.table).key(KEY, string(id));
        request.send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }
}
