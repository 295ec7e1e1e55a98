//! `passgrant client`: the applications that may ask for tokens.

mod grant_end;
mod options;
pub(crate) mod report;
mod secrets;
pub(crate) mod view;

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Subcommand};
use passgrant::audit::{Action, TargetKind};
use passgrant::client::Client;
use passgrant::client::authentication::{AuthMethod, NoSecrets};
use passgrant::client::id::{ClientId, Incarnation};
use passgrant::client::rules::CheckedClient;
use passgrant::client::secret::{ClientSecret, Secrets, StoredSecret};
use passgrant::clock::Clock as _;
use passgrant::store::clients::Revision;
use passgrant::store::outcome::{Changed, Created};

use crate::Context;
use crate::audit;
use crate::client::options::Options;
use crate::client::secrets::SecretOptions;
use crate::client::view::{ClientView, Deleted, UsedView};
use crate::failure::Failure;
use crate::output::{listing, warn};

/// How often a change is tried if others change the client at the same time.
const ATTEMPTS: usize = 5;

const CREATE_EXAMPLES: &str = "\
Examples:
  passgrant client create web --scope 'profile email' --default-scope profile
  passgrant client create spa --auth-method none --audience https://api.example.com
  passgrant client create api --capability introspect
  passgrant client create job --auth-method private_key_jwt --jwks-file - < jwks.json
  passgrant client create old --map sub=username --map role=claims.roles --map idp=literal:local
  printf %s \"$SECRET\" | passgrant client create batch --secret-stdin --grant password";

const UPDATE_EXAMPLES: &str = "\
Examples:
  passgrant client update web --scope 'profile email orders'
  passgrant client update web --default-scope '' --access-token-lifetime 15m
  passgrant client update web --password-grant-until 2027-03-31
  passgrant client update web --password-grant-until ''   # no end any more
  passgrant client update web --scope profile --if-revision \"$REVISION\"";

const REPORT_EXAMPLES: &str = "\
Examples:
  passgrant client report
  passgrant client report --output json | jq -r '.[] | select(.state == \"never_used\").client_id'";

const ROTATE_EXAMPLES: &str = "\
Examples:
  passgrant client rotate-secret web
  passgrant client rotate-secret web --overlap 0s   # the old secret has leaked";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Register a client; a generated secret is shown only this once
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Change),
    /// Show a client
    Show(Named),
    /// List the clients
    List,
    /// Tell which clients still use the password grant, and when it ends for each: what needs attention comes first
    #[command(after_help = REPORT_EXAMPLES)]
    Report,
    /// Change a client: each option replaces what was there, and an empty value clears it
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(Update),
    /// Give a client a new secret, shown only this once; the old one keeps working for a while
    #[command(after_help = ROTATE_EXAMPLES)]
    RotateSecret(Rotate),
    /// Keep a client from authenticating
    Disable(Existing),
    /// Let a disabled client authenticate again
    Enable(Existing),
    /// Delete a client and its sessions
    Delete(Existing),
}

#[derive(Args)]
pub(crate) struct Named {
    /// The client's identifier
    #[arg(value_name = "ID")]
    id: ClientId,
}

/// A client that must be as it was when somebody looked at it.
#[derive(Args)]
pub(crate) struct Existing {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    expected: Expected,
}

#[derive(Args)]
struct Expected {
    /// Change nothing if anybody has changed the client since this revision, which `client show` tells
    #[arg(long, value_name = "REVISION")]
    if_revision: Option<String>,
}

#[derive(Args)]
pub(crate) struct Update {
    #[command(flatten)]
    change: Change,
    #[command(flatten)]
    expected: Expected,
}

#[derive(Args)]
pub(crate) struct Change {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    secret: SecretOptions,
}

#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    existing: Existing,
    /// How long the old secret keeps working, at most 365d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = options::up_to(Secrets::MAX_OVERLAP))]
    overlap: Duration,
    #[command(flatten)]
    secret: SecretOptions,
}

