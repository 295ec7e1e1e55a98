//! The keys of the tokens table: what each kind of item begins with, and stands apart from the others by.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What the keys of sessions begin with.
pub(crate) const SESSION: &str = "s#";
const REVOCATION: &str = "r#";
const ACCESS_TOKEN: &str = "a#";
const ASSERTION: &str = "j#";
const ATTEMPTS: &str = "t#";

/// The key of the session called `sid`.
pub(crate) fn session(sid: &str) -> String {
    format!("{SESSION}{sid}")
}

/// The key of the note that the JWT called `jti` is revoked.
pub(crate) fn revocation(jti: &str) -> String {
    format!("{REVOCATION}{jti}")
}

/// The key of an opaque access token, by its digest.
pub(crate) fn access_token(digest: &[u8]) -> String {
    of_digest(ACCESS_TOKEN, digest)
}

/// The key of a client assertion that was used, by the digest of its client and identifier.
pub(crate) fn assertion(digest: &[u8]) -> String {
    of_digest(ASSERTION, digest)
}

/// The key of the attempts for a username, by its digest.
pub(crate) fn attempts(digest: &[u8]) -> String {
    of_digest(ATTEMPTS, digest)
}

fn of_digest(prefix: &str, digest: &[u8]) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(digest))
}
