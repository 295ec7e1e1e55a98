//! The members of a JSON object, each with its place, so that whatever is wrong with one can be told with its column.
//!
//! The messages of `serde_json` about types quote the value, which may be a hash: here they are never used.

use std::fmt;

use passgrant::json::{Object, Value};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::user::import::wrong::Wrong;

/// The members of an object that have not been taken yet.
pub(super) struct Members<'a> {
    members: Vec<Member<'a>>,
}

/// A member that is not `null`.
pub(super) struct Member<'a> {
    /// The text of the record.
    text: &'a str,
    name: String,
    value: &'a RawValue,
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

impl<'a> Members<'a> {
    /// The members of the object that is the record `text`.
    pub(super) fn parse(text: &'a str) -> Result<Self, Wrong> {
        Self::within(text, text)
    }

    /// The members of `object`, which is a part of the record `text`.
    fn within(text: &'a str, object: &'a str) -> Result<Self, Wrong> {
        let start = offset(text, object);
        let opens = object.len() - object.trim_start().len();
        if !object[opens..].starts_with('{') {
            return Err(Wrong::at(start + opens, "expected { and the members of an object"));
        }
        let mut json = serde_json::Deserializer::from_str(object);
        let members = json.deserialize_map(InOrder).and_then(|members| json.end().map(|()| members));
        let members = members.map_err(|error| Wrong::at(start + place(object, &error), syntax(&error)))?;
        let members = members.into_iter().map(|(name, value)| Member { text, name, value });
        Ok(Self { members: members.collect() })
    }

    /// Takes the member called `name`; `None` if there is none, or it is `null`. If it is given twice, the last one
    /// counts.
    pub(super) fn take(&mut self, name: &str) -> Option<Member<'a>> {
        let mut found = None;
        while let Some(index) = self.members.iter().position(|member| member.name == name) {
            found = Some(self.members.remove(index));
        }
        found.filter(|member| member.value.get() != "null")
    }

    /// Takes the text of the member called `name`.
    pub(super) fn take_text(&mut self, name: &str) -> Result<Option<String>, Wrong> {
        self.take(name).map(|member| member.text()).transpose()
    }

    /// Takes the truth of the member called `name`.
    pub(super) fn take_bool(&mut self, name: &str) -> Result<Option<bool>, Wrong> {
        self.take(name).map(|member| member.bool()).transpose()
    }

    /// Checks that every member is one of `known`, and none is given twice.
    pub(super) fn check_known(&self, known: &[&str]) -> Result<(), Wrong> {
        for (index, member) in self.members.iter().enumerate() {
            if !known.contains(&&*member.name) {
                let reason = format!("{:?} is not a member that is known: expected {}", member.name, known.join(", "));
                return Err(Wrong::at(member.at(), reason));
            }
            if self.members[..index].iter().any(|before| before.name == member.name) {
                return Err(Wrong::at(member.at(), format!("\"{}\" is given twice", member.name)));
            }
        }
        Ok(())
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = Member<'a>> {
        self.members.into_iter()
    }
}

impl<'a> Member<'a> {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes into the record its value begins.
    pub(super) fn at(&self) -> usize {
        offset(self.text, self.value.get())
    }

    /// What is wrong with it: something else was `expected`.
    pub(super) fn expected(&self, expected: &str) -> Wrong {
        Wrong::at(self.at(), format!("\"{}\": expected {expected}", self.name))
    }

    pub(super) fn text(&self) -> Result<String, Wrong> {
        serde_json::from_str(self.value.get()).map_err(|_| self.expected("text in quotes"))
    }

    pub(super) fn bool(&self) -> Result<bool, Wrong> {
        serde_json::from_str(self.value.get()).map_err(|_| self.expected("true or false"))
    }

    pub(super) fn number(&self) -> Result<u32, Wrong> {
        serde_json::from_str(self.value.get()).map_err(|_| self.expected("a whole number"))
    }

    pub(super) fn texts(&self) -> Result<Vec<String>, Wrong> {
        serde_json::from_str(self.value.get()).map_err(|_| self.expected("an array of texts"))
    }

    pub(super) fn is_text(&self) -> bool {
        self.value.get().starts_with('"')
    }

    /// The members of the object that it is.
    pub(super) fn members(&self) -> Result<Members<'a>, Wrong> {
        Members::within(self.text, self.value.get())
    }

    /// The elements of the array that it is, under its name.
    pub(super) fn elements(&self) -> Result<Vec<Self>, Wrong> {
        let elements: Result<Vec<&'a RawValue>, _> = serde_json::from_str(self.value.get());
        let elements = elements.map_err(|_| self.expected("an array of objects"))?;
        Ok(elements.into_iter().map(|value| Self { text: self.text, name: self.name.clone(), value }).collect())
    }

    /// Its text as it stands in the record.
    pub(super) fn json(&self) -> &'a str {
        self.value.get()
    }

    /// The value, whose numbers keep their digits.
    pub(super) fn value(&self) -> Result<Value, Wrong> {
        Value::parse(self.value.get()).map_err(|error| self.expected(&format!("JSON, but it is {error}")))
    }

    /// The value, if it is an object.
    pub(super) fn object(&self) -> Result<Object, Wrong> {
        match self.value()? {
            Value::Object(object) => Ok(object),
            _ => Err(self.expected("an object")),
        }
    }
}

/// How many bytes into `text` its `part` begins.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr()).min(text.len())
}

/// How many bytes into `text` the error is.
pub(super) fn place(text: &str, error: &serde_json::Error) -> usize {
    let line: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    (line + error.column().saturating_sub(1)).min(text.len())
}

/// What is wrong with text that is not JSON. Of these messages none quotes it.
pub(super) fn syntax(error: &serde_json::Error) -> String {
    if error.is_data() {
        return "expected the members of an object".to_owned();
    }
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    format!("expected JSON, but {said}")
}
