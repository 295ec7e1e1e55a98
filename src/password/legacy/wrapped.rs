//! A digest wrapped in Argon2id: `$wrapped$sha1,prefix$SALT` and the Argon2id of the digest as a PHC string. It costs as
//! much to verify, and to guess against, as the Argon2id of a password.

use zeroize::Zeroizing;

use crate::password::hash::{Expected, UnreadableHash};
use crate::password::legacy::digest::Scheme;
use crate::password::legacy::stack::wiped_after;
use crate::password::legacy::text::{self, MAX_BYTES};

const PREFIX: &str = "$wrapped$";

/// A wrapped digest, taken apart.
pub(in crate::password) struct Wrapped {
    scheme: Scheme,
    /// The Argon2id of the digest.
    pub(in crate::password) expected: Expected,
}

impl Wrapped {
    /// Reads a wrapped digest; `None` if `stored` is something else.
    pub(in crate::password) fn parse(stored: &str) -> Option<Result<Self, UnreadableHash>> {
        let rest = stored.strip_prefix(PREFIX).filter(|_| stored.len() <= MAX_BYTES)?;
        Some(Self::taken_apart(rest).ok_or(UnreadableHash))
    }

    fn taken_apart(rest: &str) -> Option<Self> {
        let (scheme, rest) = rest.split_once('$')?;
        let (algorithm, position) = scheme.split_once(',')?;
        let end = rest.find('$')?;
        let (salt, phc) = rest.split_at_checked(end)?;
        let (algorithm, position) = (algorithm.parse().ok()?, position.parse().ok()?);
        let expected = Expected::parse_phc(phc).ok().filter(Expected::is_argon2id)?;
        Some(Self { scheme: Scheme { algorithm, position, salt: text::base64(salt)? }, expected })
    }

    /// What Argon2id has to be computed of.
    pub(in crate::password) fn digest_of(&self, password: &str) -> Zeroizing<Vec<u8>> {
        wiped_after(|| self.scheme.of(password))
    }

    /// The name of the digest's algorithm.
    pub(in crate::password) fn algorithm(&self) -> &'static str {
        self.scheme.algorithm.as_str()
    }

    /// How a digest of `scheme` is stored whose Argon2id is `phc`.
    pub(super) fn written(scheme: &Scheme, phc: &str) -> String {
        let Scheme { algorithm, position, salt } = scheme;
        format!("{PREFIX}{algorithm},{position}${}{phc}", text::to_base64(salt))
    }

    /// The algorithm of the digest, as a format.
    pub(super) fn scheme(&self) -> &Scheme {
        &self.scheme
    }
}
