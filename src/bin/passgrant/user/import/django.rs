//! Django: what `manage.py dumpdata auth.user` prints, or the table `auth_user` as CSV with a header.

use passgrant::json::Object;

use crate::user::import::csv::Fields;
use crate::user::import::members::Members;
use crate::user::import::record::Draft;
use crate::user::import::wrong::Wrong;

/// Columns of the table, and the claims that they become.
const CLAIMS: [(&str, &str); 3] = [("email", "email"), ("first_name", "given_name"), ("last_name", "family_name")];

/// The user of an object; `None` if it is an object of another model.
pub(super) fn draft(text: &str) -> Result<Option<Draft>, Wrong> {
    let mut object = Members::parse(text)?;
    let model = object.take_text("model")?.ok_or_else(|| Wrong::at(0, "expected a member \"model\""))?;
    if !model.to_ascii_lowercase().ends_with("user") {
        return Ok(None);
    }
    let fields = object.take("fields").ok_or_else(|| Wrong::at(0, "expected a member \"fields\""))?;
    let mut fields = fields.members()?;
    let username =
        fields.take("username").ok_or_else(|| Wrong::at(0, "expected a member \"username\" in \"fields\""))?;
    let mut claims = Object::new();
    for (column, claim) in CLAIMS {
        insert(&mut claims, claim, fields.take_text(column)?);
    }
    let hash = fields.take("password").map(|member| Ok::<_, Wrong>((member.text()?, Some(member.at())))).transpose()?;
    Ok(Some(Draft {
        username: (username.text()?, Some(username.at())),
        hash: hash.filter(|(hash, _)| is_usable(hash)),
        claims: Some((claims, None)),
        disabled: fields.take_bool("is_active")?.map(|active| !active),
        ..Draft::default()
    }))
}

/// The user of a row.
pub(super) fn draft_of_row(mut fields: Fields) -> Result<Draft, Wrong> {
    let username = fields.take("username").ok_or_else(|| Wrong::new("column username: expected a username"))?;
    let mut claims = Object::new();
    for (column, claim) in CLAIMS {
        insert(&mut claims, claim, fields.take(column));
    }
    Ok(Draft {
        username: (username, None),
        hash: fields.take("password").filter(|hash| is_usable(hash)).map(|hash| (hash, None)),
        claims: Some((claims, None)),
        disabled: fields.take_bool("is_active")?.map(|active| !active),
        ..Draft::default()
    })
}

/// Whether Django would compare a password with it: not if it begins with an exclamation mark.
fn is_usable(hash: &str) -> bool {
    !hash.is_empty() && !hash.starts_with('!')
}

/// Adds a claim that is not empty.
pub(super) fn insert(claims: &mut Object, name: &str, text: Option<String>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        claims.insert(name.to_owned(), text.into());
    }
}
