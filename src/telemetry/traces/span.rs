//! Spans, and what they say.

use std::time::Instant;

pub use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

/// Whose work a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request that is served.
    Server,
    /// A call of another service.
    Client,
    /// Work of this service.
    Internal,
}

/// Something that is done.
#[derive(Debug)]
pub struct Finished {
    /// What it is called: one of few names.
    pub name: String,
    /// Whose work it is.
    pub kind: Kind,
    /// When it began.
    pub started: Instant,
    /// What there is to say about it.
    pub attributes: Vec<KeyValue>,
    /// Whether it failed.
    pub failed: bool,
}

impl Finished {
    /// The span from `started` to `ended`, in nanoseconds since the Unix epoch, without its place in a trace.
    pub(super) fn into_span(self, started: u64, ended: u64) -> Span {
        let kind = match self.kind {
            Kind::Server => SpanKind::Server,
            Kind::Client => SpanKind::Client,
            Kind::Internal => SpanKind::Internal,
        };
        // The message would be what an error says, which is for the log.
        let status = Status { code: StatusCode::Error.into(), message: String::new() };
        Span {
            name: self.name,
            kind: kind.into(),
            start_time_unix_nano: started,
            end_time_unix_nano: ended.max(started),
            attributes: self.attributes,
            status: self.failed.then_some(status),
            ..Span::default()
        }
    }
}

/// An attribute that is a text.
#[must_use]
pub fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, string(value))
}

/// An attribute that is a list of one text.
#[must_use]
pub fn list(key: &str, only: impl Into<String>) -> KeyValue {
    let values = vec![AnyValue { value: Some(string(only)) }];
    attribute(key, Value::ArrayValue(ArrayValue { values }))
}

/// An attribute that is a whole number.
#[must_use]
pub fn number(key: &str, value: impl Into<i64>) -> KeyValue {
    attribute(key, Value::IntValue(value.into()))
}

/// An attribute that is true or false.
#[must_use]
pub fn flag(key: &str, value: bool) -> KeyValue {
    attribute(key, Value::BoolValue(value))
}

fn string(value: impl Into<String>) -> Value {
    Value::StringValue(value.into())
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
