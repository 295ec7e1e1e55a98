//! Every command is known either to change something, which is audited, or to read only.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _};
use passgrant::audit::{Action, Origin};
use passgrant::clock::SystemClock;
use passgrant::config::Config;
use passgrant::random::OsRandom;
use tokio::sync::OnceCell;

use crate::audit::Audit;
use crate::output::{Output, OutputFormat};
use crate::secret_input::SecretInput;
use crate::stop::Stop;
use crate::{CommandLine, Context};

/// A command line for each command that there is, and what it changes.
const LEAVES: [(&str, Option<Action>); 38] = [
    ("serve", None),
    ("client create web", Some(Action::ClientCreated)),
    ("client show web", None),
    ("client list", None),
    ("client report", None),
    ("client update web", Some(Action::ClientChanged)),
    ("client rotate-secret web", Some(Action::ClientSecretRotated)),
    ("client disable web", Some(Action::ClientDisabled)),
    ("client enable web", Some(Action::ClientEnabled)),
    ("client delete web", Some(Action::ClientDeleted)),
    ("user create ann", Some(Action::UserCreated)),
    ("user show ann", None),
    ("user list", None),
    ("user update ann", Some(Action::UserChanged)),
    ("user find --prefix an", None),
    ("user set-password ann", Some(Action::UserPasswordSet)),
    ("user disable ann", Some(Action::UserDisabled)),
    ("user enable ann", Some(Action::UserEnabled)),
    ("user unlock ann", Some(Action::UserUnlocked)),
    ("user delete ann", Some(Action::UserDeleted)),
    ("user import users.csv", Some(Action::UserImported)),
    ("user export", None),
    ("user report", None),
    ("attempts list", None),
    ("session list --user ann", None),
    ("session report", None),
    ("session revoke --user ann", Some(Action::SessionRevoked)),
    ("table copy users --from restored", Some(Action::TableCopied)),
    ("key list", None),
    ("key jwks", None),
    ("key create main", Some(Action::KeyCreated)),
    ("key import shared --alg HS256 --secret-stdin", Some(Action::KeyImported)),
    ("key delete main", Some(Action::KeyDeleted)),
    ("console", None),
    ("doctor https://id.example.com", None),
    ("cost", None),
    ("completions bash", None),
    ("man .", None),
];

/// Other ways in which one of them is used.
const VARIANTS: [(&str, Option<Action>); 4] = [
    ("user export --with-password-hashes", Some(Action::UserExported)),
    ("user import users.csv --dry-run", None),
    ("table copy users --from restored --dry-run", None),
    ("session revoke a-sid", Some(Action::SessionRevoked)),
];

fn context() -> Context {
    Context {
        config: Arc::new(Config::read(&|_| None).expect("a configuration")),
        outputs: None,
        output: Output::Standard(OutputFormat::Json),
        secrets: SecretInput::Terminal,
        stop: Stop::default(),
        audit: Audit::new(Origin::CommandLine, None),
        account: Arc::default(),
        clock: SystemClock,
        random: OsRandom,
        data: None,
        database: OnceCell::new(),
    }
}

fn collect(command: &clap::Command, path: &str, leaves: &mut BTreeSet<String>) {
    let mut below = command.get_subcommands().filter(|command| command.get_name() != "help").peekable();
    if below.peek().is_none() {
        leaves.insert(path.to_owned());
    }
    for command in below {
        collect(command, format!("{path} {}", command.get_name()).trim_start(), leaves);
    }
}

/// The command that a command line is of.
fn path_of(line: &str) -> String {
    let matches = CommandLine::command().try_get_matches_from(["passgrant"].into_iter().chain(line.split(' ')));
    let matches = matches.unwrap_or_else(|error| panic!("{line}: {error}"));
    let (mut path, mut at) = (Vec::new(), &matches);
    while let Some((name, below)) = at.subcommand() {
        path.push(name);
        at = below;
    }
    path.join(" ")
}

fn action_of(line: &str) -> Option<Action> {
    let matches = CommandLine::command().get_matches_from(["passgrant"].into_iter().chain(line.split(' ')));
    let command = CommandLine::from_arg_matches(&matches).expect("a command").command;
    command.change(&context()).map(|change| change.action)
}

#[test]
fn every_command_is_known_to_read_only_or_is_audited() {
    let mut leaves = BTreeSet::new();
    collect(&CommandLine::command(), "", &mut leaves);
    let known: BTreeSet<String> = LEAVES.iter().map(|(line, _)| path_of(line)).collect();
    assert_eq!(leaves, known, "a new command belongs in this table, with what it changes");
    for (line, action) in LEAVES.into_iter().chain(VARIANTS) {
        assert_eq!(action_of(line), action, "{line}");
    }
}

#[test]
fn every_action_of_operators_is_one_of_a_command() {
    let first = Action::ALL.iter().position(|action| *action == Action::ClientCreated).expect("an action");
    let done: BTreeSet<Action> = LEAVES.iter().chain(&VARIANTS).filter_map(|(_, action)| *action).collect();
    assert_eq!(done, Action::ALL[first..].iter().copied().collect());
}
