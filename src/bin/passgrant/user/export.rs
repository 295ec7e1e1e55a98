//! `passgrant user export`: all users, as JSON lines.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use passgrant::audit::{Action, TargetKind};
use passgrant::json::Object;
use passgrant::password::PasswordHash;
use passgrant::scope::ScopeToken;
use passgrant::user::{Subject, User, Username};
use serde::Serialize;

use crate::Context;
use crate::audit::Change;
use crate::failure::Failure;
use crate::output::warn;
use crate::patience::patiently;
use crate::progress::Progress;
use crate::signals::Signals;

pub(super) const EXAMPLES: &str = "\
Examples:
  passgrant user export > users.jsonl
  passgrant user export --with-password-hashes --to users.jsonl";

#[derive(Args)]
pub(crate) struct Export {
    /// Write the hashes of the passwords too: whoever has them can guess the passwords
    #[arg(long)]
    with_password_hashes: bool,
    /// A file to write, which must not exist yet, and which only you may read [default: standard output]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    to: Option<PathBuf>,
}

/// A line, in the members that an import takes.
#[derive(Serialize)]
struct Line<'a> {
    username: &'a Username,
    sub: &'a Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a PasswordHash>,
    claims: &'a Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<&'a str>>,
    disabled: bool,
}

/// What is printed about an export into a file.
#[derive(Serialize)]
struct Exported {
    users: u64,
    file: String,
    with_password_hashes: bool,
}

impl Export {
    /// It changes nothing, but hashes that are outside are worth knowing of: also of those that are before it is over.
    pub(super) fn change(&self, context: &Context) -> Option<Change> {
        let table = &context.config.tables.users;
        self.with_password_hashes.then(|| Change::of_many(Action::UserExported, TargetKind::Table, table))
    }

    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        if self.with_password_hashes {
            warn(
                "this export has the hashes of passwords: keep it as secret as the passwords, and delete it when it is imported",
            );
        }
        let Some(path) = &self.to else {
            self.write(context, BufWriter::new(io::stdout()), "standard output").await?;
            return Ok(());
        };
        let shown = path.display().to_string();
        let problem = |error: io::Error| Failure::refused(format!("{shown}: {error}"));
        // What is written is removed again if one of them comes.
        let mut signals = Signals::new().map_err(problem)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(problem)?;
        let mut written = Written { path, is_whole: false };
        let users = tokio::select! {
            users = self.write(context, BufWriter::new(&file), &shown) => users?,
            () = signals.next() => return Err(stop()),
        };
        file.sync_all().map_err(problem)?;
        written.is_whole = true;
        let exported = Exported { users, file: shown, with_password_hashes: self.with_password_hashes };
        context.output.print(&exported, || format!("{users} users were written to {}.", exported.file))
    }

    /// Writes the users page by page, in the order of the table.
    async fn write(&self, context: &Context, mut output: impl Write, name: &str) -> Result<u64, Failure> {
        let problem = |error: io::Error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::refused(format!("{name}: {error}")),
        };
        let mut bar = Progress::new(&context.output, None);
        let mut pages = context.database().await?.store.users.list();
        let mut users = 0;
        while let Some(page) = patiently(&mut pages).await? {
            users += page.len() as u64;
            if self.with_password_hashes {
                context.audit.counts([("exported", users)]);
            }
            for user in &page {
                serde_json::to_writer(&mut output, &self.line(user)).map_err(|error| problem(error.into()))?;
                output.write_all(b"\n").map_err(problem)?;
            }
            bar.add(page.len() as u64, users);
            if context.stop.is_set() {
                return Err(stop());
            }
        }
        output.flush().map_err(problem)?;
        bar.finish();
        Ok(users)
    }

    fn line<'a>(&self, user: &'a User) -> Line<'a> {
        Line {
            username: &user.username,
            sub: &user.subject,
            password_hash: user.password_hash.as_ref().filter(|_| self.with_password_hashes),
            claims: &user.claims,
            scopes: user.allowed_scopes.as_ref().map(|scopes| scopes.iter().map(ScopeToken::as_str).collect()),
            disabled: user.disabled,
        }
    }
}

fn stop() -> Failure {
    Failure::Failed("the export was stopped".to_owned())
}

/// A file that is removed again unless all of it is written.
struct Written<'p> {
    path: &'p Path,
    is_whole: bool,
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        if !self.is_whole {
            // What cannot be removed stays; the error that is reported says that it is not whole.
            let _: io::Result<()> = fs::remove_file(self.path);
        }
    }
}
