//! Secrets as people and programs hand them over: at a prompt or on standard input, never as an argument.

use std::io::{self, IsTerminal as _, Read as _};

use clap::error::ErrorKind;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// More than any secret or password may have.
const MAX_INPUT_BYTES: u64 = 4096;

/// The only line of standard input, without its line ending; if that is a terminal, it is typed without being shown.
pub(crate) fn line(what: &str) -> Result<Zeroizing<String>, Failure> {
    if io::stdin().is_terminal() {
        return prompt(&format!("{what}: "));
    }
    let refused = |problem: &str| Failure::refused(format!("the {what} on standard input {problem}"));
    let limit = MAX_INPUT_BYTES + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit)?));
    let read = io::stdin().lock().take(limit).read_to_end(&mut bytes);
    let read = read.map_err(|error| Failure::refused(format!("standard input: {error}")))?;
    if read as u64 == limit {
        return Err(refused("is too long"));
    }
    let text = str::from_utf8(&bytes).map_err(|_| refused("is not UTF-8"))?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    match text {
        "" => Err(refused("is missing")),
        _ if text.contains('\n') => Err(refused("is more than one line")),
        _ => Ok(Zeroizing::new(text.to_owned())),
    }
}

/// A new password: from standard input if `from_stdin` says so, otherwise typed twice. `command` is the command that
/// needs it.
pub(crate) fn new_password(command: &str, from_stdin: bool) -> Result<Zeroizing<String>, Failure> {
    if from_stdin {
        return line("password");
    }
    if !io::stdin().is_terminal() {
        let message =
            "there is no terminal to ask for the password on: give it on standard input with '--password-stdin'";
        return Err(Failure::usage(command, ErrorKind::MissingRequiredArgument, message));
    }
    let password = prompt("password: ")?;
    if *prompt("again: ")? == *password { Ok(password) } else { Err(Failure::refused("the two passwords differ")) }
}

fn prompt(text: &str) -> Result<Zeroizing<String>, Failure> {
    let typed = rpassword::prompt_password(text);
    typed.map(Zeroizing::new).map_err(|error| Failure::refused(format!("the terminal: {error}")))
}
