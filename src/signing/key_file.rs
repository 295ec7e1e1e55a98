//! Key files in the data folder of the local server: a key pair in PKCS#8, or the bytes of a secret.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process;

use zeroize::Zeroizing;

use crate::jose::algorithm::Algorithm;
use crate::signing::error::KeyFileError;
use crate::signing::in_process::InProcessKey;
use crate::signing::made::MadePair;
use crate::signing::secret::SharedSecret;

/// More than any key kept here needs.
const MAX_BYTES: u64 = 16 * 1024;

impl InProcessKey {
    /// A fresh key that fits `algorithm`; an RSA key has 2048 bits.
    ///
    /// # Errors
    /// [`KeyFileError`] when the cryptographic library cannot make one, or the algorithm uses shared secrets.
    pub fn generate_for(algorithm: Algorithm) -> Result<Self, KeyFileError> {
        Self::of_made(MadePair::generate(algorithm)?)
    }

    /// Reads the key in `path`; if there is no such file, makes a key that fits `algorithm` and writes it there,
    /// readable only by its owner. Callers that do so at the same time all get the same key.
    ///
    /// # Errors
    /// [`KeyFileError`] when the file cannot be read, written or understood.
    pub fn load_or_generate(path: &Path, algorithm: Algorithm) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate_for(algorithm)?;
                match key.write_new(path) {
                    Ok(()) => Ok(key),
                    Err(KeyFileError::File(error)) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
                    Err(error) => Err(error),
                }
            }
            outcome => outcome,
        }
    }

    /// Reads the key pair in `path`.
    ///
    /// # Errors
    /// [`KeyFileError`] when the file cannot be read or understood.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        Self::of_made(MadePair::from_pkcs8(&read(path)?).ok_or(KeyFileError::Encoding)?)
    }

    /// Reads the secret for `algorithm` in `path`.
    ///
    /// # Errors
    /// [`KeyFileError`] when the file cannot be read, or holds no secret that fits the algorithm.
    pub fn load_secret(path: &Path, algorithm: Algorithm) -> Result<Self, KeyFileError> {
        Ok(Self::of_secret(SharedSecret::new(algorithm, read(path)?)?))
    }

    /// Writes the key to `path`, where there must be no file yet, readable only by its owner. The file is there whole
    /// or not at all, whenever the process is killed: it is written next to `path`, synced, then linked into place.
    ///
    /// # Errors
    /// [`KeyFileError`] when the file exists already, or cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyFileError> {
        Ok(write_new(path, &self.to_file().ok_or(KeyFileError::Generate)?)?)
    }
}

/// What the file at `path` holds; if there is no such file, it is made first, with what `make` gives. Callers that do so
/// at the same time all get the same.
pub(super) fn read_or_write_new(
    path: &Path,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, KeyFileError>,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    match read(path) {
        Err(KeyFileError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
            let bytes = make()?;
            match write_new(path, &bytes) {
                Ok(()) => Ok(bytes),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path),
                Err(error) => Err(error.into()),
            }
        }
        outcome => outcome,
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("new-{}", process::id()));
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let linked = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&beside, path));
    fs::remove_file(&beside)?;
    linked?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// What the file at `path` holds, in memory that is wiped. It is read in one piece: a buffer that grew would leave parts
/// of it behind.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    use std::io::Read as _;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > MAX_BYTES {
        return Err(KeyFileError::Encoding);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_BYTES).unwrap_or(0)));
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_every_kind_is_the_same_after_a_restart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa] {
            let path = folder.path().join(algorithm.as_str());
            let key = InProcessKey::generate_for(algorithm).expect("a key");
            key.write_new(&path).expect("a file");
            let again = InProcessKey::load_or_generate(&path, algorithm).expect("the key");
            assert_eq!(again.verification().key_id(), key.verification().key_id(), "{algorithm}");
            assert!(again.verification().fits(algorithm), "{algorithm}");
        }
    }

    #[test]
    fn a_file_without_a_key_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key.der");
        fs::write(&path, "not a key").expect("a file");
        assert!(matches!(InProcessKey::load_or_generate(&path, Algorithm::Rs256), Err(KeyFileError::Encoding)));
        assert_eq!(fs::read(&path).expect("a file"), b"not a key");
        assert!(matches!(InProcessKey::generate_for(Algorithm::Hs256), Err(KeyFileError::NoPair(_))));
    }

    #[test]
    fn a_key_is_never_written_over_another_and_no_temporary_file_is_left() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key.der");
        InProcessKey::generate_for(Algorithm::Es256).expect("a key").write_new(&path).expect("a file");
        let bytes = fs::read(&path).expect("a file");
        let second = InProcessKey::generate_for(Algorithm::Es256).expect("a key").write_new(&path);
        assert!(matches!(second, Err(KeyFileError::File(error)) if error.kind() == io::ErrorKind::AlreadyExists));
        assert_eq!((fs::read(&path).expect("a file"), fs::read_dir(folder.path()).expect("it").count()), (bytes, 1));
    }
}
