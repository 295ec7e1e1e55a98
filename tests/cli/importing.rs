//! What the tests of `passgrant user import` have in common.

#![expect(clippy::expect_used, reason = "a test without its file has failed")]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{On, Ran};
use crate::server::used_folder;

/// A hash of `PASSWORD` that argon2-cffi made.
pub(crate) const HASH: &str =
    "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$Jc5SM8weTTfpvKMb/vQXEOQERs0ctXWTJ5HF/TeAvTw";
pub(crate) const PASSWORD: &str = "correct horse";

/// A data folder, and a folder for files.
pub(crate) struct Place {
    pub(crate) data: TempDir,
    pub(crate) files: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { data: used_folder(), files: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn folder(&self) -> On<'_> {
        On(self.data.path())
    }

    /// The path of a file called `name`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Writes a file, and gives its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    /// Imports a file.
    pub(crate) fn import(&self, file: &str, options: &[&str]) -> Ran {
        self.folder().run(&[&["user", "import", file], options].concat())
    }

    /// Imports a file of which nothing is rejected; the JSON that is printed.
    #[track_caller]
    pub(crate) fn imported(&self, file: &str, options: &[&str]) -> Value {
        self.folder().json(&[&["user", "import", file], options].concat())
    }

    /// What `user export` gives, in the order of the usernames.
    #[track_caller]
    pub(crate) fn exported(&self) -> Vec<Value> {
        let ran = self.folder().run(&["user", "export", "--with-password-hashes"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        let mut users: Vec<Value> = lines.collect();
        users.sort_by_key(|user| user["username"].as_str().map(str::to_owned));
        users
    }
}

/// A sample file of the project.
pub(crate) fn sample(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/import").join(name).display().to_string()
}

/// A line for each of the users `n0`, `n1` and so on.
pub(crate) fn plain_lines(numbers: Range<u32>) -> String {
    numbers.map(|number| format!("{{\"username\":\"n{number}\"}}")).collect::<Vec<_>>().join("\n") + "\n"
}

/// The numbers of a summary: read, created, updated, unchanged, skipped, rejected.
#[track_caller]
pub(crate) fn counts(summary: &Value) -> [u64; 6] {
    ["read", "created", "updated", "unchanged", "skipped", "rejected"]
        .map(|name| summary[name].as_u64().expect("a number"))
}

/// What the rejects file beside `file` says: line, column and reason of each.
pub(crate) fn rejects(file: &str) -> Vec<(u64, Option<u64>, String)> {
    let text = fs::read_to_string(format!("{file}.rejects.jsonl")).expect("a rejects file");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let parts = |line: Value| {
        let number = |name: &str| line[name].as_u64();
        (number("line").expect("a line"), number("column"), line["reason"].as_str().expect("a reason").to_owned())
    };
    lines.map(parts).collect()
}
