//! The local server: the whole service, with a DynamoDB and signing keys of its own.

mod connections;
mod demo;
mod refusals;
mod sam;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use passgrant::clock::SystemClock;
use passgrant::config::Config;
use passgrant::issuer::Issuer;
use passgrant::jose::algorithm::Algorithm;
use passgrant::random::OsRandom;
use passgrant::service::Service;
use passgrant::signing::on_demand::OnDemandKey;
use passgrant::signing::{KeyRing, SigningKey};
use passgrant::store::embedded::EmbeddedDynamoDb;
use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::data_folder::{DataFolder, Published};
use crate::environment;
use crate::failure::Failure;
use crate::listen;
use crate::output::{Output, details, warn};
use crate::serve::demo::{Demo, Stage};
use crate::serve::refusals::Refusals;
use crate::serve::sam::{Bridge, Places, Sam};

const DEFAULT_FOLDER: &str = ".passgrant";
/// That of `--sam`: a client and a user whose credentials are public stay in it.
const DEFAULT_FOLDER_FOR_SAM: &str = ".aws-sam/passgrant";

/// How long the database may take to finish its work when the server stops. What it has answered is kept in any case.
const CLOSING_TIME: Duration = Duration::from_secs(3);

const EXAMPLES: &str = "\
Examples:
  passgrant serve --demo
  passgrant serve --in-memory --listen 127.0.0.1:0
  passgrant serve --sam
  passgrant --data /var/lib/passgrant serve --issuer https://id.example.com";

/// Run the whole service here, with a DynamoDB of its own
///
/// Clients, users, sessions and the signing keys stay in the data folder (--data, .passgrant by default; .aws-sam/passgrant
/// with --sam), also when the server is killed. It speaks plain HTTP: to be reached from elsewhere it belongs behind a proxy that speaks TLS.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = environment::help_after(EXAMPLES))]
pub(crate) struct Arguments {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = listen::address)]
    listen: SocketAddr,
    /// Keep nothing when the server stops
    #[arg(long)]
    in_memory: bool,
    #[arg(long, help = "The issuer in every token [default: PASSGRANT_ISSUER, else the address as an http URL]", value_name = "URL", value_parser = Issuer::parse)]
    issuer: Option<Issuer>,
    /// Make a client and a user with fresh credentials, and print a curl line that gets tokens with them
    #[arg(long)]
    demo: bool,
    /// Be DynamoDB and KMS for `sam local`, also on the container bridge [default: the engine's usual one]
    ///
    /// Writes .aws-sam/local-env.json for `sam local --env-vars`, and makes the client and the user of events/, whose
    /// credentials are public.
    #[arg(long, value_name = "BRIDGE", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with = "demo")]
    sam: Option<Bridge>,
}

/// What the server prints about itself at the start.
#[derive(Serialize)]
struct Started<'a> {
    url: &'a str,
    issuer: &'a Issuer,
    data: Option<&'a Path>,
    dynamodb_endpoint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    demo: Option<&'a Demo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sam: Option<&'a Sam>,
}

impl Started<'_> {
    fn text(&self) -> String {
        let data = self.data.map_or_else(|| "only in memory".to_owned(), |path| path.display().to_string());
        let mut rows = vec![("  URL", self.url.to_owned())];
        if self.issuer.as_str() != self.url {
            rows.push(("  Issuer", self.issuer.to_string()));
        }
        rows.push(("  Data", data));
        rows.push(("  DynamoDB", self.dynamodb_endpoint.to_owned()));
        let parts = details(rows);
        let demo = self.demo.map_or_else(String::new, |demo| demo.text(self.url, self.data));
        let sam = self.sam.map_or_else(String::new, Sam::text);
        format!("Passgrant is ready.\n\n{parts}\n\n{demo}{sam}Ctrl-C stops it.")
    }
}

