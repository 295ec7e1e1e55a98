//! CSV (RFC 4180) with a header: the members of a JSON line as columns, `claims` as JSON, `scopes` with spaces between
//! them. An empty field says nothing.

use passgrant::json::{Object, Value};
use passgrant::scope::Scope;

use crate::user::import::jsonl::KNOWN;
use crate::user::import::record::Draft;
use crate::user::import::wrong::Wrong;

/// The columns of a file, in order.
#[derive(Clone)]
pub(super) struct Columns(Vec<String>);

impl Columns {
    /// The columns that a header names, of which `needed` must be one.
    pub(super) fn of(header: Vec<String>, needed: &str) -> Result<Self, Wrong> {
        if !header.iter().any(|name| name == needed) {
            return Err(Wrong::new(format!("the header: expected a column named {needed}")));
        }
        for (index, name) in header.iter().enumerate() {
            if header[..index].contains(name) {
                return Err(Wrong::new(format!("the header: there are two columns named {name}")));
            }
        }
        Ok(Self(header))
    }

    /// Checks that every column is one of those that a user is made of.
    pub(super) fn check_known(&self) -> Result<(), Wrong> {
        match self.0.iter().find(|name| !KNOWN.contains(&&***name)) {
            Some(name) => Err(Wrong::new(format!(
                "the header: {name:?} is not a column that is known: expected {}",
                KNOWN.join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// The fields of a row that are not empty.
    pub(super) fn fields(&self, row: Vec<String>) -> Result<Fields, Wrong> {
        if row.len() != self.0.len() {
            let (expected, found) = (self.0.len(), row.len());
            return Err(Wrong::new(format!("expected {expected} fields, as in the header, but there are {found}")));
        }
        let named = self.0.iter().cloned().zip(row);
        Ok(Fields(named.filter(|(_, field)| !field.is_empty()).collect()))
    }
}

/// The fields of a row that are not empty and have not been taken yet, by column.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn take(&mut self, column: &str) -> Option<String> {
        let index = self.0.iter().position(|(name, _)| name == column)?;
        Some(self.0.remove(index).1)
    }

    /// Takes the truth in `column`, however a database or a spreadsheet writes it.
    pub(super) fn take_bool(&mut self, column: &str) -> Result<Option<bool>, Wrong> {
        let truth = |field: String| match &*field.to_ascii_lowercase() {
            "true" | "t" | "1" => Ok(true),
            "false" | "f" | "0" => Ok(false),
            _ => Err(Wrong::new(format!("column {column}: expected true or false"))),
        };
        self.take(column).map(truth).transpose()
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter()
    }
}

/// The user of a row.
pub(super) fn draft(mut fields: Fields) -> Result<Draft, Wrong> {
    let unplaced = |text: String| (text, None);
    let username = fields.take("username").ok_or_else(|| Wrong::new("column username: expected a username"))?;
    let format = |text: String| text.parse().map_err(|reason| Wrong::new(format!("column hash_format: {reason}")));
    let scopes =
        |text: String| Scope::parse_requested(&text).map_err(|reason| Wrong::new(format!("column scopes: {reason}")));
    Ok(Draft {
        username: (username, None),
        sub: fields.take("sub").map(unplaced),
        hash: fields.take("password_hash").map(unplaced),
        hash_format: fields.take("hash_format").map(format).transpose()?,
        claims: fields.take("claims").map(|text| Ok::<_, Wrong>((claims(&text)?, None))).transpose()?,
        scopes: fields.take("scopes").map(scopes).transpose()?,
        disabled: fields.take_bool("disabled")?,
    })
}

fn claims(text: &str) -> Result<Object, Wrong> {
    match Value::parse(text) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) => Err(Wrong::new("column claims: expected a JSON object")),
        Err(reason) => Err(Wrong::new(format!("column claims: expected a JSON object, but it is {reason}"))),
    }
}
