//! What can go wrong on the wire, and in which exchanges.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `ProvisionedThroughputExceededException`, or `ThrottlingException` from KMS.
    Throttle,
    /// `InternalServerError`, or `KMSInternalException` from KMS.
    ServerError,
    /// 503 from something in front of the service, not in JSON.
    Unavailable503,
    /// The connection is closed before anything is forwarded.
    Reset,
    /// The request is forwarded and applied; the connection is closed instead of an answer.
    ResetAfter,
    /// The request is forwarded and applied; the connection is closed after half of the answer's body.
    Truncate,
    /// 200 with a body that is not JSON, and nothing forwarded.
    Garbage,
    /// The request is forwarded that much later.
    Delay(Duration),
    ExpiredCredentials,
    /// Nothing is forwarded or answered, and the connection stays open.
    Hang,
    /// The request is forwarded and applied, but not answered, and the connection stays open.
    HangAfter,
}

/// The exchanges that a fault breaks, counted from its injection.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    operation: Option<String>,
    times: Times,
}

#[derive(Clone, Copy, Debug)]
enum Times {
    Always,
    Next(usize),
    Nth(usize),
    From(usize),
}

impl Matcher {
    /// Every exchange.
    pub(crate) fn any() -> Self {
        Self { operation: None, times: Times::Always }
    }

    /// Every exchange of an operation, as in `PutItem`.
    pub(crate) fn operation(name: &str) -> Self {
        Self { operation: Some(name.to_owned()), times: Times::Always }
    }

    /// Only the first `count` of them.
    pub(crate) fn next(self, count: usize) -> Self {
        Self { times: Times::Next(count), ..self }
    }

    /// Only the `nth` of them; the first is 1.
    pub(crate) fn nth(self, nth: usize) -> Self {
        Self { times: Times::Nth(nth), ..self }
    }

    /// The `nth` of them and all that follow; the first is 1.
    pub(crate) fn from(self, nth: usize) -> Self {
        Self { times: Times::From(nth), ..self }
    }
}

/// What happens in some exchanges: a fault, or something that a test does then.
pub(crate) struct Injected<T> {
    what: T,
    matcher: Matcher,
    seen: usize,
}

impl<T: Clone> Injected<T> {
    pub(crate) fn new(what: T, matcher: Matcher) -> Self {
        Self { what, matcher, seen: 0 }
    }

    /// Counts the exchange, and says what happens in it.
    pub(crate) fn select(&mut self, operation: &str) -> Option<T> {
        if self.matcher.operation.as_deref().is_some_and(|name| name != operation) {
            return None;
        }
        self.seen += 1;
        let selected = match self.matcher.times {
            Times::Always => true,
            Times::Next(count) => self.seen <= count,
            Times::Nth(nth) => self.seen == nth,
            Times::From(nth) => self.seen >= nth,
        };
        selected.then(|| self.what.clone())
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Service {
    DynamoDb,
    Kms,
}

pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
}

impl Service {
    pub(crate) fn throttling(self) -> Refusal {
        let (code, message) = match self {
            Self::DynamoDb => (
                "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                "The level of configured provisioned throughput for the table was exceeded. \
                 Consider increasing your provisioning level with the UpdateTable API.",
            ),
            Self::Kms => (
                "ThrottlingException",
                "You have exceeded the rate at which you may call KMS. \
                 Reduce the frequency of your calls.",
            ),
        };
        self.refusal(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn server_error(self) -> Refusal {
        let (code, message) = match self {
            Self::DynamoDb => ("com.amazonaws.dynamodb.v20120810#InternalServerError", "Internal server error"),
            Self::Kms => ("KMSInternalException", "An internal error occurred."),
        };
        self.refusal(StatusCode::INTERNAL_SERVER_ERROR, code, message)
    }

    pub(crate) fn expired_credentials(self) -> Refusal {
        let code = match self {
            Self::DynamoDb => "com.amazon.coral.service#ExpiredTokenException",
            Self::Kms => "ExpiredTokenException",
        };
        let message = "The security token included in the request is expired";
        self.refusal(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn garbage(self) -> Refusal {
        Refusal { status: StatusCode::OK, content_type: self.content_type(), body: Bytes::from_static(b"\0not JSON") }
    }

    fn refusal(self, status: StatusCode, code: &str, message: &str) -> Refusal {
        let body = json!({ "__type": code, "message": message });
        Refusal { status, content_type: self.content_type(), body: Bytes::from(body.to_string()) }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::DynamoDb => "application/x-amz-json-1.0",
            Self::Kms => "application/x-amz-json-1.1",
        }
    }
}

/// What a load balancer sends when no service is behind it.
pub(crate) const UNAVAILABLE: Refusal = Refusal {
    status: StatusCode::SERVICE_UNAVAILABLE,
    content_type: "text/html",
    body: Bytes::from_static(b"<html><body><b>Http/1.1 Service Unavailable</b></body></html>"),
};
