//! Opaque access tokens: random bits that only this service knows the meaning of.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::random::{Random, RandomFailed};
use crate::store::key;

const BYTES: usize = 32;

/// An opaque access token: `pga_` and base64url of 256 random bits. It cannot be printed, and is wiped when dropped.
pub struct OpaqueToken(Zeroizing<[u8; BYTES]>);

/// Text that is no opaque access token of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an opaque access token")]
pub struct MalformedToken;

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
    /// [`MalformedToken`] for anything but the prefix and 43 characters of canonical base64url.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        let encoded = text.strip_prefix(Self::PREFIX).ok_or(MalformedToken)?;
        let mut bytes = Zeroizing::new([0; BYTES]);
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, bytes.as_mut_slice()).map_err(|_| MalformedToken)?;
        if length == BYTES { Ok(Self(bytes)) } else { Err(MalformedToken) }
    }

    /// The token as its holder sends it.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{}{}", Self::PREFIX, *Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.0)))
    }

    /// The key under which it is stored: nobody who reads the table can present it.
    #[must_use]
    pub fn key(&self) -> String {
        key::access_token(&Sha256::digest(*self.0))
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
        assert_eq!(OpaqueToken::parse(&text).expect("its own text").key(), token.key());
        let long = format!("{text}A");
        for bad in ["", "pga_", &text[4..], &text[..text.len() - 1], &long, "pga_***"] {
            assert_eq!(OpaqueToken::parse(bad).err(), Some(MalformedToken), "{bad}");
        }
    }
}
