//! A command line: how a page changes something, and how it says what else would have.

use std::any::Any;
use std::iter;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _};
use serde_json::Value;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::console::Place;
use crate::console::visit::Visit;
use crate::failure::Failure;
use crate::output::{Kept, Output, with_warnings};
use crate::secret_input::SecretInput;
use crate::stop::Stop;
use crate::terminal::shell_word;
use crate::{Command, CommandLine, Context, perform};

/// A command, as it would be typed.
#[derive(Clone)]
pub(super) struct Line {
    /// Its name and its options.
    words: Vec<String>,
    /// Its arguments, which may look like options.
    arguments: Vec<String>,
    /// What it reads on standard input, and what that is.
    input: Option<(&'static str, Zeroizing<String>)>,
    /// The folder of its files, with a slash at the end, which is left out wherever it is shown.
    folder: Option<String>,
    /// What it has to itself while it runs.
    held: Option<Arc<dyn Any + Send + Sync>>,
    stop: Stop,
}

/// What a command has come to.
pub(super) struct Done {
    /// What `--output json` would have printed.
    pub(super) result: Value,
    pub(super) warnings: Vec<String>,
    /// Why the exit code is 1 although there is a result, as when one check of many failed.
    pub(super) failure: Option<Failure>,
}

impl Line {
    /// The command called `name`, as in `client create`.
    pub(super) fn of(name: &str) -> Self {
        Self {
            words: name.split_whitespace().map(str::to_owned).collect(),
            arguments: Vec::new(),
            input: None,
            folder: None,
            held: None,
            stop: Stop::default(),
        }
    }

    /// With an argument.
    pub(super) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With the option `name`, as in `--scope`, and its value.
    pub(super) fn option(mut self, name: &str, value: &str) -> Self {
        self.words.push(format!("{name}={value}"));
        self
    }

