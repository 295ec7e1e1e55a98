//! The command line of Passgrant, and its local server.

mod account;
mod attempts;
mod audit;
mod client;
mod console;
mod cost;
mod data_folder;
mod database;
mod deployment;
mod doctor;
mod environment;
mod failure;
mod key;
mod listen;
mod output;
mod pace;
mod patience;
mod progress;
mod scan;
mod scope_argument;
mod secret_input;
mod serve;
mod session;
mod shell;
mod signals;
mod stop;
mod table;
mod terminal;
mod user;
mod wire;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueHint};
use mimalloc::MiMalloc;
use passgrant::audit::Origin;
use passgrant::clock::SystemClock;
use passgrant::config::Config;
use passgrant::config::outputs::Outputs;
use passgrant::random::OsRandom;
use passgrant::telemetry::{self, Format};
use tokio::sync::OnceCell;
use tracing::level_filters::LevelFilter;

use crate::account::Account;
use crate::audit::{Audit, Change};
use crate::database::Database;
use crate::deployment::Deployment;
use crate::failure::Failure;
use crate::output::{Output, OutputFormat};
use crate::secret_input::SecretInput;
use crate::stop::Stop;

/// The local server allocates on one thread and frees on another all the time, for which it takes a sixth less processor
/// time with this allocator than with that of the C library (docs/performance.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const EXAMPLES: &str = "\
Examples:
  passgrant serve --demo
  passgrant --data .passgrant client create web --scope 'profile email'
  passgrant --stack passgrant-prod client list --output json
  passgrant --terraform-outputs <(terraform output -json) user show ann";

/// An OAuth 2.0 token service for the Resource Owner Password Credentials grant.
///
/// The commands that manage clients and users work on a deployment in AWS, with the AWS SDK's usual configuration, which is
/// named with `--stack` or `--terraform-outputs`; or, with `--data`, on a local server's data folder, whether or not the
/// server is running.
#[derive(Parser)]
#[command(name = "passgrant", version, after_help = EXAMPLES, after_long_help = environment::help_after(EXAMPLES))]
struct CommandLine {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The data folder of a local server; without it, AWS [serve: .passgrant; serve --sam: .aws-sam/passgrant]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
    /// The deployment that this CloudFormation stack made: tables, keys and settings are those of its outputs
    #[arg(long, global = true, value_name = "NAME", env = "PASSGRANT_STACK", hide_env_values = true)]
    stack: Option<String>,
    /// The deployment whose outputs `terraform output -json` wrote to this file; - is standard input
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    terraform_outputs: Option<PathBuf>,
    /// The file to append an audit event to for each change [default: the data folder's, or the deployment's log group]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PASSGRANT_AUDIT_LOG",
        hide_env_values = true,
        value_hint = ValueHint::FilePath
    )]
    audit_log: Option<OsString>,
    /// Tables for people, or JSON for programs, with durations and times in seconds
    #[arg(long, global = true, value_name = "FORMAT", default_value = "table")]
    output: OutputFormat,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole service on this machine, with a DynamoDB of its own
    Serve(serve::Arguments),
    /// Manage clients: the applications that may ask for tokens
    #[command(subcommand)]
    Client(client::Command),
    /// Manage users: the resource owners
    #[command(subcommand)]
    User(user::Command),
    /// Show whom the limits on guessing keep out
    #[command(subcommand)]
    Attempts(attempts::Command),
    /// Show and end sessions: the logins that clients keep alive
    #[command(subcommand)]
    Session(session::Command),
    /// Bring back what a table has lost
    #[command(subcommand)]
    Table(table::Command),
    /// Make and import the keys that sign tokens, and show the public ones
    #[command(subcommand)]
    Key(key::Command),
    /// Examine a deployed endpoint from outside, as clients and verifiers meet it
    ///
    /// Each line is a verdict: ok, warning, failed or skipped, with what to do. The exit code is 1 if anything failed. With
    /// --client and --user it also logs in and uses the tokens, and with --stack it looks at what the deployment consists of.
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::Arguments),
    /// Administer from a page in a browser on this machine
    ///
    /// The page has the rights of whoever starts it, and no others: those of the AWS credentials, or of the owner of the data
    /// folder. It listens on a loopback address only, and the address that it prints opens it once.
    #[command(after_help = console::EXAMPLES)]
    Console(console::Arguments),
    /// Estimate what a deployment costs in AWS
    Cost(cost::Arguments),
    /// Print a script that completes commands and options in a shell
    #[command(after_help = shell::COMPLETIONS_EXAMPLES)]
    Completions(shell::Completions),
    /// Write manual pages, one for each command
    #[command(after_help = shell::MAN_EXAMPLES)]
    Man(shell::Man),
}

/// What every command that manages something works with.
struct Context {
    config: Arc<Config>,
    /// What the deployment says about itself, if it is known by that.
    outputs: Option<Arc<Outputs>>,
    output: Output,
    secrets: SecretInput,
    /// Asks a long command to end early.
    stop: Stop,
    audit: Audit,
    account: Arc<Account>,
    clock: SystemClock,
    random: OsRandom,
    data: Option<PathBuf>,
    database: OnceCell<Database>,
}

