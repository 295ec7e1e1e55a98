//! `passgrant cost`: what a deployment costs in AWS, by public prices and measured times.

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Output, listing};

/// Prices of the region us-east-1 in dollars, without free tiers and taxes, as AWS published them at this date.
const PRICES_OF: &str = "2026-11-26";
const REQUESTS_PER_MILLION: f64 = 0.20;
const READ_UNITS_PER_MILLION: f64 = 0.125;
const WRITE_UNITS_PER_MILLION: f64 = 0.625;
const LOGS_PER_GB: f64 = 0.50;
const KEY_PER_MONTH: f64 = 1.0;

/// A function with this much memory, in MB, has a whole vCPU; one with less has as much less of it.
const WHOLE_VCPU_MB: f64 = 1769.0;

const EXAMPLES: &str = "\
Examples:
  passgrant cost
  passgrant cost --logins 200000 --refreshes 5000000 --memory 1024 --front-door function-url
  passgrant cost --openid --key ecc --output json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Password grants in a month
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    logins: u32,
    /// Refreshes in a month
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    refreshes: u32,
    /// The function's memory in MB; several are separated by commas
    #[arg(long, value_name = "MB", value_delimiter = ',', default_values_t = [256, 512, 1024, 1769],
          value_parser = clap::value_parser!(u16).range(128..=10240))]
    memory: Vec<u16>,
    /// What stands before the function
    #[arg(long, value_name = "KIND", default_value = "http-api")]
    front_door: FrontDoor,
    /// What kind of key in KMS signs
    #[arg(long, value_name = "KIND", default_value = "rsa-2048")]
    key: KeyKind,
    /// Each request is for an ID token too, which is a second signature
    #[arg(long)]
    openid: bool,
    #[arg(long, value_name = "MS", value_parser = milliseconds,
          help = "What verifying one password takes on a whole vCPU [default: 7.9 on x86_64, 16.6 on arm64]")]
    hash_ms: Option<f64>,
    /// What everything else in a request takes on a whole vCPU
    #[arg(long, value_name = "MS", default_value = "1", value_parser = milliseconds)]
    other_ms: f64,
    /// How long DynamoDB takes to answer
    #[arg(long, value_name = "MS", default_value = "5", value_parser = milliseconds)]
    dynamodb_ms: f64,
    /// How long KMS takes to sign
    #[arg(long, value_name = "MS", default_value = "10", value_parser = milliseconds)]
    kms_ms: f64,
}

fn milliseconds(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value| (0.0..=10_000.0).contains(value));
    value.ok_or_else(|| "a number of milliseconds from 0 to 10000 is expected".to_owned())
}

#[derive(Clone, Copy, ValueEnum)]
enum FrontDoor {
    HttpApi,
    RestApi,
    FunctionUrl,
}

