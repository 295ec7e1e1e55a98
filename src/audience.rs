//! Audiences: the resource servers a token is meant for (RFC 8707).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;
use url::Url;

/// Text that cannot name a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an audience is an absolute URI without a fragment, of at most {} bytes", Audience::MAX_BYTES)]
pub struct MalformedAudience;

/// An absolute URI without a fragment (RFC 8707, section 2), kept as it was written.
///
/// Two are equal when they are written alike, or differ only in that the path after the authority is empty in one and
/// `/` in the other: these name the same resource (RFC 3986, section 6.2.3). Every other difference counts: case,
/// ports, escapes, other slashes.
#[derive(Clone, Debug, Eq, Serialize)]
#[serde(transparent)]
pub struct Audience(Box<str>);

impl Audience {
    /// The longest audience, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// Parses an audience.
    ///
    /// # Errors
    /// [`MalformedAudience`] when the text is not absolute, has a fragment, holds a character that no URI may, or is
    /// too long.
    pub fn parse(text: &str) -> Result<Self, MalformedAudience> {
        if text.len() > Self::MAX_BYTES || !is_written_as_uri(text) {
            return Err(MalformedAudience);
        }
        let url = Url::parse(text).map_err(|_| MalformedAudience)?;
        if url.fragment().is_some() {
            return Err(MalformedAudience);
        }
        Ok(Self(text.into()))
    }

    /// The URI as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same audience as it is written in `known`; if both forms are there, the one that is written alike.
    pub(crate) fn as_in<'a>(&self, known: &'a [Self]) -> Option<&'a Self> {
        let written_alike = known.iter().find(|other| other.0 == self.0);
        written_alike.or_else(|| known.iter().find(|other| *other == self))
    }

    /// Scheme and authority, if there is one, and what follows them without the optional slash.
    fn parts(&self) -> (&str, &str) {
        let after_scheme = self.0.find(':').map_or(0, |colon| colon + 1);
        if !self.0[after_scheme..].starts_with("//") {
            return (&self.0, "");
        }
        let start = after_scheme + "//".len();
        let end = self.0[start..].find(['/', '?']).map_or(self.0.len(), |length| start + length);
        let (origin, rest) = self.0.split_at(end);
        (origin, rest.strip_prefix('/').unwrap_or(rest))
    }
}

impl PartialEq for Audience {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

/// Whether the text holds only characters of a URI, and every `%` begins an escape (RFC 3986, section 2). `Url` behaves
/// as browsers do, and repairs what is malformed.
fn is_written_as_uri(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    text.bytes().all(allowed) && text.split('%').skip(1).all(is_escape)
}

impl fmt::Display for Audience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_absolute_and_has_no_fragment() {
        for good in ["https://api.example.com", "https://api.example.com/v1?x=1", "urn:example:api", "api://orders"] {
            assert!(Audience::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "api",
            "/v1",
            "//api.example.com",
            "https://api.example.com/#x",
            "https://api.example.com/#",
            "https://a b",
        ] {
            assert_eq!(Audience::parse(bad), Err(MalformedAudience), "{bad}");
        }
    }

    #[test]
    fn an_audience_holds_no_character_outside_rfc_3986_section_2() {
        assert!(Audience::parse("https://[::1]/a-._~!$&'()*+,;=:@?%C3%a9").is_ok());
        for bad in ["https://a/<b>", "https:\\a", "https://a/\"", "urn:^`{|}", "urn:a%", "urn:a%2", "urn:%zz"] {
            assert_eq!(Audience::parse(bad), Err(MalformedAudience), "{bad}");
        }
    }

    fn audience(text: &str) -> Audience {
        Audience::parse(text).expect(text)
    }

    #[test]
    fn an_empty_path_and_a_slash_are_the_same_and_nothing_else_is() {
        for (one, other) in [
            ("https://host", "https://host/"),
            ("https://host:8443", "https://host:8443/"),
            ("https://host?x=1", "https://host/?x=1"),
            ("https://host?a/b", "https://host/?a/b"),
            ("api://orders", "api://orders/"),
        ] {
            assert_eq!(audience(one), audience(other));
            assert_eq!(audience(other), audience(one));
        }
        for (one, other) in [
            ("https://host/v1", "https://host/v1/"),
            ("https://host/", "https://host//"),
            ("https://host", "https://host//"),
            ("https://host?x", "https://host?/x"),
            ("https://host?", "https://host"),
            ("https://host", "https://HOST"),
            ("https://host", "HTTPS://host"),
            ("https://host", "https://host:443"),
            ("https://host/%61", "https://host/a"),
            ("https://host", "http://host"),
            ("urn:example:api", "urn:example:api/"),
            ("mailto:a", "mailto:/a"),
            ("urn:a://b", "urn:a://b/"),
        ] {
            assert_ne!(audience(one), audience(other));
        }
    }
}
