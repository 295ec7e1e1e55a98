//! Opaque access tokens: random bits that only this service knows the meaning of.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::random::{Random, RandomFailed};

const BYTES: usize = 32;

/// An opaque access token: `pga_`, followed by 256 random bits in base64url. It cannot be printed, and is wiped when
/// dropped.
pub struct OpaqueToken(Zeroizing<[u8; BYTES]>);

/// Text that is not an opaque access token of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an opaque access token")]
pub struct MalformedOpaqueToken;

impl OpaqueToken {
    /// What every opaque access token begins with, for scanners of leaked secrets.
    pub const PREFIX: &str = "pga_";

    /// A fresh token.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomFailed> {
        Ok(Self(random.bytes()?))
    }

    /// Parses an opaque access token.
    ///
    /// # Errors
    /// [`MalformedOpaqueToken`] for anything but the prefix and 43 characters of canonical base64url.
    pub fn parse(text: &str) -> Result<Self, MalformedOpaqueToken> {
        let encoded = text.strip_prefix(Self::PREFIX).ok_or(MalformedOpaqueToken)?;
        let mut bytes = Zeroizing::new([0; BYTES]);
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, bytes.as_mut_slice()).map_err(|_| MalformedOpaqueToken)?;
        if length == BYTES { Ok(Self(bytes)) } else { Err(MalformedOpaqueToken) }
    }

    /// The token as its holder sends it.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{}{}", Self::PREFIX, *Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.0)))
    }

    /// What it is stored under: somebody who reads the table still cannot present the token.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(*self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    #[test]
    fn an_opaque_token_survives_its_text_form_and_nothing_else_is_one() {
        let token = OpaqueToken::generate(&OsRandom).expect("randomness");
        let text = token.expose();
        assert_eq!(OpaqueToken::parse(&text).expect("its own text").digest(), token.digest());
        let long = format!("{text}A");
        for bad in ["", "pga_", &text[4..], &text[..text.len() - 1], &long, "pga_***"] {
            assert_eq!(OpaqueToken::parse(bad).err(), Some(MalformedOpaqueToken), "{bad}");
        }
    }
}
