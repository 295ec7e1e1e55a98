//! From bytes to parameters: `application/x-www-form-urlencoded` as RFC 6749, appendix B defines it, and no more
//! leniently.

mod media_type;

use http::HeaderMap;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::form::media_type::{Charset, charset, is_coded, is_form};

/// The largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
/// The most parameters, known and unknown.
const MAX_PARAMETERS: usize = 64;
/// The one parameter that may be repeated (RFC 8707, section 2).
const REPEATABLE: &str = "resource";

/// The parameters of a request. They may be secrets: they cannot be printed, and are wiped when dropped.
pub struct Form {
    parameters: Vec<(String, Zeroizing<String>)>,
}

impl Form {
    /// Reads the parameters of a request's body.
    ///
    /// # Errors
    /// `invalid_request` for another media type, or a body that is too large, coded or malformed, or that holds a
    /// parameter twice.
    pub fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Error> {
        const TOO_LARGE: Error = Error::body_too_large("The body is larger than 16 KiB.");
        const CODED: Error = Error::body_coded("The body must not be compressed, or coded in another way.");
        const MEDIA_TYPE: Error = Error::invalid_request("The media type must be application/x-www-form-urlencoded.");
        const CHARSET: Error = Error::invalid_request("The charset of a body that is not ASCII must be UTF-8.");
        const MALFORMED: Error = Error::invalid_request("The body is not well-formed.");
        const TOO_MANY: Error = Error::invalid_request("The body holds too many parameters.");
        const TWICE: Error = Error::invalid_request("A parameter is given twice.");

        if body.len() > MAX_BODY_BYTES {
            return Err(TOO_LARGE);
        }
        if is_coded(headers) {
            return Err(CODED);
        }
        if !is_form(headers) {
            return Err(MEDIA_TYPE);
        }
        let charset = charset(headers)?;
        let mut parameters: Vec<(String, Zeroizing<String>)> = Vec::new();
        for pair in body.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(TOO_MANY);
            }
            let (name, value) = split_once(pair, b'=').unwrap_or((pair, b""));
            let (Some(name), Some(value)) = (unescaped(name), unescaped(value)) else {
                return Err(MALFORMED);
            };
            if charset == Charset::Other && !(name.is_ascii() && value.is_ascii()) {
                return Err(CHARSET);
            }
            let (Some(name), Some(value)) = (utf_8(&name), utf_8(&value)) else {
                return Err(MALFORMED);
            };
            if *name != *REPEATABLE && parameters.iter().any(|(known, _)| *known == *name) {
                return Err(TWICE);
            }
            parameters.push((name.to_string(), value));
        }
        Ok(Self { parameters })
    }

    /// Whether the headers say that the body of a request is a form.
    #[must_use]
    pub fn is_said_in(headers: &HeaderMap) -> bool {
        is_form(headers)
    }

    /// The value of a parameter; `None` when it is missing or has no value (RFC 6749, section 3.2).
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// The values of a parameter that may be repeated, without the empty ones.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.parameters.iter().filter(move |(known, value)| known == name && !value.is_empty());
        named.map(|(_, value)| value.as_str())
    }
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// Decodes one name or value: `+` is a space, every `%` begins two hexadecimal digits, the whole is UTF-8.
#[must_use]
pub fn decode(encoded: &[u8]) -> Option<Zeroizing<String>> {
    utf_8(&unescaped(encoded)?)
}

fn unescaped(encoded: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(encoded.len()));
    let mut rest = encoded;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                hexadecimal(digits[0])? << 4 | hexadecimal(digits[1])?
            }
            other => other,
        });
    }
    Some(decoded)
}

