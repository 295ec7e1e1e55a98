//! Metrics: one line for each request in CloudWatch's embedded metric format, whatever the log level is. CloudWatch Logs
//! reads the metrics from the line, so that nothing is called for them. docs/operations.md lists them.
//!
//! No dimension is a string that a client controls: each is a name of this service's own, or the function's.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use metrique_writer_core::format::Format as _;
use metrique_writer_core::unit::{Count, Millisecond, UnitTag as _, WithUnit};
use metrique_writer_core::{Entry, EntryWriter, Unit};
use metrique_writer_format_emf::{Emf, MetricDefinition, MetricDirective};

use crate::dependency::Dependency;
use crate::telemetry::phase::{Phase, Spent};

/// The namespace of every metric.
pub const NAMESPACE: &str = "Passgrant";

/// What is measured of one request.
#[derive(Debug)]
pub struct Measured<'a> {
    /// The platform's name for it.
    pub request_id: &'a str,
    /// When it was answered, in seconds since the Unix epoch.
    pub at: u64,
    /// The endpoint; `None` for a path that names none.
    pub endpoint: Option<&'static str>,
    /// The grant, if it was a token request for one that there is.
    pub grant: Option<&'static str>,
    /// How it ended, in one word.
    pub outcome: &'static str,
    /// Whether it ended with a status of 500 or above.
    pub server_error: bool,
    /// For a password grant that came to a verdict, whether the login was refused.
    pub login_refused: Option<bool>,
    /// How long it took.
    pub latency: Duration,
    /// What it was spent on.
    pub spent: &'a Spent,
    /// The metrics that count what an operator wants to hear about.
    pub alerts: Vec<&'static str>,
}

/// Where the metrics of a function go.
pub struct Metrics {
    function: String,
    /// The first request of a process is the one that waited for its start.
    started: AtomicBool,
    lines: Mutex<Lines>,
}

struct Lines {
    with_grant: Emf,
    without_grant: Emf,
    line: Vec<u8>,
    out: Box<dyn Write + Send>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").field("function", &self.function).finish_non_exhaustive()
    }
}

impl Metrics {
    /// The metrics of the function that is called `function`, written to `out`.
    #[must_use]
    pub fn of(function: String, out: Box<dyn Write + Send>) -> Self {
        let lines = Lines { with_grant: emf(true), without_grant: emf(false), line: Vec::new(), out };
        Self { function, started: AtomicBool::new(false), lines: Mutex::new(lines) }
    }

    /// Writes the line of a request.
    pub fn write(&self, measured: &Measured<'_>) {
        let cold = !self.started.swap(true, Ordering::Relaxed);
        let line = Line { function: &self.function, cold, measured };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Lines { with_grant, without_grant, line: buffer, out } = &mut *lines;
        buffer.clear();
        let emf = if measured.grant.is_some() { with_grant } else { without_grant };
        let formatted = emf.format(&line, buffer);
        // In one piece, since the log is written to the same place.
        let written = formatted
            .map_err(|error| error.to_string())
            .and_then(|()| out.write_all(buffer).and_then(|()| out.flush()).map_err(|error| error.to_string()));
        if let Err(error) = written {
            tracing::warn!(error, "the metrics of a request were not written");
        }
    }
}

/// The metrics of each endpoint, in addition to those of the function as a whole.
const BY_ENDPOINT: [(&str, Unit); 3] =
    [(REQUESTS, Count::UNIT), (LATENCY, Millisecond::UNIT), (SERVER_ERRORS, Count::UNIT)];
/// Those of each grant and outcome.
const BY_GRANT: [(&str, Unit); 1] = [(REQUESTS, Count::UNIT)];

/// The format of lines with, or without, a grant: a set of dimensions is only named where all of them have a value.
fn emf(with_grant: bool) -> Emf {
    let emf = Emf::builder(NAMESPACE.to_owned(), vec![vec![FUNCTION_NAME.to_owned()]])
        .directive(directive(&[FUNCTION_NAME, ENDPOINT], &BY_ENDPOINT));
    let emf = if with_grant { emf.directive(directive(&[FUNCTION_NAME, GRANT, OUTCOME], &BY_GRANT)) } else { emf };
    // What it would look for cannot be: every line has the same names.
    emf.skip_all_validations(true).build()
}

fn directive(dimensions: &[&'static str], metrics: &[(&'static str, Unit)]) -> MetricDirective<'static> {
    let metrics = metrics.iter().map(|&(name, unit)| MetricDefinition { name, unit, storage_resolution: None });
    MetricDirective { dimensions: vec![dimensions.to_vec()], metrics: metrics.collect(), namespace: NAMESPACE }
}

const FUNCTION_NAME: &str = "FunctionName";
const ENDPOINT: &str = "Endpoint";
const GRANT: &str = "Grant";
const OUTCOME: &str = "Outcome";
const REQUESTS: &str = "Requests";
const LATENCY: &str = "Latency";
const SERVER_ERRORS: &str = "ServerErrors";

/// The line of one request.
struct Line<'a> {
    function: &'a str,
    cold: bool,
    measured: &'a Measured<'a>,
}

impl Entry for Line<'_> {
    fn write<'w>(&'w self, writer: &mut impl EntryWriter<'w>) {
        let Self { function, cold, measured } = self;
        let spent = measured.spent;
        writer.timestamp(UNIX_EPOCH + Duration::from_secs(measured.at));
        writer.value(FUNCTION_NAME, *function);
        writer.value(ENDPOINT, measured.endpoint.unwrap_or("other"));
        if let Some(grant) = measured.grant {
            writer.value(GRANT, grant);
        }
        writer.value(OUTCOME, measured.outcome);
        writer.value("request_id", measured.request_id);
        writer.value(REQUESTS, &counted(1));
        writer.value(LATENCY, &measured.latency);
        writer.value(SERVER_ERRORS, &counted(measured.server_error.into()));
        writer.value("ColdStarts", &counted((*cold).into()));
        if let Some(refused) = measured.login_refused {
            writer.value("LoginFailures", &counted(refused.into()));
        }
        for (name, phase) in
            [("VerificationTime", Phase::Verification), ("StoreTime", Phase::Store), ("SigningTime", Phase::Signing)]
        {
            if let Some(time) = spent.time(phase) {
                writer.value(name, &time);
            }
        }
        for (name, by) in [("DynamoDbThrottled", Dependency::DynamoDb), ("KmsThrottled", Dependency::Kms)] {
            let times = spent.throttled(by);
            if times > 0 {
                writer.value(name, &counted(times));
            }
        }
        for alert in &measured.alerts {
            writer.value(*alert, &counted(1));
        }
    }
}

fn counted(count: u64) -> WithUnit<u64, Count> {
    count.into()
}
