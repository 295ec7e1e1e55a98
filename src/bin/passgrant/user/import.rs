//! `passgrant user import`: users from elsewhere, with the hashes of their passwords.

mod auth0;
mod batch;
mod checkpoint;
mod cognito;
mod csv;
mod cursor;
mod django;
mod elements;
mod firebase;
mod format;
mod given_hash;
mod jsonl;
mod keycloak;
mod members;
mod pipeline;
mod record;
mod rejects;
mod rows;
mod shadow;
mod source;
mod summary;
mod tried;
mod writing;
mod wrong;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::error::ErrorKind;
use clap::{Args, ValueHint};
use passgrant::audit::{Action, TargetKind};
use passgrant::clock::Clock as _;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::Context;
use crate::audit::Change;
use crate::failure::Failure;
use crate::output::warn;
use crate::progress::Progress as Bar;
use crate::user::import::checkpoint::{Checkpoint, Job, Marks, Progress, with_suffix};
use crate::user::import::cursor::Position;
use crate::user::import::firebase::Config;
use crate::user::import::format::Format;
use crate::user::import::pipeline::Account;
use crate::user::import::rejects::Rejects;
use crate::user::import::source::{Origin, Source};
use crate::user::import::summary::{Counts, Summary, Tally};
use crate::user::import::tried::Tried;
use crate::user::import::writing::{OnConflict, Writing, cores};

pub(super) const EXAMPLES: &str = "\
Examples:
  passgrant user import users.csv --dry-run
  passgrant user import users.jsonl --on-conflict update
  passgrant user import realm.json --format keycloak
  passgrant user import users.json --format firebase --firebase-config parameters.json
  passgrant user export | passgrant --data .passgrant user import - --format jsonl

An import that is interrupted is continued by the same command. Users who are rejected are listed in FILE.rejects.jsonl
with the line and the reason, and the exit code is 1: everybody else is imported.";

const COMMAND: &str = "user import";

#[derive(Args)]
pub(crate) struct Import {
    /// The file; `-` for standard input, from which an interrupted import cannot be continued
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The system that the file is from [default: csv or jsonl, by the file's name]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Check everything, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// What becomes of a user who exists already
    #[arg(long, value_name = "WHAT", default_value = "skip")]
    on_conflict: OnConflict,
    /// Where to list the users who are rejected [default: FILE.rejects.jsonl, or standard error]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    rejects: Option<PathBuf>,
    /// Forget an import of this file that was interrupted, and begin with its first line
    #[arg(long)]
    restart: bool,
    /// The hash parameters of the project, for --format firebase: JSON, with the names in its console
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    firebase_config: Option<PathBuf>,
}

impl Import {
    pub(super) fn change(&self, context: &Context) -> Option<Change> {
        let table = &context.config.tables.users;
        (!self.dry_run).then(|| Change::of_many(Action::UserImported, TargetKind::Table, table))
    }

    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let path = (self.file != Path::new("-")).then_some(&*self.file);
        let format = self.format(path)?;
        if self.firebase_config.is_some() && format != Format::Firebase {
            let message = "'--firebase-config' is for '--format firebase'";
            return Err(Failure::usage(COMMAND, ErrorKind::ArgumentConflict, message));
        }
        let firebase = self.firebase_config.as_deref().map(Config::read).transpose()?;
        let bytes = path.map(size).transpose()?;
        if let (Some(path), Some(rejects)) = (path, &self.rejects)
            && is_same_file(path, rejects)
        {
            return Err(Failure::refused(format!("{}: the rejected cannot be listed in the input", rejects.display())));
        }
        let store = &context.database().await?.store;

        let options = self.options(format, firebase.as_ref(), context);
        let origin = || Origin {
            path: path.map(Path::to_owned),
            format,
            firebase: firebase.clone(),
            profile: context.config.username_profile,
        };
        // What is wrong from the very beginning is refused before there is anything to continue.
        let begun = || {
            if path.is_some() {
                Source::open(origin(), Position::START)?;
            }
            self.rejects.as_deref().map(refuse_existing).transpose()?;
            Marks::new(&context.random, context.clock.now())
        };
        let (checkpoint, resumed) = match path {
            Some(path) if !self.dry_run => {
                let job = Job::new(path, options, store.users.table_id().await?)?;
                let (checkpoint, progress) = Checkpoint::open(path, job, self.restart, begun)?;
                (Some(checkpoint), progress)
            }
            _ => (None, None),
        };
        let marks = match &checkpoint {
            Some(checkpoint) => checkpoint.marks().clone(),
            None => begun()?,
        };
        let resumed_at = resumed.as_ref().map(|progress| progress.position);
        let rejects = self.rejects(path);
        let rejects = match &resumed {
            Some(progress) => Rejects::resume(rejects, progress.rejects_bytes)?,
            None => Rejects::begin(rejects)?,
        };
        let begins = || Progress { position: Position::START, tally: Tally::default(), rejects_bytes: 0 };
        let progress = resumed.unwrap_or_else(begins);
        let source = Source::open(origin(), progress.position)?;
        let writing = Writing {
            store: store.clone(),
            argon2: context.config.argon2.clone(),
            marks,
            on_conflict: self.on_conflict,
            tried: self.dry_run.then(Tried::default),
            cores: cores(),
            resumed: resumed_at.is_some(),
        };
        let bar = Bar::new(&context.output, bytes);
        bar.resume(progress.position.offset);
        let mut account = Account { progress, checkpoint, rejects, bar, written: Instant::now() };
        let outcome = pipeline::run(source, writing, &context.stop, &mut account).await;
        account.bar.finish();
        self.finish(context, format, resumed_at, account, outcome)
    }

