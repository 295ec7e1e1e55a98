//! Which deployment a command works on: one in AWS, known by its outputs or by the environment, or a data folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_cloudformation::config::ProvideCredentials as _;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksError;
use aws_sdk_cloudformation::types::Stack;
use clap::ArgMatches;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use passgrant::config::Config;
use passgrant::config::outputs::Outputs;

use crate::Global;
use crate::account::Account;
use crate::failure::Failure;

/// More than any module's outputs.
const MAX_OUTPUTS_BYTES: u64 = 1024 * 1024;

/// What a command works on.
#[derive(Debug)]
pub(crate) enum Deployment {
    /// What the environment says, in AWS.
    Environment,
    /// The data folder of a local server.
    Folder(PathBuf),
    /// What a CloudFormation stack made.
    Stack(String),
    /// What the Terraform module made, whose outputs are in this file; `-` is standard input.
    Terraform(PathBuf),
}

impl Deployment {
    /// What the options choose. An option wins over the variable of another one: a stack that was exported for a whole
    /// session does not stand in the way of `--data`.
    pub(crate) fn chosen(global: &Global, matches: &ArgMatches) -> Result<Self, Failure> {
        let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let options = [
            ("data", "--data <DIR>"),
            ("stack", "--stack <NAME>"),
            ("terraform_outputs", "--terraform-outputs <FILE>"),
        ];
        let mut typed_options = options.into_iter().filter(|(id, _)| typed(id)).map(|(_, option)| option);
        if let (Some(one), Some(other)) = (typed_options.next(), typed_options.next()) {
            return Err(misused(
                ErrorKind::ArgumentConflict,
                &format!("the argument '{other}' cannot be used with '{one}'"),
            ));
        }
        if global.terraform_outputs.as_deref() == Some(Path::new("-"))
            && let Some(other) = taken_from_standard_input(matches)
        {
            return Err(misused(
                ErrorKind::ArgumentConflict,
                &format!(
                    "the argument '--terraform-outputs -' cannot be used with '{other}': standard input is read once; name a file"
                ),
            ));
        }
        let stack = global.stack.clone().filter(|name| typed("stack") || !name.is_empty());
        match (&global.data, &global.terraform_outputs, stack) {
            (Some(folder), _, _) => Ok(Self::Folder(folder.clone())),
            (None, Some(file), _) => Ok(Self::Terraform(file.clone())),
            // As `--stack "$stack"` with a variable that is not set: the environment's tables are not what was meant.
            (None, None, Some(name)) if name.is_empty() => {
                Err(misused(ErrorKind::InvalidValue, "the name of the stack in '--stack <NAME>' is empty"))
            }
            (None, None, Some(name)) => Ok(Self::Stack(name)),
            (None, None, None) => Ok(Self::Environment),
        }
    }

    /// The data folder, if it is one.
    pub(crate) fn data(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Environment | Self::Stack(_) | Self::Terraform(_) => None,
        }
    }

    /// The options that choose it.
    pub(crate) fn options(&self) -> Vec<String> {
        match self {
            Self::Environment => Vec::new(),
            Self::Folder(folder) => vec!["--data".to_owned(), folder.display().to_string()],
            Self::Stack(name) => vec!["--stack".to_owned(), name.clone()],
            Self::Terraform(file) => vec!["--terraform-outputs".to_owned(), file.display().to_string()],
        }
    }

    /// The data folder, which is all that a local server knows.
    pub(crate) fn folder(self, matches: &ArgMatches) -> Result<Option<PathBuf>, Failure> {
        let typed = matches.value_source("stack") == Some(ValueSource::CommandLine);
        match self {
            Self::Folder(folder) => Ok(Some(folder)),
            Self::Terraform(_) => Err(not_served("--terraform-outputs <FILE>")),
            Self::Stack(_) if typed => Err(not_served("--stack <NAME>")),
            Self::Stack(_) | Self::Environment => Ok(None),
        }
    }

    /// The outputs of the deployment, if it is known by them.
    pub(crate) async fn outputs(&self, account: &Account) -> Result<Option<Outputs>, Failure> {
        match self {
            Self::Environment | Self::Folder(_) => Ok(None),
            Self::Stack(name) => outputs_of_stack(name, account).await.map(Some),
            Self::Terraform(file) => outputs_in(file).map(Some),
        }
    }
}

/// What the command itself takes from standard input, if that was typed: a secret, or a file that is named `-`.
fn taken_from_standard_input(matches: &ArgMatches) -> Option<String> {
    let mut of_command = matches;
    while let Some((_, deeper)) = of_command.subcommand() {
        of_command = deeper;
    }
    of_command.ids().map(clap::Id::as_str).filter(|id| *id != "terraform_outputs").find_map(|id| {
        // Of other types are other arguments, and groups.
        let is_set = matches!(of_command.try_get_one::<bool>(id), Ok(Some(true)));
        let is_file = matches!(of_command.try_get_one::<PathBuf>(id), Ok(Some(path)) if path == Path::new("-"));
        match id {
            _ if is_file => Some("-".to_owned()),
            id if is_set && id.ends_with("_stdin") => Some(format!("--{}", id.replace('_', "-"))),
            _ => None,
        }
    })
}

