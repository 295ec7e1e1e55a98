//! The claims of users: what may be a claim, and which claims the standard scopes give (OpenID Connect Core, section
//! 5).

use crate::json::{Object, Value};
use crate::scope::Scope;
use crate::user::User;

/// How deep an attribute may be nested: half of what DynamoDB allows.
pub const MAX_DEPTH: usize = 16;

/// Attributes that no user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedClaims {
    /// An attribute, or a member of one, has no name.
    #[error("a claim has no name")]
    Nameless,
    /// An attribute is nested too deeply.
    #[error("a claim is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// A number is too large or too small.
    #[error("a number is neither 0 nor of a magnitude from 1e-130 to below 1e126")]
    OutOfRange,
}

/// Checks what is to become the attributes of a user, wherever it comes from.
///
/// # Errors
/// [`RefusedClaims`] for what cannot be stored, or what few readers of tokens could represent.
pub fn check(claims: &Object) -> Result<(), RefusedClaims> {
    check_members(claims, MAX_DEPTH)
}

fn check_members(members: &Object, depth: usize) -> Result<(), RefusedClaims> {
    if members.keys().any(String::is_empty) {
        return Err(RefusedClaims::Nameless);
    }
    members.values().try_for_each(|value| check_value(value, depth))
}

fn check_value(value: &Value, depth: usize) -> Result<(), RefusedClaims> {
    let below = || depth.checked_sub(1).ok_or(RefusedClaims::TooDeep);
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) if number.is_in_range() => Ok(()),
        Value::Number(_) => Err(RefusedClaims::OutOfRange),
        Value::Array(values) => {
            let depth = below()?;
            values.iter().try_for_each(|value| check_value(value, depth))
        }
        Value::Object(members) => check_members(members, below()?),
    }
}

/// Which attributes a scope token gives (OpenID Connect Core, section 5.4).
const STANDARD_CLAIMS: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// The scope tokens that [`of_scope`] knows.
pub fn standard_scopes() -> impl Iterator<Item = &'static str> {
    STANDARD_CLAIMS.iter().map(|(token, _)| *token)
}

/// The names of the claims that [`of_scope`] can give.
pub fn standard_claims() -> impl Iterator<Item = &'static str> {
    STANDARD_CLAIMS.iter().flat_map(|(_, names)| names.iter().copied())
}

/// The attributes of `user` that `scope` gives, for ID tokens and userinfo. For a user without a `preferred_username`,
/// it is the username.
#[must_use]
pub fn of_scope(scope: &Scope, user: &User) -> Object {
    let granted = STANDARD_CLAIMS.iter().filter(|(token, _)| scope.names(token)).flat_map(|(_, names)| names.iter());
    granted
        .filter_map(|name| {
            let username = || (*name == "preferred_username").then(|| user.username.as_str().into());
            Some(((*name).to_owned(), user.claims.get(*name).cloned().or_else(username)?))
        })
        .collect()
}
