//! ASP.NET Core Identity (`Microsoft.AspNetCore.Identity.PasswordHasher`): base64 of a byte that tells the version, then,
//! in version 2, 16 bytes of salt and 32 of PBKDF2 with HMAC-SHA1 and 1000 iterations; in version 3, the function, the
//! iterations and the length of the salt, four bytes each with the highest first, the salt and the output.

use crate::password::legacy::Legacy;
use crate::password::legacy::foreign::Read;
use crate::password::legacy::pbkdf2::{Pbkdf2, Prf};
use crate::password::legacy::refused::Reason;
use crate::password::legacy::text;

const EXPECTED: Reason =
    Reason::Malformed("base64 of a hash of version 2 (49 bytes that begin with 0) or version 3 (which begins with 1)");

pub(super) fn has_shape(text: &str) -> bool {
    parts(text).is_some()
}

pub(super) fn read(text: &str) -> Result<Read, Reason> {
    let (prf, iterations, salt, output) = parts(text).ok_or(EXPECTED)?;
    Pbkdf2::new(prf, iterations, salt, output).map(Legacy::Pbkdf2).map(Read::from)
}

fn parts(text: &str) -> Option<(Prf, u32, Vec<u8>, Vec<u8>)> {
    let bytes = text::base64(text)?;
    match bytes.split_first()? {
        (0, rest) if rest.len() == 48 => Some((Prf::Sha1, 1000, rest[..16].to_vec(), rest[16..].to_vec())),
        (1, rest) => {
            let (header, rest) = rest.split_first_chunk::<12>()?;
            let number = |at: usize| header[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
            let prf = match number(0) {
                0 => Prf::Sha1,
                1 => Prf::Sha256,
                2 => Prf::Sha512,
                _ => return None,
            };
            let (salt, output) = rest.split_at_checked(usize::try_from(number(8)).ok()?)?;
            // As the original does, which takes neither for less than 128 bits.
            (salt.len() >= 16 && output.len() >= 16).then(|| (prf, number(4), salt.to_vec(), output.to_vec()))
        }
        _ => None,
    }
}
