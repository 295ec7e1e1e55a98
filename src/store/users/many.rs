//! Many users at once: for the import of users by the command line.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::clock::Timestamp;
use crate::password::PasswordHash;
use crate::scope::Scope;
use crate::store::item::{Item, number, string};
use crate::store::outcome::{Changed, StoreError};
use crate::store::restoration::Restoration;
use crate::store::users::Users;
use crate::store::{claims, users};
use crate::user::{User, Username};

impl Users {
    /// The most users that are created at once.
    pub const MOST_AT_ONCE: usize = 100;

    /// The largest user that DynamoDB takes, in bytes: an item may have 400 KiB.
    pub const MAX_BYTES: usize = 400 * 1024;

    /// Creates users with different usernames, [`Users::MOST_AT_ONCE`] at most: all of them, or none. If usernames are
    /// taken, nobody is created, and for each of the users there is the one who has the username already, if there is one.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails, or an item cannot be read. If no answer came, the users may
    /// have been created.
    pub async fn create_all(&self, users: &[&User]) -> Result<Vec<Option<User>>, StoreError> {
        let items = users.iter().map(|user| self.item(user)).collect::<Result<Vec<_>, _>>()?;
        let found = self.table.create_all(items).await?;
        let read =
            |(user, item): (&&User, Option<Item>)| item.map(|item| self.read(user.username.as_str(), item)).transpose();
        users.iter().zip(found).map(read).collect()
    }

    /// The users of `usernames` that there are; [`Users::MOST_AT_ONCE`] at most are asked for.
    ///
    /// # Errors
    /// [`StoreError`] when a request to DynamoDB fails, or an item cannot be read.
    pub async fn get_many(&self, usernames: &[&Username]) -> Result<Vec<User>, StoreError> {
        let keys: Vec<&str> = usernames.iter().map(|username| username.as_str()).collect();
        let items = self.table.get_all(&keys).await?;
        items.into_iter().map(|item| self.read(&self.table.key_of(&item), item)).collect()
    }

    /// Changes the user that was read as `read`, and has not been changed since, into `wanted`: the password's hash, the
    /// claims, the scopes, and whether it is disabled. Another hash is another password: it ends every session, as a
    /// user who is disabled does.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn replace(&self, read: &User, wanted: &User, now: Timestamp) -> Result<Changed, StoreError> {
        let other_password = read.password_hash != wanted.password_hash;
        let ends_sessions = other_password || (wanted.disabled && !read.disabled);
        let mut set = vec!["claims = :claims", "disabled = :disabled", "updated_at = :now"];
        let (mut remove, mut add) = (Vec::new(), Vec::new());
        match &wanted.allowed_scopes {
            Some(_) => set.push("allowed_scopes = :scopes"),
            None => remove.push("allowed_scopes"),
        }
        if other_password {
            set.push("password_changed_at = :now");
            add.push("password_generation :one");
            match &wanted.password_hash {
                Some(_) => set.push("password_hash = :hash"),
                None => remove.push("password_hash"),
            }
        }
        if ends_sessions {
            add.push("session_generation :one");
        }
        let clauses = [("SET", set), ("REMOVE", remove), ("ADD", add)];
        let clauses = clauses.iter().filter(|(_, parts)| !parts.is_empty());
        let update: Vec<_> = clauses.map(|(clause, parts)| format!("{clause} {}", parts.join(", "))).collect();
        let mut values = unchanged_since(read);
        values.extend(values_of(wanted, other_password, ends_sessions));
        // Two changes may come within the second that `updated_at` tells.
        let same_hash = match &read.password_hash {
            Some(_) => "password_hash = :read_hash",
            None => "attribute_not_exists(password_hash)",
        };
        let same_sessions = match read.session_generation {
            0 => "(attribute_not_exists(session_generation) OR session_generation = :read_sessions)",
            _ => "session_generation = :read_sessions",
        };
        let condition = format!(
            "#sub = :sub AND updated_at = :read AND disabled = :read_disabled AND {same_sessions} AND \
             password_generation = :generation AND {same_hash}"
        );
        let request = self.update((&read.username).into(), &update.join(" "), now).condition_expression(condition);
        let request =
            values.into_iter().fold(request, |request, (name, value)| request.expression_attribute_values(name, value));
        self.changed(request.expression_attribute_names("#sub", "sub")).await
    }

    /// How large a user is in the table, in bytes, as DynamoDB counts.
    ///
    /// # Errors
    /// [`StoreError`] when the user cannot be stored at all.
    pub fn stored_bytes(&self, user: &User) -> Result<usize, StoreError> {
        Ok(self.item(user)?.iter().map(|(name, value)| name.len() + bytes(value)).sum())
    }

    /// What copies users that are missing here from the table called `from`, which was restored from a backup. Sessions of
    /// before do not continue with them: they began in another generation.
    #[must_use]
    pub fn restoration(&self, from: &str) -> Restoration {
        Restoration::new(from, &self.table, |item, random| {
            let generation = u32::from_be_bytes(*random.bytes::<4>()?);
            item.insert("session_generation".to_owned(), number(generation.into()));
            Ok(())
        })
    }

    /// How many users there are, about: DynamoDB counts every six hours.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer.
    pub async fn about_items(&self) -> Result<u64, StoreError> {
        self.table.about_items().await
    }

    /// What DynamoDB calls the table, which no other table is ever called.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer.
    pub async fn table_id(&self) -> Result<String, StoreError> {
        self.table.id().await
    }
}

fn unchanged_since(read: &User) -> Vec<(&'static str, AttributeValue)> {
    let mut values = vec![
        (":sub", string(read.subject.as_str())),
        (":read", number(read.updated_at.as_unix())),
        (":generation", number(read.password_generation)),
        (":read_disabled", AttributeValue::Bool(read.disabled)),
        (":read_sessions", number(read.session_generation)),
    ];
    values.extend(read.password_hash.as_ref().map(|hash| (":read_hash", string(hash.as_phc()))));
    values
}

fn values_of(wanted: &User, hash: bool, one: bool) -> Vec<(&'static str, AttributeValue)> {
    let mut item = Item::new();
    claims::put(&mut item, users::CLAIMS, &wanted.claims);
    let mut values: Vec<_> = item.remove(users::CLAIMS).map(|claims| (":claims", claims)).into_iter().collect();
    values.push((":disabled", AttributeValue::Bool(wanted.disabled)));
    values.extend(wanted.allowed_scopes.as_ref().map(|scopes: &Scope| (":scopes", string(&scopes.to_string()))));
    let hash = wanted.password_hash.as_ref().filter(|_| hash);
    values.extend(hash.map(|hash: &PasswordHash| (":hash", string(hash.as_phc()))));
    values.extend(one.then(|| (":one", number(1))));
    values
}

/// A number takes a byte for two digits, and two more at most; what is inside of a list or a map, a byte more.
fn bytes(value: &AttributeValue) -> usize {
    const NESTED: usize = 3;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 2,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(values) => NESTED + values.iter().map(|value| 1 + bytes(value)).sum::<usize>(),
        AttributeValue::M(members) => {
            NESTED + members.iter().map(|(name, value)| 1 + name.len() + bytes(value)).sum::<usize>()
        }
        _ => 1,
    }
}
