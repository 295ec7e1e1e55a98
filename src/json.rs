//! JSON values whose numbers keep their digits.
//!
//! `serde_json` reads a number into 64 bits: `12345678901234567890123` comes out as `1.2345678901234568e+22`, and `1.0`
//! may come out as `1`. What a claim means is for the reader of the token to decide, and rounding it is not for this
//! service: here, a number is its text (RFC 8259, section 6).

mod number;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use thiserror::Error;

pub use crate::json::number::Number;

/// The members of an object, by name. If a member is given twice, the last one counts.
pub type Object = BTreeMap<String, Value>;

/// How deeply a value may be nested: each level takes stack and time to read.
const MAX_DEPTH: usize = 32;

/// Text that is not a JSON value, or a value that is nested too deeply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a JSON value, or one that is nested more than {MAX_DEPTH} levels deep")]
pub struct Malformed;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

impl Value {
    /// Parses a JSON value.
    ///
    /// # Errors
    /// [`Malformed`] for any other text.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        Self::parse_within(read::<&RawValue>(text)?.get(), MAX_DEPTH)
    }

    /// Parses `json`, which is the text of one value without white space around it.
    fn parse_within(json: &str, depth: usize) -> Result<Self, Malformed> {
        let inner = |value: &RawValue| Self::parse_within(value.get(), depth.checked_sub(1).ok_or(Malformed)?);
        match json.as_bytes().first() {
            Some(b'{') => {
                let members: BTreeMap<String, &RawValue> = read(json)?;
                let members = members.into_iter().map(|(name, value)| Ok((name, inner(value)?)));
                members.collect::<Result<_, _>>().map(Self::Object)
            }
            Some(b'[') => {
                read::<Vec<&RawValue>>(json)?.into_iter().map(inner).collect::<Result<_, _>>().map(Self::Array)
            }
            Some(b'"') => read(json).map(Self::String),
            Some(b't' | b'f') => read(json).map(Self::Bool),
            Some(b'n') => Ok(Self::Null),
            _ => Number::parse(json).map(Self::Number),
        }
    }

    /// Converts `value` by writing it as JSON and reading that.
    ///
    /// # Errors
    /// [`Malformed`] when `value` cannot be written as JSON.
    pub fn of<S: Serialize>(value: &S) -> Result<Self, Malformed> {
        Self::parse(&serde_json::to_string(value).map_err(|_| Malformed)?)
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a non-negative integer that fits into 64 bits and is written as one.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Malformed> {
    serde_json::from_str(json).map_err(|_| Malformed)
}

/// Written as JSON text without white space.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Object(members) => serializer.collect_map(members),
        }
    }
}

/// From JSON text only: no other format keeps the digits of a number.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse_within(json.get(), MAX_DEPTH).map_err(de::Error::custom)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl<V: Into<Value>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_comes_out_as_it_went_in_except_for_white_space() {
        for text in [
            "0",
            "-0",
            "-0.0",
            "1",
            "1.0",
            "1.50",
            "-1",
            "1e0",
            "1E+5",
            "1e400",
            "1e-400",
            "0.1000000000000000055511151231257827",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "12345678901234567890123",
            "null",
            "true",
            r#""text \"\\ \u0000""#,
            r#"[1.0,[12345678901234567890123,{"a":-0}],[]]"#,
            r#"{"":0,"$serde_json::private::RawValue":"[1]","a":{"b":[1e2]}}"#,
        ] {
            let value = Value::parse(text).expect(text);
            assert_eq!(value.to_string(), text);
            let spaced = format!(" {} ", text.replace(',', " , "));
            assert_eq!(Value::parse(&spaced).expect("the same"), value, "{spaced}");
            assert_eq!(serde_json::from_str::<Value>(text).expect("the same"), value);
            assert_eq!(Value::of(&value), Ok(value));
        }
        assert_eq!(Value::parse(r#"{"a":1,"a":2}"#).expect("an object").to_string(), r#"{"a":2}"#);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            " ",
            "x",
            "nul",
            "tru",
            "01",
            "+1",
            "1.",
            ".5",
            "1e",
            "0x1",
            "NaN",
            "-",
            "--1",
            "1 2",
            "[1,]",
            "[",
            "{a:1}",
            "{1:1}",
            r#""\ud800""#,
            r#"{"a":"\ud800"}"#,
            "\"\n\"",
            "'a'",
            "[1]]",
        ] {
            assert_eq!(Value::parse(text), Err(Malformed), "{text}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
        for text in ["", "x", "\"1\"", "[1]", " 1", "1 ", "null"] {
            assert_eq!(Number::parse(text), Err(Malformed), "{text}");
        }
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Value::parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(Value::parse(&nested(MAX_DEPTH + 1)), Err(Malformed));
        assert_eq!(Value::parse(&nested(100_000)), Err(Malformed));
    }

    #[test]
    fn a_member_that_is_flattened_into_a_struct_keeps_its_digits_too() {
        #[derive(Serialize)]
        struct Token {
            iss: &'static str,
            #[serde(flatten)]
            mapped: Object,
        }
        let mapped = Object::from([("card".to_owned(), Value::parse("12345678901234567890123").expect("a number"))]);
        let written = serde_json::to_string(&Token { iss: "x", mapped }).expect("JSON");
        assert_eq!(written, r#"{"iss":"x","card":12345678901234567890123}"#);
    }

    #[test]
    fn a_value_is_read_only_as_what_it_is() {
        let value = Value::of(&json!({"text": "a", "number": 7, "below": -7})).expect("a value");
        let Value::Object(members) = value else { panic!("an object") };
        assert_eq!((members["text"].as_str(), members["number"].as_u64()), (Some("a"), Some(7)));
        assert_eq!(
            (members["number"].as_str(), members["text"].as_u64(), members["below"].as_u64()),
            (None, None, None)
        );
    }

    /// Values as `serde_json` holds them.
    fn values() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|value| json!(value)),
            any::<i64>().prop_map(|value| json!(value)),
            any::<u64>().prop_map(|value| json!(value)),
            any::<f64>().prop_map(|value| json!(value)),
            any::<String>().prop_map(|value| json!(value)),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(|values| json!(values)),
                prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|members| json!(members)),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_and_written_unchanged(value in values()) {
            let text = value.to_string();
            prop_assert_eq!(Value::parse(&text).expect("JSON").to_string(), text);
        }

        #[test]
        fn what_is_read_is_what_serde_json_reads(text in "[\\[\\]{}:,\"\\\\ua0-9eE.+\\- tfn]{0,12}") {
            let read = Value::parse(&text);
            // Here, a number may be of any size.
            if let Ok(known) = serde_json::from_str::<serde_json::Value>(&text) {
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&read.expect("JSON").to_string()).expect("JSON"), known);
            } else if let Ok(value) = read {
                prop_assert!(value.to_string().contains(['e', 'E']), "{}", text);
            }
        }
    }
}
