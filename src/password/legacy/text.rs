//! What the spellings of password hashes have in common: numbers, base64 and hexadecimal, read strictly.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD};
use base64::engine::{DecodePaddingMode, general_purpose};

/// The longest password hash that is read, in bytes. Those that systems write have a few hundred at most.
pub(super) const MAX_BYTES: usize = 4096;

/// Base64 with or without padding.
const EITHER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Base64 of the standard alphabet, padded or not.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    EITHER.decode(text).ok()
}

/// Base64 of the alphabet for URLs or of the standard alphabet.
pub(super) fn url_base64(text: &str) -> Option<Vec<u8>> {
    base64(&text.replace('-', "+").replace('_', "/"))
}

/// Passlib's base64, which has `.` in the place of `+`, or that of the standard alphabet.
pub(super) fn either_base64(text: &str) -> Option<Vec<u8>> {
    base64(&text.replace('.', "+"))
}

/// What is written: base64 without padding.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// bcrypt's own base64. Old implementations left the bits that stand for nothing at the end as they were.
pub(super) const BCRYPT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::BCRYPT, general_purpose::NO_PAD.with_decode_allow_trailing_bits(true));

/// Hexadecimal digits of either case.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.bytes().map(|byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| Some(pair.first()? << 4 | pair.get(1)?));
    pairs.collect()
}

/// What is written: hexadecimal digits of lower case.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// A decimal number without a sign or leading zeros.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let led = text.len() > 1 && text.starts_with('0');
    text.parse().ok().filter(|_| digits && !led)
}

/// The values of `name=value` pairs separated by commas: each of `names` at most once, and no other.
pub(super) fn pairs<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
    let mut values = [None; N];
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=')?;
        let place = values.get_mut(names.iter().position(|known| *known == name)?)?;
        if place.replace(value).is_some() {
            return None;
        }
    }
    Some(values)
}

/// The fields of `text` between `$` signs, if there are as many as that.
pub(super) fn fields<const N: usize>(text: &str) -> Option<[&str; N]> {
    let fields: Vec<&str> = text.splitn(N + 1, '$').collect();
    fields.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_digits_and_pairs_are_read_strictly() {
        assert_eq!((number("0"), number("4294967295")), (Some(0), Some(u32::MAX)));
        for bad in ["", "+1", "-1", "01", "1 ", "4294967296", "1e3"] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
        assert_eq!(hex("00fFA0"), Some(vec![0, 0xff, 0xa0]));
        assert_eq!(to_hex(&[0, 0xff, 0xa0]), "00ffa0");
        for bad in ["0", "0g", "é"] {
            assert_eq!(hex(bad), None, "{bad:?}");
        }
        assert_eq!(pairs("ln=1,r=2", ["r", "ln", "p"]), Some([Some("2"), Some("1"), None]));
        for bad in ["", "ln", "ln=1,ln=1", "x=1", "ln=1,"] {
            assert_eq!(pairs(bad, ["ln"]), None, "{bad:?}");
        }
        assert_eq!(fields("a$b$"), Some(["a", "b", ""]));
        assert_eq!(fields::<2>("a$b$c"), None);
        assert_eq!(base64("AA").as_deref(), base64("AA==").as_deref());
    }
}
