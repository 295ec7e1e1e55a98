//! What a cold start of `bootstrap` takes, compared with that of a function that does nothing: from `exec` to the first
//! time that it asks the platform for an invocation, and what the first invocations take after that.
//!
//! `cargo bench --bench cold_start [-- RUNS]`; 30 runs by default. The two functions take turns, so that other load on
//! the machine affects both alike.
//!
//! `PASSGRANT_BENCH_BOOTSTRAP` and `PASSGRANT_BENCH_EMPTY` name the two programs; a program that is not named is built,
//! in the way it is deployed.

#![expect(clippy::disallowed_methods, reason = "whoever built the programs names them")]
#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, which prints what it measured")]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../stand_ins/aws.rs"]
mod aws;
#[expect(dead_code, reason = "other benchmarks use more of it")]
#[path = "../stand_ins/canned.rs"]
mod canned;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../stand_ins/platform.rs"]
mod platform;

mod at_once;
mod first_poll;
mod freeze;
mod requests;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use passgrant::password::Argon2Policy;

use crate::aws::{Authority, StandIn, nobody};
use crate::canned::Canned;

/// How many requests come at the same time where several do, each of a different user.
const AT_ONCE: usize = 8;
/// How long an answer of DynamoDB or KMS takes where the first request is compared with the second.
const ROUND_TRIP: Duration = Duration::from_millis(5);

/// The programs that are measured, and what stands in for AWS.
struct Bench {
    bootstrap: PathBuf,
    empty: PathBuf,
    canned: Arc<Canned>,
    authority: Authority,
    /// The machine's roots, and the authority of the stand-ins.
    roots: PathBuf,
    /// The authority of the stand-ins.
    one_root: PathBuf,
}

/// How DynamoDB and KMS are found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Plain,
    Tls,
    /// With TLS, and one root to trust: the difference is what the machine's other roots cost.
    OneRoot,
    /// Without TLS, and with a collector of traces, which takes everything.
    Traced,
    /// No process listens.
    Down,
    /// Connections are accepted, and no request is answered.
    Hanging,
}

impl Condition {
    const ALL: [Self; 6] = [Self::Plain, Self::Tls, Self::OneRoot, Self::Traced, Self::Down, Self::Hanging];

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "without TLS",
            Self::Tls => "with TLS",
            Self::OneRoot => "with TLS, one root",
            Self::Traced => "without TLS, traced",
            Self::Down => "down",
            Self::Hanging => "hanging",
        }
    }
}

/// DynamoDB and KMS, and how a function finds them.
struct Surroundings {
    dynamodb: StandIn,
    kms: StandIn,
    #[expect(dead_code, reason = "it stops when it is dropped")]
    collector: Option<StandIn>,
    environment: Vec<(String, String)>,
}

impl Bench {
    async fn prepare(folder: &Path) -> Self {
        let named = |variable, build: &[&str]| std::env::var_os(variable).map_or_else(|| built(build), PathBuf::from);
        let [roots, one_root] = ["roots.pem", "one-root.pem"].map(|name| folder.join(name));
        let authority = Authority::new();
        authority.write_roots(&machine_roots(), &roots);
        authority.write_roots("", &one_root);
        Self {
            bootstrap: named("PASSGRANT_BENCH_BOOTSTRAP", &["--no-default-features", "--bin", "bootstrap"]),
            empty: named("PASSGRANT_BENCH_EMPTY", &["--package", "empty-function"]),
            canned: Arc::new(Canned::prepare(AT_ONCE, &Argon2Policy::new(19_456, 2, 1).expect("a policy")).await),
            authority,
            roots,
            one_root,
        }
    }

    fn surroundings(&self, condition: Condition, delay: Duration) -> Surroundings {
        let with_tls = matches!(condition, Condition::Tls | Condition::OneRoot);
        let authority = with_tls.then_some(&self.authority);
        let roots = if condition == Condition::OneRoot { &self.one_root } else { &self.roots };
        let [dynamodb, kms] = [(); 2].map(|()| StandIn::start(&self.canned, authority, delay));
        let endpoint = |stand_in: &StandIn| if condition == Condition::Down { nobody() } else { stand_in.endpoint() };
        let mut environment = canned::environment();
        environment.push(("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), endpoint(&dynamodb)));
        environment.push(("AWS_ENDPOINT_URL_KMS".to_owned(), endpoint(&kms)));
        environment.push(("SSL_CERT_FILE".to_owned(), roots.display().to_string()));
        let is_traced = condition == Condition::Traced;
        let collector = is_traced.then(|| StandIn::start(&self.canned, None, Duration::ZERO));
        environment
            .extend(collector.iter().map(|collector| ("PASSGRANT_OTLP_ENDPOINT".to_owned(), collector.endpoint())));
        if condition == Condition::Hanging {
            dynamodb.hold();
            kms.hold();
        }
        Surroundings { dynamodb, kms, collector, environment }
    }
}

/// Builds a program as it is deployed.
fn built(arguments: &[&str]) -> PathBuf {
    let status =
        Command::new(env!("CARGO")).args(["build", "--locked", "--profile", "lambda"]).args(arguments).status();
    assert!(status.expect("cargo runs").success(), "no program to measure");
    // This program is in `release/deps`.
    let own = std::env::current_exe().expect("a path");
    let target = own.ancestors().nth(3).expect("a target folder");
    target.join("lambda").join(arguments.last().expect("a name"))
}

/// The roots of the machine's own bundle, which has about as many as the Lambda platform.
fn machine_roots() -> String {
    let bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
    bundles.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}

/// The median.
fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn main() {
    let runs = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(30);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let bench = Bench::prepare(folder.path()).await;
        first_poll::run(&bench, runs).await;
        requests::run(&bench, runs).await;
        freeze::run(&bench).await;
        at_once::run(&bench, runs).await;
    });
}
