//! The options that give claims.

use clap::Args;
use clap::error::ErrorKind;
use passgrant::claims;
use passgrant::json::{Object, Value};

use crate::failure::Failure;
use crate::output::warn;

/// Claims, each given once.
#[derive(Args)]
pub(crate) struct Claims {
    /// A claim that is text, whatever it looks like (repeatable)
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = parse_text)]
    text: Vec<(String, Value)>,
    /// A claim as JSON, whose numbers keep their digits (repeatable)
    #[arg(long = "claim-json", value_name = "NAME=JSON", value_parser = parse_json)]
    json: Vec<(String, Value)>,
}

impl Claims {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.json.is_empty()
    }

    /// All of them, for `command`.
    pub(crate) fn given(self, command: &str) -> Result<Object, Failure> {
        let mut claims = Object::new();
        for (name, value) in self.text.into_iter().chain(self.json) {
            if claims.contains_key(&name) {
                let message = format!("the claim '{name}' is given twice");
                return Err(Failure::usage(command, ErrorKind::ArgumentConflict, &message));
            }
            claims.insert(name, value);
        }
        Ok(claims)
    }
}

fn parse_text(text: &str) -> Result<(String, Value), String> {
    let (name, value) = parse(text)?;
    Ok((name.to_owned(), value.into()))
}

fn parse_json(text: &str) -> Result<(String, Value), String> {
    let (name, value) = parse(text)?;
    Ok((name.to_owned(), parse_json_value(value)?))
}

/// The value of a claim that is given as JSON.
pub(crate) fn parse_json_value(text: &str) -> Result<Value, &'static str> {
    Value::parse(text).map_err(|_| "the value is not JSON: give text with --claim, or in quotes")
}

fn parse(text: &str) -> Result<(&str, &str), &'static str> {
    let (name, value) =
        text.split_once('=').ok_or("expected a name, an equals sign and a value, as in email=ann@example.com")?;
    check_name(name)?;
    Ok((name, value))
}

/// Of the standard claims that are not text, what each is to be (OpenID Connect Core, section 5.1).
const NOT_TEXT: [(&str, &str); 4] = [
    ("address", "an object"),
    ("email_verified", "true or false"),
    ("phone_number_verified", "true or false"),
    ("updated_at", "a number"),
];

/// What few readers of tokens would expect of `claims`: standard ones that are not of the kind that the standard says.
pub(crate) fn unusual(claims: &Object) -> Vec<String> {
    let expected = |name: &str| {
        let known = NOT_TEXT.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        known.or_else(|| claims::standard_claims().any(|known| known == name).then_some("text"))
    };
    let unusual = |(name, value): (&String, &Value)| {
        let (kind, expected) = (kind_of(value), expected(name)?);
        let warning = format!("the claim '{name}' is {kind}, and {expected} in OpenID Connect: many clients refuse it");
        (kind != expected).then_some(warning)
    };
    claims.iter().filter_map(unusual).collect()
}

/// Warns about each of them.
pub(super) fn warn_of_unusual(claims: &Object) {
    for warning in unusual(claims) {
        warn(&warning);
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Checks the name of a claim.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err("the name of a claim must not be empty or contain control characters");
    }
    Ok(())
}
