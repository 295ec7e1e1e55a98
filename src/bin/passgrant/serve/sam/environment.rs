//! The file that `sam local --env-vars` reads.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use passgrant::store::TableNames;
use serde_json::json;

use crate::failure::Failure;

/// Where `sam` keeps what is its own, below the folder of the template.
const FOLDER: &str = ".aws-sam";
/// Where `samconfig.toml` says it is.
pub(super) const FILE: &str = ".aws-sam/local-env.json";
const UNFINISHED: &str = ".aws-sam/local-env.new";
/// Where `sam local start-api` listens.
const ISSUER: &str = "http://127.0.0.1:3000";

/// What the template cannot know of a function that runs here.
pub(super) struct Environment<'a> {
    pub(super) tables: &'a TableNames,
    pub(super) signing_keys: &'a str,
    pub(super) wrapping_key: &'a str,
    pub(super) dynamodb: &'a str,
    pub(super) kms: &'a str,
}

impl Environment<'_> {
    fn variables(&self) -> serde_json::Value {
        json!({ "PassgrantFunction": {
            "PASSGRANT_ISSUER": ISSUER,
            "PASSGRANT_CLIENTS_TABLE": self.tables.clients,
            "PASSGRANT_USERS_TABLE": self.tables.users,
            "PASSGRANT_TOKENS_TABLE": self.tables.tokens,
            "PASSGRANT_SIGNING_KEYS": self.signing_keys,
            "PASSGRANT_WRAPPING_KEY": self.wrapping_key,
            "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb,
            "AWS_ENDPOINT_URL_KMS": self.kms,
        } })
    }
}

/// The right to write the file. It ends with the process, however that ends. The lock is on the folder: a file that is
/// replaced cannot carry one.
pub(super) struct EnvironmentFile {
    _lock: File,
}

impl EnvironmentFile {
    /// # Errors
    /// [`Failure`] when another server has it, whatever data that one works on.
    pub(super) fn take() -> Result<Self, Failure> {
        let problem = |error: io::Error| Failure::refused(format!("{FOLDER}: {error}"));
        DirBuilder::new().recursive(true).mode(0o700).create(FOLDER).map_err(problem)?;
        let lock = File::open(FOLDER).map_err(problem)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Failure::refused(format!(
                "another `passgrant serve --sam` is running in this folder, and {FILE} is that one's: stop it first"
            ))),
            Err(TryLockError::Error(error)) => Err(problem(error)),
        }
    }

    /// Writes the file, readable only by its owner, over one that a killed server left. It is there whole or not at all.
    #[expect(clippy::unused_self, reason = "only whoever has the right does it")]
    pub(super) fn write(&self, environment: &Environment<'_>) -> io::Result<()> {
        let (path, unfinished) = (Path::new(FILE), Path::new(UNFINISHED));
        remove(unfinished)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished)?;
        serde_json::to_writer_pretty(&mut file, &environment.variables())?;
        file.write_all(b"\n")?;
        fs::rename(unfinished, path)
    }

    /// Removes the file, if it is there.
    #[expect(clippy::unused_self, reason = "only whoever has the right does it")]
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(Path::new(FILE))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
