//! Django's hashers (`django.contrib.auth.hashers`): fields between `$` signs, the hasher's name first.

use crate::password::legacy::Legacy;
use crate::password::legacy::bcrypt::Bcrypt;
use crate::password::legacy::digest::{Algorithm, Digest, Position};
use crate::password::legacy::foreign::{Read, argon2};
use crate::password::legacy::pbkdf2::{Pbkdf2, Prf};
use crate::password::legacy::refused::Reason;
use crate::password::legacy::scrypt::{Cost, Scrypt};
use crate::password::legacy::text;

const PBKDF2: Reason = Reason::Malformed("pbkdf2_sha256$ITERATIONS$SALT$HASH, or the same with pbkdf2_sha1");
const SCRYPT: Reason = Reason::Malformed("scrypt$N$SALT$R$P$HASH");
const DIGEST: Reason = Reason::Malformed("md5$SALT$DIGEST or sha1$SALT$DIGEST, in hexadecimal");
const UNKNOWN: Reason =
    Reason::Malformed("argon2, bcrypt, bcrypt_sha256, pbkdf2_sha256, pbkdf2_sha1, scrypt, md5 or sha1");

pub(super) fn read(text: &str) -> Result<Read, Reason> {
    let (hasher, rest) = text.split_once('$').ok_or(UNKNOWN)?;
    match hasher {
        "argon2" => argon2(&text[hasher.len()..]),
        "bcrypt" => Bcrypt::parse(rest).map(Legacy::Bcrypt).map(Read::from),
        "bcrypt_sha256" => Bcrypt::of_django_sha256(rest).map(Legacy::Bcrypt).map(Read::from),
        "pbkdf2_sha256" => pbkdf2(Prf::Sha256, rest),
        "pbkdf2_sha1" => pbkdf2(Prf::Sha1, rest),
        "scrypt" => scrypt(rest),
        "md5" => digest(Algorithm::Md5, rest),
        "sha1" => digest(Algorithm::Sha1, rest),
        _ => Err(UNKNOWN),
    }
}

fn pbkdf2(prf: Prf, rest: &str) -> Result<Read, Reason> {
    let [iterations, salt, output] = text::fields(rest).ok_or(PBKDF2)?;
    let iterations = text::number(iterations).ok_or(PBKDF2)?;
    let output = text::base64(output).ok_or(PBKDF2)?;
    Pbkdf2::new(prf, iterations, salt.into(), output).map(Legacy::Pbkdf2).map(Read::from)
}

fn scrypt(rest: &str) -> Result<Read, Reason> {
    let [n, salt, r, p, output] = text::fields(rest).ok_or(SCRYPT)?;
    let [Some(n), Some(r), Some(p)] = [n, r, p].map(text::number) else { return Err(SCRYPT) };
    let output = text::base64(output).ok_or(SCRYPT)?;
    Scrypt::new(Cost::of_n(n, r, p)?, salt.into(), output).map(Legacy::Scrypt).map(Read::from)
}

fn digest(algorithm: Algorithm, rest: &str) -> Result<Read, Reason> {
    let [salt, output] = text::fields(rest).ok_or(DIGEST)?;
    let output = text::hex(output).ok_or(DIGEST)?;
    Digest::salted(algorithm, Position::Prefix, salt.into(), output).map(Read::Digest)
}
