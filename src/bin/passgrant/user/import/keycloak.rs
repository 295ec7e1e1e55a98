//! Keycloak: a realm, as `kc.sh export` writes it, with its users.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use passgrant::json::{Object, Value};

use crate::user::import::django::insert;
use crate::user::import::members::{Member, Members};
use crate::user::import::record::{Draft, Placed};
use crate::user::import::wrong::Wrong;

/// The member of a realm that has its users.
pub(super) const USERS: &str = "users";

/// The user of an object; `None` if it is the account of a service. The `id` is the `sub` of Keycloak's tokens, and stays
/// the `sub`.
pub(super) fn draft(text: &str) -> Result<Option<Draft>, Wrong> {
    let mut user = Members::parse(text)?;
    if user.take("serviceAccountClientId").is_some() {
        return Ok(None);
    }
    let username = user.take("username").ok_or_else(|| Wrong::at(0, "expected a member \"username\""))?;
    let mut claims = user.take("attributes").map(|member| attributes(&member)).transpose()?.unwrap_or_default();
    for (member, claim) in [("email", "email"), ("firstName", "given_name"), ("lastName", "family_name")] {
        insert(&mut claims, claim, user.take_text(member)?);
    }
    if let Some(verified) = user.take_bool("emailVerified")?.filter(|_| claims.contains_key("email")) {
        claims.insert("email_verified".to_owned(), verified.into());
    }
    let hash = user.take("credentials").map(|member| password(&member)).transpose()?.flatten();
    Ok(Some(Draft {
        username: (username.text()?, Some(username.at())),
        sub: user.take("id").map(|member| Ok::<_, Wrong>((member.text()?, Some(member.at())))).transpose()?,
        hash,
        claims: Some((claims, None)),
        disabled: user.take_bool("enabled")?.map(|enabled| !enabled),
        ..Draft::default()
    }))
}

/// Each attribute is a list of texts. A list of one is that one.
fn attributes(member: &Member<'_>) -> Result<Object, Wrong> {
    let attribute = |member: Member<'_>| {
        let mut texts = member.texts()?;
        let value = if texts.len() == 1 { texts.remove(0).into() } else { texts.into_iter().collect::<Value>() };
        Ok((member.name().to_owned(), value))
    };
    member.members()?.into_iter().map(attribute).collect()
}

/// The hash of the first password among the credentials. The other kinds of credentials are nothing for this grant.
fn password(credentials: &Member<'_>) -> Result<Option<Placed<String>>, Wrong> {
    for mut credential in credentials.objects()? {
        if credential.take_text("type")?.as_deref() != Some("password") {
            continue;
        }
        let at = credentials.at();
        if credential.take("value").is_some() {
            return Err(Wrong::at(at, "\"credentials\": a password that is not hashed is not imported"));
        }
        let (Some(secret), Some(data)) = (credential.take_text("secretData")?, credential.take_text("credentialData")?)
        else {
            return Err(Wrong::at(
                at,
                "\"credentials\": expected \"secretData\" and \"credentialData\" of the password",
            ));
        };
        let hash = hash(&secret, &data).map_err(|wrong| Wrong::at(at, format!("\"credentials\": {}", wrong.reason)))?;
        return Ok(Some((hash, Some(at))));
    }
    Ok(None)
}

/// Both are JSON in text. What they say is written as a PHC string.
fn hash(secret: &str, data: &str) -> Result<String, Wrong> {
    let missing = |what: &str| Wrong::new(format!("expected {what} of the password"));
    let (mut secret, mut data) = (Members::parse(secret)?, Members::parse(data)?);
    let value = secret.take_text("value")?.ok_or_else(|| missing("\"value\""))?;
    let salt = secret.take_text("salt")?.ok_or_else(|| missing("\"salt\""))?;
    let algorithm = data.take_text("algorithm")?.ok_or_else(|| missing("\"algorithm\""))?;
    let iterations = data.take("hashIterations").ok_or_else(|| missing("\"hashIterations\""))?.number()?;
    let unpadded = |text: &str| {
        let bytes = STANDARD.decode(text).map_err(|_| Wrong::new("expected a hash and a salt in base64"))?;
        Ok::<_, Wrong>(STANDARD_NO_PAD.encode(bytes))
    };
    let mut phc = match &*algorithm {
        "argon2" => argon2(iterations, &data.take("additionalParameters").ok_or_else(|| missing("its parameters"))?)?,
        "pbkdf2" => format!("$pbkdf2$i={iterations}"),
        "pbkdf2-sha256" | "pbkdf2-sha512" => format!("${algorithm}$i={iterations}"),
        _ => return Err(Wrong::new("expected argon2, pbkdf2-sha256, pbkdf2-sha512 or pbkdf2 as its algorithm")),
    };
    // Writing to a String cannot fail.
    let _: fmt::Result = write!(phc, "${}${}", unpadded(&salt)?, unpadded(&value)?);
    Ok(phc)
}

/// Each parameter is a list of one text.
fn argon2(iterations: u32, parameters: &Member<'_>) -> Result<String, Wrong> {
    let mut parameters = parameters.members()?;
    let mut parameter = |name: &str| {
        let texts = parameters.take(name).map(|member| member.texts()).transpose()?.unwrap_or_default();
        texts.into_iter().next().ok_or_else(|| Wrong::new(format!("expected its parameter \"{name}\"")))
    };
    if parameter("type")? != "id" || parameter("version")? != "1.3" {
        return Err(Wrong::new("expected Argon2id in version 1.3"));
    }
    let (memory, parallelism) = (parameter("memory")?, parameter("parallelism")?);
    Ok(format!("$argon2id$v=19$m={memory},t={iterations},p={parallelism}"))
}
