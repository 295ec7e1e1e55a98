//! `passgrant user`: the resource owners.

mod change;
pub(crate) mod claim;
mod export;
mod find;
mod import;
mod report;
pub(crate) mod state;
mod view;

use clap::{Args, Subcommand};
use passgrant::audit::Action;
use passgrant::claims;
use passgrant::clock::Clock as _;
use passgrant::issuer::Issuer;
use passgrant::password::blocklist::Blocklist;
use passgrant::password::range::RangeService;
use passgrant::password::{Password, PasswordHash};
use passgrant::scope::Scope;
use passgrant::store::attempts::AttemptsKey;
use passgrant::store::outcome::Created;
use passgrant::user::{Subject, User, Username};

use crate::Context;
use crate::attempts::view::AttemptsView;
use crate::audit::Change;
use crate::failure::Failure;
use crate::output::{listing, warn};
use crate::scope_argument;
use crate::user::change::Update;
use crate::user::claim::{Claims, warn_of_unusual};
use crate::user::export::Export;
use crate::user::find::Find;
use crate::user::import::Import;
use crate::user::report::Report;
use crate::user::state::{Existing, SetPassword};
use crate::user::view::UserView;

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
    /// Find users by the beginning of their names, or by their subject, which reads the users table until enough are found
    #[command(after_help = find::EXAMPLES)]
    Find(Find),
    /// Change a user's claims and the scopes that the user may grant: what is not named stays
    #[command(after_help = change::EXAMPLES)]
    Update(Update),
    /// Set a user's password, which ends every session of the user, and a lock if there is one
    SetPassword(SetPassword),
    /// Keep a user from getting tokens, and end every session of the user for good
    Disable(Existing),
    /// Let a disabled user get tokens again, with a new login
    Enable(Existing),
    /// Forget the wrong passwords tried for a username, known or not, and let it log in at once
    ///
    /// Those that strangers tried are forgotten, and those from the places that it is known to log in from, which stay known.
    Unlock(Named),
    /// Delete a user, which ends every session of the user
    Delete(Existing),
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
    #[command(flatten)]
    claims: Claims,
    /// A scope the user may grant, separated by spaces or repeated [default: whatever the client may have]
    #[arg(long, value_name = "SCOPE", value_parser = scope_argument::parse)]
    allowed_scope: Option<Vec<Scope>>,
}

#[derive(Args)]
struct PasswordSource {
    /// Take the password from standard input, one line, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl Command {
    pub(crate) fn change(&self, context: &Context) -> Option<Change> {
        let (action, Named { name }) = match self {
            Self::Create(Create { named, .. }) => (Action::UserCreated, named),
            Self::Update(update) => (Action::UserChanged, update.named()),
            Self::SetPassword(set) => (Action::UserPasswordSet, set.named()),
            Self::Disable(existing) => (Action::UserDisabled, existing.named()),
            Self::Enable(existing) => (Action::UserEnabled, existing.named()),
            Self::Unlock(named) => (Action::UserUnlocked, named),
            Self::Delete(existing) => (Action::UserDeleted, existing.named()),
            Self::Import(import) => return import.change(context),
            Self::Export(export) => return export.change(context),
            Self::Show(_) | Self::List | Self::Find(_) | Self::Report(_) => return None,
        };
        Some(Change::of_user(context, action, name))
    }

    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::Show(Named { name }) => show(context, &name).await,
            Self::List => list(context).await,
            Self::Find(find) => find.run(context).await,
            Self::Update(update) => update.run(context).await,
            Self::SetPassword(set) => set.run(context).await,
            Self::Disable(existing) => state::disable(context, &existing).await,
            Self::Enable(existing) => state::enable(context, &existing).await,
            Self::Unlock(Named { name }) => state::unlock(context, &name).await,
            Self::Delete(existing) => state::delete(context, &existing).await,
            Self::Import(import) => import.run(context).await,
            Self::Export(export) => export.run(context).await,
            Self::Report(report) => report.run(context).await,
        }
    }
}

impl Create {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let username = prepared(context, &self.named.name)?;
        let claims = self.claims.given("user create")?;
        claims::check(&claims)?;
        warn_of_unusual(&claims);
        let allowed_scopes = self.allowed_scope.as_deref().map(joined);
        let password_hash = Some(self.password.hash(context, "user create", &username).await?);
        let user = User::new(username, Subject::generate(&context.random)?, context.clock.now());
        let user = User { password_hash, claims, allowed_scopes, ..user };
        match context.database().await?.store.users.create(&user).await? {
            Created::AlreadyThere => Err(already_exists(&user.username)),
            Created::Written => {
                context.audit.user(&user);
                let view = UserView::new(&user);
                context.output.print(&view, || view.text())
            }
        }
    }
}

impl PasswordSource {
    async fn hash(&self, context: &Context, command: &str, username: &Username) -> Result<PasswordHash, Failure> {
        let password = Password::prepare(&context.secrets.new_password(command, self.password_stdin)?)?;
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

async fn found(context: &Context, username: &Username) -> Result<User, Failure> {
    let user = context.database().await?.store.users.get(username).await?;
    user.ok_or_else(|| unknown(username))
}

/// Notes for the audit log who is called `username`, if anybody is: one that cannot be read can still be changed.
pub(crate) async fn note_subject(context: &Context, username: &Username) -> Result<(), Failure> {
    if let Ok(Some(user)) = context.database().await?.store.users.get(username).await {
        context.audit.user(&user);
    }
    Ok(())
}

/// One scope of what was given in several.
fn joined(scopes: &[Scope]) -> Scope {
    scopes.iter().flat_map(Scope::iter).cloned().collect()
}

pub(crate) fn prepared(context: &Context, name: &str) -> Result<Username, Failure> {
    let prepared = Username::prepare(name, context.config.username_profile);
    prepared.map_err(|reason| Failure::refused(format!("{name:?} is not a valid username: {reason}")))
}

pub(crate) fn already_exists(username: &Username) -> Failure {
    Failure::refused(format!("user {username} already exists"))
}

pub(crate) fn unknown(username: &Username) -> Failure {
    Failure::Missing { kind: "user", name: username.to_string() }
}
