//! A file of events, one a line, which any number of processes append to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A file that can be appended to.
pub(super) struct AuditFile {
    path: PathBuf,
    file: File,
}

impl AuditFile {
    /// The file at `path`, made for its owner only if there is none yet.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let problem = |error: io::Error| Failure::refused(format!("{}: {error}", path.display()));
        let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let file = opened.map_err(problem)?;
        if !file.metadata().map_err(problem)?.is_file() {
            return Err(Failure::refused(format!("{} is not a file", path.display())));
        }
        // A file that was only just made is to survive a crash with its first line.
        file.sync_all().map_err(problem)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends a line, which is on the disk when this returns.
    pub(super) fn append(&self, line: &[u8]) -> Result<(), Failure> {
        let locked = self.file.lock().and_then(|()| {
            let appended = self.append_alone(line);
            self.file.unlock().and(appended)
        });
        locked.map_err(|error| Failure::refused(format!("{}: {error}", self.path.display())))
    }

    /// Appends a line while nobody else does. What could not be written whole is taken back, so that the next line is not glued
    /// to half of this one.
    fn append_alone(&self, line: &[u8]) -> io::Result<()> {
        let mut file = &self.file;
        let before = file.seek(SeekFrom::End(0))?;
        let whole = if self.ends_within_a_line(before)? { [b"\n", line].concat() } else { line.to_vec() };
        file.write_all(&whole).and_then(|()| file.sync_data()).inspect_err(|_| {
            let _: io::Result<()> = file.set_len(before);
        })
    }

    /// Whether a process that was killed, or a full disk, has left part of a line at the end.
    fn ends_within_a_line(&self, length: u64) -> io::Result<bool> {
        if length == 0 {
            return Ok(false);
        }
        let (mut file, mut last) = (&self.file, [0]);
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
        Ok(last != *b"\n")
    }
}
