//! JSON lines: an object a line, in the members that `user export` writes.

use passgrant::scope::{Scope, ScopeToken};

use crate::user::import::members::{Member, Members};
use crate::user::import::record::Draft;
use crate::user::import::wrong::Wrong;

/// The members of a line, and the columns of a CSV file.
pub(super) const KNOWN: [&str; 7] = ["username", "sub", "password_hash", "hash_format", "claims", "scopes", "disabled"];

/// The user of a line. A member that is not known is an error: it may be one that is misspelt.
pub(super) fn draft(text: &str) -> Result<Draft, Wrong> {
    let mut members = Members::parse(text)?;
    members.check_known(&KNOWN)?;
    let placed = |member: Member<'_>| Ok::<_, Wrong>((member.text()?, Some(member.at())));
    let username = members.take("username").ok_or_else(|| Wrong::at(0, "expected a member \"username\""))?;
    let format = |member: Member<'_>| {
        member.text()?.parse().map_err(|reason| Wrong::at(member.at(), format!("\"hash_format\": {reason}")))
    };
    Ok(Draft {
        username: placed(username)?,
        sub: members.take("sub").map(placed).transpose()?,
        hash: members.take("password_hash").map(placed).transpose()?,
        hash_format: members.take("hash_format").map(format).transpose()?,
        claims: members.take("claims").map(|member| Ok((member.object()?, Some(member.at())))).transpose()?,
        scopes: members.take("scopes").map(|member| scopes(&member)).transpose()?,
        disabled: members.take_bool("disabled")?,
    })
}

/// An array of tokens, or one text with spaces between them.
fn scopes(member: &Member<'_>) -> Result<Scope, Wrong> {
    let malformed = |reason| member.expected(&format!("scopes, but {reason}"));
    if member.is_text() {
        return Scope::parse_or_empty(&member.text()?).map_err(malformed);
    }
    let tokens = member.texts().map_err(|_| member.expected("an array of texts, or a text"))?;
    for token in &tokens {
        ScopeToken::parse(token).map_err(malformed)?;
    }
    Scope::parse_or_empty(&tokens.join(" ")).map_err(malformed)
}
