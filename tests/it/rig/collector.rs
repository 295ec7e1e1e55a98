//! A collector of traces, and what it was sent.

#![expect(clippy::expect_used, clippy::panic, reason = "what a test cannot read has failed it")]

use std::collections::BTreeMap;

use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::rig::app::{Builder, TestApp};
use crate::rig::client::client;
use crate::rig::delegate::{Behaviour, Call, Delegate};

/// A running collector, which takes everything until it is told otherwise; stopped when dropped.
pub(crate) struct Collector(Delegate);

/// One message.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The attributes of the resource.
    pub(crate) resource: BTreeMap<String, String>,
    /// The spans, that of the request first.
    pub(crate) spans: Vec<Span>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let collector = Delegate::start().await;
        collector.behave(Behaviour::Answer(200, Vec::new()));
        Self(collector)
    }

    pub(crate) fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.0.behave(behaviour);
    }

    /// What was sent since the last call, as it was sent.
    pub(crate) fn take_calls(&self) -> Vec<Call> {
        self.0.take_calls()
    }

    /// What was sent since the last call.
    pub(crate) fn take(&self) -> Vec<Sent> {
        self.take_calls().iter().map(Sent::read).collect()
    }

    /// The spans of the one request since the last call.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let mut sent = self.take();
        assert_eq!(sent.len(), 1, "one message: {sent:?}");
        sent.remove(0).spans
    }
}

impl Sent {
    fn read(call: &Call) -> Self {
        assert_eq!((&call.method, call.path.as_str()), (&Method::POST, "/v1/traces"));
        assert_eq!(call.headers["content-type"], "application/x-protobuf");
        let message = ExportTraceServiceRequest::decode(&*call.body).expect("a message");
        let [of_resource] = message.resource_spans.as_slice() else { panic!("one resource: {message:?}") };
        let [of_scope] = of_resource.scope_spans.as_slice() else { panic!("one scope: {message:?}") };
        let resource = of_resource.resource.as_ref().expect("a resource");
        Self { resource: attributes(&resource.attributes), spans: of_scope.spans.clone() }
    }
}

/// Attributes by name, their values as text.
pub(crate) fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let said = |attribute: &KeyValue| {
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref()).expect("a value");
        (attribute.key.clone(), written(value))
    };
    let all: BTreeMap<_, _> = attributes.iter().map(said).collect();
    assert_eq!(all.len(), attributes.len(), "none twice: {attributes:?}");
    all
}

fn written(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        Value::ArrayValue(list) => {
            let values = list.values.iter().filter_map(|value| value.value.as_ref()).map(written);
            format!("[{}]", values.collect::<Vec<_>>().join(","))
        }
        other => format!("{other:?}"),
    }
}

/// An app that sends its traces to `endpoint`.
pub(crate) fn traced(endpoint: &str) -> Builder {
    TestApp::builder().variable("PASSGRANT_OTLP_ENDPOINT", endpoint)
}

/// The usual client and user in an app that sends its traces to `endpoint`.
pub(crate) async fn traced_app(endpoint: &str) -> TestApp {
    let app = traced(endpoint).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app
}
