//! `passgrant attempts`: whom the limits on guessing keep out.

pub(crate) mod view;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use clap::{Args, Subcommand};
use passgrant::clock::{Clock as _, Timestamp};
use passgrant::config::Config;
use passgrant::source::Network;
use passgrant::store::attempts::counted::Counted;
use passgrant::store::attempts::{AttemptsKey, StoredAttempts};
use passgrant::store::sources::{SourceKey, StoredSource};
use passgrant::user::{Subject, User, Username};

use crate::Context;
use crate::attempts::view::{AttemptsView, Listed, SourceView};
use crate::audit::Change;
use crate::failure::Failure;
use crate::scan::Scan;

const LIST_EXAMPLES: &str = "\
Examples:
  passgrant attempts list
  passgrant attempts list --network 203.0.113.7 --network 2001:db8::1
  passgrant attempts list --all --output json | jq '.names[].username'";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the usernames that are locked or slowed down, and the sources that have guessed at too many usernames
    ///
    /// It reads the whole tokens table and, if usernames are listed, the users table: usernames are stored as digests, and
    /// a digest that is no user's is shown as it is.
    #[command(after_help = LIST_EXAMPLES)]
    List(List),
}

#[derive(Args)]
pub(crate) struct List {
    /// Also list usernames and sources for which something counts, although they need not wait
    #[arg(long)]
    all: bool,
    /// An address to recognise among the sources, which are stored as digests: list what counts for it (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    network: Vec<IpAddr>,
    #[command(flatten)]
    scan: Scan,
}

/// What counts now, and is to be listed.
struct Found<'c> {
    config: &'c Config,
    now: Timestamp,
    all: bool,
    /// The addresses that are to be recognised, by the keys that each of them is counted under.
    networks: HashMap<SourceKey, Network>,
    /// By their keys.
    names: BTreeMap<String, AttemptsView>,
    sources: Vec<SourceView>,
}

/// The usernames and subjects of users, by the key of their attempts.
type Known = HashMap<String, (Username, Subject)>;

impl Command {
    pub(crate) fn change(&self) -> Option<Change> {
        match self {
            Self::List(_) => None,
        }
    }

    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context).await,
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut found = Found {
            config: &context.config,
            now: context.clock.now(),
            all: self.all,
            networks: self.networks(&context.config)?,
            names: BTreeMap::new(),
            sources: Vec::new(),
        };
        let store = &context.database().await?.store;
        let pages = |segment, segments| store.attempts.counted(segment, segments);
        let take = |page: Vec<Counted>| page.into_iter().for_each(|counted| found.add(&counted));
        self.scan.read(context, "items", pages, take).await?;
        let known = self.known(context, &found).await?;
        let listed = Listed::new(found.names, known, found.sources);
        context.output.print(&listed, || listed.text())
    }

    fn networks(&self, config: &Config) -> Result<HashMap<SourceKey, Network>, Failure> {
        const NO_ISSUER: &str = "to recognise an address, set PASSGRANT_ISSUER to the issuer, which for a local server is its \
                                 URL: it is part of the digests that stand for addresses";
        if self.network.is_empty() {
            return Ok(HashMap::new());
        }
        let issuer = config.issuer.as_ref().ok_or_else(|| Failure::refused(NO_ISSUER))?;
        let networks = self.network.iter().copied().map(Network::of);
        let keys = |network| config.attempt_sources.keys(issuer, network).map(move |key| (key, network));
        Ok(networks.flat_map(keys).collect())
    }

    /// The users whose usernames have been found.
    async fn known(&self, context: &Context, found: &Found<'_>) -> Result<Known, Failure> {
        let mut known = Known::new();
        if found.names.is_empty() {
            return Ok(known);
        }
        let users = &context.database().await?.store.users;
        let pages = |segment, segments| users.segment(segment, segments);
        let take = |page: Vec<User>| {
            for user in page {
                let key = AttemptsKey::of(&user.username);
                if found.names.contains_key(key.as_str()) {
                    known.insert(key.as_str().to_owned(), (user.username, user.subject));
                }
            }
        };
        self.scan.read(context, "users", pages, take).await?;
        Ok(known)
    }
}

impl Found<'_> {
    fn add(&mut self, counted: &Counted) {
        match counted {
            Counted::Name(key, stored) => self.add_name(key, stored),
            Counted::Source(key, stored) => self.add_source(key, stored),
        }
    }

    fn add_name(&mut self, key: &AttemptsKey, stored: &StoredAttempts) {
        let view = AttemptsView::new(Some(stored), self.config.attempts, self.now);
        if view.is_held_up() || (self.all && view.counts()) {
            self.names.insert(key.as_str().to_owned(), view);
        }
    }

    fn add_source(&mut self, key: &SourceKey, stored: &StoredSource) {
        let network = self.networks.get(key);
        let exhausted = self.config.attempt_sources.exhausted_until(stored, self.now).is_some();
        let counts = self.now < stored.window_until && (self.all || network.is_some());
        if exhausted || counts {
            self.sources.push(SourceView::new(key, network, stored, exhausted));
        }
    }
}
