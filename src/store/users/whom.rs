//! Whom a change is for.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::store::claims;
use crate::store::item::{number, string};
use crate::user::{User, Username};

/// Whom a change is for.
#[derive(Clone, Copy, Debug)]
pub enum Whom<'a> {
    /// Whoever has the username.
    Named(&'a Username),
    /// The user that was read, provided that nobody has given it anything else meanwhile.
    Seen(&'a User),
}

impl<'a> From<&'a Username> for Whom<'a> {
    fn from(username: &'a Username) -> Self {
        Self::Named(username)
    }
}

impl<'a> From<&'a User> for Whom<'a> {
    fn from(user: &'a User) -> Self {
        Self::Seen(user)
    }
}

/// What DynamoDB is to find before it writes.
pub(super) struct Condition {
    pub(super) expression: &'static str,
    pub(super) names: Option<HashMap<String, String>>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl<'a> Whom<'a> {
    pub(super) fn username(self) -> &'a Username {
        match self {
            Self::Named(username) => username,
            Self::Seen(user) => &user.username,
        }
    }

    pub(super) fn condition(self) -> Condition {
        let Self::Seen(user) = self else {
            return Condition { expression: "attribute_exists(username)", names: None, values: HashMap::new() };
        };
        let expression = match &user.allowed_scopes {
            Some(_) => {
                "#sub = :sub AND password_generation = :seen_generation AND disabled = :seen_disabled AND \
                 claims = :seen_claims AND allowed_scopes = :seen_scopes"
            }
            None => {
                "#sub = :sub AND password_generation = :seen_generation AND disabled = :seen_disabled AND \
                 claims = :seen_claims AND attribute_not_exists(allowed_scopes)"
            }
        };
        let mut values = HashMap::from([
            (":sub", string(user.subject.as_str())),
            (":seen_generation", number(user.password_generation)),
            (":seen_disabled", AttributeValue::Bool(user.disabled)),
            (":seen_claims", claims::map(&user.claims)),
        ]);
        values.extend(user.allowed_scopes.as_ref().map(|scopes| (":seen_scopes", string(&scopes.to_string()))));
        let names = HashMap::from([("#sub".to_owned(), "sub".to_owned())]);
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Condition { expression, names: Some(names), values }
    }
}
