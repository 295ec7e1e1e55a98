//! Auth0: an export of users with their hashes, or a file for its bulk import; JSON lines or an array.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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

/// A hash from elsewhere that Auth0 has not replaced yet: one that is a text, or a digest with a salt beside it.
fn custom_hash(member: &Member<'_>) -> Result<Placed<String>, Wrong> {
    let mut custom = member.members()?;
    let algorithm = custom.take_text("algorithm")?.ok_or_else(|| member.expected("a member \"algorithm\""))?;
    if let Some(mut password) = custom.take("password").map(|password| password.members()).transpose()?
        && password.take_text("encoding")?.is_some_and(|encoding| encoding != "utf8")
    {
        return Err(member.expected("a password in utf8"));
    }
    let mut hash = custom.take("hash").ok_or_else(|| member.expected("a member \"hash\""))?.members()?;
    let value = hash.take("value").ok_or_else(|| member.expected("a member \"value\" of its hash"))?;
    let encoding = hash.take_text("encoding")?;
    let text = match &*algorithm {
        "argon2" | "bcrypt" | "ldap" | "pbkdf2" => value.text()?,
        "md5" | "sha1" | "sha256" | "sha512" => {
            let digest = match encoding.as_deref() {
                Some("base64") => hex(&STANDARD.decode(value.text()?).map_err(|_| value.expected("base64"))?),
                None | Some("hex") => value.text()?,
                Some(_) => return Err(member.expected("a hash in hex or base64")),
            };
            let salt = custom.take("salt").map(|salt| salted(&salt)).transpose()?.unwrap_or_default();
            format!("{algorithm}:{salt}{digest}")
        }
        _ => return Err(member.expected("argon2, bcrypt, ldap, pbkdf2, md5, sha1, sha256 or sha512 as its algorithm")),
    };
    Ok((text, Some(value.at())))
}

/// Where a salt is, and what: as a digest has it in front.
fn salted(member: &Member<'_>) -> Result<String, Wrong> {
    let mut salt = member.members()?;
    let value = salt.take_text("value")?.ok_or_else(|| member.expected("a member \"value\""))?;
    let position = match salt.take_text("position")?.as_deref() {
        None | Some("prefix") => "prefix",
        Some("suffix") => "suffix",
        Some(_) => return Err(member.expected("prefix or suffix as its position")),
    };
    let encoding = match salt.take_text("encoding")?.as_deref() {
        None | Some("utf8") => "",
        Some("hex") => "-hex",
        Some("base64") => "-base64",
        Some(_) => return Err(member.expected("a salt in utf8, hex or base64")),
    };
    Ok(format!("{position}{encoding}:{value}:"))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
