//! `passgrant client`: the applications that may ask for tokens.

mod options;
mod secrets;
mod view;

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Subcommand};
use passgrant::client::secret::{ClientSecret, StoredSecret};
use passgrant::client::{AuthMethod, Client, ClientId, Incarnation};
use passgrant::clock::Clock as _;
use passgrant::store::{Changed, Created};

use crate::Context;
use crate::client::options::Options;
use crate::client::secrets::{chosen_secret, rotated};
use crate::client::view::{ClientView, Deleted};
use crate::failure::Failure;
use crate::output::listing;

/// How often a change is tried again that somebody else's came before.
const ATTEMPTS: usize = 5;

const CREATE_EXAMPLES: &str = "\
Examples:
  passgrant client create web --scope 'profile email' --default-scope profile
  passgrant client create spa --auth-method none --audience https://api.example.com
  passgrant client create api --capability introspect
  passgrant client create old --map sub=username --map role=claims.roles --map idp=literal:local
  printf %s \"$SECRET\" | passgrant client create batch --secret-stdin --grant password";

const UPDATE_EXAMPLES: &str = "\
Examples:
  passgrant client update web --scope 'profile email orders'
  passgrant client update web --default-scope '' --access-token-lifetime 15m";

const ROTATE_EXAMPLES: &str = "\
Examples:
  passgrant client rotate-secret web
  passgrant client rotate-secret web --overlap 0s   # the old secret has leaked";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Register a client; a generated secret is shown this once
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Change),
    /// Show a client
    Show(Named),
    /// List the clients
    List,
    /// Change a client: what is given replaces what was there, an empty value empties it
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(Change),
    /// Give a client a new secret, shown this once; the one before works on for a while
    #[command(after_help = ROTATE_EXAMPLES)]
    RotateSecret(Rotate),
    /// Keep a client from authenticating
    Disable(Named),
    /// Let a disabled client authenticate again
    Enable(Named),
    /// Delete a client, and with it its sessions
    Delete(Named),
}

#[derive(Args)]
pub(crate) struct Named {
    /// The client's identifier
    #[arg(value_name = "ID")]
    id: ClientId,
}

#[derive(Args)]
pub(crate) struct Change {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    options: Options,
    /// Take the secret from standard input, one line, instead of generating it
    #[arg(long)]
    secret_stdin: bool,
}

#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    named: Named,
    /// How long the secret before goes on working, 365d at most
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = options::up_to::<{ 365 * options::DAY }>)]
    overlap: Duration,
    /// Take the secret from standard input, one line, instead of generating it
    #[arg(long)]
    secret_stdin: bool,
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Create(change) => create(context, change).await,
            Self::Show(Named { id }) => show(context, &id).await,
            Self::List => list(context).await,
            Self::Update(change) => update(context, change).await,
            Self::RotateSecret(rotate) => rotate_secret(context, rotate).await,
            Self::Disable(Named { id }) => set_disabled(context, &id, true).await,
            Self::Enable(Named { id }) => set_disabled(context, &id, false).await,
            Self::Delete(Named { id }) => delete(context, &id).await,
        }
    }
}

async fn create(context: &Context, change: Change) -> Result<(), Failure> {
    let Change { named: Named { id }, options, secret_stdin } = change;
    let auth_method = options.auth_method.unwrap_or(AuthMethod::ClientSecretBasic);
    if secret_stdin && !auth_method.has_secret() {
        let message = "the argument '--secret-stdin' cannot be used with '--auth-method none'";
        return Err(Failure::usage("client create", ErrorKind::ArgumentConflict, message));
    }
    let now = context.clock.now();
    let mut client = Client::new(id, Incarnation::generate(&context.random)?, now);
    options.apply(&mut client)?;
    let secret = if auth_method.has_secret() { Some(new_secret(context, secret_stdin)?) } else { None };
    if let Some(secret) = &secret {
        client.secrets.push(StoredSecret::new(secret, now, &context.random)?);
    }
    match context.database().await?.store.clients.create(&client).await? {
        Created::AlreadyThere => Err(Failure::refused(format!("client {} already exists", client.id))),
        Created::Yes => {
            let view = ClientView::new(&client).with_secret(secret.as_ref().filter(|_| !secret_stdin));
            context.output.print(&view, || view.text())
        }
    }
}

