//! `passgrant completions` and `passgrant man`: what a shell and a reader of manual pages want of the command line.

use std::io;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, ValueHint};
use clap_complete::Shell;

use crate::CommandLine;
use crate::failure::Failure;
use crate::output::print_text;

pub(crate) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  passgrant completions bash > ~/.local/share/bash-completion/completions/passgrant
  passgrant completions zsh > ~/.zfunc/_passgrant
  passgrant completions fish > ~/.config/fish/completions/passgrant.fish";

pub(crate) const MAN_EXAMPLES: &str = "\
Examples:
  passgrant man ~/.local/share/man/man1
  man passgrant-user-create";

#[derive(Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Args)]
pub(crate) struct Man {
    /// An existing folder for the pages, one for each command
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: PathBuf,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut CommandLine::command(), "passgrant", &mut script);
        print_text(&String::from_utf8_lossy(&script))
    }
}

impl Man {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let unwritable = |error: io::Error| Failure::refused(format!("{}: {error}", self.folder.display()));
        clap_mangen::generate_to(CommandLine::command(), &self.folder).map_err(unwritable)
    }
}
