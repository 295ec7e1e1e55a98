//! Passgrant's own limits: the code itself, with its default policy, on a DynamoDB in memory.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use futures_util::future::join_all;
use passgrant::authenticate::lockout::policy::AttemptPolicy;
use passgrant::authenticate::lockout::sources::{SourceLimit, SourcePolicy};
use passgrant::authenticate::lockout::{AttemptLimit, NotReserved};
use passgrant::client::id::ClientId;
use passgrant::clock::{Clock, Timestamp};
use passgrant::issuer::Issuer;
use passgrant::password::Mark;
use passgrant::store::embedded::EmbeddedDynamoDb;
use passgrant::store::{Store, TableNames};
use passgrant::user::{Username, UsernameProfile};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;

use crate::chance::{Chance, SeededRandom};
use crate::policy::{Calls, Client, Login, Outcome, Policy, Verdict, verdict};

/// How many instances of the function decide about logins that come at the same time.
const INSTANCES: usize = 4;
/// How many logins may wait in one of them.
const QUEUE: usize = 1000;

/// The moment at which a simulation begins.
const BEGIN: u64 = 1_800_000_000;

pub(crate) struct Passgrant {
    runtime: Runtime,
    limits: Vec<AttemptLimit>,
    clients: [ClientId; 2],
    counted: Counted,
    _dynamodb: EmbeddedDynamoDb,
}

/// Nothing is deleted while a simulation runs: what is over is told by the code.
struct Beginning;

impl Clock for Beginning {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(BEGIN)
    }
}

impl Passgrant {
    pub(crate) fn start(seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let [clients, users, tokens] = ["clients", "users", "tokens"].map(str::to_owned);
        let names = TableNames { clients, users, tokens };
        let dynamodb = runtime.block_on(EmbeddedDynamoDb::start(None, &names, Box::new(Beginning)));
        let dynamodb = dynamodb.expect("a database in memory");
        let counted = Counted::default();
        let config = Builder::from(&dynamodb.sdk_config()).interceptor(counted.clone()).build();
        let store = Store::new(&DynamoDb::from_conf(config), &names);
        let random = Arc::new(SeededRandom(Mutex::new(Chance::new(seed))));
        let issuer = Issuer::parse("https://login.example.com").expect("an issuer");
        let limits = (0..INSTANCES).map(|_| {
            let policy = AttemptPolicy::new(10, Duration::from_mins(15)).expect("the default");
            let sources = SourcePolicy::new(100, Vec::new()).expect("the default");
            let sources = SourceLimit::new(store.sources.clone(), sources, issuer.clone());
            AttemptLimit::new(store.attempts.clone(), policy, sources, QUEUE, random.clone())
        });
        let limits = limits.collect();
        let clients = ["app", "program"].map(|id| ClientId::parse(id).expect("an id"));
        Self { runtime, limits, clients, counted, _dynamodb: dynamodb }
    }

    async fn decide(&self, limit: &AttemptLimit, login: &Login, now: u64) -> Verdict {
        let name = format!("user-{:06}", login.account);
        let username = Username::prepare(&name, UsernameProfile::CasePreserved).expect("a username");
        let client = match login.client {
            Client::App => &self.clients[0],
            Client::Program => &self.clients[1],
        };
        let Ok(turn) = limit.turn(&username, client, Some(login.network)).await else {
            return Verdict::Refused(Duration::from_secs(1));
        };
        let reservation = match limit.reserve(turn, Timestamp::from_unix(BEGIN + now)).await {
            Ok(reservation) => reservation,
            Err(NotReserved::Locked(left) | NotReserved::Exhausted(left)) => return Verdict::Refused(left),
            Err(NotReserved::Failed(_)) => return Verdict::Refused(Duration::from_secs(1)),
        };
        if login.right {
            reservation.right().await;
        } else {
            let hash = Sha256::new().chain_update(&name).chain_update(login.password.to_le_bytes()).finalize();
            reservation.wrong(Mark::of(&hash)).await;
        }
        verdict(login)
    }
}

impl Policy for Passgrant {
    fn login(&mut self, login: &Login, now: u64) -> Outcome {
        let before = self.counted.calls();
        // Who logs in again soon finds the same instance.
        let limit = &self.limits[login.account as usize % INSTANCES];
        let verdict = self.runtime.block_on(self.decide(limit, login, now));
        (verdict, self.counted.since(before))
    }

    fn at_once(&mut self, logins: &[Login], now: u64) -> Vec<Outcome> {
        let before = self.counted.calls();
        let decisions = logins.iter().zip(self.limits.iter().cycle());
        let decisions = decisions.map(|(login, limit)| self.decide(limit, login, now));
        let verdicts = self.runtime.block_on(join_all(decisions));
        let mut calls = Some(self.counted.since(before));
        // What they cost together is the first one's.
        verdicts.into_iter().map(|verdict| (verdict, calls.take().unwrap_or_default())).collect()
    }
}

/// Counts the calls that the SDK sends.
#[derive(Clone, Default)]
struct Counted(Arc<[AtomicU64; 2]>);

impl Counted {
    fn calls(&self) -> Calls {
        let [reads, writes] = [0, 1].map(|kind| self.0[kind].load(Ordering::Relaxed));
        Calls { reads, writes }
    }

    fn since(&self, before: Calls) -> Calls {
        let now = self.calls();
        Calls { reads: now.reads - before.reads, writes: now.writes - before.writes }
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Counted")
    }
}

impl Intercept for Counted {
    fn name(&self) -> &'static str {
        "counted calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        let is_write = !target.ends_with("GetItem");
        self.0[usize::from(is_write)].fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