impl Command {
    pub(crate) fn change(&self) -> Option<audit::Change> {
        let (action, Named { id }) = match self {
            Self::Create(Change { named, .. }) => (Action::ClientCreated, named),
            Self::Update(Update { change: Change { named, .. }, .. }) => (Action::ClientChanged, named),
            Self::RotateSecret(Rotate { existing: Existing { named, .. }, .. }) => (Action::ClientSecretRotated, named),
            Self::Disable(Existing { named, .. }) => (Action::ClientDisabled, named),
            Self::Enable(Existing { named, .. }) => (Action::ClientEnabled, named),
            Self::Delete(Existing { named, .. }) => (Action::ClientDeleted, named),
            Self::Show(_) | Self::List | Self::Report => return None,
        };
        Some(audit::Change::new(action, TargetKind::Client, id.as_str()))
    }

    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Create(change) => create(context, change).await,
            Self::Show(Named { id }) => show(context, &id).await,
            Self::List => list(context).await,
            Self::Report => report::run(context).await,
            Self::Update(change) => update(context, change).await,
            Self::RotateSecret(rotate) => rotate_secret(context, rotate).await,
            Self::Disable(existing) => disable(context, &existing).await,
            Self::Enable(existing) => enable(context, &existing).await,
            Self::Delete(existing) => delete(context, &existing).await,
        }
    }
}

async fn create(context: &Context, change: Change) -> Result<(), Failure> {
    let Change { named: Named { id }, options, secret: secret_options } = change;
    let method = options.auth_method.unwrap_or(AuthMethod::ClientSecretBasic);
    if secret_options.is_chosen() && !method.has_secret() {
        let message = format!("the argument '--secret-stdin' cannot be used with '--auth-method {method}'");
        return Err(Failure::usage("client create", ErrorKind::ArgumentConflict, &message));
    }
    check_standard_input("client create", &options, &secret_options)?;
    let secret = if method.has_secret() { Some(secret_options.secret(context)?) } else { None };
    let client = registered(context, id, &options, secret.as_ref())?;
    match context.database().await?.store.clients.create(&client).await? {
        Created::AlreadyThere => Err(already_exists(&client.id)),
        Created::Written => {
            warn_of_ambiguous_id(&client);
            let shown = secret.as_ref().filter(|_| !secret_options.is_chosen());
            let view = ClientView::new(&client).with_secret(shown);
            context.output.print(&view, || view.text())
        }
    }
}

/// Refuses two things on standard input.
fn check_standard_input(command: &str, options: &Options, secret: &SecretOptions) -> Result<(), Failure> {
    if secret.is_chosen() && options.reads_standard_input() {
        let message = "the argument '--secret-stdin' cannot be used with '--jwks-file -': both are standard input";
        return Err(Failure::usage(command, ErrorKind::ArgumentConflict, message));
    }
    Ok(())
}

/// A new client, with this secret if its method needs one.
fn registered(
    context: &Context,
    id: ClientId,
    options: &Options,
    secret: Option<&ClientSecret>,
) -> Result<CheckedClient, Failure> {
    let now = context.clock.now();
    let method = options.auth_method.unwrap_or(AuthMethod::ClientSecretBasic);
    let secrets = secret.iter().map(|secret| StoredSecret::new(secret, now, &context.random));
    let authentication = options::authentication(method, secrets.collect::<Result<_, _>>()?, options.keys(context)?)?;
    let mut client = Client::new(id, Incarnation::generate(&context.random)?, authentication, now);
    options.apply(&mut client, now)?;
    Ok(client.check()?)
}

