//! The log: one line per request, and what went wrong at startup. Nothing that is logged holds a secret; the libraries
//! are heard only from `warn` up, where they print no requests. In addition to it, [`metrics`] and, if somebody collects them,
//! [`traces`].

pub mod metrics;
pub mod phase;
pub mod record;
pub mod traces;

use std::panic;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt};

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, for log collectors.
    Json,
    /// Text, for people.
    Text,
    /// The same for a terminal, with colours unless `NO_COLOR` is set (<https://no-color.org>).
    Coloured,
}

/// A subscriber that writes what is at least as severe as `level` to `writer`.
pub fn subscriber<W>(format: Format, level: LevelFilter, writer: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // The embedded DynamoDB warns about every condition that does not hold, which is how this service asks.
        .with_target("dynoxide", LevelFilter::ERROR)
        .with_target("passgrant", level);
    let text = fmt::layer().with_target(false);
    match format {
        Format::Json => Box::new(Registry::default().with(
            fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer).with_filter(targets),
        )),
        Format::Text => {
            Box::new(Registry::default().with(text.with_ansi(false).with_writer(writer).with_filter(targets)))
        }
        // Without being told, the layer asks the environment.
        Format::Coloured => Box::new(Registry::default().with(text.with_writer(writer).with_filter(targets))),
    }
}

/// Makes [`subscriber`] the log of this process. Panics log where they happened and nothing else, since their messages
/// may quote the data that was being processed. A log that is installed already is kept.
pub fn install<W>(format: Format, level: LevelFilter, writer: W)
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let installed = tracing::subscriber::set_global_default(subscriber(format, level, writer));
    if installed.is_err() {
        tracing::debug!("a log is already installed");
    }
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, "panicked");
    }));
}
