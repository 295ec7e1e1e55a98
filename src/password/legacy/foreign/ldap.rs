//! `userPassword` (RFC 2307, section 5.3): a scheme in braces, of any case, and what it made. Spring Security and Dovecot
//! write the same.

use crate::password::legacy::Legacy;
use crate::password::legacy::digest::{Algorithm, Digest, Position};
use crate::password::legacy::foreign::{Read, argon2};
use crate::password::legacy::format::HashFormat;
use crate::password::legacy::pbkdf2::{Pbkdf2, Prf};
use crate::password::legacy::refused::Reason;
use crate::password::legacy::text;

const UNKNOWN: Reason = Reason::Malformed(
    "one of {SSHA}, {SSHA256}, {SSHA384}, {SSHA512}, {SHA}, {SHA256}, {SHA384}, {SHA512}, {SMD5}, {MD5}, {CRYPT}, \
     {ARGON2}, {BCRYPT}, {PBKDF2}, {PBKDF2-SHA256} and {PBKDF2-SHA512}",
);
const DIGEST: Reason = Reason::Malformed("base64 of the digest and, in the schemes with a salt, the salt after it");
const PBKDF2: Reason = Reason::Malformed("ITERATIONS$SALT$OUTPUT after the scheme");
const CRYPT: Reason = Reason::Malformed("bcrypt, SHA-crypt, phpass or Argon2 after the scheme");

pub(super) fn read(text: &str) -> Result<Read, Reason> {
    let (scheme, rest) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')).ok_or(UNKNOWN)?;
    match scheme.to_ascii_lowercase().as_str() {
        "md5" => unsalted(Algorithm::Md5, rest),
        "sha" => unsalted(Algorithm::Sha1, rest),
        "sha256" => unsalted(Algorithm::Sha256, rest),
        "sha384" => unsalted(Algorithm::Sha384, rest),
        "sha512" => unsalted(Algorithm::Sha512, rest),
        "smd5" => salted(Algorithm::Md5, rest),
        "ssha" => salted(Algorithm::Sha1, rest),
        "ssha256" => salted(Algorithm::Sha256, rest),
        "ssha384" => salted(Algorithm::Sha384, rest),
        "ssha512" => salted(Algorithm::Sha512, rest),
        "pbkdf2" | "pbkdf2-sha1" => pbkdf2(Prf::Sha1, rest),
        "pbkdf2-sha256" => pbkdf2(Prf::Sha256, rest),
        "pbkdf2-sha512" => pbkdf2(Prf::Sha512, rest),
        "crypt" | "bcrypt" | "blf-crypt" | "sha256-crypt" | "sha512-crypt" | "argon2" | "argon2i" | "argon2id" => {
            crypt(rest)
        }
        _ => Err(UNKNOWN),
    }
}

fn unsalted(algorithm: Algorithm, rest: &str) -> Result<Read, Reason> {
    Digest::unsalted(algorithm, text::base64(rest).ok_or(DIGEST)?).map_err(|_| DIGEST).map(Read::Digest)
}

fn salted(algorithm: Algorithm, rest: &str) -> Result<Read, Reason> {
    let bytes = text::base64(rest).ok_or(DIGEST)?;
    let (output, salt) = bytes.split_at_checked(algorithm.output_bytes()).ok_or(DIGEST)?;
    Digest::salted(algorithm, Position::Suffix, salt.into(), output.into()).map(Read::Digest)
}

fn pbkdf2(prf: Prf, rest: &str) -> Result<Read, Reason> {
    let [iterations, salt, output] = text::fields(rest).ok_or(PBKDF2)?;
    let iterations = text::number(iterations).ok_or(PBKDF2)?;
    let [Some(salt), Some(output)] = [salt, output].map(text::either_base64) else { return Err(PBKDF2) };
    Pbkdf2::new(prf, iterations, salt, output).map(Legacy::Pbkdf2).map(Read::from)
}

fn crypt(rest: &str) -> Result<Read, Reason> {
    match HashFormat::told_by_prefix(rest) {
        Some(HashFormat::Argon2) => argon2(rest),
        Some(HashFormat::Bcrypt | HashFormat::ShaCrypt | HashFormat::Phpass) => Legacy::parse(rest).map(Read::from),
        _ => Err(CRYPT),
    }
}
