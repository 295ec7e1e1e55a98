//! The checkpoint beside the input: how far an import has come, so that the next run goes on from there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use passgrant::clock::Timestamp;
use passgrant::random::Random;
use passgrant::user::{Subject, Username};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;
use crate::user::import::cursor::Position;
use crate::user::import::summary::Tally;

/// How much of the input is compared with what it was, in addition to its size and the time of its last change.
const HEAD_BYTES: u64 = 64 * 1024;
const MAX_BYTES: u64 = 64 * 1024;

/// What must be the same for an import to be continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    input: Input,
    /// The options, in words.
    options: String,
    /// What DynamoDB calls the table.
    table: String,
}

/// What the input was like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Input {
    bytes: u64,
    modified: i64,
    modified_nanoseconds: i64,
    head: String,
}

/// How far an import has come. Everything before `position` is done; what comes after it may have been done too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) position: Position,
    pub(super) tally: Tally,
    /// How long the file of the rejected was.
    pub(super) rejects_bytes: u64,
}

/// What an import recognises its own users by, from one run to the next.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Marks {
    /// When it began: its users are created at that moment.
    pub(super) began: Timestamp,
    /// What the subjects of its users are made from.
    key: String,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    job: Job,
    marks: Marks,
    progress: Progress,
}

/// A checkpoint that is kept while an import runs.
pub(super) struct Checkpoint {
    path: PathBuf,
    job: Job,
    marks: Marks,
}

impl Job {
    /// The import of the file at `path`.
    pub(super) fn new(path: &Path, options: String, table: String) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let mut head = Vec::new();
        file.take(HEAD_BYTES).read_to_end(&mut head)?;
        let input = Input {
            bytes: metadata.size(),
            modified: metadata.mtime(),
            modified_nanoseconds: metadata.mtime_nsec(),
            head: URL_SAFE_NO_PAD.encode(Sha256::digest(&head)),
        };
        Ok(Self { input, options, table })
    }
}

impl Marks {
    /// The marks of an import that begins `now`.
    pub(super) fn new(random: &dyn Random, now: Timestamp) -> Result<Self, Failure> {
        Ok(Self { began: now, key: URL_SAFE_NO_PAD.encode(*random.bytes::<32>()?) })
    }

    /// The subject of the user whom the input has at `position`, and gives no other. It is as good as random for whoever
    /// does not have the checkpoint, and the same in every run.
    pub(super) fn subject(&self, username: &Username, position: Position) -> Result<Subject, Failure> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes())?;
        mac.update(&position.offset.to_be_bytes());
        mac.update(username.as_str().as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        Ok(Subject::of_random(bytes))
    }
}

impl Checkpoint {
    /// Continues `job` if its checkpoint is there, or begins it.
    pub(super) fn open(
        input: &Path,
        job: Job,
        restart: bool,
        new: impl FnOnce() -> Result<Marks, Failure>,
    ) -> Result<(Self, Option<Progress>), Failure> {
        let path = with_suffix(input, ".checkpoint");
        match read(&path)?.filter(|_| !restart) {
            None => {
                let checkpoint = Self { path, job, marks: new()? };
                let progress = Progress { position: Position::START, tally: Tally::default(), rejects_bytes: 0 };
                // The marks must be there before the first user is.
                checkpoint.write(&progress)?;
                Ok((checkpoint, None))
            }
            Some(Contents { job: interrupted, marks, progress }) => {
                check(&interrupted, &job, input, &path)?;
                Ok((Self { path, job, marks }, Some(progress)))
            }
        }
    }

    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Writes how far the import has come: the file has always one version of it, whole.
    pub(super) fn write(&self, progress: &Progress) -> Result<(), Failure> {
        let contents = Contents { job: self.job.clone(), marks: self.marks.clone(), progress: progress.clone() };
        let text = serde_json::to_vec(&contents)?;
        let unfinished = with_suffix(&self.path, ".new");
        let write = || {
            if let Err(error) = fs::remove_file(&unfinished)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
            file.write_all(&text)?;
            file.sync_data()?;
            fs::rename(&unfinished, &self.path)
        };
        write().map_err(|error: io::Error| {
            let path = self.path.display();
            Failure::refused(format!("the checkpoint {path} cannot be written: {error}; standard input needs none"))
        })
    }

    /// Removes it: the import is done.
    pub(super) fn remove(self) -> Result<(), Failure> {
        fs::remove_file(&self.path)
            .map_err(|error| Failure::refused(format!("the checkpoint {}: {error}", self.path.display())))
    }
}

fn read(path: &Path) -> Result<Option<Contents>, Failure> {
    let refused = |reason: &str| Failure::refused(format!("the checkpoint {}: {reason}", path.display()));
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_BYTES).read_to_end(&mut text).map_err(|error| refused(&error.to_string()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(&error.to_string())),
    };
    let unreadable = |_| refused("it cannot be read: remove it to begin again, or rename the input");
    serde_json::from_slice(&text).map(Some).map_err(unreadable)
}

fn check(interrupted: &Job, job: &Job, input: &Path, checkpoint: &Path) -> Result<(), Failure> {
    let (input, checkpoint) = (input.display(), checkpoint.display());
    let what = if interrupted.input != job.input {
        format!("{input} has changed since then")
    } else if interrupted.table != job.table {
        "it was into another table".to_owned()
    } else if interrupted.options != job.options {
        format!("it had the options {}", interrupted.options)
    } else {
        return Ok(());
    };
    let reason = format!("an import of {input} was interrupted, as {checkpoint} says, and {what}");
    Err(Failure::refused(format!("{reason}: --restart begins from the first line")))
}

/// `path` with more at its end.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
