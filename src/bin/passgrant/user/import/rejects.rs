//! The users who were rejected, with the line and the reason of each: a file of JSON lines, and the first ones on
//! standard error. Neither has a hash in it.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde::Serialize;

use crate::failure::Failure;
use crate::output::warn;
use crate::user::import::source::Rejected;

/// How many are shown on standard error.
const MOST_SHOWN: usize = 10;

#[derive(Serialize)]
struct Reject<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    reason: &'a str,
}

/// Where the rejected go.
pub(super) struct Rejects {
    /// `None`: to standard error at once, all of them.
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
    bytes: u64,
    shown: Vec<String>,
    unshown: u64,
}

impl Rejects {
    /// The rejected of an import that begins: the file of an earlier one is removed.
    pub(super) fn begin(path: Option<PathBuf>) -> Result<Self, Failure> {
        let rejects = Self { path, file: None, bytes: 0, shown: Vec::new(), unshown: 0 };
        match rejects.path.as_ref().map(fs::remove_file) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(rejects.problem(&error)),
            _ => Ok(rejects),
        }
    }

    /// The rejected of an import that is continued, of whose file `bytes` count.
    pub(super) fn resume(path: Option<PathBuf>, bytes: u64) -> Result<Self, Failure> {
        let mut rejects = Self { path, file: None, bytes, shown: Vec::new(), unshown: 0 };
        if bytes > 0 {
            let opened = rejects.open(OpenOptions::new().write(true)).and_then(|mut file| {
                if file.metadata()?.len() < bytes {
                    return Err(io::Error::other("it is shorter than it was: --restart begins from the first line"));
                }
                file.set_len(bytes)?;
                file.seek(SeekFrom::End(0))?;
                Ok(file)
            });
            rejects.file = Some(BufWriter::new(opened.map_err(|error| rejects.problem(&error))?));
        } else {
            return Self::begin(rejects.path);
        }
        Ok(rejects)
    }

    fn open(&self, options: &mut OpenOptions) -> io::Result<File> {
        options.mode(0o600).open(self.path.as_deref().unwrap_or_else(|| "".as_ref()))
    }

    fn problem(&self, error: &dyn Display) -> Failure {
        let path = self.path.as_deref().unwrap_or_else(|| "".as_ref());
        Failure::refused(format!("the rejects file {}: {error}", path.display()))
    }

    pub(super) fn add(&mut self, rejected: &Rejected) -> Result<(), Failure> {
        let Rejected { place, reason } = rejected;
        if self.path.is_none() {
            warn(&format!("{place}: {reason}"));
            return Ok(());
        }
        if self.shown.len() < MOST_SHOWN {
            self.shown.push(format!("{place}: {reason}"));
        } else {
            self.unshown += 1;
        }
        if self.file.is_none() {
            let file = self.open(OpenOptions::new().write(true).create_new(true));
            self.file = Some(BufWriter::new(file.map_err(|error| self.problem(&error))?));
        }
        let mut line = serde_json::to_vec(&Reject { line: place.line, column: place.column, reason })?;
        line.push(b'\n');
        self.bytes += line.len() as u64;
        match self.file.as_mut().map(|file| file.write_all(&line)) {
            Some(Err(error)) => Err(self.problem(&error)),
            _ => Ok(()),
        }
    }

    /// How long the file is, all of which is written when this returns.
    pub(super) fn flushed(&mut self) -> Result<u64, Failure> {
        match self.file.as_mut().map(BufWriter::flush) {
            Some(Err(error)) => Err(self.problem(&error)),
            _ => Ok(self.bytes),
        }
    }

    /// Shows the first ones.
    pub(super) fn show(&mut self) {
        self.shown.drain(..).for_each(|shown| warn(&shown));
        if self.unshown > 0 {
            warn(&format!("and {} more", self.unshown));
        }
    }

    /// The file, if there is one.
    pub(super) fn file(&self) -> Option<String> {
        self.file.as_ref()?;
        self.path.as_ref().map(|path| path.display().to_string())
    }
}
