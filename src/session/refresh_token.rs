//! Refresh tokens, and the identifiers of the sessions that they name.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::random::{Random, RandomFailed};

const HANDLE_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

/// A refresh token: `pgr_`, followed by its handle and secret in base64url. It cannot be printed, and is wiped when
/// dropped.
pub struct RefreshToken {
    handle: Zeroizing<[u8; HANDLE_BYTES]>,
    secret: Zeroizing<[u8; SECRET_BYTES]>,
}

/// Text that is not a refresh token of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token")]
pub struct MalformedRefreshToken;

impl RefreshToken {
    /// What every refresh token begins with, for scanners of leaked secrets.
    pub const PREFIX: &str = "pgr_";

    pub(super) fn generate(random: &dyn Random) -> Result<Self, RandomFailed> {
        Ok(Self { handle: random.bytes()?, secret: random.bytes()? })
    }

    /// Parses a refresh token.
    ///
    /// # Errors
    /// [`MalformedRefreshToken`] for anything but the prefix and 64 characters of canonical base64url.
    pub fn parse(text: &str) -> Result<Self, MalformedRefreshToken> {
        let encoded = text.strip_prefix(Self::PREFIX).ok_or(MalformedRefreshToken)?;
        let mut bytes = Zeroizing::new([0; HANDLE_BYTES + SECRET_BYTES]);
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, bytes.as_mut_slice()).map_err(|_| MalformedRefreshToken)?;
        if length != bytes.len() {
            return Err(MalformedRefreshToken);
        }
        let mut token = Self { handle: Zeroizing::default(), secret: Zeroizing::default() };
        token.handle.copy_from_slice(&bytes[..HANDLE_BYTES]);
        token.secret.copy_from_slice(&bytes[HANDLE_BYTES..]);
        Ok(token)
    }

    /// The token as its holder sends it.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; HANDLE_BYTES + SECRET_BYTES]);
        bytes[..HANDLE_BYTES].copy_from_slice(&*self.handle);
        bytes[HANDLE_BYTES..].copy_from_slice(&*self.secret);
        Zeroizing::new(format!("{}{}", Self::PREFIX, *Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// The identifier of its session, if there is such a session.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        SessionId(URL_SAFE_NO_PAD.encode(Sha256::digest(*self.handle)))
    }

    pub(super) fn secret_digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(*self.secret))
    }

    pub(super) fn is(&self, digest: &str) -> bool {
        self.secret_digest().as_bytes().ct_eq(digest.as_bytes()).into()
    }

    pub(super) fn successor(&self, salt: &[u8]) -> Self {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.secret) else {
            unreachable!("HMAC takes keys of any length");
        };
        mac.update(salt);
        mac.update(&*self.handle);
        Self { handle: self.handle.clone(), secret: Zeroizing::new(mac.finalize().into_bytes().into()) }
    }
}

/// A session's identifier, the `sid` of its tokens: a digest of the handle, from which nobody can make a refresh token
/// of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionId(String);

impl SessionId {
    /// The identifier as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SessionId {
    /// The identifier that a token's `sid` names.
    fn from(sid: &str) -> Self {
        Self(sid.to_owned())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    #[test]
    fn a_refresh_token_survives_its_text_form() {
        let token = RefreshToken::generate(&OsRandom).expect("randomness");
        let again = RefreshToken::parse(&token.expose()).expect("its own text");
        assert_eq!(again.session_id(), token.session_id());
        assert!(again.is(&token.secret_digest()));
        assert!(again.expose().starts_with(RefreshToken::PREFIX));
        assert_eq!(again.expose().len(), RefreshToken::PREFIX.len() + 64);
    }

    #[test]
    fn anything_else_is_not_a_refresh_token() {
        let good = RefreshToken::generate(&OsRandom).expect("randomness").expose().to_string();
        let long = format!("{good}A");
        for bad in ["", "pgr_", "pgr_AAAA", &good[4..], &good[..good.len() - 1], &long, &good.replace("pgr_", "PGR_")] {
            assert!(RefreshToken::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_successor_depends_on_secret_and_salt_and_keeps_the_handle() {
        let token = RefreshToken::generate(&OsRandom).expect("randomness");
        let next = token.successor(b"salt");
        assert_eq!(next.session_id(), token.session_id());
        assert!(next.is(&token.successor(b"salt").secret_digest()));
        assert!(!next.is(&token.successor(b"other").secret_digest()));
        assert!(!next.is(&token.secret_digest()));
    }
}
