//! The command line of Passgrant, and its local server.

mod attempts;
mod client;
mod cost;
mod data_folder;
mod database;
mod environment;
mod failure;
mod key;
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
mod table;
mod user;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueHint};
use mimalloc::MiMalloc;
use passgrant::clock::SystemClock;
use passgrant::config::Config;
use passgrant::random::OsRandom;
use passgrant::telemetry::{self, Format};
use tokio::sync::OnceCell;
use tracing::level_filters::LevelFilter;

use crate::database::Database;
use crate::failure::Failure;
use crate::output::{Output, OutputFormat};

/// The local server allocates on one thread and frees on another all the time, for which it takes a sixth less processor
/// time with this allocator than with that of the C library (docs/performance.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const EXAMPLES: &str = "\
Examples:
  passgrant serve --demo
  passgrant --data .passgrant client create web --scope 'profile email'
  passgrant client list --output json";

/// An OAuth 2.0 token service for the Resource Owner Password Credentials grant.
///
/// The commands that manage clients and users work on DynamoDB with the AWS SDK's usual configuration or, with
/// `--data`, on a local server's data folder, whether or not the server is running.
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
    /// The data folder of a local server; without it, AWS [serve: .passgrant]
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data: Option<PathBuf>,
    /// Tables for people, or JSON for programs, with durations and times in seconds
    #[arg(long, global = true, value_name = "FORMAT", default_value = "table")]
    output: OutputFormat,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is only one in a process")]
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
    config: Config,
    output: Output,
    clock: SystemClock,
    random: OsRandom,
    data: Option<PathBuf>,
    database: OnceCell<Database>,
}

impl Context {
    /// The tables, opened when they are first needed: no command holds a data folder while somebody is typing.
    async fn database(&self) -> Result<&Database, Failure> {
        self.database.get_or_try_init(|| Database::open(self.data.as_deref(), &self.config.tables)).await
    }
}

fn main() -> ExitCode {
    let outcome = CommandLine::try_parse().map_err(Failure::from_usage).and_then(run);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command_line: CommandLine) -> Result<(), Failure> {
    let CommandLine { global: Global { data, output }, command } = command_line;
    let output = Output::new(output);
    match &command {
        Command::Completions(arguments) => return arguments.run(),
        Command::Man(arguments) => return arguments.run(),
        _ => {}
    }
    let config = Config::from_env()?;
    if let Command::Cost(arguments) = command {
        return cost::run(&arguments, &output);
    }
    let level = if matches!(command, Command::Serve(_)) { config.log } else { LevelFilter::ERROR };
    telemetry::install(Format::Text, level, io::stderr);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Command::Serve(arguments) = command {
            return serve::run(arguments, data, config, &output).await;
        }
        let (clock, random, database) = (SystemClock, OsRandom, OnceCell::new());
        let context = Context { config, output, clock, random, data, database };
        match command {
            Command::Client(command) => command.run(&context).await?,
            Command::User(command) => command.run(&context).await?,
            Command::Attempts(command) => command.run(&context).await?,
            Command::Session(command) => command.run(&context).await?,
            Command::Table(command) => command.run(&context).await?,
            Command::Key(command) => command.run(&context).await?,
            Command::Serve(_) | Command::Cost(_) | Command::Completions(_) | Command::Man(_) => {}
        }
        match context.database.into_inner() {
            Some(database) => database.close().await,
            None => Ok(()),
        }
    })
}
