//! Keycloak: a realm, as `kc.sh export` writes it, with its users.

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

/// The first password among the credentials, whose text is a format of hashes of its own. The other kinds of credentials
/// are nothing for this grant.
fn password(credentials: &Member<'_>) -> Result<Option<Placed<String>>, Wrong> {
    for credential in credentials.elements()? {
        let mut members = credential.members()?;
        if members.take_text("type")?.as_deref() != Some("password") {
            continue;
        }
        if members.take("value").is_some() {
            return Err(credential.expected("a hash: a password that is not hashed is not imported"));
        }
        return Ok(Some((credential.json().to_owned(), Some(credential.at()))));
    }
    Ok(None)
}
