//! The attributes that are the tables' keys, and what the keys in the tokens table are: each kind of item has a prefix, which
//! keeps it apart from the others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The key of the clients table.
pub(super) const CLIENTS: &str = "client_id";
/// The key of the users table.
pub(super) const USERS: &str = "username";
/// The key of the tokens table.
pub(super) const TOKENS: &str = "id";

/// The prefix of the keys of sessions.
pub(crate) const SESSION: &str = "s#";
const REVOCATION: &str = "r#";
const ACCESS_TOKEN: &str = "a#";
const ASSERTION: &str = "j#";
const ATTEMPTS: &str = "t#";
const CLIENT_USE: &str = "u#";
const SOURCE: &str = "n#";

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

/// The key of a client assertion that has been used, by the digest of its client and identifier.
pub(crate) fn assertion(digest: &[u8]) -> String {
    of_digest(ASSERTION, digest)
}

/// The key of the attempts for a username, by its digest.
pub(crate) fn attempts(digest: &[u8]) -> String {
    of_digest(ATTEMPTS, digest)
}

/// The key of the note of when a client last used the password grant, by the digest of the client.
pub(crate) fn client_use(digest: &[u8]) -> String {
    of_digest(CLIENT_USE, digest)
}

/// The key of the count of the usernames that a source has sent wrong passwords for, by the digest of the source.
pub(crate) fn source(digest: &[u8]) -> String {
    of_digest(SOURCE, digest)
}

fn of_digest(prefix: &str, digest: &[u8]) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(digest))
}
