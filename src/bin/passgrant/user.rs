//! `passgrant user`: the resource owners.

mod export;
mod import;
mod report;
mod view;

use clap::error::ErrorKind;
use clap::{Args, Subcommand};
use passgrant::claims;
use passgrant::clock::Clock as _;
use passgrant::issuer::Issuer;
use passgrant::json::{Object, Value};
use passgrant::password::blocklist::Blocklist;
use passgrant::password::range::RangeService;
use passgrant::password::{Password, PasswordHash};
use passgrant::scope::Scope;
use passgrant::store::attempts::AttemptsKey;
use passgrant::store::outcome::{Changed, Created};
use passgrant::user::{Subject, User, Username};

use crate::Context;
use crate::attempts::view::AttemptsView;
use crate::failure::Failure;
use crate::output::{listing, warn};
use crate::scope_argument;
use crate::secret_input;
use crate::user::export::Export;
use crate::user::import::Import;
use crate::user::report::Report;
use crate::user::view::{Deleted, Unlocked, UserView};

const CREATE_EXAMPLES: &str = "\
Examples:
  passgrant user create ann@example.com --claim name='Ann Example' --claim-json email_verified=true
  printf %s \"$PASSWORD\" | passgrant user create ann --password-stdin";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create a user, asking for the password
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Create),
    /// Show a user, and what counts against guessing the password
    Show(Named),
    /// List the users
    List,
    /// Set a user's password, which ends every session of the user, and a lock if there is one
    SetPassword(SetPassword),
    /// Keep a user from getting tokens, and end every session of the user for good
    Disable(Named),
    /// Let a disabled user get tokens again, with a new login
    Enable(Named),
    /// Forget the wrong passwords tried for a username, known or not, and let it log in at once
    ///
    /// Those that strangers tried are forgotten, and those from the places that it is known to log in from, which stay known.
    Unlock(Named),
    /// Delete a user, which ends every session of the user
    Delete(Named),
    /// Import users from elsewhere, with the hashes of their passwords
    #[command(after_help = import::EXAMPLES)]
    Import(Import),
    /// Write all users as JSON lines, which `user import` takes back
    #[command(after_help = export::EXAMPLES)]
    Export(Export),
    /// Count the users by what their password is hashed with, and by their last login
    #[command(after_help = report::EXAMPLES)]
    Report(Report),
}

#[derive(Args)]
pub(crate) struct Named {
    /// The username
    #[arg(value_name = "USERNAME")]
    name: String,
}

#[derive(Args)]
pub(crate) struct Create {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    password: PasswordSource,
    /// A claim that is text, whatever it looks like (repeatable)
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = parse_text_claim)]
    text_claims: Vec<(String, Value)>,
    /// A claim as JSON, whose numbers keep their digits (repeatable)
    #[arg(long = "claim-json", value_name = "NAME=JSON", value_parser = parse_json_claim)]
    json_claims: Vec<(String, Value)>,
    /// A scope the user may grant, separated by spaces or repeated [default: whatever the client may have]
    #[arg(long, value_name = "SCOPE", value_parser = scope_argument::parse)]
    allowed_scope: Option<Vec<Scope>>,
}

#[derive(Args)]
pub(crate) struct SetPassword {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Args)]
struct PasswordSource {
    /// Take the password from standard input, one line, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::Show(Named { name }) => show(context, &name).await,
            Self::List => list(context).await,
            Self::SetPassword(set) => set.run(context).await,
            Self::Disable(Named { name }) => disable(context, &name).await,
            Self::Enable(Named { name }) => enable(context, &name).await,
            Self::Unlock(Named { name }) => unlock(context, &name).await,
            Self::Delete(Named { name }) => delete(context, &name).await,
            Self::Import(import) => import.run(context).await,
            Self::Export(export) => export.run(context).await,
            Self::Report(report) => report.run(context).await,
        }
    }
}

impl Create {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let username = prepared(context, &self.named.name)?;
        let mut claims = Object::new();
        for (name, value) in self.text_claims.into_iter().chain(self.json_claims) {
            if claims.insert(name.clone(), value).is_some() {
                let message = format!("the claim '{name}' is given twice");
                return Err(Failure::usage("user create", ErrorKind::ArgumentConflict, &message));
            }
        }
        claims::check(&claims)?;
        let allowed_scopes = self.allowed_scope.map(|scopes| scopes.iter().flat_map(Scope::iter).cloned().collect());
        let password_hash = Some(self.password.hash(context, "user create", &username).await?);
        let user = User::new(username, Subject::generate(&context.random)?, context.clock.now());
        let user = User { password_hash, claims, allowed_scopes, ..user };
        match context.database().await?.store.users.create(&user).await? {
            Created::AlreadyThere => Err(Failure::refused(format!("user {} already exists", user.username))),
            Created::Written => {
                let view = UserView::new(&user);
                context.output.print(&view, || view.text())
            }
        }
    }
}

impl SetPassword {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let username = prepared(context, &self.named.name)?;
        let hash = self.password.hash(context, "user set-password", &username).await?;
        let store = &context.database().await?.store;
        let changed = store.users.set_password(&username, &hash, context.clock.now()).await?;
        if changed == Changed::Written {
            store.attempts.forget(&username).await?;
        }
        tell(context, &username, changed, "has a new password").await
    }
}

