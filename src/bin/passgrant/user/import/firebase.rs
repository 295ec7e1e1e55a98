//! Firebase Authentication: what `firebase auth:export users.json --format=json` writes. Its scrypt takes four parameters
//! of the project, which the console shows (Authentication, Users, Password hash parameters).

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use passgrant::json::{Object, Value};

use crate::failure::Failure;
use crate::user::import::django::insert;
use crate::user::import::members::Members;
use crate::user::import::record::Draft;
use crate::user::import::wrong::Wrong;

/// The member of an export that has the users.
pub(super) const USERS: &str = "users";

/// More than the parameters of a project take.
const MAX_CONFIG_BYTES: u64 = 64 * 1024;

/// The parameters of a project.
#[derive(Clone)]
pub(super) struct Config {
    signer_key: String,
    salt_separator: String,
    rounds: u32,
    mem_cost: u32,
}

impl Config {
    /// Reads the file at `path`: JSON with the names that the console shows.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let refused = |reason: &str| Failure::refused(format!("{}: {reason}", path.display()));
        let size = fs::metadata(path).map_err(|error| refused(&error.to_string()))?.len();
        if size > MAX_CONFIG_BYTES {
            return Err(refused("too long for the parameters of a project"));
        }
        let text = fs::read_to_string(path).map_err(|error| refused(&error.to_string()))?;
        Self::parse(text.trim()).map_err(|wrong| refused(&wrong.reason))
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let mut members = Members::parse(text)?;
        let mut text = |name: &str| {
            let member = members.take(name).ok_or_else(|| Wrong::new(format!("expected a member \"{name}\"")))?;
            let text = member.text()?;
            STANDARD.decode(&text).map_err(|_| member.expected("base64"))?;
            Ok::<_, Wrong>(text)
        };
        let (signer_key, salt_separator) = (text("base64_signer_key")?, text("base64_salt_separator")?);
        let mut number = |name: &str| {
            members.take(name).ok_or_else(|| Wrong::new(format!("expected a member \"{name}\"")))?.number()
        };
        Ok(Self { signer_key, salt_separator, rounds: number("rounds")?, mem_cost: number("mem_cost")? })
    }

    /// What a checkpoint remembers the parameters by.
    pub(super) fn described(&self) -> String {
        format!("{} {} {} {}", self.signer_key, self.salt_separator, self.rounds, self.mem_cost)
    }
}

/// The user of an object. The `localId` is the `sub` of Firebase's tokens, and stays the `sub`.
pub(super) fn draft(text: &str, config: Option<&Config>) -> Result<Draft, Wrong> {
    let mut user = Members::parse(text)?;
    let id = user.take("localId").ok_or_else(|| Wrong::at(0, "expected a member \"localId\""))?;
    let sub = (id.text()?, Some(id.at()));
    let mut claims =
        user.take("customAttributes").map(|member| custom(&member.text()?)).transpose()?.unwrap_or_default();
    let (email, phone) = (user.take_text("email")?, user.take_text("phoneNumber")?);
    insert(&mut claims, "email", email.clone());
    insert(&mut claims, "phone_number", phone.clone());
    insert(&mut claims, "name", user.take_text("displayName")?);
    insert(&mut claims, "picture", user.take_text("photoUrl")?);
    if let Some(verified) = user.take_bool("emailVerified")?.filter(|_| email.is_some()) {
        claims.insert("email_verified".to_owned(), verified.into());
    }
    let hash = match (user.take("passwordHash"), user.take("salt")) {
        (Some(hash), Some(salt)) if !hash.text()?.is_empty() => {
            let at = Some(hash.at());
            let config = config.ok_or_else(|| Wrong {
                at,
                reason: "expected --firebase-config FILE with the parameters that this hash was made with".to_owned(),
            })?;
            Some((text_of(config, &hash.text()?, &salt.text()?), at))
        }
        _ => None,
    };
    let username = email.or(phone).unwrap_or_else(|| sub.0.clone());
    Ok(Draft {
        username: (username, None),
        sub: Some(sub),
        hash,
        claims: Some((claims, None)),
        disabled: user.take_bool("disabled")?,
        ..Draft::default()
    })
}

fn custom(text: &str) -> Result<Object, Wrong> {
    match Value::parse(text) {
        Ok(Value::Object(claims)) => Ok(claims),
        _ => Err(Wrong::new("\"customAttributes\": expected an object as JSON in text")),
    }
}

/// The hash as one text, with everything that it takes to verify it.
fn text_of(config: &Config, hash: &str, salt: &str) -> String {
    let Config { signer_key, salt_separator, rounds, mem_cost } = config;
    format!("$firebase-scrypt$r={rounds},m={mem_cost},sk={signer_key},ss={salt_separator}${salt}${hash}")
}
