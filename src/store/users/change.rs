//! Changing what a user is said to be: for the command line only.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::clock::Timestamp;
use crate::json::Object;
use crate::scope::Scope;
use crate::store::claims;
use crate::store::item::string;
use crate::store::outcome::{Changed, StoreError};
use crate::store::users::Users;
use crate::user::User;

/// What tells whether a user is still as somebody has seen it: a digest of everything that is given to a user, and of who it
/// is. A login does not change it, nor does another hash of the same password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    const BYTES: usize = 12;

    /// The revision of `user`.
    #[must_use]
    pub fn of(user: &User) -> Self {
        let User { subject, claims, allowed_scopes, disabled, password_generation, .. } = user;
        // Members are in order, and numbers keep their digits: equal claims are equal text.
        let content = serde_json::to_vec(&(subject, claims, allowed_scopes, disabled, password_generation));
        let digest = Sha256::digest(content.unwrap_or_default());
        let number = digest[..Self::BYTES].iter().fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
        // In hexadecimal digits, so that none looks like an option.
        Self(format!("{number:0digits$x}", digits = 2 * Self::BYTES))
    }

    /// Whether it is the one that is written as `text`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0 == text
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Revision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl Users {
    /// Gives the user that was read as `read` other claims and scopes, provided that nobody has given it anything else meanwhile.
    /// Nothing else is written: a login that is noted at the same time stays.
    ///
    /// # Errors
    /// [`StoreError`] when the request to DynamoDB fails.
    pub async fn change(
        &self,
        read: &User,
        claims: &Object,
        allowed_scopes: Option<&Scope>,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let scopes = if allowed_scopes.is_some() { ", allowed_scopes = :scopes" } else { " REMOVE allowed_scopes" };
        let update = format!("SET claims = :claims, updated_at = :now{scopes}");
        let request = self.update(read.into(), &update, now);
        let request = request.expression_attribute_values(":claims", claims::map(claims));
        self.changed(match allowed_scopes {
            Some(scopes) => request.expression_attribute_values(":scopes", string(&scopes.to_string())),
            None => request,
        })
        .await
    }
}