    /// With the option `name`, if there is a value.
    pub(super) fn optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.option(name, value),
            None => self,
        }
    }

    /// With an option that has no value.
    pub(super) fn flag(mut self, name: &str) -> Self {
        self.words.push(name.to_owned());
        self
    }

    /// With `text` on standard input, which `option` makes it read; `what` it is goes into the line that is shown.
    pub(super) fn input(mut self, option: &str, what: &'static str, text: Zeroizing<String>) -> Self {
        self.words.push(option.to_owned());
        self.input = Some((what, text));
        self
    }

    /// With files in `folder`, which are copies of those that a person would name without it.
    pub(super) fn in_folder(mut self, folder: &str) -> Self {
        self.folder = Some(format!("{folder}/"));
        self
    }

    /// With an option whose value makes the command read `text` on standard input, which `what` holds in the line that is shown.
    pub(super) fn reading(self, option: &str, value: &str, what: &'static str, text: &str) -> Self {
        Self { input: Some((what, Zeroizing::new(text.to_owned()))), ..self.option(option, value) }
    }

    /// With something that is dropped when it has ended, and not when only its page is left.
    pub(super) fn holding(self, held: Arc<dyn Any + Send + Sync>) -> Self {
        Self { held: Some(held), ..self }
    }

    /// Ending early if `stop` is set, as far as it can.
    pub(super) fn stopped_by(self, stop: &Stop) -> Self {
        Self { stop: stop.clone(), ..self }
    }

    /// Whether it has any option.
    pub(super) fn has_options(&self) -> bool {
        self.words.iter().any(|word| word.starts_with("--"))
    }

    /// What it reads on standard input.
    pub(super) fn secrets(&self) -> SecretInput {
        SecretInput::Given(self.input.as_ref().map(|(_, text)| text.clone()).unwrap_or_default())
    }

    /// The command that it is.
    pub(super) fn parsed(&self) -> Result<Command, Failure> {
        let words = iter::once("passgrant").chain(self.words.iter().map(String::as_str));
        let words = words.chain(iter::once("--")).chain(self.arguments.iter().map(String::as_str));
        let matches = CommandLine::command().try_get_matches_from(words).map_err(Failure::from_usage)?;
        Ok(CommandLine::from_arg_matches(&matches).map_err(Failure::from_usage)?.command)
    }

    /// It as a person would type it at a shell, without what it reads on standard input.
    pub(super) fn shown(&self, place: &Place) -> String {
        let options = place.typed().chain(self.words.iter().map(|word| word.as_str().into())).map(|word| {
            match word.split_once('=') {
                // As people write it, unless it would be taken for another option.
                Some((option, value)) if option.starts_with("--") && !value.starts_with('-') => {
                    format!("{option} {}", shell_word(value))
                }
                _ => shell_word(&word),
            }
        });
        let separator = self.arguments.iter().any(|argument| argument.starts_with('-')).then(|| "--".to_owned());
        let arguments = self.arguments.iter().map(|argument| shell_word(argument));
        let words = iter::once("passgrant".to_owned()).chain(options).chain(separator).chain(arguments);
        let line = words.collect::<Vec<_>>().join(" ");
        match &self.input {
            Some((what, _)) => format!("{line} < {what}"),
            None => without(self.folder.as_deref(), &line),
        }
    }

    /// Runs it. `done` is told how far a long one is.
    pub(super) async fn run(self, visit: &Visit, done: Option<watch::Sender<u64>>) -> Result<Done, Failure> {
        let output = Output::Kept(done.map_or_else(Kept::default, Kept::watched));
        let context = Context { stop: self.stop.clone(), ..visit.context_with(output, self.secrets()) };
        let (command, mut warnings) = with_warnings(async { self.parsed() }).await;
        let command = command?;
        let is_change = command.change(&context).is_some();
        if is_change && visit.console().read_only {
            return Err(Failure::refused("this console changes nothing: it was started with --read-only"));
        }
        let held = self.held.clone();
        let lease = visit.console().databases.lease().await?;
        let work = async move {
            let outcome = Box::pin(with_warnings(perform(command, &context))).await;
            drop((lease, held));
            (outcome, context.output)
        };
        // A change that has begun is made and written down, whether or not its page is still waited for.
        let ((outcome, more), output) =
            if is_change { visit.console().changes.finished(work).await? } else { work.await };
        warnings.extend(more);
        let result = match output {
            Output::Kept(kept) => kept.into_result(),
            Output::Standard(_) => None,
        };
        let outcome = outcome.map_err(|failure| failure.reworded(|reason| without(self.folder.as_deref(), &reason)));
        match (outcome, result) {
            (Err(failure), None) => Err(failure),
            (outcome, result) => Ok(Done { result: result.unwrap_or_default(), warnings, failure: outcome.err() }),
        }
    }
}

/// `text` without `folder`.
fn without(folder: Option<&str>, text: &str) -> String {
    folder.map_or_else(|| text.to_owned(), |folder| text.replace(folder, ""))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use passgrant::config::Config;

    #[test]
    fn a_line_is_shown_as_a_person_would_type_it() {
        let config = Config::read(&|_| None).expect("a configuration");
        let options = ["--data", "my folder"].map(str::to_owned).to_vec();
        let place = Place {
            config: Arc::new(config),
            outputs: None,
            account: Arc::default(),
            data: None,
            options,
            audit_log: None,
        };
        let line = Line::of("user create").argument("ann").option("--claim", "name=Ann O'Hara");
        assert_eq!(line.shown(&place), r"passgrant --data 'my folder' user create --claim 'name=Ann O'\''Hara' ann");
        let line = line.input("--password-stdin", "password.txt", Zeroizing::new("hunter2".to_owned()));
        assert!(line.shown(&place).ends_with(" --password-stdin ann < password.txt"));
        let line = Line::of("session revoke").argument("-abc");
        assert!(line.shown(&place).ends_with(" session revoke -- -abc"));
        let line = Line::of("user create").option("--claim", "note=it's\u{1b}[201~\n").argument("ann");
        assert!(line.shown(&place).ends_with(r" --claim $'note=it\'s\u001b[201~\u000a' ann"), "{}", line.shown(&place));
        let line = Line::of("client update").option("--scope", "").option("--name", "-x");
        assert!(line.shown(&place).ends_with(" client update --scope '' --name=-x"));
    }
}
