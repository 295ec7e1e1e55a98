//! One run of `passgrant`, from its arguments to its exit code.

#![expect(clippy::expect_used, reason = "a test whose command does not run has failed")]

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// `passgrant` in an environment of its own, with hashes that cost nothing.
pub(crate) fn passgrant() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passgrant"));
    command.env_clear().env("PASSGRANT_ARGON2_MEMORY_KIB", "64").env("PASSGRANT_ARGON2_ITERATIONS", "1");
    command
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Standard output, of a command that worked.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self.stdout
    }

    /// The same of a change in AWS for whose event no place is named, which is warned about.
    #[track_caller]
    pub(crate) fn without_audit_log(mut self) -> Self {
        let (warning, rest) = self.stderr.split_once('\n').expect("a warning");
        assert!(warning.starts_with("warning: this change is not in an audit log: "), "{warning}");
        self.stderr = rest.to_owned();
        self
    }

    /// The JSON on standard output, of a command that worked.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).expect("JSON")
    }

    /// The reason, of a command that was refused: one line, and nothing on standard output.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(1), ""), "{}", self.stderr);
        let reason = self.stderr.strip_suffix('\n').and_then(|line| line.strip_prefix("error: "));
        let reason = reason.expect("an error").to_owned();
        assert!(!reason.contains('\n'), "{reason}");
        reason
    }

    /// The message, of a command that was used wrongly.
    #[track_caller]
    pub(crate) fn misused(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(2), ""), "{}", self.stderr);
        self.stderr
    }
}

/// Runs `command` with nothing on standard input.
pub(crate) fn run(command: &mut Command) -> Ran {
    Ran::new(command.stdin(Stdio::null()).output().expect("passgrant starts"))
}

/// Runs `command` with `input` on standard input.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Ran {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("passgrant starts");
    // A command that refuses its input may be gone before it has read it.
    let _: std::io::Result<()> = child.stdin.take().expect("piped").write_all(input);
    Ran::new(child.wait_with_output().expect("passgrant ends"))
}

/// Commands on one data folder.
#[derive(Clone, Copy)]
pub(crate) struct On<'a>(pub(crate) &'a Path);

impl On<'_> {
    fn command<A: AsRef<OsStr>>(self, arguments: &[A]) -> Command {
        let mut command = passgrant();
        command.arg("--data").arg(self.0).args(arguments);
        command
    }

    /// Runs a command.
    pub(crate) fn run<A: AsRef<OsStr>>(self, arguments: &[A]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Runs a command that reads `input`.
    pub(crate) fn run_with<A: AsRef<OsStr>>(self, arguments: &[A], input: &str) -> Ran {
        run_with(&mut self.command(arguments), input.as_bytes())
    }

    /// Runs a command that prints JSON.
    #[track_caller]
    pub(crate) fn json(self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--output", "json"]].concat()).json()
    }

    /// Runs a command that reads `input` and prints JSON.
    #[track_caller]
    pub(crate) fn json_with(self, arguments: &[&str], input: &str) -> Value {
        self.run_with(&[arguments, &["--output", "json"]].concat(), input).json()
    }
}
