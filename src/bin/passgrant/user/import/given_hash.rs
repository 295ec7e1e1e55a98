//! A password hash as the input has it, which is read again whenever it is needed: most users exist already in a second
//! run, and their hashes need no work.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use passgrant::password::{Argon2Policy, PasswordHash};
use passgrant::random::{OsRandom, Random, RandomFailed};
use zeroize::Zeroizing;

use crate::failure::Failure;
use passgrant::password::legacy::{ForeignHash, HashFormat, RefusedHash};

/// A hash that can be stored.
#[derive(Clone)]
pub(super) struct GivenHash {
    text: Zeroizing<String>,
    stated: Option<HashFormat>,
    format: HashFormat,
    needs_wrapping: bool,
}

impl GivenHash {
    /// Reads the hash `text`, in the format that is stated, or else in the one that its shape tells.
    pub(super) fn read(text: String, stated: Option<HashFormat>) -> Result<Self, RefusedHash> {
        let text = Zeroizing::new(text);
        let read = ForeignHash::read(&text, stated)?;
        Ok(Self { format: read.format(), needs_wrapping: read.needs_wrapping(), text, stated })
    }

    /// It as the input has it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The name of its format.
    pub(super) fn format(&self) -> &'static str {
        self.format.as_str()
    }

    /// Whether it is a digest, which costs an Argon2 before it is stored.
    pub(super) fn needs_wrapping(&self) -> bool {
        self.needs_wrapping
    }

    /// The hash as it is stored.
    pub(super) fn stored(&self, policy: &Argon2Policy) -> Result<PasswordHash, Failure> {
        self.stored_with(policy, &OsRandom)
    }

    fn stored_with(&self, policy: &Argon2Policy, random: &dyn Random) -> Result<PasswordHash, Failure> {
        let read = ForeignHash::read(&self.text, self.stated).map_err(|reason| Failure::refused(reason.to_string()))?;
        Ok(read.into_stored(policy, random)?)
    }

    /// The hash as it is stored, for a user who has the hash `existing`: that one, if it is this hash already. A digest
    /// is wrapped again for this, as `existing` was.
    pub(super) fn stored_unless(
        &self,
        existing: Option<&PasswordHash>,
        policy: &Argon2Policy,
    ) -> Result<PasswordHash, Failure> {
        if let Some(existing) = existing.filter(|_| self.needs_wrapping)
            && let Some((policy, salt)) = wrapping_of(existing)
            && self.stored_with(&policy, &Once(Mutex::new(Some(salt))))? == *existing
        {
            return Ok(existing.clone());
        }
        self.stored(policy)
    }
}

/// The bytes of a salt, once.
struct Once(Mutex<Option<Vec<u8>>>);

impl Random for Once {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomFailed> {
        let salt = self.0.lock().map_err(|_| RandomFailed)?.take().ok_or(RandomFailed)?;
        if salt.len() != bytes.len() {
            return Err(RandomFailed);
        }
        bytes.copy_from_slice(&salt);
        Ok(())
    }
}

/// What a stored hash was wrapped under, at the end of its text: an Argon2id in the PHC string format; `None` if it has
/// none, or one with another length of salt than is made here.
fn wrapping_of(stored: &PasswordHash) -> Option<(Argon2Policy, Vec<u8>)> {
    const SALT_BYTES: usize = 16;
    let text = Zeroizing::new(serde_json::to_value(stored).ok()?.as_str()?.to_owned());
    let (_, argon2) = text.strip_prefix("$wrapped$")?.rsplit_once("$argon2id$v=19$")?;
    let mut parts = argon2.split('$');
    let mut parameters = parts.next()?.split(',');
    let mut parameter = |name: &str| parameters.next()?.strip_prefix(name)?.parse().ok();
    let policy = Argon2Policy::new(parameter("m=")?, parameter("t=")?, parameter("p=")?).ok()?;
    let salt = STANDARD_NO_PAD.decode(parts.next()?).ok().filter(|salt| salt.len() == SALT_BYTES)?;
    Some((policy, salt))
}
