//! Audiences: the resource servers a token is meant for (RFC 8707).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;
use url::Url;

/// Text that cannot name a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an audience is an absolute URI without a fragment, of at most {} bytes", Audience::MAX_BYTES)]
pub struct MalformedAudience;

/// An absolute URI without a fragment, kept and compared as it was written (RFC 8707, section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Audience(Box<str>);

impl Audience {
    /// The longest audience, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// Parses an audience.
    ///
    /// # Errors
    /// [`MalformedAudience`] when the text is not absolute, has a fragment, a character that no URI holds, or is too long.
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
}

/// Whether there are only characters of a URI, and every `%` begins an escape (RFC 3986, section 2). `Url` is for
/// browsers, and mends what is not.
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

/// A resource that is malformed, or that the client or the session may not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the resource may not be named")]
pub struct InvalidTarget;

/// What is left of the audiences that were `granted` before, of those that are `registered` by now; none where there
/// were some and none is left. An empty set, which stands for the issuer itself, has nothing to lose.
#[must_use]
pub fn still_held(granted: &[Audience], registered: &[Audience]) -> Option<Vec<Audience>> {
    let held: Vec<Audience> = granted.iter().filter(|audience| registered.contains(audience)).cloned().collect();
    (granted.is_empty() || !held.is_empty()).then_some(held)
}

/// The audiences a request ends up with: all that are `configured`, or only the `requested` ones among them.
///
/// # Errors
/// [`InvalidTarget`] when a requested resource is malformed or not configured.
pub fn granted(requested: &[&str], configured: &[Audience]) -> Result<Vec<Audience>, InvalidTarget> {
    if requested.is_empty() {
        return Ok(configured.to_vec());
    }
    let mut audiences = Vec::with_capacity(requested.len());
    for resource in requested {
        let audience = Audience::parse(resource).map_err(|_| InvalidTarget)?;
        if !configured.contains(&audience) {
            return Err(InvalidTarget);
        }
        if !audiences.contains(&audience) {
            audiences.push(audience);
        }
    }
    Ok(audiences)
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
}