/// The client that `client create` or, from one that is there `before`, `client update` would write, for a look at it.
pub(crate) fn draft(command: Command, before: Option<&Client>, context: &Context) -> Result<CheckedClient, Failure> {
    match (command, before) {
        (Command::Create(Change { named: Named { id }, options, .. }), _) => {
            let method = options.auth_method.unwrap_or(AuthMethod::ClientSecretBasic);
            let secret = if method.has_secret() { Some(ClientSecret::generate(&context.random)?) } else { None };
            registered(context, id, &options, secret.as_ref())
        }
        (Command::Update(Update { change: Change { options, .. }, .. }), Some(before)) => {
            let (now, keys) = (context.clock.now(), options.keys(context)?);
            let first_secret =
                || Ok(StoredSecret::new(&ClientSecret::generate(&context.random)?, now, &context.random)?);
            let authentication = options.authentication(&before.authentication, keys, first_secret)?;
            before.update(now, |client| {
                client.authentication = authentication;
                options.apply(client, now)
            })
        }
        _ => Err(Failure::refused("there is no client to look at")),
    }
}

/// Warns about an identifier with which a client that is careless with HTTP Basic is taken for another one.
fn warn_of_ambiguous_id(client: &Client) {
    let ambiguous: Vec<_> = client.id.ambiguous_in_basic().map(String::from).collect();
    if client.authentication.method() == AuthMethod::ClientSecretBasic && !ambiguous.is_empty() {
        warn(&format!(
            "the client id contains {}, which a client has to form-encode in HTTP Basic (RFC 6749, section 2.3.1): one that \
             sends the id as it is, as many do, is taken for another client and refused",
            ambiguous.join(" and ")
        ));
    }
}

async fn show(context: &Context, id: &ClientId) -> Result<(), Failure> {
    let store = &context.database().await?.store;
    let read = store.clients.get_revision(id).await?.ok_or_else(|| unknown(id))?;
    let view = UsedView::new(ClientView::of_revision(&read), store.client_uses.last(&read.client).await?);
    context.output.print(&view, || view.text())
}

async fn list(context: &Context) -> Result<(), Failure> {
    let mut clients = context.database().await?.store.clients.list().all().await?;
    clients.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    let views: Vec<ClientView<'_>> = clients.iter().map(ClientView::new).collect();
    context
        .output
        .print(&views, || listing(ClientView::HEADINGS, views.iter().map(ClientView::row), "There are no clients."))
}

async fn update(context: &Context, update: Update) -> Result<(), Failure> {
    let Update { change: Change { named, options, secret: secret_options }, expected } = update;
    let existing = Existing { named, expected };
    let id = &existing.named.id;
    if options.is_empty() {
        let message = "there is nothing to change: give at least one option";
        return Err(Failure::usage("client update", ErrorKind::MissingRequiredArgument, message));
    }
    check_standard_input("client update", &options, &secret_options)?;
    let keys = options.keys(context)?;
    let given = if secret_options.is_chosen() { Some(secret_options.chosen(context)?) } else { None };
    let mut generated = None;
    let client = changed(context, &existing, |before| {
        let now = context.clock.now();
        let (mut is_taken, mut fresh) = (false, None);
        let first_secret = || {
            is_taken = true;
            let secret = match &given {
                Some(secret) => secret,
                None => fresh.insert(ClientSecret::generate(&context.random)?),
            };
            Ok(StoredSecret::new(secret, now, &context.random)?)
        };
        let authentication = options.authentication(&before.authentication, keys.clone(), first_secret)?;
        if given.is_some() && !is_taken {
            let reason = format!(
                "this change does not give client {id} a secret: `client rotate-secret` gives a client a new one"
            );
            return Err(Failure::RefusedOption("secret-stdin", reason));
        }
        generated = fresh;
        before.update(now, |client| {
            client.authentication = authentication;
            options.apply(client, now)
        })
    });
    let client = client.await?;
    if options.auth_method.is_some() {
        warn_of_ambiguous_id(&client);
    }
    let view = ClientView::new(&client).with_secret(generated.as_ref());
    context.output.print(&view, || view.text())
}