impl PasswordSource {
    async fn hash(&self, context: &Context, command: &str, username: &Username) -> Result<PasswordHash, Failure> {
        let password = Password::prepare(&secret_input::new_password(command, self.password_stdin)?)?;
        let least = context.config.password_min_length;
        if password.code_points() < least {
            return Err(Failure::refused(format!("a password must have at least {least} characters")));
        }
        refuse_known(context, &password, username).await?;
        Ok(context.config.argon2.hash(&password, &context.random)?)
    }
}

/// Refuses a password that attackers try first. A range service that does not answer refuses nothing: the lists on this
/// machine have been searched by then.
async fn refuse_known(context: &Context, password: &Password, username: &Username) -> Result<(), Failure> {
    const LEAKED: &str = "the password is on the range service's list of leaked passwords, which attackers try first: \
                          choose another";
    const NOT_ASKED: &str = "the password was not checked against the range service of leaked passwords, only against \
                             the lists on this machine";

    let config = &context.config;
    let host = config.issuer.as_ref().map(Issuer::host);
    Blocklist::new(host, config.password_blocklist.clone()).check(password, username.as_str())?;
    let Some(url) = &config.password_range_url else {
        return Ok(());
    };
    match RangeService::new(url.clone()).knows(password).await {
        Ok(true) => Err(Failure::refused(LEAKED)),
        Ok(false) => Ok(()),
        Err(problem) => {
            warn(&format!("{NOT_ASKED}: {problem}"));
            Ok(())
        }
    }
}

async fn show(context: &Context, name: &str) -> Result<(), Failure> {
    let username = prepared(context, name)?;
    let user = found(context, &username).await?;
    let stored = context.database().await?.store.attempts.get(&AttemptsKey::of(&username)).await?;
    let attempts = AttemptsView::new(stored.as_ref(), context.config.attempts, context.clock.now());
    let view = UserView::new(&user).with_attempts(attempts);
    context.output.print(&view, || view.text())
}

async fn list(context: &Context) -> Result<(), Failure> {
    let mut users = context.database().await?.store.users.list().all().await?;
    users.sort_by(|one, other| one.username.as_str().cmp(other.username.as_str()));
    let views: Vec<UserView<'_>> = users.iter().map(UserView::new).collect();
    context.output.print(&views, || listing(UserView::HEADINGS, views.iter().map(UserView::row), "There are no users."))
}

async fn disable(context: &Context, name: &str) -> Result<(), Failure> {
    let username = prepared(context, name)?;
    let changed = context.database().await?.store.users.disable(&username, context.clock.now()).await?;
    tell(context, &username, changed, "is disabled").await
}

async fn enable(context: &Context, name: &str) -> Result<(), Failure> {
    let username = prepared(context, name)?;
    let changed = context.database().await?.store.users.enable(&username, context.clock.now()).await?;
    tell(context, &username, changed, "is enabled").await
}

async fn unlock(context: &Context, name: &str) -> Result<(), Failure> {
    let username = prepared(context, name)?;
    context.database().await?.store.attempts.forget(&username).await?;
    let unlocked = Unlocked { username: &username, unlocked: true };
    context.output.print(&unlocked, || format!("The username {username} is unlocked."))
}

async fn delete(context: &Context, name: &str) -> Result<(), Failure> {
    let username = prepared(context, name)?;
    match context.database().await?.store.users.delete(&username).await? {
        Changed::Unmet => Err(unknown(&username)),
        Changed::Written => {
            context.database().await?.store.attempts.clear(&username).await?;
            let deleted = Deleted { username: &username, deleted: true };
            context.output.print(&deleted, || format!("User {username} is deleted."))
        }
    }
}

/// Prints what became of a change: a sentence for people, the whole user for programs.
async fn tell(context: &Context, username: &Username, changed: Changed, what: &str) -> Result<(), Failure> {
    if changed == Changed::Unmet {
        return Err(unknown(username));
    }
    let user = found(context, username).await?;
    context.output.print(&UserView::new(&user), || format!("User {username} {what}."))
}

async fn found(context: &Context, username: &Username) -> Result<User, Failure> {
    let user = context.database().await?.store.users.get(username).await?;
    user.ok_or_else(|| unknown(username))
}

pub(crate) fn prepared(context: &Context, name: &str) -> Result<Username, Failure> {
    let prepared = Username::prepare(name, context.config.username_profile);
    prepared.map_err(|reason| Failure::refused(format!("{name:?} is not a valid username: {reason}")))
}

pub(crate) fn unknown(username: &Username) -> Failure {
    Failure::refused(format!("there is no user {username}"))
}

fn parse_text_claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = parse_claim(text)?;
    Ok((name.to_owned(), value.into()))
}

fn parse_json_claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = parse_claim(text)?;
    let value = Value::parse(value).map_err(|_| "the value is not JSON: give text with --claim, or in quotes")?;
    Ok((name.to_owned(), value))
}

fn parse_claim(text: &str) -> Result<(&str, &str), &'static str> {
    let (name, value) =
        text.split_once('=').ok_or("expected a name, an equals sign and a value, as in email=ann@example.com")?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err("the name of a claim must not be empty or contain control characters");
    }
    Ok((name, value))
}
