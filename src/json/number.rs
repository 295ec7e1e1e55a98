//! Numbers that keep their digits.

use std::fmt;

use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;

use crate::json::Malformed;

/// A JSON number as it is written: `1`, `1.0` and `1e0` are three different numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(Digits);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Digits {
    /// A non-negative integer that is written in its canonical form.
    Unsigned(u64),
    /// A negative integer, likewise.
    Negative(i64),
    /// Any other number, as text in the grammar of JSON.
    Text(Box<str>),
}

impl Number {
    /// Parses a number.
    ///
    /// # Errors
    /// [`Malformed`] for text that is not a number in the grammar of JSON.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let json: &RawValue = serde_json::from_str(text).map_err(|_| Malformed)?;
        let begins_as_one = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        if !begins_as_one || json.get().len() < text.len() {
            return Err(Malformed);
        }
        // A number that fits into 64 bits need not be in its canonical form: `-0`.
        let unsigned = text.parse().ok().map(Digits::Unsigned);
        let negative = || text.parse().ok().filter(|number: &i64| *number < 0).map(Digits::Negative);
        Ok(Self(unsigned.or_else(negative).unwrap_or_else(|| Digits::Text(text.into()))))
    }

    /// The number, if it is a non-negative integer that fits into 64 bits and is written as one.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self.0 {
            Digits::Unsigned(number) => Some(number),
            Digits::Negative(_) | Digits::Text(_) => None,
        }
    }

    /// Whether it is written as a whole number: without a fraction and without an exponent. `-0` is not: it is another
    /// text for zero.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Digits::Unsigned(_) | Digits::Negative(_) => true,
            Digits::Text(text) => &**text != "-0" && !text.contains(['.', 'e', 'E']),
        }
    }

    /// Whether it fits into 64 bits, so that it is the same number to every reader.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !matches!(self.0, Digits::Text(_))
    }

    /// Whether it is zero, or its absolute value is at least 1e-130 and less than 1e126: the range of numbers in
    /// DynamoDB. Beyond that, a few characters can stand for more digits than a reader has memory for.
    #[must_use]
    pub fn is_in_range(&self) -> bool {
        /// No number in the range needs a larger exponent, except for one with a great many digits.
        const MAX_EXPONENT: i32 = 999;
        let Digits::Text(text) = &self.0 else { return true };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent = exponent.parse::<i32>().ok().filter(|exponent| exponent.abs() <= MAX_EXPONENT);
        let is_zero = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        let size = text.parse::<f64>().map_or(f64::INFINITY, f64::abs);
        exponent.is_some() && (is_zero || (1e-130..1e126).contains(&size))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Digits::Unsigned(number) => write!(formatter, "{number}"),
            Digits::Negative(number) => write!(formatter, "{number}"),
            Digits::Text(text) => formatter.write_str(text),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Digits::Unsigned(number) => serializer.serialize_u64(*number),
            Digits::Negative(number) => serializer.serialize_i64(*number),
            // Only a JSON serializer writes it as it is; no other is used.
            Digits::Text(text) => {
                serde_json::from_str::<&RawValue>(text).map_err(ser::Error::custom)?.serialize(serializer)
            }
        }
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(Digits::Unsigned(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_in_range_by_its_size_however_it_is_written() {
        for (text, in_range) in [
            ("0", true),
            ("-0", true),
            ("0.0e-5", true),
            ("0e999", true),
            ("0e1000", false),
            ("0e99999999999999999999", false),
            ("1e125", true),
            ("-9.99e125", true),
            ("1e126", false),
            ("1e-130", true),
            ("-1e-131", false),
            ("1e-400", false),
            ("1e400", false),
            ("1e2147483648", false),
            ("12345678901234567890123", true),
            (&format!("9{}", "0".repeat(125)), true),
            (&"9".repeat(127), false),
            (&format!("0.{}1", "0".repeat(129)), true),
            (&format!("0.{}1", "0".repeat(130)), false),
        ] {
            assert_eq!(Number::parse(text).expect(text).is_in_range(), in_range, "{text}");
        }
    }

    #[test]
    fn only_a_number_that_is_written_as_an_integer_is_one() {
        for text in ["0", "-1", "18446744073709551616", "12345678901234567890123"] {
            assert!(Number::parse(text).expect(text).is_integer(), "{text}");
        }
        for text in ["-0", "1.0", "1e2", "1E2"] {
            assert!(!Number::parse(text).expect(text).is_integer(), "{text}");
        }
    }
}
