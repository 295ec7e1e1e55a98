//! A folder for files that only their owner may read, and no longer than they are needed.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::{env, io};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgrant::random::Random;

/// A folder that only its owner can look into, and which is removed with everything in it when this is dropped.
pub(super) struct PrivateFolder {
    /// What nobody can guess.
    pub(super) id: String,
    path: PathBuf,
}

impl PrivateFolder {
    /// A folder for `what`.
    pub(super) fn new(what: &str, random: &dyn Random) -> io::Result<Self> {
        let id = URL_SAFE_NO_PAD.encode(*random.bytes::<16>().map_err(io::Error::other)?);
        let path = env::temp_dir().join(format!("passgrant-{what}-{id}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { id, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file `name`, as a command line has it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // What cannot be removed is readable by its owner only.
        let _: io::Result<()> = fs::remove_dir_all(&self.path);
    }
}