impl FrontDoor {
    /// For a million requests.
    const fn price(self) -> f64 {
        match self {
            Self::HttpApi => 1.0,
            Self::RestApi => 3.5,
            Self::FunctionUrl => 0.0,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum KeyKind {
    /// RSA with 2048 bits
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// RSA with more bits
    Rsa,
    /// An elliptic curve
    Ecc,
    /// HMAC
    Hmac,
}

impl KeyKind {
    /// For a million signatures.
    const fn price(self) -> f64 {
        match self {
            Self::Rsa2048 | Self::Hmac => 3.0,
            Self::Rsa | Self::Ecc => 15.0,
        }
    }
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Signing {
    Kms,
    Envelope,
}

#[derive(Clone, Copy, Serialize)]
enum Architecture {
    #[serde(rename = "x86_64")]
    X86,
    #[serde(rename = "arm64")]
    Arm,
}

impl Architecture {
    const fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "arm64",
        }
    }

    const fn price_per_gb_second(self) -> f64 {
        match self {
            Self::X86 => 0.000_016_666_7,
            Self::Arm => 0.000_013_333_4,
        }
    }

    /// One verification under the default parameters, in milliseconds on a whole vCPU (`cargo bench --bench argon2`): with
    /// AVX2, which every x86-64 function has, and by the portable code, which is what arm64 runs. Both were measured on
    /// x86-64.
    const fn hash_ms(self) -> f64 {
        match self {
            Self::X86 => 7.9,
            Self::Arm => 16.6,
        }
    }
}

/// A kind of request: what it does, once the client is in memory.
struct Work {
    hashes: f64,
    reads: f64,
    writes: f64,
    /// Rounds of DynamoDB, one after the other, but for one that goes on while the access token is signed.
    rounds: f64,
    /// Whether a write goes on while the access token is signed.
    writes_beside_signature: bool,
}

/// The user is read and the attempt reserved; the session is stored and the attempt cleared while a token is signed.
const LOGIN: Work = Work { hashes: 1.0, reads: 1.0, writes: 3.0, rounds: 1.0, writes_beside_signature: true };
/// The session and the user are read, a token is signed, and then the session is written.
const REFRESH: Work = Work { hashes: 0.0, reads: 2.0, writes: 1.0, rounds: 3.0, writes_beside_signature: false };

/// What one deployment costs, in dollars.
#[derive(Serialize)]
struct Estimate {
    memory_mb: u16,
    architecture: Architecture,
    signing: Signing,
    login_ms: f64,
    million_logins: f64,
    refresh_ms: f64,
    million_refreshes: f64,
    month: f64,
}

impl Estimate {
    const HEADINGS: [&'static str; 8] =
        ["MEMORY", "ARCHITECTURE", "SIGNING", "LOGIN", "1M LOGINS", "REFRESH", "1M REFRESHES", "MONTH"];

    fn new(arguments: &Arguments, memory_mb: u16, architecture: Architecture, signing: Signing) -> Self {
        let of = |work: &Work| {
            let billed_ms = arguments.duration(work, memory_mb, architecture, signing).ceil();
            (billed_ms, arguments.million(work, billed_ms, memory_mb, architecture, signing))
        };
        let (login_ms, million_logins) = of(&LOGIN);
        let (refresh_ms, million_refreshes) = of(&REFRESH);
        let in_month = |requests: u32, million: f64| f64::from(requests) / 1e6 * million;
        let month = KEY_PER_MONTH
            + in_month(arguments.logins, million_logins)
            + in_month(arguments.refreshes, million_refreshes);
        Self { memory_mb, architecture, signing, login_ms, million_logins, refresh_ms, million_refreshes, month }
    }

    fn row(&self) -> [String; 8] {
        let signing = match self.signing {
            Signing::Kms => "kms",
            Signing::Envelope => "envelope",
        };
        [
            format!("{} MB", self.memory_mb),
            self.architecture.name().to_owned(),
            signing.to_owned(),
            format!("{} ms", self.login_ms),
            format!("${:.2}", self.million_logins),
            format!("{} ms", self.refresh_ms),
            format!("${:.2}", self.million_refreshes),
            format!("${:.2}", self.month),
        ]
    }
}

impl Arguments {
    fn signatures(&self) -> f64 {
        if self.openid { 2.0 } else { 1.0 }
    }

    /// How long the function runs for a request, in milliseconds.
    fn duration(&self, work: &Work, memory_mb: u16, architecture: Architecture, signing: Signing) -> f64 {
        /// An RSA signature with 2048 bits by the library of the function; the other algorithms take less.
        const SIGNATURE_MS: f64 = 0.5;

        let vcpu = (f64::from(memory_mb) / WHOLE_VCPU_MB).min(1.0);
        let hash = work.hashes * self.hash_ms.unwrap_or(architecture.hash_ms());
        let (signed_here, in_kms) = match signing {
            Signing::Kms => (0.0, self.signatures() * self.kms_ms),
            Signing::Envelope => (self.signatures() * SIGNATURE_MS, 0.0),
        };
        let written = if work.writes_beside_signature { self.dynamodb_ms } else { 0.0 };
        (hash + self.other_ms + signed_here) / vcpu + work.rounds * self.dynamodb_ms + in_kms.max(written)
    }

    /// What a million requests cost.
    fn million(
        &self,
        work: &Work,
        billed_ms: f64,
        memory_mb: u16,
        architecture: Architecture,
        signing: Signing,
    ) -> f64 {
        /// The lines of a request in the log, that of its metrics included, and what Lambda reports of it.
        const LOGGED_KB: f64 = 2.3;

        let gb_seconds = 1e6 * billed_ms / 1e3 * f64::from(memory_mb) / 1024.0;
        let signed = match signing {
            Signing::Kms => self.signatures() * self.key.price(),
            Signing::Envelope => 0.0,
        };
        self.front_door.price()
            + REQUESTS_PER_MILLION
            + gb_seconds * architecture.price_per_gb_second()
            + work.reads * READ_UNITS_PER_MILLION
            + work.writes * WRITE_UNITS_PER_MILLION
            + LOGGED_KB * LOGS_PER_GB
            + signed
    }

    fn estimates(&self) -> Vec<Estimate> {
        let mut estimates = Vec::new();
        for memory in &self.memory {
            for architecture in [Architecture::X86, Architecture::Arm] {
                let of = |signing| Estimate::new(self, *memory, architecture, signing);
                estimates.extend([Signing::Kms, Signing::Envelope].map(of));
            }
        }
        estimates
    }
}

/// What is printed for programs.
#[derive(Serialize)]
struct Report<'a> {
    prices_of: &'static str,
    region: &'static str,
    key_per_month: f64,
    estimates: &'a [Estimate],
}

/// Prints what the deployments that `arguments` describe would cost.
pub(crate) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let estimates = arguments.estimates();
    let report =
        Report { prices_of: PRICES_OF, region: "us-east-1", key_per_month: KEY_PER_MONTH, estimates: &estimates };
    output.print(&report, || {
        let table = listing(Estimate::HEADINGS, estimates.iter().map(Estimate::row), "");
        format!(
            "{table}\n\nDollars, by AWS's prices for us-east-1 of {PRICES_OF}, without free tiers, data transfer and storage.\n\
             MONTH is for {} logins, {} refreshes and one key in KMS (${KEY_PER_MONTH:.2}).\n\
             The times are estimates from measured ones: see docs/operations.md, and replace them with your own.",
            arguments.logins, arguments.refreshes
        )
    })
}
