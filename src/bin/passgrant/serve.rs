//! The local server: the whole service, with a DynamoDB and signing keys of its own.

mod connections;
mod demo;
mod refusals;

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
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::data_folder::DataFolder;
use crate::environment;
use crate::failure::Failure;
use crate::output::{Output, details, warn};
use crate::serve::demo::Demo;
use crate::serve::refusals::Refusals;

const DEFAULT_FOLDER: &str = ".passgrant";

/// How long the database may take to finish its work when the server stops. What it has answered is kept in any case.
const CLOSING_TIME: Duration = Duration::from_secs(3);

const EXAMPLES: &str = "\
Examples:
  passgrant serve --demo
  passgrant serve --in-memory --listen 127.0.0.1:0
  passgrant --data /var/lib/passgrant serve --issuer https://id.example.com";

/// Run the whole service here, with a DynamoDB of its own
///
/// Clients, users, sessions and the signing keys stay in the data folder (--data, .passgrant by default), also when the
/// server is killed. It speaks plain HTTP: to be reached from elsewhere it belongs behind a proxy that speaks TLS.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = environment::help_after(EXAMPLES))]
pub(crate) struct Arguments {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = parse_address)]
    listen: SocketAddr,
    /// Keep nothing when the server stops
    #[arg(long)]
    in_memory: bool,
    #[arg(long, help = "The issuer in every token [default: PASSGRANT_ISSUER, else the address as an http URL]", value_name = "URL", value_parser = Issuer::parse)]
    issuer: Option<Issuer>,
    /// Make a client and a user with fresh credentials, and print a curl line that gets tokens with them
    #[arg(long)]
    demo: bool,
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("{}:{port}", Ipv4Addr::LOCALHOST));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| "an IP address and a port, as in 127.0.0.1:8080".to_owned())
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
}

impl Started<'_> {
    fn text(&self) -> String {
        let data = self.data.map_or_else(|| "in memory alone".to_owned(), |path| path.display().to_string());
        let mut rows = vec![("  URL", self.url.to_owned())];
        if self.issuer.as_str() != self.url {
            rows.push(("  Issuer", self.issuer.to_string()));
        }
        rows.push(("  Data", data));
        rows.push(("  DynamoDB", self.dynamodb_endpoint.to_owned()));
        let parts = details(rows);
        let demo = self.demo.map_or_else(String::new, |demo| demo.text(self.url));
        format!("Passgrant is ready.\n\n{parts}\n\n{demo}Ctrl-C stops it.")
    }
}

/// Serves until a signal says to stop.
pub(crate) async fn run(
    arguments: Arguments,
    data: Option<PathBuf>,
    config: Config,
    output: &Output,
) -> Result<(), Failure> {
    if arguments.in_memory && data.is_some() {
        let message = "the argument '--data <DIR>' cannot be used with '--in-memory'";
        return Err(Failure::usage("serve", ErrorKind::ArgumentConflict, message));
    }
    let stop = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let path = (!arguments.in_memory).then(|| data.unwrap_or_else(|| DEFAULT_FOLDER.into()));
    let folder = match &path {
        Some(path) => Some(DataFolder::for_server(path).await?),
        None => None,
    };
    let unavailable = |error| Failure::refused(format!("cannot listen on {}: {error}", arguments.listen));
    let listener = TcpListener::bind(arguments.listen).await.map_err(unavailable)?;
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
    let dynamodb = EmbeddedDynamoDb::start(database.as_deref(), &config.tables, Box::new(SystemClock)).await?;
    let endpoint = dynamodb.endpoint();
    let store = dynamodb.store(&config.tables);
    let demo = if arguments.demo { Some(Demo::prepare(&store, &config, &SystemClock, &OsRandom).await?) } else { None };
    if let Some(folder) = &folder {
        folder.publish(endpoint.clone())?;
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
