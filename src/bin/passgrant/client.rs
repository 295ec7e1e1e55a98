//! `passgrant client`: the applications that may ask for tokens.

mod grant_end;
mod options;
mod report;
mod secrets;
mod view;

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Subcommand};
use passgrant::client::Client;
use passgrant::client::authentication::{AuthMethod, NoSecrets};
use passgrant::client::id::{ClientId, Incarnation};
use passgrant::client::rules::CheckedClient;
use passgrant::client::secret::{ClientSecret, Secrets, StoredSecret};
use passgrant::clock::Clock as _;
use passgrant::store::outcome::{Changed, Created};

use crate::Context;
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
  passgrant client create old --map sub=username --map role=claims.roles --map idp=literal:local
  printf %s \"$SECRET\" | passgrant client create batch --secret-stdin --grant password";

const UPDATE_EXAMPLES: &str = "\
Examples:
  passgrant client update web --scope 'profile email orders'
  passgrant client update web --default-scope '' --access-token-lifetime 15m
  passgrant client update web --password-grant-until 2027-03-31
  passgrant client update web --password-grant-until ''   # no end any more";

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
    Update(Change),
    /// Give a client a new secret, shown only this once; the old one keeps working for a while
    #[command(after_help = ROTATE_EXAMPLES)]
    RotateSecret(Rotate),
    /// Keep a client from authenticating
    Disable(Named),
    /// Let a disabled client authenticate again
    Enable(Named),
    /// Delete a client and its sessions
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
    #[command(flatten)]
    secret: SecretOptions,
}

#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    named: Named,
    /// How long the old secret keeps working, at most 365d
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = options::up_to(Secrets::MAX_OVERLAP))]
    overlap: Duration,
    #[command(flatten)]
    secret: SecretOptions,
}

impl Command {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Create(change) => create(context, change).await,
            Self::Show(Named { id }) => show(context, &id).await,
            Self::List => list(context).await,
            Self::Report => report::run(context).await,
            Self::Update(change) => update(context, change).await,
            Self::RotateSecret(rotate) => rotate_secret(context, rotate).await,
            Self::Disable(Named { id }) => disable(context, &id).await,
            Self::Enable(Named { id }) => enable(context, &id).await,
            Self::Delete(Named { id }) => delete(context, &id).await,
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
    let now = context.clock.now();
    let keys = options.keys()?;
    let secret = if method.has_secret() { Some(secret_options.secret(context)?) } else { None };
    let secrets = secret.iter().map(|secret| StoredSecret::new(secret, now, &context.random));
    let secrets = secrets.collect::<Result<_, _>>()?;
    let authentication = options::authentication(method, secrets, keys)?;
    let mut client = Client::new(id, Incarnation::generate(&context.random)?, authentication, now);
    options.apply(&mut client, now)?;
    let client = client.check()?;
    match context.database().await?.store.clients.create(&client).await? {
        Created::AlreadyThere => Err(Failure::refused(format!("client {} already exists", client.id))),
        Created::Written => {
            warn_of_ambiguous_id(&client);
            let shown = secret.as_ref().filter(|_| !secret_options.is_chosen());
            let view = ClientView::new(&client).with_secret(shown);
            context.output.print(&view, || view.text())
        }
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
    let client = store.clients.get(id).await?.ok_or_else(|| unknown(id))?;
    let view = UsedView::new(ClientView::new(&client), store.client_uses.last(&client).await?);
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

async fn update(context: &Context, change: Change) -> Result<(), Failure> {
    let Change { named: Named { id }, options, secret: secret_options } = change;
    if options.is_empty() {
        let message = "there is nothing to change: give at least one option";
        return Err(Failure::usage("client update", ErrorKind::MissingRequiredArgument, message));
    }
    let keys = options.keys()?;
    let given = if secret_options.is_chosen() { Some(secret_options.chosen()?) } else { None };
    let mut generated = None;
    let client = changed(context, &id, |before| {
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
            return Err(Failure::refused(format!(
                "this change does not give client {id} a secret: `client rotate-secret` gives a client a new one"
            )));
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
    let Rotate { named: Named { id }, overlap, secret: secret_options } = rotate;
    let secret = secret_options.secret(context)?;
    let client = changed(context, &id, |client| {
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

async fn disable(context: &Context, id: &ClientId) -> Result<(), Failure> {
    let client = changed(context, id, |client| Ok(client.disabled_at(context.clock.now()))).await?;
    context.output.print(&ClientView::new(&client), || format!("Client {id} is disabled."))
}

async fn enable(context: &Context, id: &ClientId) -> Result<(), Failure> {
    let enabled = |client: &mut Client| {
        client.disabled = false;
        Ok(())
    };
    let client = changed(context, id, |client| client.update(context.clock.now(), enabled)).await?;
    context.output.print(&ClientView::new(&client), || format!("Client {id} is enabled."))
}

async fn delete(context: &Context, id: &ClientId) -> Result<(), Failure> {
    let store = &context.database().await?.store;
    // One that cannot be read can still be deleted, and leaves a note behind that nobody asks for any more.
    let client = store.clients.get(id).await.ok().flatten();
    match store.clients.delete(id).await? {
        Changed::Unmet => Err(unknown(id)),
        Changed::Written => {
            if let Some(client) = client {
                store.client_uses.forget(&client).await?;
            }
            let deleted = Deleted { client_id: id, deleted: true };
            context.output.print(&deleted, || format!("Client {id} is deleted."))
        }
    }
}

/// Changes a client, starting again if somebody else changes it meanwhile.
async fn changed(
    context: &Context,
    id: &ClientId,
    mut change: impl FnMut(&Client) -> Result<CheckedClient, Failure>,
) -> Result<CheckedClient, Failure> {
    let clients = &context.database().await?.store.clients;
    for _ in 0..ATTEMPTS {
        let read = clients.get_revision(id).await?.ok_or_else(|| unknown(id))?;
        let client = change(&read.client)?;
        if clients.replace(&read, &client).await? == Changed::Written {
            return Ok(client);
        }
    }
    Err(Failure::refused(format!("client {id} is being changed by others: try again")))
}

fn unknown(id: &ClientId) -> Failure {
    Failure::refused(format!("there is no client {id}"))
}
