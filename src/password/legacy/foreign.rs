//! Hashes as other systems write them.

mod aspnet;
mod django;
mod keycloak;
mod ldap;

use std::fmt;

use crate::password::argon2::Memory;
use crate::password::hash::{Argon2Policy, Expected, PasswordHash};
use crate::password::legacy::Legacy;
use crate::password::legacy::digest::{Algorithm, Digest};
use crate::password::legacy::format::HashFormat;
use crate::password::legacy::refused::{Reason, RefusedHash};
use crate::password::legacy::text::MAX_BYTES;
use crate::password::legacy::wrapped::Wrapped;
use crate::random::{Random, RandomFailed};

const ARGON2: Reason =
    Reason::Malformed("Argon2 in the PHC string format, with a salt of 8 to 48 and an output of 10 to 64 bytes");
const ARGON2_TOO_COSTLY: Reason =
    Reason::Costly("262144 KiB of memory, 2097152 KiB of memory times iterations, and 16 lanes");
const WRAPPED: Reason = Reason::Malformed("$wrapped$ALGORITHM,POSITION$SALT and the Argon2id of the digest");

/// A password hash that another system made, which can be kept. Printing it reveals nothing of it.
pub struct ForeignHash {
    format: HashFormat,
    read: Read,
}

/// What a hash was read as.
enum Read {
    /// What is stored as it is written.
    Stored(PasswordHash),
    /// What is stored in the spelling of its family.
    Legacy(Legacy),
    /// What is wrapped before it is stored.
    Digest(Digest),
}

impl From<Legacy> for Read {
    fn from(legacy: Legacy) -> Self {
        Self::Legacy(legacy)
    }
}

impl ForeignHash {
    /// Reads a hash as its own system writes it, or as this service stores it. The format is `format`, or is told by the
    /// shape: a bare digest needs a `format`, since it does not say what made it.
    ///
    /// Every parameter is checked: verifying what is accepted takes about a second at most.
    ///
    /// # Errors
    /// [`RefusedHash`], which says what was expected and shows nothing of the hash.
    pub fn read(text: &str, format: Option<HashFormat>) -> Result<Self, RefusedHash> {
        let shape = shape_of(text);
        let format = match (format, shape) {
            (Some(stated), Some(shape)) if stated != shape => {
                return Err(RefusedHash::AnotherFormat { stated, shape });
            }
            (Some(format), _) | (None, Some(format)) => format,
            (None, None) => return Err(RefusedHash::Unknown),
        };
        let read = read_as(format, text).map_err(|reason| RefusedHash::Refused { format, reason })?;
        Ok(Self { format, read })
    }

    /// How the hash was written.
    #[must_use]
    pub fn format(&self) -> HashFormat {
        self.format
    }

    /// Whether the hash is a digest, which [`Self::into_stored`] wraps in Argon2id: tens of milliseconds of work.
    #[must_use]
    pub fn needs_wrapping(&self) -> bool {
        matches!(self.read, Read::Digest(_))
    }

    /// The hash as it is stored. A digest is wrapped under `policy`, which must not happen on a thread that serves other
    /// requests.
    ///
    /// # Errors
    /// [`RandomFailed`] when a digest is to be wrapped and there is no randomness for a salt.
    pub fn into_stored(self, policy: &Argon2Policy, random: &dyn Random) -> Result<PasswordHash, RandomFailed> {
        let Digest { scheme, output } = match self.read {
            Read::Stored(hash) => return Ok(hash),
            Read::Legacy(legacy) => return Ok(PasswordHash::of_text(&legacy.to_string())),
            Read::Digest(digest) => digest,
        };
        let salted = policy.salted(&*random.bytes::<16>()?);
        let phc = salted.phc_of(&output, &mut Memory::new());
        Ok(PasswordHash::of_text(&Wrapped::written(&scheme, &phc)))
    }
}

impl fmt::Debug for ForeignHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ForeignHash").field("format", &self.format).finish_non_exhaustive()
    }
}

fn shape_of(text: &str) -> Option<HashFormat> {
    let wrapped = || Wrapped::parse(text)?.ok().map(|wrapped| format_of(wrapped.scheme().algorithm));
    let aspnet = || (text.len() <= MAX_BYTES && aspnet::has_shape(text)).then_some(HashFormat::AspnetIdentity);
    HashFormat::told_by_prefix(text).or_else(wrapped).or_else(aspnet)
}

fn format_of(algorithm: Algorithm) -> HashFormat {
    match algorithm {
        Algorithm::Md5 => HashFormat::Md5,
        Algorithm::Sha1 => HashFormat::Sha1,
        Algorithm::Sha256 => HashFormat::Sha256,
        Algorithm::Sha384 => HashFormat::Sha384,
        Algorithm::Sha512 => HashFormat::Sha512,
    }
}

fn read_as(format: HashFormat, text: &str) -> Result<Read, Reason> {
    if text.len() > MAX_BYTES {
        return Err(Reason::TOO_LONG);
    }
    match format {
        HashFormat::Argon2 => argon2(text),
        HashFormat::Bcrypt
        | HashFormat::Pbkdf2
        | HashFormat::Scrypt
        | HashFormat::ShaCrypt
        | HashFormat::Phpass
        | HashFormat::Firebase => Legacy::parse(text).map(Read::Legacy),
        HashFormat::Django => django::read(text),
        HashFormat::AspnetIdentity => aspnet::read(text),
        HashFormat::Keycloak => keycloak::read(text),
        HashFormat::Ldap => ldap::read(text),
        HashFormat::Md5 => digest(Algorithm::Md5, text),
        HashFormat::Sha1 => digest(Algorithm::Sha1, text),
        HashFormat::Sha256 => digest(Algorithm::Sha256, text),
        HashFormat::Sha384 => digest(Algorithm::Sha384, text),
        HashFormat::Sha512 => digest(Algorithm::Sha512, text),
    }
}

fn argon2(text: &str) -> Result<Read, Reason> {
    within_bounds(&Expected::parse_phc(text).map_err(|_| ARGON2)?)?;
    Ok(Read::Stored(PasswordHash::of_text(text)))
}

fn within_bounds(expected: &Expected) -> Result<(), Reason> {
    const MOST_MEMORY_KIB: u32 = 256 * 1024;
    const MOST_WORK_KIB: u64 = 2 * 1024 * 1024;
    let computation = &expected.computation;
    let bounded = computation.memory_kib() <= MOST_MEMORY_KIB && computation.work() <= MOST_WORK_KIB;
    bounded.then_some(()).ok_or(ARGON2_TOO_COSTLY)
}

/// A digest, or one that this service has wrapped.
fn digest(algorithm: Algorithm, text: &str) -> Result<Read, Reason> {
    match Wrapped::parse(text) {
        Some(wrapped) => {
            within_bounds(&wrapped.map_err(|_| WRAPPED)?.expected)?;
            Ok(Read::Stored(PasswordHash::of_text(text)))
        }
        None => Digest::parse(algorithm, text).map(Read::Digest),
    }
}