/// Serves until a signal says to stop.
pub(crate) async fn run(
    arguments: Arguments,
    data: Option<PathBuf>,
    audit_log: Option<OsString>,
    config: Config,
    output: &Output,
) -> Result<(), Failure> {
    if arguments.in_memory && data.is_some() {
        let message = "the argument '--data <DIR>' cannot be used with '--in-memory'";
        return Err(Failure::usage("serve", ErrorKind::ArgumentConflict, message));
    }
    if arguments.sam.is_some() && !arguments.listen.ip().is_loopback() {
        let message = "with '--sam', '--listen' takes a loopback address only: the credentials of events/ are public";
        return Err(Failure::usage("serve", ErrorKind::ArgumentConflict, message));
    }
    let stop = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let places = match &arguments.sam {
        Some(bridge) => Some(Places::take(bridge).await?),
        None => None,
    };
    let usual = if arguments.sam.is_some() { DEFAULT_FOLDER_FOR_SAM } else { DEFAULT_FOLDER };
    let path = (!arguments.in_memory).then(|| data.unwrap_or_else(|| usual.into()));
    let folder = match &path {
        Some(path) => Some(DataFolder::for_server(path).await?),
        None => None,
    };
    let listener = listen::on(arguments.listen).await?;
    let address = listener.local_addr()?;
    let url = format!("http://{}", reachable(address));
    let issuer = arguments.issuer.or_else(|| config.issuer.clone());
    let issuer = issuer.map_or_else(|| derived_issuer(&url), Ok)?;
    if !address.ip().is_loopback() {
        warn(
            "this server speaks plain HTTP: passwords and tokens cross the network unprotected unless a TLS proxy is in front",
        );
    }

    let keys = signing_keys(folder.as_ref(), config.signing_algorithm).await?;
    let database = folder.as_ref().map(DataFolder::database);
    let mut dynamodb = EmbeddedDynamoDb::start(database.as_deref(), &config.tables, Box::new(SystemClock)).await?;
    let endpoint = dynamodb.endpoint();
    let store = dynamodb.store(&config.tables);
    let stage = Stage {
        store: &store,
        config: &config,
        clock: &SystemClock,
        random: &OsRandom,
        audit_log: audit_log.as_deref(),
        folder: path.as_deref(),
    };
    let demo = if arguments.demo { Some(Demo::prepare(&stage).await?) } else { None };
    let sam = match places {
        Some(places) => {
            Demo::prepare_for_events(&stage).await?;
            Some(Sam::start(places, &mut dynamodb, &keys, folder.as_ref(), &config.tables).await?)
        }
        None => None,
    };
    if let Some(folder) = &folder {
        let (url, issuer) = (Some(url.clone()), Some(issuer.to_string()));
        folder.publish(&Published { endpoint: endpoint.clone(), url, issuer })?;
    }

    let detailed_errors = config.detailed_errors;
    let keys = KeyRing::new(keys.into_iter().map(SigningKey::OnDemand).collect());
    let service = Service::new(config, issuer.clone(), store, keys, Box::new(SystemClock), Box::new(OsRandom));
    service.warm_up().await;
    let started = Started {
        url: &url,
        issuer: &issuer,
        data: path.as_deref(),
        dynamodb_endpoint: &endpoint,
        demo: demo.as_ref(),
        sam: sam.as_ref(),
    };
    match output.print(&started, || started.text()) {
        // The server is there for its clients, whether or not its first output is read.
        Ok(()) | Err(Failure::OutputClosed) => {}
        Err(failure) => return Err(failure),
    }
    drop(demo);

    let refusals = Refusals::new(Arc::new(service), detailed_errors);
    connections::serve(listener, refusals, stopped(stop)).await;

    if let Some(folder) = &folder {
        folder.unpublish()?;
    }
    if let Some(sam) = sam {
        sam.stop()?;
    }
    match timeout(CLOSING_TIME, dynamodb.stop()).await {
        Ok(outcome) => Ok(outcome?),
        Err(_elapsed) => Ok(()),
    }
}

/// The address at which this machine reaches a listener on `address`.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn derived_issuer(url: &str) -> Result<Issuer, Failure> {
    let missing = |reason| Failure::refused(format!("{url} cannot be the issuer ({reason}): name one with --issuer"));
    Issuer::parse(url).map_err(missing)
}

/// A key for each algorithm. The one for `usual` is made now, unless it is a secret, so that a verifier that asks for
/// the keys before the first login finds it.
async fn signing_keys(folder: Option<&DataFolder>, usual: Algorithm) -> Result<Vec<OnDemandKey>, Failure> {
    let keys = match folder {
        Some(folder) => folder.signing_keys()?,
        None => {
            Algorithm::ALL.into_iter().map(|algorithm| OnDemandKey::open(algorithm, None)).collect::<Result<_, _>>()?
        }
    };
    if let Some(key) = keys.iter().find(|key| key.makes() == Some(usual)) {
        let problem = |error| Failure::refused(format!("the signing key for {usual} could not be made: {error}"));
        key.make().await.map_err(problem)?;
    }
    Ok(keys)
}

/// Waits for a signal, SIGINT or SIGTERM, each time it is called.
fn stopped((mut interrupt, mut terminate): (Signal, Signal)) -> impl AsyncFnMut() {
    async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
