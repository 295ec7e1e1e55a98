//! Traces, for a collector of OpenTelemetry: a span for each request and one for each call that it makes, sent by OTLP when the
//! request is answered. Unless a collector is configured, none of this is ever made.
//!
//! What is in a span is decided here and in [`span`]: names and words of this service's own, numbers, the client once it has
//! authenticated, and what AWS answers. Nothing in it is secret or personal, and nothing that a client sent is in it as it was sent, but for the
//! identifier of its trace.

mod collector;
pub mod context;
pub mod settings;
pub mod span;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, SpanFlags};
use prost::Message as _;

use crate::clock::Clock;
use crate::random::Random;
use crate::telemetry::traces::collector::Collector;
pub use crate::telemetry::traces::collector::Connect;
use crate::telemetry::traces::context::TraceContext;
use crate::telemetry::traces::settings::{Ratio, TraceSettings};
use crate::telemetry::traces::span::Finished;

/// The version of the semantic conventions that names and attributes follow.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";
/// The most calls of one request that have spans. The longest request makes about a dozen.
const MOST_SPANS: usize = 64;
/// Every span that is sent is sampled (W3C Trace Context, section 3.2.2.5), and it is known whether its parent is remote.
const SAMPLED: u32 = 0x01;
const KNOWN_REMOTE: u32 = SAMPLED | SpanFlags::ContextHasIsRemoteMask as u32;
const REMOTE: u32 = KNOWN_REMOTE | SpanFlags::ContextIsRemoteMask as u32;

/// What makes traces and sends them.
pub struct Traces {
    collector: Collector,
    ratio: Ratio,
    resource: Vec<KeyValue>,
    is_function: bool,
    /// The first request of a process is the one that waited for its start.
    started: AtomicBool,
}

impl Traces {
    /// Traces as `settings` say; `connect` makes the connector to the collector, when there is something to send.
    #[must_use]
    pub fn new(settings: &TraceSettings, connect: Connect) -> Self {
        Self {
            collector: Collector::new(&settings.url, connect),
            ratio: settings.ratio,
            resource: settings.host.attributes(),
            is_function: settings.host.is_function(),
            started: AtomicBool::new(false),
        }
    }

    /// Makes the connector to the collector, so that the first request need not.
    pub fn prepare(&self) {
        self.collector.prepare();
    }

    /// Begins the trace of a request; `None` if it is not sampled, or if the collector is left alone.
    ///
    /// Chance decides whether it is sampled, and nothing that the client sent. Of what the client sent, `traceparent` says which
    /// trace the request belongs to; without it, what the platform says, if it does, or nothing.
    pub fn begin(
        &self,
        headers: &HeaderMap,
        platform: Option<TraceContext>,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Option<Trace> {
        let cold = !self.started.swap(true, Ordering::Relaxed);
        if self.collector.is_left_alone(clock.now()) {
            return None;
        }
        let drawn = random.bytes::<28>().ok()?;
        let (trace_id, rest) = drawn.split_first_chunk::<16>()?;
        let (span_id, rest) = rest.split_first_chunk::<8>()?;
        if !self.ratio.takes(u32::from_be_bytes(*rest.first_chunk()?)) {
            return None;
        }
        let remote = TraceContext::of_headers(headers).or(platform);
        Some(Trace {
            id: remote.map_or(*trace_id, |remote| remote.trace_id),
            parent: remote.map(|remote| remote.parent),
            span_id: *span_id,
            began: (clock.since_epoch(), Instant::now()),
            cold: self.is_function.then_some(cold),
            client: OnceLock::new(),
            spans: Mutex::default(),
        })
    }

    /// Sends the spans of a request, whose own is `request`, within `time` and the patience that there is with collectors. If they
    /// cannot be sent, they are dropped.
    pub async fn send(&self, trace: &Trace, request: Finished, time: Duration, clock: &dyn Clock, random: &dyn Random) {
        if let Some(spans) = trace.end(request, random) {
            self.collector.send(self.message(spans), time, clock).await;
        }
    }

    fn message(&self, spans: Vec<Span>) -> Vec<u8> {
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let scope_spans = ScopeSpans { scope: Some(scope), spans, schema_url: SCHEMA.to_owned() };
        let resource = Resource { attributes: self.resource.clone(), ..Resource::default() };
        let resource_spans =
            ResourceSpans { resource: Some(resource), scope_spans: vec![scope_spans], schema_url: SCHEMA.to_owned() };
        ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec()
    }
}

/// The trace of one request.
#[derive(Debug)]
pub struct Trace {
    id: [u8; 16],
    /// The span of whoever sent the request.
    parent: Option<[u8; 8]>,
    span_id: [u8; 8],
    /// When it began: since the Unix epoch, and by the clock that spans are measured with.
    began: (Duration, Instant),
    cold: Option<bool>,
    client: OnceLock<String>,
    spans: Mutex<Vec<Span>>,
}

impl Trace {
    /// Whether the request waited for the start of its function; `None` outside a function.
    #[must_use]
    pub fn is_cold(&self) -> Option<bool> {
        self.cold
    }

    /// When it began.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began.1
    }

    /// The client, once it has authenticated.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.client.get().map(String::as_str)
    }

    /// Notes the client, once it has authenticated.
    pub fn authenticated(&self, client_id: &str) {
        self.client.get_or_init(|| client_id.to_owned());
    }

    /// Notes something that the request did, which ended now.
    pub fn note(&self, done: Finished) {
        let (started, ended) = (self.nanoseconds(done.started), Instant::now());
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() < MOST_SPANS {
            let span = done.into_span(started, self.nanoseconds(ended));
            let parent_span_id = self.span_id.to_vec();
            spans.push(Span { trace_id: self.id.to_vec(), parent_span_id, flags: KNOWN_REMOTE, ..span });
        }
    }

    /// Every span, that of the request first; `None` if there is no randomness for their identifiers.
    fn end(&self, request: Finished, random: &dyn Random) -> Option<Vec<Span>> {
        let (started, ended) = (self.nanoseconds(request.started), Instant::now());
        let own = Span {
            trace_id: self.id.to_vec(),
            span_id: self.span_id.to_vec(),
            parent_span_id: self.parent.map(Vec::from).unwrap_or_default(),
            flags: if self.parent.is_some() { REMOTE } else { KNOWN_REMOTE },
            ..request.into_span(started, self.nanoseconds(ended))
        };
        let mut spans = std::mem::take(&mut *self.spans.lock().unwrap_or_else(PoisonError::into_inner));
        for span in &mut spans {
            span.span_id = random.bytes::<8>().ok()?.to_vec();
        }
        spans.insert(0, own);
        Some(spans)
    }

    /// A moment in nanoseconds since the Unix epoch.
    fn nanoseconds(&self, moment: Instant) -> u64 {
        let (since_epoch, began) = self.began;
        let moment = since_epoch + moment.saturating_duration_since(began);
        u64::try_from(moment.as_nanos()).unwrap_or(u64::MAX)
    }
}
