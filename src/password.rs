//! Passwords: prepared, hashed with Argon2id, and verified at the same cost whoever the user is.

mod argon2;
mod hash;
mod kind;
pub mod legacy;
mod pool;
pub mod range;
mod verification;

#[cfg(feature = "cli")]
pub mod blocklist;

use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::{PrecisFastInvocation as _, stabilize};
use thiserror::Error;
use zeroize::Zeroizing;

pub use crate::password::hash::{Argon2Policy, Mark, PasswordHash, RefusedPolicy, UnreadableHash};
pub use crate::password::kind::HashKind;
pub use crate::password::pool::{Argon2Pool, VerifyError};
pub use crate::password::verification::Verified;

/// Text that the `OpaqueString` profile or the length limit refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a password has no control characters, and at most {} bytes", Password::MAX_BYTES)]
pub struct RefusedPassword;

/// A password prepared with PRECIS `OpaqueString` (RFC 8265, section 4.2). It cannot be printed or compared,
/// and is wiped when dropped.
#[derive(Clone)]
pub struct Password {
    prepared: Zeroizing<String>,
    /// As it was sent, if preparation changed it: a hash made elsewhere may be of that form.
    raw: Option<Zeroizing<String>>,
}

impl Password {
    /// The longest password, in bytes, before and after preparation. Nothing is ever truncated.
    pub const MAX_BYTES: usize = 1024;

    /// Prepares a password. Text over the limit is refused before any work is spent on it.
    ///
    /// # Errors
    /// [`RefusedPassword`] when the text is empty, too long, or holds a character the profile refuses.
    pub fn prepare(text: &str) -> Result<Self, RefusedPassword> {
        if text.len() > Self::MAX_BYTES {
            return Err(RefusedPassword);
        }
        // Once is not always enough (RFC 8264, section 7).
        let prepared = stabilize(text, |text| OpaqueString::enforce(text)).map_err(|_| RefusedPassword)?;
        let prepared = Zeroizing::new(prepared.into_owned());
        if prepared.len() > Self::MAX_BYTES {
            return Err(RefusedPassword);
        }
        let raw = (*prepared != text).then(|| Zeroizing::new(text.to_owned()));
        Ok(Self { prepared, raw })
    }

    /// What stands in for a password that was refused: no hash is made of it.
    fn none() -> Self {
        Self { prepared: Zeroizing::default(), raw: None }
    }

    /// The password's length in code points, as a minimum length counts it (NIST SP 800-63B).
    #[must_use]
    pub fn code_points(&self) -> usize {
        self.prepared.chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_prepared_as_rfc_8265_says_and_never_cut() {
        let prepared = |text: &str| Password::prepare(text).map(|password| password.prepared.to_string());
        assert_eq!(prepared("e\u{301}").as_deref(), Ok("\u{e9}"), "NFC");
        assert_eq!(prepared("\u{fb01}").as_deref(), Ok("\u{fb01}"), "never NFKC");
        assert_eq!(prepared("a\u{2003}b").as_deref(), Ok("a b"), "a non-ASCII space becomes U+0020");
        assert_eq!(prepared(" A b ").as_deref(), Ok(" A b "), "no trimming, no folding");
        for refused in ["", "a\0", "a\n", "a\u{7f}", "i\u{307}\u{94d}\u{200d}"] {
            assert_eq!(prepared(refused), Err(RefusedPassword), "{refused:?}");
        }
        assert!(prepared(&"\u{1f511}".repeat(64)).is_ok(), "64 code points of any kind");
        assert!(prepared(&"a".repeat(Password::MAX_BYTES)).is_ok());
        assert!(prepared(&"a".repeat(Password::MAX_BYTES + 1)).is_err());
    }
}
