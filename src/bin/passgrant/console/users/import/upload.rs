//! A file that was sent to be imported: in a private folder, and no longer than it is needed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use passgrant::random::Random;
use serde::Deserialize;
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use tokio::time::timeout;

use crate::console::line::Line;
use crate::console::private_folder::PrivateFolder;

/// The largest file.
pub(super) const MAX_BYTES: u64 = 1 << 30;

/// What the file with the parameters of Firebase is called.
const FIREBASE: &str = "firebase-parameters.json";
const LONGEST_NAME: usize = 100;
/// How long a run waits for another one, which may just have been stopped.
const PATIENCE: Duration = Duration::from_secs(1);

/// The file that may be imported: there is one at most.
#[derive(Default)]
pub(in crate::console) struct Uploads(Mutex<Option<Arc<Upload>>>);

impl Uploads {
    /// Keeps `upload` in place of another one, which is removed, or when it is not read any more.
    pub(super) fn keep(&self, upload: Upload) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(upload));
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Upload>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|upload| upload.id() == id).cloned()
    }

    /// The file that is there, whatever it is.
    pub(super) fn kept(&self) -> Option<Arc<Upload>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|upload| upload.has_input()).cloned()
    }

    /// Removes everything.
    pub(in crate::console) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// One of the two things that are done with a file.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Run {
    #[default]
    DryRun,
    Import,
}

/// A file in a folder of its own, which is removed with it.
pub(in crate::console) struct Upload {
    folder: PrivateFolder,
    /// What the operator calls it.
    pub(super) name: String,
    pub(super) format: Option<String>,
    pub(super) on_conflict: String,
    /// Whoever reads it holds this.
    turns: Arc<Turns<()>>,
}

/// A file that is being read: nobody else reads it, and it is there until this is dropped.
pub(super) struct Turn {
    _upload: Arc<Upload>,
    _turn: OwnedMutexGuard<()>,
}

impl Upload {
    /// A folder that only its owner can look into.
    pub(super) fn begin(random: &dyn Random) -> io::Result<Self> {
        Ok(Self {
            folder: PrivateFolder::new("import", random)?,
            name: String::new(),
            format: None,
            on_conflict: "skip".to_owned(),
            turns: Arc::default(),
        })
    }

    /// What it is called in addresses.
    pub(super) fn id(&self) -> &str {
        &self.folder.id
    }

    /// The file that takes the users.
    pub(super) fn create_input(&mut self, name: &str) -> io::Result<File> {
        self.name = plain_name(name);
        create(&self.input())
    }

    /// The file that takes the parameters of Firebase.
    pub(super) fn create_firebase(&self) -> io::Result<File> {
        create(&self.folder.file(FIREBASE))
    }

    fn input(&self) -> PathBuf {
        self.folder.file(&self.name)
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        self.folder.file(&format!("{}{suffix}", self.name))
    }

    /// Whether the file is still there.
    pub(super) fn has_input(&self) -> bool {
        !self.name.is_empty() && self.input().is_file()
    }

    /// Whether an import of it was begun, and has not come to its end.
    pub(super) fn is_begun(&self) -> bool {
        self.beside(".checkpoint").is_file()
    }

    /// The turn to read it; `None` if somebody else is reading it.
    pub(super) async fn turn(self: &Arc<Self>) -> Option<Arc<Turn>> {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).lock_owned()).await.ok()?;
        Some(Arc::new(Turn { _upload: Arc::clone(self), _turn: turn }))
    }

    /// Where the rejected of a run are listed.
    pub(super) fn rejects(&self, run: Run) -> PathBuf {
        self.beside(match run {
            Run::DryRun => ".dry-run.rejects.jsonl",
            Run::Import => ".rejects.jsonl",
        })
    }

    /// Forgets the rejected of an earlier trial, whose list would be in the way of the next one's.
    pub(super) fn forget_tried(&self) {
        // If it is not there, it is not in the way, and otherwise the command says so.
        let _: io::Result<()> = fs::remove_file(self.rejects(Run::DryRun));
    }

    /// The command that does `run`.
    pub(super) fn line(&self, run: Run) -> Line {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let firebase = self.folder.file(FIREBASE);
        let line = Line::of("user import")
            .optional("--format", self.format.as_deref())
            .option("--on-conflict", &self.on_conflict)
            .optional("--firebase-config", firebase.is_file().then(|| path(&firebase)).as_deref());
        let line = match run {
            Run::DryRun => line.flag("--dry-run").option("--rejects", &path(&self.rejects(run))),
            Run::Import => line,
        };
        line.argument(&path(&self.input())).in_folder(&path(self.folder.path()))
    }

    /// Removes everything but the lists of the rejected, which have no hashes in them.
    pub(super) fn remove_input(&self) {
        let paths =
            [self.input(), self.folder.file(FIREBASE), self.beside(".checkpoint"), self.beside(".checkpoint.new")];
        for path in paths {
            // What is not there any more need not be removed.
            let _: io::Result<()> = fs::remove_file(path);
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// What a browser says that a file is called, as a name in a folder.
fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain =
        |character: char| if character.is_ascii_alphanumeric() || "._-".contains(character) { character } else { '_' };
    let name: String = last.chars().map(plain).collect();
    let name = &name[name.len().saturating_sub(LONGEST_NAME)..];
    match name.trim_start_matches(['.', '-']) {
        "" => "users".to_owned(),
        FIREBASE => format!("users-{FIREBASE}"),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use passgrant::random::OsRandom;

    #[test]
    fn a_file_is_called_as_its_owner_calls_it_and_stays_in_its_folder() {
        for (given, name) in [
            ("users.csv", "users.csv"),
            ("../../etc/shadow", "shadow"),
            (r"C:\data\all users.jsonl", "all_users.jsonl"),
            ("..", "users"),
            ("-", "users"),
            ("", "users"),
            ("a/", "users"),
            ("\u{e9}t\u{e9}.csv", "_t_.csv"),
            ("firebase-parameters.json", "users-firebase-parameters.json"),
        ] {
            assert_eq!(plain_name(given), name);
        }
        let long = format!("{}.csv", "x".repeat(300));
        assert_eq!(plain_name(&long).len(), LONGEST_NAME);
        assert_eq!(plain_name(&long).rsplit_once('.').map(|(_, kind)| kind.to_owned()), Some("csv".to_owned()));
    }

    #[test]
    fn a_file_is_only_its_owners_and_is_gone_when_it_is_not_needed_any_more() {
        use std::os::unix::fs::PermissionsExt as _;
        let mut upload = Upload::begin(&OsRandom).expect("a folder");
        drop(upload.create_input("users.csv").expect("a file"));
        fs::write(upload.rejects(Run::Import), "{}").expect("a file");
        let (folder, input) = (upload.folder.path().to_owned(), upload.input());
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&input)), (0o700, 0o600));
        assert!(upload.has_input());
        upload.remove_input();
        assert!(!upload.has_input() && upload.rejects(Run::Import).is_file());
        drop(upload);
        assert!(!folder.exists());
    }
}
