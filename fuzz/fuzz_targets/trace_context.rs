//! Which trace a request belongs to: the grammar of `traceparent` (W3C Trace Context, section 3.2), written down a second time, and
//! what Lambda says.

#![no_main]

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use passgrant::telemetry::traces::context::TraceContext;

/// The longest that is read.
const MOST_LENGTH: usize = 256;

fuzz_target!(|text: &str| {
    traceparent(text);
    platform(text);
});

fn traceparent(text: &str) {
    let Ok(value) = HeaderValue::from_str(text) else { return };
    let headers = HeaderMap::from_iter([(HeaderName::from_static("traceparent"), value)]);
    let read = TraceContext::of_headers(&headers);
    let parts: Vec<&str> = text.splitn(5, '-').collect();
    let is_valid = match parts[..] {
        [version, trace_id, parent, flags, ref more @ ..] => {
            let digits = is_hexadecimal(version, 2) && is_hexadecimal(flags, 2);
            let identifies = is_identifier(trace_id, 32) && is_identifier(parent, 16);
            digits && identifies && version != "ff" && (version != "00" || more.is_empty())
        }
        _ => false,
    };
    assert_eq!(read.is_some(), is_valid && text.len() <= MOST_LENGTH);
    if let Some(TraceContext { trace_id, parent }) = read {
        assert_eq!((digits(&trace_id).as_str(), digits(&parent).as_str()), (parts[1], parts[2]));
    }
}

fn platform(text: &str) {
    if let Some(TraceContext { trace_id, parent }) = TraceContext::of_platform(text) {
        let trace_id = digits(&trace_id);
        assert!(is_identifier(&trace_id, 32) && is_identifier(&digits(&parent), 16) && text.len() <= MOST_LENGTH);
        assert!(text.contains(&format!("Root=1-{}-{}", &trace_id[..8], &trace_id[8..])));
        assert!(text.contains(&format!("Parent={}", digits(&parent))) && text.contains("Sampled=1"));
    }
}

fn is_identifier(text: &str, length: usize) -> bool {
    is_hexadecimal(text, length) && text.contains(|digit| digit != '0')
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
