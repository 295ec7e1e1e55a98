//! Claims in an item: a map of JSON values in DynamoDB's own types.
//!
//! DynamoDB returns numbers in a form of its own, with at most 38 digits. A number that it would not return as it was
//! written is stored as binary, which no JSON value is otherwise: the bytes are the text of the number.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::json::{Malformed, Number, Object, Value};
use crate::store::item::Item;

/// Puts claims into an item.
pub(super) fn put(item: &mut Item, attribute: &str, claims: &Object) {
    item.insert(attribute.to_owned(), map(claims));
}

/// Claims as the value of an attribute.
pub(super) fn map(members: &Object) -> AttributeValue {
    AttributeValue::M(members.iter().map(|(name, value)| (name.clone(), attribute(value))).collect())
}

/// Takes claims out of an item; `None` if the item has no such attribute.
///
/// # Errors
/// [`Malformed`] when the attribute was not written by [`put`] or by an earlier version, which stored every number as
/// one of DynamoDB's.
pub(super) fn take(item: &mut Item, attribute: &str) -> Result<Option<Object>, Malformed> {
    match item.remove(attribute).map(value).transpose()? {
        None => Ok(None),
        Some(Value::Object(claims)) => Ok(Some(claims)),
        Some(_) => Err(Malformed),
    }
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) if number.is_plain() => AttributeValue::N(number.to_string()),
        Value::Number(number) => AttributeValue::B(Blob::new(number.to_string())),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(values) => AttributeValue::L(values.iter().map(attribute).collect()),
        Value::Object(object) => map(object),
    }
}

fn value(attribute: AttributeValue) -> Result<Value, Malformed> {
    let number = |text: &str| Number::parse(text).map(Value::Number);
    match attribute {
        AttributeValue::Null(_) => Ok(Value::Null),
        AttributeValue::Bool(value) => Ok(Value::Bool(value)),
        AttributeValue::N(text) => number(&text),
        AttributeValue::B(text) => number(str::from_utf8(text.as_ref()).map_err(|_| Malformed)?),
        AttributeValue::S(text) => Ok(Value::String(text)),
        AttributeValue::L(values) => values.into_iter().map(value).collect::<Result<_, _>>().map(Value::Array),
        AttributeValue::M(members) => {
            let members = members.into_iter().map(|(name, member)| Ok((name, value(member)?)));
            members.collect::<Result<_, _>>().map(Value::Object)
        }
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Object {
        serde_json::from_str(json).expect("an object")
    }

    #[test]
    fn claims_are_read_as_they_were_written() {
        let claims = object(
            r#"{"n":[0,-0,1.0,1e2,-7,12345678901234567890123,1e300,18446744073709551615],"t":"1","x":null,"o":{"b":true}}"#,
        );
        let mut item = Item::new();
        put(&mut item, "claims", &claims);
        assert_eq!(take(&mut item, "claims"), Ok(Some(claims)));
        assert!(item.is_empty());
        assert_eq!(take(&mut item, "claims"), Ok(None));
    }

    #[test]
    fn numbers_that_dynamodb_returns_unchanged_stay_numbers_and_others_become_their_text() {
        let claims = object(r#"{"plain":-7,"long":12345678901234567890123,"fraction":1.0}"#);
        let AttributeValue::M(stored) = map(&claims) else { panic!("a map") };
        let text = |name: &str| stored[name].as_b().map(|bytes| String::from_utf8_lossy(bytes.as_ref()).into_owned());
        assert_eq!(stored["plain"], AttributeValue::N("-7".to_owned()));
        assert_eq!(text("long"), Ok("12345678901234567890123".to_owned()));
        assert_eq!(text("fraction"), Ok("1.0".to_owned()));
    }

    #[test]
    fn what_no_version_wrote_there_is_refused() {
        let binary = |text: &str| AttributeValue::B(Blob::new(text));
        for wrong in [
            AttributeValue::S("{}".to_owned()),
            AttributeValue::L(Vec::new()),
            AttributeValue::M([("x".to_owned(), binary("\"text\""))].into()),
            AttributeValue::M([("x".to_owned(), AttributeValue::B(Blob::new([0xFF])))].into()),
            AttributeValue::M([("x".to_owned(), AttributeValue::Ss(vec!["a".to_owned()]))].into()),
            AttributeValue::M([("x".to_owned(), AttributeValue::N("NaN".to_owned()))].into()),
        ] {
            let mut item = Item::from([("claims".to_owned(), wrong.clone())]);
            assert_eq!(take(&mut item, "claims"), Err(Malformed), "{wrong:?}");
        }
    }
}