fn utf_8(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(Zeroizing::new(text.to_owned()))
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
    use proptest::prelude::*;

    use super::*;
    use crate::error::Kind;

    fn parse_as(media_type: &'static str, body: &[u8]) -> Result<Form, Kind> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        Form::parse(&headers, body).map_err(|error| error.kind())
    }

    fn parse(body: &[u8]) -> Result<Form, Kind> {
        parse_as("application/x-www-form-urlencoded", body)
    }

    #[test]
    fn a_plus_is_a_space_and_escapes_are_decoded() {
        let form = parse(b"password=a+b%2Bc%C3%A9&x=%00").expect("well formed");
        assert_eq!(form.value("password"), Some("a b+c\u{e9}"));
        assert_eq!(form.value("x"), Some("\0"));
    }

    #[test]
    fn a_bad_escape_or_bad_utf_8_is_malformed() {
        for body in ["a=%", "a=%1", "a=%g0", "%zz=1", "a=%ff", "a=%c3"] {
            assert_eq!(parse(body.as_bytes()).err(), Some(Kind::InvalidRequest), "{body}");
        }
        assert_eq!(parse(b"a=\xff").err(), Some(Kind::InvalidRequest));
    }

    #[test]
    fn a_parameter_without_a_value_counts_as_omitted() {
        let form = parse(b"scope=&username&&password=x").expect("well formed");
        assert_eq!((form.value("scope"), form.value("username"), form.value("password")), (None, None, Some("x")));
    }

    #[test]
    fn a_parameter_given_twice_is_refused_unless_it_is_resource() {
        assert_eq!(parse(b"a=1&a=1").err(), Some(Kind::InvalidRequest));
        assert_eq!(parse(b"a=&a=1").err(), Some(Kind::InvalidRequest));
        assert_eq!(parse(b"a=1&%61=2").err(), Some(Kind::InvalidRequest));
        let form = parse(b"resource=urn:a&resource=&resource=urn:b").expect("well formed");
        assert_eq!(form.values("resource").collect::<Vec<_>>(), ["urn:a", "urn:b"]);
    }

    #[test]
    fn a_charset_other_than_utf_8_is_accepted_if_all_is_ascii_and_otherwise_named_as_the_reason() {
        let latin_1 = |body: &[u8]| {
            let headers = HeaderMap::from_iter([(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded; charset=iso-8859-1"),
            )]);
            Form::parse(&headers, body).map(|_| ()).map_err(|error| error.description().as_str())
        };
        assert_eq!(latin_1(b"password=a%20%2B&x=%7f%00"), Ok(()));
        let charset = "The charset of a body that is not ASCII must be UTF-8.";
        for body in [&b"password=\xe9"[..], b"password=%e9", b"password=%C3%A9", b"%e9=1", b"a=1&unknown=%80", b"\xe9"]
        {
            assert_eq!(latin_1(body), Err(charset), "{body:?}");
        }
        assert_eq!(latin_1(b"a=%zz"), Err("The body is not well-formed."));
    }

    #[test]
    fn a_coded_body_is_refused_as_such() {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        for (coding, expected) in [("identity", None), ("gzip", Some(Kind::BodyCoded))] {
            let headers = [(CONTENT_TYPE, form.clone()), (CONTENT_ENCODING, HeaderValue::from_static(coding))];
            assert_eq!(Form::parse(&HeaderMap::from_iter(headers), b"a=1").err().map(|error| error.kind()), expected);
        }
    }

    #[test]
    fn only_the_form_media_type_is_read() {
        for good in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded; Charset=UTF-8",
            "application/x-www-form-urlencoded;charset=\"utf-8\"",
        ] {
            assert!(parse_as(good, b"").is_ok(), "{good}");
        }
        for bad in ["", "application/json", "application/x-www-form-urlencoded; boundary=x", "text/plain"] {
            assert_eq!(parse_as(bad, b"").err(), Some(Kind::InvalidRequest), "{bad}");
        }
        assert!(Form::parse(&HeaderMap::new(), b"").is_err());
    }

    #[test]
    fn size_and_count_are_bounded() {
        let body = |length: usize| [b"a=".as_slice(), &vec![b'x'; length - 2]].concat();
        assert!(parse(&body(MAX_BODY_BYTES)).is_ok());
        assert_eq!(parse(&body(MAX_BODY_BYTES + 1)).err(), Some(Kind::BodyTooLarge));
        let pairs = |count: usize| (0..count).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(parse(pairs(MAX_PARAMETERS).as_bytes()).is_ok());
        assert_eq!(parse(pairs(MAX_PARAMETERS + 1).as_bytes()).err(), Some(Kind::InvalidRequest));
    }

    proptest! {
        #[test]
        fn any_bytes_give_parameters_or_an_error(body in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = parse(&body);
        }

        #[test]
        fn what_a_client_encodes_is_what_is_read(value in "\\PC{1,64}") {
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            let form = parse(format!("v={encoded}").as_bytes()).expect("well formed");
            prop_assert_eq!(form.value("v"), Some(value.as_str()));
        }
    }
}
