//! Amazon Cognito: a CSV file in the form of its own import, or what `aws cognito-idp list-users` prints. Neither has
//! hashes: nobody gets them out of Cognito.

use passgrant::json::{Number, Object, Value};

use crate::user::import::csv::Fields;
use crate::user::import::members::Members;
use crate::user::import::record::Draft;
use crate::user::import::wrong::Wrong;

/// The column of the username, which marks a file in this form.
pub(super) const USERNAME: &str = "cognito:username";

/// The user of an object.
pub(super) fn draft(text: &str) -> Result<Draft, Wrong> {
    let mut user = Members::parse(text)?;
    let username = user.take("Username").ok_or_else(|| Wrong::at(0, "expected a member \"Username\""))?;
    let mut attributes = Vec::new();
    for attribute in user.take("Attributes").map(|member| member.elements()).transpose()?.unwrap_or_default() {
        let mut attribute = attribute.members()?;
        let name =
            attribute.take_text("Name")?.ok_or_else(|| Wrong::at(0, "expected a member \"Name\" of an attribute"))?;
        attributes.push((name, attribute.take_text("Value")?.unwrap_or_default()));
    }
    let enabled = user.take_bool("Enabled")?;
    of_attributes((username.text()?, Some(username.at())), attributes, enabled)
}

/// The user of a row.
pub(super) fn draft_of_row(mut fields: Fields) -> Result<Draft, Wrong> {
    let username =
        fields.take(USERNAME).ok_or_else(|| Wrong::new(format!("column {USERNAME}: expected a username")))?;
    let enabled = fields.take_bool("enabled")?;
    of_attributes((username, None), fields.into_iter().collect(), enabled)
}

fn of_attributes(
    username: (String, Option<usize>),
    attributes: Vec<(String, String)>,
    enabled: Option<bool>,
) -> Result<Draft, Wrong> {
    let mut claims = Object::new();
    let mut sub = None;
    for (name, text) in attributes {
        if name == "sub" {
            sub = Some((text, None));
        } else if !name.starts_with("cognito:") && !text.is_empty() {
            let value = claim(&name, text)?;
            claims.insert(name, value);
        }
    }
    let disabled = enabled.map(|enabled| !enabled);
    Ok(Draft { username, sub, claims: Some((claims, None)), disabled, ..Draft::default() })
}

/// Cognito has text only; OpenID Connect Core, section 5.1 gives some of its claims other types.
fn claim(name: &str, text: String) -> Result<Value, Wrong> {
    match name {
        "email_verified" | "phone_number_verified" => match &*text.to_ascii_lowercase() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(Wrong::new(format!("{name}: expected true or false"))),
        },
        "updated_at" => {
            Number::parse(&text).map(Value::Number).map_err(|_| Wrong::new("updated_at: expected a number"))
        }
        "address" => Ok(Value::Object(Object::from([("formatted".to_owned(), text.into())]))),
        _ => Ok(text.into()),
    }
}