async fn rotate_secret(context: &Context, rotate: Rotate) -> Result<(), Failure> {
    let Rotate { existing, overlap, secret: secret_options } = rotate;
    let id = &existing.named.id;
    let secret = secret_options.secret(context)?;
    let client = changed(context, &existing, |client| {
        let now = context.clock.now();
        let new = StoredSecret::new(&secret, now, &context.random)?;
        client.rotated_at(now, new, overlap).map_err(|NoSecrets(method)| {
            Failure::refused(format!("client {id} authenticates with the method {method}: it has no secret"))
        })
    });
    let client = client.await?;
    let view = ClientView::new(&client).with_secret(Some(&secret).filter(|_| !secret_options.is_chosen()));
    context.output.print(&view, || view.text())
}

async fn disable(context: &Context, existing: &Existing) -> Result<(), Failure> {
    let id = &existing.named.id;
    let client = changed(context, existing, |client| Ok(client.disabled_at(context.clock.now()))).await?;
    context.output.print(&ClientView::new(&client), || format!("Client {id} is disabled."))
}

async fn enable(context: &Context, existing: &Existing) -> Result<(), Failure> {
    let id = &existing.named.id;
    let enabled = |client: &mut Client| {
        client.disabled = false;
        Ok(())
    };
    let client = changed(context, existing, |client| client.update(context.clock.now(), enabled)).await?;
    context.output.print(&ClientView::new(&client), || format!("Client {id} is enabled."))
}

async fn delete(context: &Context, existing: &Existing) -> Result<(), Failure> {
    let id = &existing.named.id;
    let store = &context.database().await?.store;
    let read = match store.clients.get_revision(id).await {
        Err(error) if existing.expected.if_revision.is_some() => return Err(error.into()),
        // One that cannot be read can still be deleted, and leaves a note behind that nobody asks for any more.
        read => read.ok().flatten(),
    };
    existing.expected.check(id, read.as_ref())?;
    let client = read.as_ref().map(|read| &read.client);
    let deleted = match &read {
        Some(read) if existing.expected.if_revision.is_some() => store.clients.delete_revision(read).await?,
        _ => store.clients.delete(id).await?,
    };
    match deleted {
        Changed::Unmet if existing.expected.if_revision.is_some() => Err(changed_meanwhile(id)),
        Changed::Unmet => Err(unknown(id)),
        Changed::Written => {
            if let Some(client) = client {
                store.client_uses.forget(client).await?;
            }
            let deleted = Deleted { client_id: id, deleted: true };
            context.output.print(&deleted, || format!("Client {id} is deleted."))
        }
    }
}

/// Changes a client, starting again if somebody else changes it meanwhile.
async fn changed(
    context: &Context,
    existing: &Existing,
    mut change: impl FnMut(&Client) -> Result<CheckedClient, Failure>,
) -> Result<CheckedClient, Failure> {
    let Existing { named: Named { id }, expected } = existing;
    let clients = &context.database().await?.store.clients;
    for _ in 0..ATTEMPTS {
        let read = clients.get_revision(id).await?.ok_or_else(|| unknown(id))?;
        expected.check(id, Some(&read))?;
        let client = change(&read.client)?;
        if clients.replace(&read, &client).await? == Changed::Written {
            context.audit.changed_between(&ClientView::new(&read.client), &ClientView::new(&client))?;
            return Ok(client);
        }
    }
    Err(Failure::refused(format!("client {id} is being changed by others: try again")))
}

impl Expected {
    /// # Errors
    /// [`Failure`] if the client that was `read` is not as it was expected.
    fn check(&self, id: &ClientId, read: Option<&Revision>) -> Result<(), Failure> {
        match (&self.if_revision, read) {
            (Some(expected), Some(read)) if !read.is(expected) => Err(changed_meanwhile(id)),
            (Some(_), None) => Err(unknown(id)),
            _ => Ok(()),
        }
    }
}

fn changed_meanwhile(id: &ClientId) -> Failure {
    Failure::overtaken(format!("somebody else has changed client {id} meanwhile: look at it again, and then change it"))
}

pub(crate) fn already_exists(id: &ClientId) -> Failure {
    Failure::RefusedOption("id", format!("client {id} already exists"))
}

pub(crate) fn unknown(id: &ClientId) -> Failure {
    Failure::Missing { kind: "client", name: id.to_string() }
}
