//! The users table: key `username`, in its prepared form.

#[cfg(feature = "cli")]
pub mod change;
#[cfg(feature = "cli")]
pub mod find;
#[cfg(feature = "cli")]
pub mod many;
mod whom;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::client::id::ClientId;
use crate::clock::{Day, Timestamp};
use crate::json::Object;
use crate::password::PasswordHash;
use crate::scope::Scope;
use crate::store::claims;
use crate::store::item::{Item, number, string};
use crate::store::outcome::{Changed, Created, StoreError, held};
use crate::store::pages::Pages;
use crate::store::table::Table;
use crate::store::users::whom::Condition;
pub use crate::store::users::whom::Whom;
use crate::user::{LeakCheck, Subject, User, Username};

const CLAIMS: &str = "claims";

/// A user as it is stored, without the claims.
#[derive(Serialize, Deserialize)]
struct StoredUser {
    username: Username,
    sub: Subject,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    password_hash: Option<PasswordHash>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    allowed_scopes: Option<Scope>,
    disabled: bool,
    password_changed_at: Timestamp,
    password_generation: u64,
    #[serde(default)]
    session_generation: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    last_login_day: Option<Day>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    last_login_client: Option<ClientId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    leak_check: Option<LeakCheck>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<&User> for StoredUser {
    fn from(user: &User) -> Self {
        Self {
            username: user.username.clone(),
            sub: user.subject.clone(),
            password_hash: user.password_hash.clone(),
            allowed_scopes: user.allowed_scopes.clone(),
            disabled: user.disabled,
            password_changed_at: user.password_changed_at,
            password_generation: user.password_generation,
            session_generation: user.session_generation,
            last_login_day: user.last_login_day,
            last_login_client: user.last_login_client.clone(),
            leak_check: user.leak_check.clone(),
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

impl StoredUser {
    fn with(self, claims: Object) -> User {
        User {
            username: self.username,
            subject: self.sub,
            password_hash: self.password_hash,
            claims,
            allowed_scopes: self.allowed_scopes,
            disabled: self.disabled,
            password_changed_at: self.password_changed_at,
            password_generation: self.password_generation,
            session_generation: self.session_generation,
            last_login_day: self.last_login_day,
            last_login_client: self.last_login_client,
            leak_check: self.leak_check,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// The users table.
#[derive(Clone, Debug)]
pub struct Users {
    table: Table,
}

impl Users {
    pub(super) fn new(table: Table) -> Self {
        Self { table }
    }

    /// The user called `username`.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer or the item cannot be read.
    pub async fn get(&self, username: &Username) -> Result<Option<User>, StoreError> {
        let item = self.table.get(username.as_str()).await?;
        item.map(|item| self.read(username.as_str(), item)).transpose()
    }

    /// The user called `username`, who is known to have logged in: from memory where nothing has changed since.
    ///
    /// # Errors
    /// As [`Users::get`].
    pub(crate) async fn get_known(&self, username: &Username) -> Result<Option<User>, StoreError> {
        let item = self.table.get_known(username.as_str()).await?;
        item.map(|item| self.read(username.as_str(), item)).transpose()
    }

    fn read(&self, key: &str, mut item: Item) -> Result<User, StoreError> {
        let claims = self.table.take_claims(key, &mut item, CLAIMS)?;
        let stored: StoredUser = self.table.stored(key, item)?;
        Ok(stored.with(claims.ok_or_else(|| self.table.inconsistent(key, "it has no claims"))?))
    }

    /// Creates a user; never overwrites one.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn create(&self, user: &User) -> Result<Created, StoreError> {
        self.table.create(self.item(user)?).await
    }

    fn item(&self, user: &User) -> Result<Item, StoreError> {
        let mut item = self.table.item(user.username.as_str(), StoredUser::from(user))?;
        claims::put(&mut item, CLAIMS, &user.claims);
        Ok(item)
    }

    /// Sets a user's password, which ends every session of the user.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn set_password(
        &self,
        whom: impl Into<Whom<'_>>,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let update = "SET password_hash = :hash, password_changed_at = :now, updated_at = :now \
                      ADD password_generation :one, session_generation :one";
        let request = self.update(whom.into(), update, now);
        self.changed(
            request
                .expression_attribute_values(":hash", string(hash.as_phc()))
                .expression_attribute_values(":one", number(1)),
        )
        .await
    }

    /// Sets the password hash of a user who has none, and who is still the one that was read as `user`. The password is
    /// the one that the user has had all along: sessions continue.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub(crate) async fn import_password(
        &self,
        user: &User,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let request = self.update((&user.username).into(), "SET password_hash = :hash, updated_at = :now", now);
        self.changed(
            request
                .condition_expression("#sub = :sub AND attribute_not_exists(password_hash)")
                .expression_attribute_names("#sub", "sub")
                .expression_attribute_values(":sub", string(user.subject.as_str()))
                .expression_attribute_values(":hash", string(hash.as_phc())),
        )
        .await
    }

    /// Replaces the password hash that `user` was read with by another hash of the same password: sessions continue.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub(crate) async fn replace_hash(
        &self,
        user: &User,
        hash: &PasswordHash,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let read = user.password_hash.as_ref().map(PasswordHash::as_phc).unwrap_or_default();
        let request = self.update((&user.username).into(), "SET password_hash = :hash, updated_at = :now", now);
        self.changed(
            request
                .condition_expression("password_hash = :read")
                .expression_attribute_values(":read", string(read))
                .expression_attribute_values(":hash", string(hash.as_phc())),
        )
        .await
    }

    /// Notes that a user who was read as `user` logs in with `client` on `day`, unless that day or a later one has been noted
    /// already, or the user is gone or another one by now. It is not a change of the user: `updated_at` stays as it is.
    pub(crate) async fn note_login(&self, user: &User, client: &ClientId, day: Day) -> Result<Changed, StoreError> {
        let update = "SET last_login_day = :day, last_login_client = :client";
        let request = self.table.update(user.username.as_str(), update);
        self.changed(
            request
                .condition_expression("#sub = :sub AND (attribute_not_exists(last_login_day) OR last_login_day < :day)")
                .expression_attribute_names("#sub", "sub")
                .expression_attribute_values(":sub", string(user.subject.as_str()))
                .expression_attribute_values(":client", string(client.as_str()))
                .expression_attribute_values(":day", number(day.start().as_unix())),
        )
        .await
    }

    /// Notes what is known about whether the password of `user` has leaked, if the user still has that password and
    /// `read` is still what is known. It is not a change of the user.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub(crate) async fn note_leak_check(
        &self,
        user: &User,
        read: Option<&LeakCheck>,
        check: &LeakCheck,
    ) -> Result<Changed, StoreError> {
        let key = user.username.as_str();
        let value = |check: &LeakCheck| {
            serde_dynamo::to_attribute_value(check).map_err(|error| self.table.inconsistent(key, error))
        };
        let unchanged = if read.is_some() { "leak_check = :read" } else { "attribute_not_exists(leak_check)" };
        let condition = format!("#sub = :sub AND password_generation = :generation AND {unchanged}");
        let request = self
            .table
            .update(key, "SET leak_check = :check")
            .condition_expression(condition)
            .expression_attribute_names("#sub", "sub")
            .expression_attribute_values(":sub", string(user.subject.as_str()))
            .expression_attribute_values(":generation", number(user.password_generation))
            .expression_attribute_values(":check", value(check)?);
        self.changed(match read {
            Some(read) => request.expression_attribute_values(":read", value(read)?),
            None => request,
        })
        .await
    }

    /// Disables a user, and ends every session for good.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn disable(&self, whom: impl Into<Whom<'_>>, now: Timestamp) -> Result<Changed, StoreError> {
        let update = "SET disabled = :disabled, updated_at = :now ADD session_generation :one";
        let request = self.update(whom.into(), update, now).expression_attribute_values(":one", number(1));
        self.changed(request.expression_attribute_values(":disabled", AttributeValue::Bool(true))).await
    }

    /// Enables a user. Earlier sessions stay ended.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn enable(&self, whom: impl Into<Whom<'_>>, now: Timestamp) -> Result<Changed, StoreError> {
        let request = self.update(whom.into(), "SET disabled = :disabled, updated_at = :now", now);
        self.changed(request.expression_attribute_values(":disabled", AttributeValue::Bool(false))).await
    }

