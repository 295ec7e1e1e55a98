//! KMS's refusals in its JSON 1.1 protocol: the type is only in the body, and there is no `x-amzn-ErrorType`.

use std::fmt;

use http::StatusCode;
use serde_json::{Value, json};

/// Why a request was not answered, as KMS says it.
#[derive(Debug)]
pub struct KmsError {
    status: StatusCode,
    code: &'static str,
    message: Option<String>,
}

impl KmsError {
    /// A refusal of the request.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: Some(message.into()) }
    }

    /// A refusal that the service sends without a message.
    #[must_use]
    pub fn bare(code: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: None }
    }

    /// A failure of the service's own.
    #[must_use]
    pub fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "KMSInternalException",
            message: Some("An internal error occurred.".to_owned()),
        }
    }

    /// The HTTP status that it is sent with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body that it is sent with.
    #[must_use]
    pub fn body(&self) -> Value {
        match &self.message {
            Some(message) => json!({ "__type": self.code, "message": message }),
            None => json!({ "__type": self.code }),
        }
    }
}

impl fmt::Display for KmsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(formatter, "{}: {message}", self.code),
            None => formatter.write_str(self.code),
        }
    }
}

impl std::error::Error for KmsError {}

/// The constraints that one request breaks; KMS reports them together, before it looks for the key.
#[derive(Default)]
pub(super) struct Violations(Vec<String>);

impl Violations {
    pub(super) fn add(&mut self, value: &str, constraint: &str) {
        self.0.push(format!("{value} failed to satisfy constraint: {constraint}"));
    }

    pub(super) fn into_result(self) -> Result<(), KmsError> {
        let count = self.0.len();
        if count == 0 {
            return Ok(());
        }
        let errors = if count == 1 { "error" } else { "errors" };
        Err(KmsError::new(
            "ValidationException",
            format!("{count} validation {errors} detected: {}", self.0.join("; ")),
        ))
    }
}
