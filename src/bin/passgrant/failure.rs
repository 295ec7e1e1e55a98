//! Why a command did not do what it was asked: one line on standard error, and the exit code.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use passgrant::claims::RefusedClaims;
use passgrant::client::authentication::Contradiction;
use passgrant::client::claim_map::MalformedClaimMap;
use passgrant::client::id::MalformedClientId;
use passgrant::client::keys::UnusableKeys;
use passgrant::client::rules::{RefusedClient, Setting};
use passgrant::client::secret::{RefusedSecret, SecretCount};
use passgrant::config::ConfigError;
use passgrant::password::RefusedPassword;
use passgrant::password::blocklist::Blocked;
use passgrant::scope::MalformedScope;
use passgrant::signing::envelope::NotWrapped;
use passgrant::signing::secret::UnusableSecret;

use crate::CommandLine;

/// The option that says in which revision something is to be changed, without its dashes.
pub(crate) const IF_REVISION: &str = "if-revision";

/// Why a command failed.
pub(crate) enum Failure {
    /// It was not used as its help says: exit code 2, or 0 if help was what was asked for.
    Usage(clap::Error),
    /// It was refused, and nothing was changed: exit code 1.
    Refused(String),
    /// It was refused because of what an option says, which is named without its dashes: exit code 1.
    RefusedOption(&'static str, String),
    /// It was refused, because there is no `name` of this `kind`: exit code 1.
    Missing { kind: &'static str, name: String },
    /// It did not work, and part of it may have been done: exit code 1.
    Failed(String),
    /// Nobody reads standard output any more, as in a pipe into `head`.
    OutputClosed,
}

impl Failure {
    pub(crate) fn from_usage(error: clap::Error) -> Self {
        Self::Usage(error)
    }

    /// A wrong combination of options that clap cannot detect; `command` is the command whose usage is shown, as in
    /// `client update`, or empty for no command in particular.
    pub(crate) fn usage(command: &str, kind: ErrorKind, message: &str) -> Self {
        let mut root = CommandLine::command();
        root.build();
        let named = command.split_whitespace().try_fold(&mut root, |command, name| command.find_subcommand_mut(name));
        Self::Usage(match named {
            Some(command) => command.error(kind, message),
            None => clap::Error::raw(kind, message),
        })
    }

    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }

    /// Something was to be changed in a revision that it is not in any more.
    pub(crate) fn overtaken(reason: impl Into<String>) -> Self {
        Self::RefusedOption(IF_REVISION, reason.into())
    }

    /// Whether it is because somebody else was quicker.
    pub(crate) fn is_overtaken(&self) -> bool {
        matches!(self, Self::RefusedOption(IF_REVISION, _))
    }

    /// It as one line.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Usage(error) => {
                let text = error.render().to_string();
                let first = text.split("\n\n").next().unwrap_or_default();
                first.strip_prefix("error: ").unwrap_or(first).split_whitespace().collect::<Vec<_>>().join(" ")
            }
            Self::Refused(reason) | Self::RefusedOption(_, reason) | Self::Failed(reason) => {
                reason.split_whitespace().collect::<Vec<_>>().join(" ")
            }
            Self::Missing { kind, name } => format!("there is no {kind} {name}"),
            Self::OutputClosed => "standard output is closed".to_owned(),
        }
    }

    /// The same, said as `reword` says it; a wrong use of the command line stays as it is.
    pub(crate) fn reworded(self, reword: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Refused(reason) => Self::Refused(reword(reason)),
            Self::RefusedOption(option, reason) => Self::RefusedOption(option, reword(reason)),
            Self::Failed(reason) => Self::Failed(reword(reason)),
            other @ (Self::Usage(_) | Self::Missing { .. } | Self::OutputClosed) => other,
        }
    }

    /// The option that it is about, without its dashes, if it is about one.
    pub(crate) fn about(&self) -> Option<String> {
        let error = match self {
            Self::Usage(error) => error,
            Self::RefusedOption(option, _) => return Some((*option).to_owned()),
            Self::Refused(_) | Self::Missing { .. } | Self::Failed(_) | Self::OutputClosed => return None,
        };
        let ContextValue::String(argument) = error.get(ContextKind::InvalidArg)? else { return None };
        let name = argument.split_whitespace().next()?.trim_matches(['-', '<', '>', '[', ']']);
        Some(name.to_ascii_lowercase())
    }

    /// Reports what happened, and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        // What cannot be written to standard error cannot be reported at all.
        match self {
            Self::Usage(error) => {
                let _: io::Result<()> = error.print();
                ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
            }
            Self::Refused(_) | Self::RefusedOption(..) | Self::Missing { .. } | Self::Failed(_) => {
                let _: io::Result<()> = writeln!(io::stderr().lock(), "error: {}", self.reason());
                ExitCode::FAILURE
            }
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        match option_of(&error) {
            Some(option) => Self::RefusedOption(option, error.to_string()),
            None if says_no(&error) => Self::Refused(error.to_string()),
            None => Self::Failed(error.to_string()),
        }
    }
}

/// The option that a broken rule is about.
fn option_of(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if error.is::<MalformedClaimMap>() {
        return Some("map");
    }
    match error.downcast_ref() {
        Some(UnusableSecret::OfPairs(_)) => return Some("alg"),
        Some(UnusableSecret::Length { .. }) => return Some("secret-stdin"),
        None => {}
    }
    if let Some(NotWrapped::AlreadyThere(_)) = error.downcast_ref() {
        return Some("name");
    }
    Some(match error.downcast_ref()? {
        RefusedClient::Name => "name",
        RefusedClient::Scopes => "scope",
        RefusedClient::DefaultScope(_) => "default-scope",
        RefusedClient::Audiences => "audience",
        RefusedClient::Time { setting: Setting::AccessToken, .. } => "access-token-lifetime",
        RefusedClient::Time { setting: Setting::Refresh, .. } => "refresh-lifetime",
        RefusedClient::Time { setting: Setting::RefreshIdle, .. }
        | RefusedClient::IdleBeyondWhole { .. }
        | RefusedClient::IdleBelowAccessToken { .. } => "refresh-idle-lifetime",
        RefusedClient::Time { setting: Setting::RefreshGrace, .. } => "refresh-grace",
        RefusedClient::PublicCapability(_) => "capability",
    })
}

/// Whether an error is a rule that was broken, which is found before anything is changed. After any other error, part of a command
/// may have been done.
fn says_no(error: &(dyn Error + 'static)) -> bool {
    let is_a_broken_rule = error.is::<Blocked>()
        || error.is::<Contradiction>()
        || error.is::<ConfigError>()
        || error.is::<MalformedClientId>()
        || error.is::<MalformedScope>()
        || error.is::<RefusedClaims>()
        || error.is::<RefusedPassword>()
        || error.is::<RefusedSecret>()
        || error.is::<SecretCount>()
        || error.is::<UnusableKeys>();
    is_a_broken_rule || matches!(error.downcast_ref(), Some(NotWrapped::NoWrappingKey))
}
