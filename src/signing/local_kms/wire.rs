//! KMS's JSON 1.1 protocol: a request for an operation, and its answer.

use std::io;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use crate::signing::local_kms::account::random_id;
use crate::signing::local_kms::authorization;
use crate::signing::local_kms::error::KmsError;
use crate::signing::local_kms::operation::Operation;

/// Well above what any of the operations takes.
const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// A request for an operation, which has yet to be performed.
pub struct Call {
    /// What KMS is asked for.
    pub operation: Operation,
    pub(super) request: Value,
}

impl Call {
    /// Reads a request to the KMS of `region`, or of whichever region it is signed for.
    ///
    /// # Errors
    /// [`KmsError`] when it is not signed, or is none for an operation that is known here.
    pub fn read(method: &Method, headers: &HeaderMap, body: &[u8], region: Option<&str>) -> Result<Self, KmsError> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let operation = header("x-amz-target")
            .filter(|_| method == Method::POST)
            .filter(|_| header(CONTENT_TYPE.as_str()) == Some("application/x-amz-json-1.1"))
            .and_then(Operation::from_target)
            .ok_or_else(|| KmsError::bare("UnknownOperationException"))?;
        authorization::check(headers, region)?;
        let request = serde_json::from_slice(body).ok().filter(Value::is_object);
        Ok(Self { operation, request: request.ok_or_else(|| KmsError::bare("SerializationException"))? })
    }

    /// The key as the request names it: an id, an ARN or an alias; empty if it names none.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.request["KeyId"].as_str().unwrap_or_default()
    }
}

/// The body of a request.
///
/// # Errors
/// An [`io::Error`] when it breaks off, or is too long: the connection is then closed without an answer.
pub async fn body(body: Incoming) -> io::Result<Bytes> {
    let whole = Limited::new(body, MAX_REQUEST_BYTES).collect().await;
    Ok(whole.map_err(io::Error::other)?.to_bytes())
}

/// What is sent for an outcome.
///
/// # Errors
/// An [`io::Error`] when there is no randomness for the request's id.
pub fn response(outcome: Result<Value, KmsError>) -> io::Result<Response<Full<Bytes>>> {
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => (error.status(), error.body()),
    };
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/x-amz-json-1.1")
        .header("x-amzn-requestid", random_id().map_err(io::Error::other)?)
        .body(Full::from(body.to_string()))
        .map_err(io::Error::other)
}