async fn show(context: &Context, id: &ClientId) -> Result<(), Failure> {
    let found = context.database().await?.store.clients.get(id).await?;
    let client = found.ok_or_else(|| unknown(id))?;
    let view = ClientView::new(&client);
    context.output.print(&view, || view.text())
}

async fn list(context: &Context) -> Result<(), Failure> {
    let mut clients = context.database().await?.store.clients.list().await?;
    clients.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
    let views: Vec<ClientView<'_>> = clients.iter().map(ClientView::new).collect();
    context
        .output
        .print(&views, || listing(ClientView::HEADINGS, views.iter().map(ClientView::row), "There are no clients."))
}

async fn update(context: &Context, change: Change) -> Result<(), Failure> {
    let Change { named: Named { id }, options, secret_stdin } = change;
    if options.is_empty() {
        let message = "there is nothing to change: give at least one option";
        return Err(Failure::usage("client update", ErrorKind::MissingRequiredArgument, message));
    }
    let given = if secret_stdin { Some(chosen_secret()?) } else { None };
    let mut generated = None;
    let client = changed(context, &id, |client| {
        let confidential_before = client.auth_method.has_secret();
        options.apply(client)?;
        let confidential = client.auth_method.has_secret();
        if given.is_some() && (confidential_before || !confidential) {
            return Err(Failure::refused(format!(
                "client {id} takes no secret by this change: `client rotate-secret` gives a client a new one"
            )));
        }
        match (confidential_before, confidential) {
            (true, false) => client.secrets.clear(),
            (false, true) => {
                let secret = match &given {
                    Some(secret) => secret,
                    None => generated.insert(ClientSecret::generate(&context.random)?),
                };
                client.secrets = vec![StoredSecret::new(secret, context.clock.now(), &context.random)?];
            }
            _ => {}
        }
        Ok(())
    });
    let client = client.await?;
    let view = ClientView::new(&client).with_secret(generated.as_ref());
    context.output.print(&view, || view.text())
}

async fn rotate_secret(context: &Context, rotate: Rotate) -> Result<(), Failure> {
    let Rotate { named: Named { id }, overlap, secret_stdin } = rotate;
    let secret = new_secret(context, secret_stdin)?;
    let client = changed(context, &id, |client| {
        if !client.auth_method.has_secret() {
            return Err(Failure::refused(format!("client {id} authenticates by the method none: it has no secret")));
        }
        let now = context.clock.now();
        let new = StoredSecret::new(&secret, now, &context.random)?;
        client.secrets = rotated(&client.secrets, new, now, overlap);
        Ok(())
    });
    let client = client.await?;
    let view = ClientView::new(&client).with_secret(Some(&secret).filter(|_| !secret_stdin));
    context.output.print(&view, || view.text())
}

fn new_secret(context: &Context, from_stdin: bool) -> Result<ClientSecret, Failure> {
    if from_stdin { chosen_secret() } else { Ok(ClientSecret::generate(&context.random)?) }
}

async fn set_disabled(context: &Context, id: &ClientId, disabled: bool) -> Result<(), Failure> {
    let change = |client: &mut Client| {
        client.disabled = disabled;
        Ok(())
    };
    let client = changed(context, id, change).await?;
    let state = if disabled { "disabled" } else { "enabled" };
    context.output.print(&ClientView::new(&client), || format!("Client {id} is {state}."))
}

async fn delete(context: &Context, id: &ClientId) -> Result<(), Failure> {
    match context.database().await?.store.clients.delete(id).await? {
        Changed::No => Err(unknown(id)),
        Changed::Yes => {
            let deleted = Deleted { client_id: id, deleted: true };
            context.output.print(&deleted, || format!("Client {id} is deleted."))
        }
    }
}

/// Changes a client as it is when nobody else changes it meanwhile.
async fn changed(
    context: &Context,
    id: &ClientId,
    mut change: impl FnMut(&mut Client) -> Result<(), Failure>,
) -> Result<Client, Failure> {
    let clients = &context.database().await?.store.clients;
    for _ in 0..ATTEMPTS {
        let read = clients.get_revision(id).await?.ok_or_else(|| unknown(id))?;
        let mut client = read.client.clone();
        change(&mut client)?;
        client.updated_at = context.clock.now();
        if clients.replace(&read, &client).await? == Changed::Yes {
            return Ok(client);
        }
    }
    Err(Failure::refused(format!("client {id} is being changed by others: try again")))
}

fn unknown(id: &ClientId) -> Failure {
    Failure::refused(format!("there is no client {id}"))
}