    fn finish(
        &self,
        context: &Context,
        format: Format,
        resumed_at: Option<Position>,
        mut account: Account,
        outcome: Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Counts { read, created, updated, unchanged, skipped, rejected } = account.progress.tally.total();
        context.audit.counts([
            ("read", read),
            ("created", created),
            ("updated", updated),
            ("unchanged", unchanged),
            ("skipped", skipped),
            ("rejected", rejected),
        ]);
        account.keep()?;
        // Whoever keeps the results reads the list.
        if !context.output.is_kept() {
            account.rejects.show();
        }
        if let Err(failure) = outcome {
            return Err(match (failure, &account.checkpoint) {
                (Failure::Refused(reason) | Failure::RefusedOption(_, reason) | Failure::Failed(reason), Some(_)) => {
                    let users = account.progress.tally.total().read;
                    let goes_on = "the same command goes on from there";
                    Failure::Failed(format!("{reason}; what comes before is done (users: {users}), and {goes_on}"))
                }
                (failure, _) => failure,
            });
        }
        let total = account.progress.tally.total();
        let rejects = account.rejects.file();
        if let Some(checkpoint) = account.checkpoint {
            checkpoint.remove()?;
        }
        if format.has_no_hashes() && total.created > 0 {
            warn(
                "these users have no password: nobody exports hashes from Cognito. A delegated verifier can set it at the first login",
            );
        }
        let summary = Summary {
            format: format.name(),
            dry_run: self.dry_run,
            resumed_at_line: resumed_at.map(|position| position.line),
            total,
            by_hash: &account.progress.tally,
            rejects: rejects.clone(),
        };
        context.output.print(&summary, || summary.text())?;
        match (total.rejected, rejects) {
            (0, _) => Ok(()),
            (rejected, Some(file)) => {
                Err(Failure::Failed(format!("{rejected} of {} users were rejected: {file} says why", total.read)))
            }
            (rejected, None) => Err(Failure::Failed(format!("{rejected} of {} users were rejected", total.read))),
        }
    }

    fn format(&self, path: Option<&Path>) -> Result<Format, Failure> {
        if let Some(format) = self.format.or_else(|| path.and_then(Format::of_file)) {
            return Ok(format);
        }
        let message = "the name of the file does not tell its format: give it with '--format'";
        Err(Failure::usage(COMMAND, ErrorKind::MissingRequiredArgument, message))
    }

    /// Where the rejected are listed. A dry run writes no file that was not asked for.
    fn rejects(&self, path: Option<&Path>) -> Option<PathBuf> {
        let usual = || path.filter(|_| !self.dry_run).map(|path| with_suffix(path, ".rejects.jsonl"));
        self.rejects.clone().or_else(usual)
    }

    /// The options that an import must be continued with, in words.
    fn options(&self, format: Format, firebase: Option<&Config>, context: &Context) -> String {
        let conflict = clap::ValueEnum::to_possible_value(&self.on_conflict);
        let conflict = conflict.map(|value| value.get_name().to_owned()).unwrap_or_default();
        let profile = context.config.username_profile;
        let project = firebase.map(|config| {
            let digest = Sha256::digest(config.described());
            format!("; Firebase parameters: {}", URL_SAFE_NO_PAD.encode(&digest[..6]))
        });
        let (format, project) = (format.name(), project.unwrap_or_default());
        let rejects = self.rejects.as_ref().map(|path| format!(" --rejects {}", path.display())).unwrap_or_default();
        format!("--format {format} --on-conflict {conflict}{rejects} (usernames: {profile}{project})")
    }
}

/// A file that was named for the rejected may be anybody's if it exists.
fn refuse_existing(rejects: &Path) -> Result<(), Failure> {
    match rejects.symlink_metadata() {
        Ok(_) => Err(Failure::refused(format!("the rejects file {}: it exists already", rejects.display()))),
        Err(_) => Ok(()),
    }
}

/// Whether two paths lead to one file that exists.
fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// The size of the file at `path`.
fn size(path: &Path) -> Result<u64, Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
    if !metadata.is_file() {
        return Err(Failure::refused(format!("{} is not a file: give `-` to read standard input", path.display())));
    }
    Ok(metadata.len())
}