impl Context {
    /// The tables, opened when they are first needed: no command holds a data folder while somebody is typing.
    async fn database(&self) -> Result<&Database, Failure> {
        self.database.get_or_try_init(|| Database::open(self.data.as_deref(), &self.account, &self.config.tables)).await
    }
}

fn main() -> ExitCode {
    let outcome = parsed().map_err(Failure::from_usage).and_then(|(command_line, matches)| run(command_line, &matches));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The command line, and where each of its values comes from.
fn parsed() -> Result<(CommandLine, ArgMatches), clap::Error> {
    let matches = CommandLine::command().try_get_matches()?;
    let command_line = CommandLine::from_arg_matches(&matches);
    Ok((command_line.map_err(|error| error.format(&mut CommandLine::command()))?, matches))
}

fn run(command_line: CommandLine, matches: &ArgMatches) -> Result<(), Failure> {
    let CommandLine { global, command } = command_line;
    let output = Output::Standard(global.output);
    // An empty name is none.
    let audit_log = global.audit_log.clone().filter(|name| !name.is_empty());
    match &command {
        Command::Completions(arguments) => return arguments.run(),
        Command::Man(arguments) => return arguments.run(),
        Command::Cost(arguments) => {
            Config::from_env()?;
            return cost::run(arguments, &output);
        }
        _ => {}
    }
    // Escape codes are for terminals: a file, a journal or a pipe would keep them.
    let log = if io::stderr().is_terminal() { Format::Coloured } else { Format::Text };
    let deployment = Deployment::chosen(&global, matches)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Command::Serve(arguments) = command {
        let (data, config) = (deployment.folder(matches)?, Config::from_env()?);
        telemetry::install(log, config.log, io::stderr);
        return runtime.block_on(serve::run(arguments, data, audit_log, config, &output));
    }
    telemetry::install(log, LevelFilter::ERROR, io::stderr);
    if let Command::Console(arguments) = command {
        return runtime.block_on(console(arguments, &deployment, audit_log, &output));
    }
    let audit = Audit::new(Origin::CommandLine, audit_log.as_deref());
    runtime.block_on(manage(command, &deployment, output, audit))
}

/// Runs a command that manages something.
async fn manage(command: Command, deployment: &Deployment, output: Output, audit: Audit) -> Result<(), Failure> {
    let account = Arc::<Account>::default();
    let outputs = deployment.outputs(&account).await?;
    let config = deployment::config(outputs.as_ref())?;
    let data = deployment.data().map(Path::to_owned);
    let (config, outputs, secrets) = (Arc::new(config), outputs.map(Arc::new), SecretInput::Terminal);
    let (stop, clock, random, database) = (Stop::default(), SystemClock, OsRandom, OnceCell::new());
    let context = Context { config, outputs, output, secrets, stop, audit, account, clock, random, data, database };
    Box::pin(perform(command, &context)).await?;
    match context.database.into_inner() {
        Some(database) => database.close().await,
        None => Ok(()),
    }
}

/// Shows the page for a deployment.
async fn console(
    arguments: console::Arguments,
    deployment: &Deployment,
    audit_log: Option<OsString>,
    output: &Output,
) -> Result<(), Failure> {
    let account = Arc::<Account>::default();
    let outputs = deployment.outputs(&account).await?;
    let config = Arc::new(deployment::config(outputs.as_ref())?);
    let (data, options) = (deployment.data().map(Path::to_owned), deployment.options());
    let place = console::Place { config, outputs: outputs.map(Arc::new), account, data, options, audit_log };
    arguments.run(place, output).await
}

/// Runs a command that manages something, wherever it was given. Whatever it changes is in the audit log.
async fn perform(command: Command, context: &Context) -> Result<(), Failure> {
    match command.change(context) {
        Some(change) => Box::pin(audit::kept(context, &change, command.run(context))).await,
        None => command.run(context).await,
    }
}

impl Command {
    /// What it changes; `None` if it only reads, or is not run by [`perform`].
    fn change(&self, context: &Context) -> Option<Change> {
        match self {
            Self::Client(command) => command.change(),
            Self::User(command) => command.change(context),
            Self::Attempts(command) => command.change(),
            Self::Session(command) => command.change(context),
            Self::Table(command) => command.change(context),
            Self::Key(command) => command.change(context),
            Self::Serve(_)
            | Self::Console(_)
            | Self::Doctor(_)
            | Self::Cost(_)
            | Self::Completions(_)
            | Self::Man(_) => None,
        }
    }

    async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Client(command) => command.run(context).await,
            Self::User(command) => command.run(context).await,
            Self::Attempts(command) => command.run(context).await,
            Self::Session(command) => command.run(context).await,
            Self::Table(command) => command.run(context).await,
            Self::Key(command) => command.run(context).await,
            Self::Doctor(arguments) => arguments.run(context).await,
            Self::Serve(_) | Self::Console(_) | Self::Cost(_) | Self::Completions(_) | Self::Man(_) => Ok(()),
        }
    }
}