/// The configuration of a deployment with these outputs, if it has any.
pub(crate) fn config(outputs: Option<&Outputs>) -> Result<Config, Failure> {
    Ok(outputs.map_or_else(Config::from_env, Config::of_deployment)?)
}

fn misused(kind: ErrorKind, message: &str) -> Failure {
    Failure::usage("", kind, message)
}

fn not_served(option: &str) -> Failure {
    let message = format!("the argument '{option}' cannot be used with 'serve', which has tables of its own");
    Failure::usage("serve", ErrorKind::ArgumentConflict, &message)
}

fn outputs_in(file: &Path) -> Result<Outputs, Failure> {
    let is_stdin = file == Path::new("-");
    let shown = if is_stdin { "standard input".to_owned() } else { file.display().to_string() };
    let problem = |reason: &str| Failure::refused(format!("{shown}: {reason}"));
    let read = if is_stdin { bounded(io::stdin().lock()) } else { File::open(file).and_then(bounded) };
    let json = read.map_err(|error| problem(&error.to_string()))?;
    if json.len() as u64 > MAX_OUTPUTS_BYTES {
        return Err(problem("too large for the outputs of Terraform"));
    }
    Outputs::of_terraform(&json).map_err(|error| problem(&error.to_string()))
}

fn bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_OUTPUTS_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

async fn outputs_of_stack(name: &str, account: &Account) -> Result<Outputs, Failure> {
    let config = account.patient_config().await;
    let region = identified(&config).await.map_err(|reason| Failure::refused(format!("the stack {name}: {reason}")))?;
    let answer = CloudFormation::new(&config).describe_stacks().stack_name(name).send().await;
    let answer = answer.map_err(|error| Failure::refused(refusal(name, &region, &error)))?;
    let stack = answer.stacks().first();
    let stack = stack.ok_or_else(|| Failure::refused(format!("there is no stack {name} in {region}")))?;
    usable(name, stack)?;
    let output = |output: &aws_sdk_cloudformation::types::Output| {
        Some((output.output_key()?.to_owned(), output.output_value().unwrap_or_default().to_owned()))
    };
    let outputs: BTreeMap<String, String> = stack.outputs().iter().filter_map(output).collect();
    Outputs::of_stack(outputs).map_err(|error| Failure::refused(format!("the stack {name} is {error}")))
}

/// The region, if that and the credentials are known: otherwise the SDK would say so in words about itself.
async fn identified(config: &SdkConfig) -> Result<String, String> {
    let region =
        config.region().ok_or("no AWS region is set: set AWS_REGION, or the region of the profile in AWS_PROFILE")?;
    let provider = config.credentials_provider().ok_or("no AWS credentials are configured")?;
    match provider.provide_credentials().await {
        Ok(_) => Ok(region.to_string()),
        Err(error) => Err(format!(
            "there are no AWS credentials, or they cannot be used ({error}): `aws sts get-caller-identity` says more"
        )),
    }
}

/// Why CloudFormation did not describe a stack.
fn refusal<R>(name: &str, region: &str, error: &SdkError<DescribeStacksError, R>) -> String {
    let (code, message) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
    match code {
        "ValidationError" if message.ends_with("does not exist") => format!("there is no stack {name} in {region}"),
        "AccessDenied" | "AccessDeniedException" => {
            format!(
                "the stack {name} may not be looked at: the AWS credentials lack cloudformation:DescribeStacks on it"
            )
        }
        "" => match error {
            SdkError::TimeoutError(_) => format!("the stack {name}: CloudFormation did not answer in time"),
            _ => format!("the stack {name}: CloudFormation could not be asked in {region}"),
        },
        code => format!("the stack {name}: CloudFormation answered {code}: {message}"),
    }
}

/// Whether the outputs of a stack can be relied on. Once a stack has been created, they are those of the last deployment that
/// was complete, also while an update or an import is under way, is taken back, or has failed.
fn usable(name: &str, stack: &Stack) -> Result<(), Failure> {
    let status = stack.stack_status().map_or("in an unknown state", |status| status.as_str());
    let refuse = |reason: &str| Err(Failure::refused(format!("the stack {name} is {status}: {reason}")));
    match status {
        "CREATE_IN_PROGRESS" | "REVIEW_IN_PROGRESS" => refuse("it has no outputs before it is complete"),
        // That may be how it is created.
        "IMPORT_IN_PROGRESS" if stack.outputs().is_empty() => refuse("it has no outputs before it is complete"),
        "CREATE_COMPLETE" => Ok(()),
        status if status.starts_with("UPDATE_") || status.starts_with("IMPORT_") => Ok(()),
        _ => refuse(
            "it is no deployment that works; its events say why. Usable are stacks that are CREATE_COMPLETE, UPDATE_... or IMPORT_..., \
             whose outputs are those of the last deployment that was complete",
        ),
    }
}
