//! Secrets as people and programs hand them over: at a prompt or on standard input, never as an argument.

use std::io::{self, IsTerminal as _, Read as _};

use clap::error::ErrorKind;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// More than any secret or password may have.
const MAX_INPUT_BYTES: u64 = 4096;

/// Where secrets come from.
pub(crate) enum SecretInput {
    /// A prompt, or standard input.
    Terminal,
    /// A form, which sent what would be on standard input.
    Given(Zeroizing<String>),
}

impl SecretInput {
    /// The only line of standard input, without its line ending; if that is a terminal, it is typed without being shown.
    pub(crate) fn line(&self, what: &str) -> Result<Zeroizing<String>, Failure> {
        match self {
            Self::Given(text) => taken(what, text),
            Self::Terminal if io::stdin().is_terminal() => prompt(&format!("{what}: ")),
            Self::Terminal => taken(what, &standard_input(what)?),
        }
    }

    /// The two lines of standard input, the last of which may lack its line ending; if that is a terminal, each is typed
    /// without being shown.
    pub(crate) fn two_lines(&self, first: &str, second: &str) -> Result<[Zeroizing<String>; 2], Failure> {
        match self {
            Self::Given(text) => two(first, second, text),
            Self::Terminal if io::stdin().is_terminal() => {
                Ok([prompt(&format!("{first}: "))?, prompt(&format!("{second}: "))?])
            }
            Self::Terminal => two(first, second, &standard_input(second)?),
        }
    }

    /// A new password: from standard input if `from_stdin` says so, otherwise typed twice. `command` is the command that
    /// needs it.
    pub(crate) fn new_password(&self, command: &str, from_stdin: bool) -> Result<Zeroizing<String>, Failure> {
        if from_stdin {
            return self.line("password");
        }
        if !self.is_typed() {
            let message =
                "there is no terminal to ask for the password on: give it on standard input with '--password-stdin'";
            return Err(Failure::usage(command, ErrorKind::MissingRequiredArgument, message));
        }
        let password = prompt("password: ")?;
        if *prompt("again: ")? == *password { Ok(password) } else { Err(Failure::refused("the two passwords differ")) }
    }

    /// All of standard input, up to `most` bytes.
    pub(crate) fn text(&self, most: u64) -> io::Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        match self {
            Self::Given(given) => given.as_bytes().take(most).read_to_string(&mut text)?,
            Self::Terminal => io::stdin().lock().take(most).read_to_string(&mut text)?,
        };
        Ok(text)
    }

    /// Whether there is somebody to ask.
    pub(crate) fn is_typed(&self) -> bool {
        matches!(self, Self::Terminal) && io::stdin().is_terminal()
    }
}

fn two(first: &str, second: &str, text: &str) -> Result<[Zeroizing<String>; 2], Failure> {
    let (one, other) = text.split_at(text.find('\n').map_or(text.len(), |at| at + 1));
    Ok([taken(first, one)?, taken(second, other)?])
}

fn standard_input(what: &str) -> Result<Zeroizing<String>, Failure> {
    let limit = MAX_INPUT_BYTES + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit)?));
    let read = io::stdin().lock().take(limit).read_to_end(&mut bytes);
    let read = read.map_err(|error| Failure::refused(format!("standard input: {error}")))?;
    if read as u64 == limit {
        return Err(refused(what, "is too long"));
    }
    let text = str::from_utf8(&bytes).map_err(|_| refused(what, "is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// `text` without its line ending, which must be one line.
fn taken(what: &str, text: &str) -> Result<Zeroizing<String>, Failure> {
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    match text {
        "" => Err(refused(what, "is missing")),
        _ if text.contains('\n') => Err(refused(what, "is more than one line")),
        _ => Ok(Zeroizing::new(text.to_owned())),
    }
}

fn refused(what: &str, problem: &str) -> Failure {
    Failure::refused(format!("the {what} on standard input {problem}"))
}

fn prompt(text: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(text);
    typed.map(Zeroizing::new).map_err(|error| Failure::refused(format!("the terminal: {error}")))
}
