//! Digests that were never meant for passwords, with or without a salt. They are read, and wrapped, but never stored.

use std::fmt;
use std::str::FromStr;

use md5::{Digest as _, Md5};
use ring::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

use crate::name::named;
use crate::password::legacy::refused::Reason;
use crate::password::legacy::text;

const EXPECTED: Reason = Reason::Malformed(
    "the digest in hexadecimal or base64, of the algorithm's length: by itself, as ALGORITHM:DIGEST, or with its salt as \
     ALGORITHM:POSITION:SALT:DIGEST, where POSITION is prefix or suffix, with -hex or -base64 for a salt in that form",
);

/// What made a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    pub(super) fn output_bytes(self) -> usize {
        self.of_ring().map_or(16, digest::Algorithm::output_len)
    }

    fn of_ring(self) -> Option<&'static digest::Algorithm> {
        match self {
            Self::Md5 => None,
            Self::Sha1 => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => Some(&digest::SHA256),
            Self::Sha384 => Some(&digest::SHA384),
            Self::Sha512 => Some(&digest::SHA512),
        }
    }

    fn of(self, parts: [&[u8]; 2]) -> Zeroizing<Vec<u8>> {
        let digest = match self.of_ring() {
            Some(algorithm) => {
                let mut context = digest::Context::new(algorithm);
                for part in parts {
                    context.update(part);
                }
                context.finish().as_ref().to_vec()
            }
            None => Md5::new().chain_update(parts[0]).chain_update(parts[1]).finalize().to_vec(),
        };
        Zeroizing::new(digest)
    }
}

named!(Algorithm);

/// Where the salt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// Before the password.
    Prefix,
    /// After the password.
    Suffix,
}

impl Position {
    const ALL: [Self; 2] = [Self::Prefix, Self::Suffix];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Prefix => "prefix",
            Self::Suffix => "suffix",
        }
    }
}

named!(Position);

/// How a digest is made of a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scheme {
    pub(super) algorithm: Algorithm,
    pub(super) position: Position,
    /// Empty if there is none.
    pub(super) salt: Vec<u8>,
}

impl Scheme {
    pub(super) fn of(&self, password: &str) -> Zeroizing<Vec<u8>> {
        match self.position {
            Position::Prefix => self.algorithm.of([&self.salt, password.as_bytes()]),
            Position::Suffix => self.algorithm.of([password.as_bytes(), &self.salt]),
        }
    }
}

/// A digest of a password, to be wrapped.
pub(super) struct Digest {
    pub(super) scheme: Scheme,
    pub(super) output: Zeroizing<Vec<u8>>,
}

impl Digest {
    /// A digest without a salt.
    pub(super) fn unsalted(algorithm: Algorithm, output: Vec<u8>) -> Result<Self, Reason> {
        Self::salted(algorithm, Position::Suffix, Vec::new(), output)
    }

    pub(super) fn salted(
        algorithm: Algorithm,
        position: Position,
        salt: Vec<u8>,
        output: Vec<u8>,
    ) -> Result<Self, Reason> {
        let output = Zeroizing::new(output);
        if output.len() != algorithm.output_bytes() {
            return Err(EXPECTED);
        }
        Ok(Self { scheme: Scheme { algorithm, position, salt }, output })
    }

    /// Reads a digest by itself, `ALGORITHM:DIGEST` or `ALGORITHM:POSITION:SALT:DIGEST`. The salt may have colons.
    pub(super) fn parse(algorithm: Algorithm, text: &str) -> Result<Self, Reason> {
        let Some((named, rest)) = text.split_once(':') else {
            return Self::unsalted(algorithm, read(algorithm, text)?);
        };
        if named != algorithm.as_str() {
            return Err(EXPECTED);
        }
        let Some((position, rest)) = rest.split_once(':') else {
            return Self::unsalted(algorithm, read(algorithm, rest)?);
        };
        let (salt, digest) = rest.rsplit_once(':').ok_or(EXPECTED)?;
        let (position, form) = position.split_once('-').unwrap_or((position, "text"));
        let salt = match form {
            "text" => Some(salt.as_bytes().to_vec()),
            "hex" => text::hex(salt),
            "base64" => text::base64(salt),
            _ => None,
        };
        let position = position.parse().map_err(|_| EXPECTED)?;
        Self::salted(algorithm, position, salt.ok_or(EXPECTED)?, read(algorithm, digest)?)
    }
}

/// Hexadecimal is twice as long as the digest, and base64 never is.
fn read(algorithm: Algorithm, text: &str) -> Result<Vec<u8>, Reason> {
    let hex = text.len() == 2 * algorithm.output_bytes();
    if hex { text::hex(text) } else { text::base64(text) }.ok_or(EXPECTED)
}
