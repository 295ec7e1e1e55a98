//! Why a command did not do what it was asked: one line on standard error, and the exit code.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use crate::CommandLine;

/// Why a command failed.
pub(crate) enum Failure {
    /// It was not used as its help says: exit code 2, or 0 if help was what was asked for.
    Usage(clap::Error),
    /// It was refused, or did not work: exit code 1.
    Refused(String),
    /// Nobody reads standard output any more, as in a pipe into `head`.
    OutputClosed,
}

impl Failure {
    pub(crate) fn from_usage(error: clap::Error) -> Self {
        Self::Usage(error)
    }

    /// A wrong combination of options that clap cannot detect; `command` is the command whose usage is shown, as in
    /// `client update`.
    pub(crate) fn usage(command: &str, kind: ErrorKind, message: &str) -> Self {
        let mut root = CommandLine::command();
        root.build();
        let named = command.split(' ').try_fold(&mut root, |command, name| command.find_subcommand_mut(name));
        Self::Usage(match named {
            Some(command) => command.error(kind, message),
            None => clap::Error::raw(kind, message),
        })
    }

    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }

    /// Reports what happened, and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        // What cannot be written to standard error cannot be reported at all.
        match self {
            Self::Usage(error) => {
                let _: io::Result<()> = error.print();
                ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
            }
            Self::Refused(reason) => {
                let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
                let _: io::Result<()> = writeln!(io::stderr().lock(), "error: {line}");
                ExitCode::FAILURE
            }
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Refused(error.to_string())
    }
}
