//! The secret by which requests show that they came through the component in front of the gateway, such as one with AWS
//! WAF. The gateway's own address stays public, and whoever finds it would get past that component.

use std::fmt;

use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use thiserror::Error;

/// The header that the component in front adds to every request, in place of what a caller sent in it.
pub const HEADER: HeaderName = HeaderName::from_static("x-passgrant-origin");

/// Text that is not the secrets of an origin. It is never quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "it must be one secret, or two separated by a comma, each of {} to {} visible ASCII characters without commas",
    OriginSecrets::MIN_BYTES,
    OriginSecrets::MAX_BYTES
)]
pub struct RefusedOriginSecrets;

/// The secrets of which a request must carry one; if there are none, every request is let in. Only digests are kept.
#[derive(Clone, Default)]
pub struct OriginSecrets(Vec<[u8; 32]>);

impl OriginSecrets {
    /// The shortest secret, in bytes.
    pub const MIN_BYTES: usize = 32;
    /// The longest secret, in bytes.
    pub const MAX_BYTES: usize = 512;
    /// How many are accepted at once: the next one and the last one, while the component in front changes over.
    pub const MOST: usize = 2;

    /// Parses secrets separated by commas.
    ///
    /// # Errors
    /// [`RefusedOriginSecrets`] when one of them is too short or too long, or contains anything but visible ASCII
    /// characters, or there are too many.
    pub fn parse(text: &str) -> Result<Self, RefusedOriginSecrets> {
        let is_secret = |secret: &str| {
            (Self::MIN_BYTES..=Self::MAX_BYTES).contains(&secret.len())
                && secret.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let digest = |secret: &str| is_secret(secret).then(|| Sha256::digest(secret).into());
        let digests = text.split(',').take(Self::MOST + 1).map(digest).collect::<Option<Vec<_>>>();
        digests.filter(|digests| digests.len() <= Self::MOST).map(Self).ok_or(RefusedOriginSecrets)
    }

    /// Whether a request with these headers may come in. What is compared is digests, each of them whole, so that the time
    /// tells nothing about a secret.
    #[must_use]
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let mut values = headers.get_all(HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        if value.len() > Self::MAX_BYTES {
            return false;
        }
        let digest = Sha256::digest(value);
        self.0.iter().fold(Choice::from(0), |found, secret| found | secret[..].ct_eq(&digest)).into()
    }
}

impl fmt::Debug for OriginSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} origin secrets", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_secret_or_two_are_taken_and_never_printed() {
        let (short, secret, long) = ("s".repeat(31), "s".repeat(32), "s".repeat(512));
        for sound in [secret.clone(), long.clone(), format!("{secret},{long}")] {
            let secrets = OriginSecrets::parse(&sound).expect("secrets");
            assert!(!format!("{secrets:?}").contains(&secret));
        }
        for refused in [
            String::new(),
            short.clone(),
            format!("{long}s"),
            format!("{secret} "),
            format!("{secret}\u{e9}"),
            format!("{secret},"),
            format!("{secret},{short}"),
            format!("{secret},{secret},{secret}"),
        ] {
            let problem = OriginSecrets::parse(&refused).expect_err(&refused).to_string();
            assert!(!problem.contains(&short), "{problem}");
        }
    }
}
