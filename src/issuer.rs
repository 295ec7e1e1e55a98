//! The issuer: the URL by which the service identifies itself in everything it says.

pub mod path;

use std::fmt;

use serde::Serialize;
use thiserror::Error;
use url::Url;

/// Text that cannot be an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an issuer is an https URL without a query, a fragment or a user (http is allowed for loopback hosts only)")]
pub struct MalformedIssuer;

/// The issuer identifier (RFC 8414, section 2), kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Issuer(Box<str>);

impl Issuer {
    /// Parses an issuer.
    ///
    /// # Errors
    /// [`MalformedIssuer`] when the text is not such a URL, or is not in the canonical form of URLs.
    pub fn parse(text: &str) -> Result<Self, MalformedIssuer> {
        let url = Url::parse(text).map_err(|_| MalformedIssuer)?;
        let bare =
            url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        // `Url` adds the slash of an empty path; an issuer may be written with or without it.
        let canonical = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
        if is_confidential(&url) && bare && canonical { Ok(Self(text.into())) } else { Err(MalformedIssuer) }
    }

    /// The issuer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of an endpoint of this issuer; `path` begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.trim_end_matches('/'))
    }

    /// The host, without the port.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.0.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        let without_port =
            authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        without_port.map_or(authority, |(host, _)| host)
    }

    /// The path below which the issuer's endpoints are: empty, or beginning with a slash and ending without one.
    #[must_use]
    pub fn path(&self) -> &str {
        let after_scheme = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let path = after_scheme.find('/').map_or("", |at| &after_scheme[at..]);
        path.trim_end_matches('/')
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether what is sent to the URL is encrypted, or does not leave this machine.
#[must_use]
pub(crate) fn is_confidential(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(domain)) => domain == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_byte_for_byte() {
        for (text, path) in [
            ("https://id.example.com", ""),
            ("https://id.example.com/", ""),
            ("https://id.example.com/prod", "/prod"),
            ("https://id.example.com/a/b/", "/a/b"),
            ("http://127.0.0.1:8080", ""),
            ("http://localhost:8080", ""),
            ("http://[::1]:8080", ""),
        ] {
            let issuer = Issuer::parse(text).expect(text);
            assert_eq!((issuer.as_str(), issuer.path()), (text, path));
        }
        for (text, host) in [
            ("https://id.example.com", "id.example.com"),
            ("https://id.example.com:8443/prod", "id.example.com"),
            ("http://[::1]:8080", "[::1]"),
            ("http://[::1]", "[::1]"),
        ] {
            assert_eq!(Issuer::parse(text).expect(text).host(), host);
        }
        let issuer = Issuer::parse("https://id.example.com/prod/").expect("an issuer");
        assert_eq!(issuer.url("/oauth2/token"), "https://id.example.com/prod/oauth2/token");
    }
}
