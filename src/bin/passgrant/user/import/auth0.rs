//! Auth0: an export of users with their hashes, or a file for its bulk import; JSON lines or an array.

use passgrant::json::Object;

use crate::user::import::members::{Member, Members};
use crate::user::import::record::{Draft, Placed};
use crate::user::import::wrong::Wrong;

/// Members that become claims of the same name.
const CLAIMS: [&str; 12] = [
    "email",
    "email_verified",
    "phone_number",
    "phone_verified",
    "name",
    "given_name",
    "family_name",
    "nickname",
    "picture",
    "user_metadata",
    "app_metadata",
    "locale",
];

/// The user of an object. The `user_id` is the `sub` of Auth0's tokens, and stays the `sub`.
pub(super) fn draft(text: &str) -> Result<Draft, Wrong> {
    let mut user = Members::parse(text)?;
    let placed = |member: Member<'_>| Ok::<_, Wrong>((member.text()?, Some(member.at())));
    let sub = match user.take("user_id") {
        Some(id) => Some(placed(id)?),
        None => user.take("_id").map(|id| object_id(&id)).transpose()?.flatten(),
    };
    let hash = user.take("passwordHash").or_else(|| user.take("password_hash")).map(placed).transpose()?;
    let custom = user.take("custom_password_hash").map(|custom| custom_hash(&custom)).transpose()?;
    let mut claims = Object::new();
    for name in CLAIMS {
        if let Some(member) = user.take(name) {
            claims.insert(name.to_owned(), member.value()?);
        }
    }
    let username = match user.take("username") {
        Some(username) => placed(username)?,
        None => match claims.get("email").and_then(|email| email.as_str()) {
            Some(email) => (email.to_owned(), None),
            None => return Err(Wrong::at(0, "expected a member \"username\" or \"email\"")),
        },
    };
    let disabled = user.take_bool("blocked")?;
    Ok(Draft { username, sub, hash: custom.or(hash), claims: Some((claims, None)), disabled, ..Draft::default() })
}

/// Exports with hashes have the identifier without the name of the connection, which comes first in a `sub`.
fn object_id(member: &Member<'_>) -> Result<Option<Placed<String>>, Wrong> {
    let id = member.members()?.take_text("$oid")?;
    Ok(id.map(|id| (format!("auth0|{id}"), Some(member.at()))))
}

/// A hash from elsewhere that Auth0 has not replaced yet. Those that are one text are taken.
fn custom_hash(member: &Member<'_>) -> Result<Placed<String>, Wrong> {
    let mut custom = member.members()?;
    let algorithm = custom.take_text("algorithm")?.ok_or_else(|| member.expected("a member \"algorithm\""))?;
    if !["argon2", "bcrypt", "ldap", "pbkdf2"].contains(&&*algorithm) {
        return Err(member.expected("argon2, bcrypt, ldap or pbkdf2 as its algorithm"));
    }
    let mut hash = custom.take("hash").ok_or_else(|| member.expected("a member \"hash\""))?.members()?;
    let value = hash.take("value").ok_or_else(|| member.expected("a member \"value\" of its hash"))?;
    Ok((value.text()?, Some(value.at())))
}
