//! Sessions, in the tokens table: under `s#` and the session's identifier.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::client::id::{ClientId, Incarnation};
use crate::clock::Timestamp;
use crate::json::Object;
use crate::scope::Scope;
use crate::store::claims;
use crate::store::item::{Item, number, string};
use crate::store::key;
use crate::store::outcome::{StoreError, in_the_way};
use crate::store::pages::Pages;
use crate::store::table::Table;
use crate::user::{Subject, Username};

const ASSERTED_CLAIMS: &str = "asserted_claims";

/// A session as it is stored, without its key. Digests and the salt are base64url.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredSession {
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
    /// What a delegated verifier said about the user at the login.
    #[serde(skip)]
    pub(crate) asserted_claims: Object,
    pub(crate) scope: Scope,
    pub(crate) audiences: Vec<Audience>,
    pub(crate) auth_time: Timestamp,
    /// The end of the session's absolute lifetime.
    pub(crate) not_after: Timestamp,
    /// The end of its idle lifetime, or of the absolute one if that is earlier; DynamoDB deletes the item after that.
    pub(crate) expires_at: Timestamp,
    /// The digest of the live secret.
    pub(crate) secret_digest: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none", default)]
    pub(crate) rotation: Option<StoredRotation>,
}

/// A session's last rotation.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredRotation {
    /// The digest of the secret that was presented.
    pub(crate) parent_digest: String,
    /// The salt that the live secret was derived with.
    pub(crate) salt: String,
    pub(crate) rotated_at: Timestamp,
}

/// What became of a rotation.
pub(crate) enum Rotated {
    /// The secret that was presented was the live one, and now its successor is.
    Won,
    /// It was not, or no longer is: this is the session as it is now.
    Lost(Box<StoredSession>),
    /// The session is gone.
    Gone,
}

/// The sessions in the tokens table.
#[derive(Clone, Debug)]
pub struct StoredSessions {
    tokens: Table,
}

impl StoredSessions {
    pub(super) fn new(tokens: Table) -> Self {
        Self { tokens }
    }

    /// Asks for an item that does not exist, which opens a connection.
    pub(crate) async fn open_connection(&self) -> Result<(), StoreError> {
        self.tokens.get("connection").await?;
        Ok(())
    }

    pub(crate) async fn get(&self, sid: &str) -> Result<Option<StoredSession>, StoreError> {
        let key = key::session(sid);
        let item = self.tokens.get_known(&key).await?;
        item.map(|item| self.read(&key, item)).transpose()
    }

    fn read(&self, key: &str, mut item: Item) -> Result<StoredSession, StoreError> {
        let asserted_claims = self.tokens.take_claims(key, &mut item, ASSERTED_CLAIMS)?.unwrap_or_default();
        let stored: StoredSession = self.tokens.stored(key, item)?;
        Ok(StoredSession { asserted_claims, ..stored })
    }

    /// How many items are in the table, about, sessions and others.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer.
    #[cfg(feature = "cli")]
    pub async fn about_items(&self) -> Result<u64, StoreError> {
        self.tokens.about_items().await
    }

    /// The sessions in one of `segments` parts of the table, the first of which is 0, each as what `made` makes of its
    /// identifier and of what is stored.
    pub(crate) fn segment<'s, T>(
        &'s self,
        segment: u32,
        segments: u32,
        made: impl Fn(&str, StoredSession) -> T + Send + Sync + 's,
    ) -> Pages<'s, T> {
        let request = self.tokens.scan_of(segment, segments);
        let request = request.filter_expression("begins_with(id, :session)");
        let request = request.expression_attribute_values(":session", string(key::SESSION));
        Pages::new(request, move |item| {
            let key = self.tokens.key_of(&item);
            let sid = key.strip_prefix(key::SESSION).unwrap_or_default().to_owned();
            Ok(made(&sid, self.read(&key, item)?))
        })
    }

    /// The sessions of a user, each as what `made` makes of its identifier and of what is stored, by reading the whole table:
    /// for the command line only.
    pub(crate) fn of_user<'s, T>(
        &'s self,
        username: &Username,
        made: impl Fn(&str, StoredSession) -> T + Send + Sync + 's,
    ) -> Pages<'s, T> {
        let request = self.tokens.scan_of(0, 1);
        let request = request
            .filter_expression("begins_with(id, :session) AND username = :username")
            .expression_attribute_values(":session", string(key::SESSION))
            .expression_attribute_values(":username", string(username.as_str()));
        Pages::new(request, move |item| {
            let key = self.tokens.key_of(&item);
            let sid = key.strip_prefix(key::SESSION).unwrap_or_default().to_owned();
            Ok(made(&sid, self.read(&key, item)?))
        })
    }

    /// Stores a new session. Its key is random: if it exists already, an attempt whose answer was lost has stored it.
    pub(crate) async fn put(&self, sid: &str, session: &StoredSession) -> Result<(), StoreError> {
        let mut item = self.tokens.item(&key::session(sid), session)?;
        if !session.asserted_claims.is_empty() {
            claims::put(&mut item, ASSERTED_CLAIMS, &session.asserted_claims);
        }
        self.tokens.create(item).await?;
        Ok(())
    }

    /// Makes the secret with the digest `next_digest` the live one, if the one with the digest `rotation.parent_digest`
    /// still is.
    pub(crate) async fn rotate(
        &self,
        sid: &str,
        next_digest: &str,
        rotation: &StoredRotation,
        expires_at: Timestamp,
    ) -> Result<Rotated, StoreError> {
        let key = key::session(sid);
        let update = "SET secret_digest = :next, parent_digest = :presented, salt = :salt, rotated_at = :now, \
                      expires_at = :expires";
        let request = self.tokens.update(&key, update).condition_expression("secret_digest = :presented");
        let request = request
            .expression_attribute_values(":next", string(next_digest))
            .expression_attribute_values(":presented", string(&rotation.parent_digest))
            .expression_attribute_values(":salt", string(&rotation.salt))
            .expression_attribute_values(":now", number(rotation.rotated_at.as_unix()))
            .expression_attribute_values(":expires", number(expires_at.as_unix()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = self.tokens.change_known(&key, request).await else {
            return Ok(Rotated::Won);
        };
        match in_the_way(error)? {
            Some(item) => Ok(Rotated::Lost(Box::new(self.read(&key, item)?))),
            None => Ok(Rotated::Gone),
        }
    }

    /// Deletes a session, if there is one.
    pub(crate) async fn delete(&self, sid: &str) -> Result<(), StoreError> {
        self.tokens.delete(&key::session(sid)).send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }
}
