//! Where traces go, how many, and what they say about where they come from.

use std::str::FromStr;

use http::Uri;
use thiserror::Error;
use url::Url;

use crate::issuer::is_confidential;
use crate::telemetry::traces::span::{KeyValue, number, text};

/// What is sent to a collector by HTTP is sent there (OTLP, section "OTLP/HTTP Request").
const PATH: &str = "/v1/traces";

/// What traces are made of.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The collector.
    pub url: CollectorUrl,
    /// The share of requests that are traced.
    pub ratio: Ratio,
    /// Where this service runs.
    pub host: Host,
}

/// Text that is not the URL of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it must be an https URL (http for loopback hosts only) without a query, a fragment or a user")]
pub struct RefusedCollector;

/// Where a collector takes traces. Printing it does not show it, since its path may hold a key.
#[derive(Clone)]
pub struct CollectorUrl(Uri);

impl CollectorUrl {
    /// Parses the URL that the collector is reached by, below which traces have a path of their own.
    ///
    /// # Errors
    /// [`RefusedCollector`] when the spans would not be sent encrypted, or not to the URL that is written.
    pub fn parse(text: &str) -> Result<Self, RefusedCollector> {
        let url = Url::parse(text).map_err(|_| RefusedCollector)?;
        let bare =
            url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        if !is_confidential(&url) || !bare {
            return Err(RefusedCollector);
        }
        let whole = format!("{}{PATH}", url.as_str().trim_end_matches('/'));
        whole.parse().map(Self).map_err(|_| RefusedCollector)
    }

    /// The URL that traces are sent to.
    #[must_use]
    pub const fn as_uri(&self) -> &Uri {
        &self.0
    }
}

impl std::fmt::Debug for CollectorUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CollectorUrl(..)")
    }
}

/// Text that is not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("it must be a number from 0 to 1, such as 0.05")]
pub struct RefusedRatio;

/// The share of requests that are traced, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(f64);

impl Ratio {
    /// Whether a request is traced for which `drawn` was drawn.
    pub(super) fn takes(self, drawn: u32) -> bool {
        f64::from(drawn) < self.0 * (f64::from(u32::MAX) + 1.0)
    }
}

impl FromStr for Ratio {
    type Err = RefusedRatio;

    fn from_str(text: &str) -> Result<Self, RefusedRatio> {
        text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).map(Self).ok_or(RefusedRatio)
    }
}

/// Where this service runs, as the platform's own variables say.
#[derive(Clone, Debug, Default)]
pub struct Host {
    function: Option<Function>,
}

#[derive(Clone, Debug)]
struct Function {
    name: String,
    version: Option<String>,
    instance: Option<String>,
    region: Option<String>,
    memory_mib: Option<i64>,
}

impl Host {
    /// Reads the variables of Lambda.
    #[must_use]
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let function = lookup("AWS_LAMBDA_FUNCTION_NAME").map(|name| Function {
            name,
            version: lookup("AWS_LAMBDA_FUNCTION_VERSION"),
            instance: lookup("AWS_LAMBDA_LOG_STREAM_NAME"),
            region: lookup("AWS_REGION"),
            memory_mib: lookup("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|size| size.parse().ok()),
        });
        Self { function }
    }

    pub(super) const fn is_function(&self) -> bool {
        self.function.is_some()
    }

    /// What is said about it, by the conventions for resources.
    pub(super) fn attributes(&self) -> Vec<KeyValue> {
        let name = self.function.as_ref().map_or(env!("CARGO_PKG_NAME"), |function| &function.name);
        let mut attributes = vec![
            text("service.name", name),
            text("service.version", env!("CARGO_PKG_VERSION")),
            text("telemetry.sdk.name", env!("CARGO_PKG_NAME")),
            text("telemetry.sdk.language", "rust"),
            text("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ];
        if let Some(Function { name, version, instance, region, memory_mib }) = &self.function {
            attributes.extend([
                text("cloud.provider", "aws"),
                text("cloud.platform", "aws_lambda"),
                text("faas.name", name),
            ]);
            let optional = [("faas.version", version), ("faas.instance", instance), ("cloud.region", region)];
            attributes.extend(optional.into_iter().filter_map(|(key, value)| Some(text(key, value.as_ref()?))));
            attributes.extend(memory_mib.map(|size| number("faas.max_memory", size.saturating_mul(1024 * 1024))));
        }
        attributes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_sent_encrypted_or_do_not_leave_this_machine() {
        for (good, sent_to) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("http://[::1]:80", "http://[::1]/v1/traces"),
            ("https://collector.example.com", "https://collector.example.com/v1/traces"),
            ("https://collector.example.com:4318/a/b/", "https://collector.example.com:4318/a/b/v1/traces"),
        ] {
            assert_eq!(CollectorUrl::parse(good).expect(good).as_uri().to_string(), sent_to);
        }
        for bad in [
            "",
            "127.0.0.1:4318",
            "http://collector.example.com:4318",
            "http://192.168.0.1:4318",
            "http://localhost.example.com",
            "grpc://127.0.0.1:4317",
            "https://user@collector.example.com",
            "https://:word@collector.example.com",
            "https://collector.example.com/?key=x",
            "https://collector.example.com/#x",
        ] {
            assert!(CollectorUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_share_is_a_number_from_none_to_all() {
        let ratio = |text: &str| text.parse::<Ratio>();
        for bad in ["", "x", "-0.1", "1.1", "NaN", "inf", "0,5", " 1"] {
            assert_eq!(ratio(bad), Err(RefusedRatio), "{bad}");
        }
        let takes = |text: &str, drawn| ratio(text).expect(text).takes(drawn);
        assert!(takes("1", u32::MAX) && takes("1.0", 0) && takes("0.25", (1 << 30) - 1));
        assert!(!takes("0", 0) && !takes("0.25", 1 << 30) && !takes("0.5", u32::MAX));
    }
}
