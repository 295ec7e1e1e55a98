//! How traces are sent: never instead of an answer, never twice, and not at all where nobody collects them.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tracing::level_filters::LevelFilter;

use crate::rig::app::TestApp;
use crate::rig::client::client;
use crate::rig::collector::{Collector, traced_app};
use crate::rig::delegate::Behaviour;
use crate::rig::log::Captured;
use crate::rig::wire::{Fault, Matcher};

const WARNING: &str = "the collector did not take the spans of a request";

#[tokio::test]
async fn a_collector_that_does_not_take_spans_is_asked_once_and_then_left_alone_for_a_minute() {
    for behaviour in [
        Behaviour::Answer(500, b"leak-of-the-collector".to_vec()),
        Behaviour::Answer(400, Vec::new()),
        Behaviour::Redirect("http://127.0.0.1:1/".to_owned()),
        Behaviour::Reset,
        Behaviour::Hang,
    ] {
        let (captured, _guard) = Captured::at(LevelFilter::WARN);
        let collector = Collector::start().await;
        let app = traced_app(&collector.endpoint()).await;
        collector.behave(behaviour);
        app.login().await.succeeded();
        assert_eq!(collector.take_calls().len(), 1);
        collector.behave(Behaviour::Answer(200, Vec::new()));
        app.login().await.succeeded();
        app.clock.advance(Duration::from_secs(59));
        app.login().await.succeeded();
        assert_eq!(collector.take_calls().len(), 0, "it is left alone");
        app.clock.advance(Duration::from_secs(1));
        app.login().await.succeeded();
        app.login().await.succeeded();
        assert_eq!(collector.take().len(), 2, "and asked again, only about what is new");
        let log = captured.text();
        assert_eq!(log.matches(WARNING).count(), 1, "{log}");
        assert!(!log.contains("leak-of-the-collector"), "{log}");
    }
}

#[tokio::test]
async fn a_collector_that_is_not_there_fails_no_request() {
    let (captured, _guard) = Captured::at(LevelFilter::WARN);
    let app = traced_app("http://127.0.0.1:1").await;
    let login = app.login().await.succeeded();
    app.refresh(&login.text("refresh_token")).await.succeeded();
    let log = captured.text();
    assert_eq!(log.matches(WARNING).count(), 1, "{log}");
    assert!(log.contains("Connection refused"), "{log}");
}

#[tokio::test]
async fn a_request_that_fails_has_its_trace_too() {
    let collector = Collector::start().await;
    let app = traced_app(&collector.endpoint()).await;
    app.dynamodb_wire.inject(Fault::Throttle, Matcher::any());
    app.login().await.failed(503, "temporarily_unavailable");
    assert_eq!(collector.take().len(), 1);
}

#[tokio::test]
async fn one_connection_serves_all_requests() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let app = traced_app(&format!("http://{address}")).await;
    let counting = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        answer(&mut stream, 3).await;
        // Nothing else has been opened meanwhile.
        tokio::time::timeout(Duration::ZERO, listener.accept()).await.is_err()
    });
    for _ in 0..3 {
        app.login().await.succeeded();
    }
    assert!(counting.await.expect("no panic"));
}

/// Answers so many requests over a connection.
async fn answer(stream: &mut TcpStream, requests: usize) {
    for _ in 0..requests {
        let mut received = Vec::new();
        let whole = loop {
            stream.read_buf(&mut received).await.expect("bytes");
            let text = String::from_utf8_lossy(&received).to_lowercase();
            let Some(head) = received.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let length = text.split_once("content-length: ").and_then(|(_, rest)| rest.split_once("\r\n"));
            break head + 4 + length.expect("a length").0.parse::<usize>().expect("a number");
        };
        while received.len() < whole {
            stream.read_buf(&mut received).await.expect("bytes");
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.expect("an answer");
    }
}

#[tokio::test]
async fn without_a_collector_nothing_connects_anywhere() {
    let collector = Collector::start().await;
    let app = TestApp::builder()
        // An empty value counts as unset, and the share says nothing by itself.
        .variable("PASSGRANT_OTLP_ENDPOINT", "")
        .variable("PASSGRANT_OTLP_RATIO", "1")
        // What OpenTelemetry's own libraries read is not read here.
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .start()
        .await;
    assert!(app.config.traces.is_none());
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.login().await.succeeded();
    assert_eq!(collector.take_calls().len(), 0);
}
