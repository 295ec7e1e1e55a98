//! The formats, by the names that users write and reports show.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name::named;

/// How a password hash is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashFormat {
    /// Argon2 (RFC 9106) in the PHC string format.
    Argon2,
    /// bcrypt in the modular crypt format, the variant of `WordPress` included.
    Bcrypt,
    /// PBKDF2 (RFC 8018) in the PHC string format, or as passlib writes it.
    Pbkdf2,
    /// scrypt (RFC 7914) in the PHC string format.
    Scrypt,
    /// SHA-crypt: `$5$` and `$6$`.
    ShaCrypt,
    /// The portable PHP password hashing framework.
    Phpass,
    /// Any of Django's hashers.
    Django,
    /// ASP.NET Core Identity, versions 2 and 3.
    AspnetIdentity,
    /// A credential of Keycloak, as JSON.
    Keycloak,
    /// Firebase's scrypt, with the parameters of its project.
    Firebase,
    /// A scheme in braces (RFC 2307), as LDAP servers keep it.
    Ldap,
    /// A digest by MD5.
    Md5,
    /// A digest by SHA-1.
    Sha1,
    /// A digest by SHA-256.
    Sha256,
    /// A digest by SHA-384.
    Sha384,
    /// A digest by SHA-512.
    Sha512,
}

impl HashFormat {
    /// All formats.
    pub const ALL: [Self; 16] = [
        Self::Argon2,
        Self::Bcrypt,
        Self::Pbkdf2,
        Self::Scrypt,
        Self::ShaCrypt,
        Self::Phpass,
        Self::Django,
        Self::AspnetIdentity,
        Self::Keycloak,
        Self::Firebase,
        Self::Ldap,
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// The format's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Argon2 => "argon2",
            Self::Bcrypt => "bcrypt",
            Self::Pbkdf2 => "pbkdf2",
            Self::Scrypt => "scrypt",
            Self::ShaCrypt => "sha_crypt",
            Self::Phpass => "phpass",
            Self::Django => "django",
            Self::AspnetIdentity => "aspnet_identity",
            Self::Keycloak => "keycloak",
            Self::Firebase => "firebase",
            Self::Ldap => "ldap",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The format that the beginning of a hash tells.
    pub(super) fn told_by_prefix(text: &str) -> Option<Self> {
        const PREFIXES: [(&str, HashFormat); 33] = [
            ("$argon2id$", HashFormat::Argon2),
            ("$argon2i$", HashFormat::Argon2),
            ("$argon2d$", HashFormat::Argon2),
            ("$2a$", HashFormat::Bcrypt),
            ("$2b$", HashFormat::Bcrypt),
            ("$2x$", HashFormat::Bcrypt),
            ("$2y$", HashFormat::Bcrypt),
            ("$wp$2", HashFormat::Bcrypt),
            ("$bcrypt-sha256-hex$2", HashFormat::Bcrypt),
            ("$pbkdf2$", HashFormat::Pbkdf2),
            ("$pbkdf2-sha1$", HashFormat::Pbkdf2),
            ("$pbkdf2-sha256$", HashFormat::Pbkdf2),
            ("$pbkdf2-sha512$", HashFormat::Pbkdf2),
            ("$scrypt$", HashFormat::Scrypt),
            ("$5$", HashFormat::ShaCrypt),
            ("$6$", HashFormat::ShaCrypt),
            ("$P$", HashFormat::Phpass),
            ("$H$", HashFormat::Phpass),
            ("$firebase-scrypt$", HashFormat::Firebase),
            ("argon2$", HashFormat::Django),
            ("bcrypt$", HashFormat::Django),
            ("bcrypt_sha256$", HashFormat::Django),
            ("pbkdf2_sha1$", HashFormat::Django),
            ("pbkdf2_sha256$", HashFormat::Django),
            ("scrypt$", HashFormat::Django),
            ("md5$", HashFormat::Django),
            ("sha1$", HashFormat::Django),
            ("md5:", HashFormat::Md5),
            ("sha1:", HashFormat::Sha1),
            ("sha256:", HashFormat::Sha256),
            ("sha384:", HashFormat::Sha384),
            ("sha512:", HashFormat::Sha512),
            ("{\"", HashFormat::Keycloak),
        ];
        let found = PREFIXES.into_iter().find(|(prefix, _)| text.starts_with(prefix));
        match found {
            Some((_, format)) => Some(format),
            // White space is JSON's; a scheme in braces has none.
            None if text.starts_with('{') && text[1..].starts_with(|c: char| c.is_ascii_whitespace()) => {
                Some(Self::Keycloak)
            }
            None => text.starts_with('{').then_some(Self::Ldap),
        }
    }
}

named!(HashFormat);
