//! KMS's refusals in its JSON 1.1 protocol: the type is only in the body, and there is no `x-amzn-ErrorType`.

use http::StatusCode;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct KmsError {
    pub(crate) status: StatusCode,
    code: &'static str,
    message: Option<String>,
}

impl KmsError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: Some(message.into()) }
    }

    /// A refusal that the service sends without a message.
    pub(crate) fn bare(code: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: None }
    }

    pub(crate) fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "KMSInternalException",
            message: Some("An internal error occurred.".to_owned()),
        }
    }

    pub(crate) fn throttling() -> Self {
        Self::new(
            "ThrottlingException",
            "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
        )
    }

    pub(crate) fn body(&self) -> Value {
        match &self.message {
            Some(message) => json!({ "__type": self.code, "message": message }),
            None => json!({ "__type": self.code }),
        }
    }
}

/// The constraints that one request breaks; KMS reports them together, before it looks for the key.
#[derive(Default)]
pub(crate) struct Violations(Vec<String>);

impl Violations {
    pub(crate) fn add(&mut self, value: &str, constraint: &str) {
        self.0.push(format!("{value} failed to satisfy constraint: {constraint}"));
    }

    pub(crate) fn into_result(self) -> Result<(), KmsError> {
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
