//! A secret as people and programs write it.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use clap::ValueEnum;
use clap::error::ErrorKind;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::secret_input::SecretInput;

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Encoding {
    /// Base64 in either alphabet, padded or not.
    Base64,
    /// Two hexadecimal digits a byte.
    Hex,
    /// The characters themselves, in UTF-8.
    Text,
}

/// The secret from standard input, or typed without echo.
pub(super) fn read(
    secrets: &SecretInput,
    from_stdin: bool,
    encoding: Option<Encoding>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !from_stdin && !secrets.is_typed() {
        let message = "there is no terminal to ask for the secret on: give it on standard input with '--secret-stdin'";
        return Err(Failure::usage("key import", ErrorKind::MissingRequiredArgument, message));
    }
    let line = secrets.line("secret")?;
    decoded(&line, encoding).map_err(|reason| Failure::RefusedOption("secret-stdin", reason.to_owned()))
}

/// The bytes that `text` stands for. Hexadecimal digits are also valid base64, for other bytes: the encoding is not
/// guessed.
fn decoded(text: &str, encoding: Option<Encoding>) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    if encoding.is_none() && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("the secret could be hex as well as base64: say which with --encoding");
    }
    match encoding.unwrap_or(Encoding::Base64) {
        Encoding::Base64 => base64(text).ok_or("the secret is not base64: --encoding says what else it is"),
        Encoding::Hex => hex(text).ok_or("the secret is not hex: two digits a byte"),
        Encoding::Text => Ok(Zeroizing::new(text.as_bytes().to_vec())),
    }
}

fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let is_url_safe = text.contains(['-', '_']);
    let alphabet = if is_url_safe { alphabet::URL_SAFE } else { alphabet::STANDARD };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    // Allocated in one piece: memory that grew would leave parts of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    GeneralPurpose::new(&alphabet, config).decode_vec(text, &mut bytes).ok()?;
    Some(bytes)
}

fn hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    for [high, low] in pairs {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    rest.is_empty().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_decoded_as_it_is_written_and_an_ambiguous_one_is_refused() {
        let bytes: Vec<u8> = (0xE0..=0xFF).collect();
        let hex = "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
        let base64 = "4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8=";
        let url_safe = base64.replace('+', "-").replace('/', "_");
        let read = |text: &str, encoding| decoded(text, encoding).map(|bytes| bytes.to_vec());
        for text in [base64, base64.trim_end_matches('='), &url_safe, url_safe.trim_end_matches('=')] {
            assert_eq!(read(text, None).as_ref(), Ok(&bytes), "{text}");
        }
        assert_eq!(read(hex, Some(Encoding::Hex)).as_ref(), Ok(&bytes));
        assert_eq!(read(&hex.to_uppercase(), Some(Encoding::Hex)).as_ref(), Ok(&bytes));
        assert_eq!(read(hex, Some(Encoding::Base64)).map(|bytes| bytes.len()), Ok(48));
        assert_eq!(read(hex, Some(Encoding::Text)).map(|bytes| bytes.len()), Ok(64));
        assert!(read(hex, None).expect_err("two readings").contains("--encoding"));
        for (text, encoding) in [
            ("a b", None),
            ("4OHi+-_/", None),
            (&hex[1..], Some(Encoding::Hex)),
            ("0x00", Some(Encoding::Hex)),
            ("+1", Some(Encoding::Hex)),
        ] {
            let refused = read(text, encoding).expect_err(text);
            assert!(!refused.contains(text), "never shown");
        }
    }
}
