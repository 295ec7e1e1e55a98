//! The answer to a request.

#![expect(clippy::expect_used, clippy::panic, reason = "an answer that cannot be read has failed its test")]

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;

/// An answer, whose body can be read as JSON if it is JSON.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn new(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(crate) fn text(&self, member: &str) -> String {
        let json = self.json();
        json[member].as_str().unwrap_or_else(|| panic!("no {member} in {json}")).to_owned()
    }

    pub(crate) fn error(&self) -> String {
        self.text("error")
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.body);
        self
    }

    #[track_caller]
    pub(crate) fn failed(self, status: u16, error: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.error().as_str()), (status, error), "{:?}", self.body);
        self
    }

    /// The whole answer as it is sent, with the headers in alphabetical order.
    pub(crate) fn whole(&self) -> String {
        let mut headers: Vec<_> =
            self.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?"))).collect();
        headers.sort();
        format!("{}\n{}\n\n{}", self.status, headers.join("\n"), String::from_utf8_lossy(&self.body))
    }
}
