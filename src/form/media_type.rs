//! What a request says about its body: media type, charset and coding (RFC 9110, sections 8.3 and 8.4).

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::error::Error;

const FORM: &str = "application/x-www-form-urlencoded";
/// Optional white space (RFC 9110, section 5.6.3).
const OWS: [char; 2] = [' ', '\t'];

/// What the bytes of a form are said to mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    /// Any other, of which only ASCII is read.
    Other,
}

/// Whether the body is coded, for example with gzip. `identity` does not count as a coding.
pub(super) fn is_coded(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    values.any(|value| match value.to_str() {
        Ok(codings) => {
            codings.split(',').map(trim).any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
        }
        Err(_) => true,
    })
}

/// Whether the body is said to be a form. A front door may fold two headers into one, so the same media type given
/// twice counts as one, and two different ones count as neither.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let mut media_types = media_types(headers).peekable();
    let is_form = |media_type: &str| {
        let name = split(media_type, ';').next().unwrap_or_default();
        trim(name).eq_ignore_ascii_case(FORM)
    };
    media_types.peek().is_some() && media_types.all(is_form)
}

/// The charset of a body that is said to be a form. Empty parameters are ignored (RFC 9110, section 5.6.6).
///
/// # Errors
/// `invalid_request` for any other parameter, or one that is malformed.
pub(super) fn charset(headers: &HeaderMap) -> Result<Charset, Error> {
    const PARAMETER: Error = Error::invalid_request("The media type may have no parameter but charset.");

    let mut charset = Charset::Utf8;
    for media_type in media_types(headers) {
        for parameter in split(media_type, ';').skip(1).map(trim).filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or(PARAMETER)?;
            let value = parameter_value(value).ok_or(PARAMETER)?;
            if !name.eq_ignore_ascii_case("charset") {
                return Err(PARAMETER);
            }
            if !["utf-8", "utf8"].iter().any(|utf_8| value.eq_ignore_ascii_case(utf_8)) {
                charset = Charset::Other;
            }
        }
    }
    Ok(charset)
}

/// The media types of all `Content-Type` headers, each with its parameters; an empty one for a header that is not text.
fn media_types(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(CONTENT_TYPE).iter().flat_map(|value| split(value.to_str().unwrap_or_default(), ','))
}

/// The parts of `text` between separators that are not inside a quoted string.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |character| {
        let in_pair = escaped;
        escaped = quoted && !in_pair && character == '\\';
        quoted ^= character == '"' && !in_pair;
        character == separator && !quoted
    })
}

/// A token, or what a quoted string stands for (RFC 9110, sections 5.6.2 and 5.6.4).
fn parameter_value(text: &str) -> Option<Cow<'_, str>> {
    let Some(quoted) = text.strip_prefix('"') else {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        return (!text.is_empty() && text.bytes().all(is_token)).then_some(Cow::Borrowed(text));
    };
    let mut value = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return characters.as_str().is_empty().then_some(Cow::Owned(value)),
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches(OWS)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::error::Kind;

    fn said(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (CONTENT_TYPE, HeaderValue::from_str(value).expect("a header"))).collect()
    }

    #[test]
    fn empty_parameters_are_ignored_and_charsets_read_in_any_case_and_quoting() {
        for (parameters, expected) in [
            ("", Charset::Utf8),
            (";", Charset::Utf8),
            (" ; ;; ", Charset::Utf8),
            (";\t", Charset::Utf8),
            (";;charset=utf-8", Charset::Utf8),
            ("; charset=UTF-8;", Charset::Utf8),
            ("; Charset=utf8", Charset::Utf8),
            ("; charset=\"UTF8\" ;", Charset::Utf8),
            ("; charset=\"utf\\-8\"", Charset::Utf8),
            ("; charset=utf-8; charset=utf8", Charset::Utf8),
            ("; charset=iso-8859-1", Charset::Other),
            ("; charset=\"a;b,c\\\"d\"", Charset::Other),
            ("; charset=utf-8; charset=us-ascii", Charset::Other),
            ("; charset=\"\"", Charset::Other),
            ("; charset=utf-16", Charset::Other),
        ] {
            let headers = said(&[&format!("{FORM}{parameters}")]);
            assert!(is_form(&headers), "{parameters}");
            assert_eq!(charset(&headers).ok(), Some(expected), "{parameters}");
        }
    }

    #[test]
    fn a_parameter_that_is_unknown_or_malformed_is_refused() {
        for parameters in [
            "; charset",
            "; charset=",
            "; charset =utf-8",
            "; charset= utf-8",
            "; charset=utf-8 x",
            "; charset=\"utf-8",
            "; charset=\"utf-8\\\"",
            "; charset=\"utf-8\"x",
            "; charset=utf-8\"",
            "; =utf-8",
            "; boundary=x",
            "; charset=utf-8; q=1",
        ] {
            let refused = charset(&said(&[&format!("{FORM}{parameters}")])).map_err(|error| error.kind());
            assert_eq!(refused, Err(Kind::InvalidRequest), "{parameters}");
        }
    }

    #[test]
    fn the_same_media_type_twice_counts_as_one_and_two_different_ones_as_neither() {
        let upper = FORM.to_uppercase();
        for (values, expected) in [
            (&[FORM][..], true),
            (&[&format!("{FORM}, {FORM}")], true),
            (&[&format!("{FORM} ;,{upper};charset=utf-8")], true),
            (&[FORM, &upper], true),
            (&[], false),
            (&[""], false),
            (&["text/plain"], false),
            (&[&format!("{FORM}, text/plain")], false),
            (&[&format!("text/plain, {FORM}")], false),
            (&[&format!("{FORM},")], false),
            (&[FORM, "application/json"], false),
            (&["application/json", FORM], false),
            (&[&format!("\"{FORM}\"")], false),
            (&[&format!("text/plain; x=\", {FORM}\"")], false),
            (&[&format!("{FORM}; x=\"a\\\", text/plain\"")], true),
        ] {
            assert_eq!(is_form(&said(values)), expected, "{values:?}");
        }
        assert!(!is_form(&said(&["\u{e9}"])));
    }

    #[test]
    fn only_identity_does_not_count_as_a_coding() {
        for (codings, expected) in [
            (&[][..], false),
            (&[""], false),
            (&["identity"], false),
            (&["Identity, identity"], false),
            (&["gzip"], true),
            (&["identity,gzip"], true),
            (&["identity", "br"], true),
            (&["x-unknown"], true),
            (&["\u{e9}"], true),
        ] {
            let coding = |coding: &&str| (CONTENT_ENCODING, HeaderValue::from_str(coding).expect("a header"));
            assert_eq!(is_coded(&codings.iter().map(coding).collect()), expected, "{codings:?}");
        }
    }
}