    /// Ends every session of a user, with one write to the user.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn end_sessions(&self, whom: impl Into<Whom<'_>>, now: Timestamp) -> Result<Changed, StoreError> {
        let request = self.update(whom.into(), "SET updated_at = :now ADD session_generation :one", now);
        self.changed(request.expression_attribute_values(":one", number(1))).await
    }

    fn update(&self, whom: Whom<'_>, expression: &str, now: Timestamp) -> UpdateItemFluentBuilder {
        let Condition { expression: condition, names, values } = whom.condition();
        self.table
            .update(whom.username().as_str(), expression)
            .condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(Some(values))
            .expression_attribute_values(":now", number(now.as_unix()))
    }

    async fn changed(&self, request: UpdateItemFluentBuilder) -> Result<Changed, StoreError> {
        Ok(Changed::held(held(request.send().await)?))
    }

    /// Deletes a user, which ends every session of the user.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn delete(&self, whom: impl Into<Whom<'_>>) -> Result<Changed, StoreError> {
        let whom = whom.into();
        let Condition { expression: condition, names, values } = whom.condition();
        let request = self.table.delete(whom.username().as_str()).condition_expression(condition);
        let values = Some(values).filter(|values| !values.is_empty());
        let outcome =
            request.set_expression_attribute_names(names).set_expression_attribute_values(values).send().await;
        Ok(Changed::held(held(outcome)?))
    }

    /// Every user, by reading the whole table: for the command line only.
    #[must_use]
    pub fn list(&self) -> Pages<'_, User> {
        self.segment(0, 1)
    }

    /// The users in one of `segments` parts of the table, the first of which is 0. They may be read at the same time; a
    /// change that is a few seconds old may not be seen yet, unless there is only one part.
    #[must_use]
    pub fn segment(&self, segment: u32, segments: u32) -> Pages<'_, User> {
        Pages::new(self.table.scan_of(segment, segments), |item| self.read(&self.table.key_of(&item), item))
    }
}
