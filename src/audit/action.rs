//! What is done, and audited.

use crate::audit::words;

words! {
    /// What was done, or was to be done: the outcome of an event says which.
    Action, 31:
    /// A login got tokens.
    TokenIssued = "token.issued",
    /// A session got fresh tokens.
    TokenRefreshed = "token.refreshed",
    /// A token request was refused or failed, for another reason than the username and the password.
    TokenRefused = "token.refused",
    /// A login was refused: the username or the password was not accepted.
    LoginRefused = "login.refused",
    /// A login was refused, and the username is locked from now on.
    UsernameLocked = "username.locked",
    /// A login was refused, and the username is slowed down from now on.
    UsernameSlowed = "username.slowed",
    /// A login was refused, and its source is kept out from now on.
    SourceExhausted = "source.exhausted",
    /// A refresh token was presented that had been replaced, and its session was ended.
    RefreshTokenReused = "refresh_token.reused",
    /// A client revoked an access token.
    TokenRevoked = "token.revoked",
    /// A client revoked a refresh token, which ended the session.
    SessionEnded = "session.ended",
    /// A revocation was refused or failed.
    RevocationRefused = "revocation.refused",
    /// A client was registered.
    ClientCreated = "client.created",
    /// A client was changed.
    ClientChanged = "client.changed",
    /// A client got a new secret.
    ClientSecretRotated = "client.secret_rotated",
    /// A client was disabled.
    ClientDisabled = "client.disabled",
    /// A client was enabled.
    ClientEnabled = "client.enabled",
    /// A client was deleted.
    ClientDeleted = "client.deleted",
    /// A user was created.
    UserCreated = "user.created",
    /// The claims of a user, or what it may grant, were changed.
    UserChanged = "user.changed",
    /// A user got a password.
    UserPasswordSet = "user.password_set",
    /// A user was disabled.
    UserDisabled = "user.disabled",
    /// A user was enabled.
    UserEnabled = "user.enabled",
    /// The wrong passwords tried for a username were forgotten.
    UserUnlocked = "user.unlocked",
    /// A user was deleted.
    UserDeleted = "user.deleted",
    /// Users were imported.
    UserImported = "user.imported",
    /// Users were written out with the hashes of their passwords.
    UserExported = "user.exported",
    /// An operator ended a session, or every session of a user.
    SessionRevoked = "session.revoked",
    /// A signing key was made.
    KeyCreated = "key.created",
    /// A secret was taken to sign with.
    KeyImported = "key.imported",
    /// A signing key was deleted.
    KeyDeleted = "key.deleted",
    /// What was missing from a table was copied from a restored one.
    TableCopied = "table.copied",
}
