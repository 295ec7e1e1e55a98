//! A double of AWS KMS on the wire: its JSON 1.1 protocol, real keys, real signatures, and its refusals.
//!
//! A client that gets this double to sign gets KMS to sign. The two known gaps: a request's signature is
//! only looked at, since the double knows no secrets, and `ED25519_PH_SHA_512` is checked, then refused.

#![expect(clippy::expect_used, clippy::panic, reason = "a double that cannot go on fails the test it serves")]

mod account;
mod authorization;
mod envelope;
mod error;
mod key;
mod operation;
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use self::account::{Account, KeyState};
use self::error::KmsError;
use self::key::KeyMaterial;
pub(crate) use self::key::KeySpec;
use self::operation::Operation;
use crate::rig::loopback::Loopback;

const MAX_REQUEST_BYTES: usize = 1 << 20;

/// A running KMS, with its own keys; stopped when dropped.
pub(crate) struct KmsDouble {
    server: Loopback,
    service: Arc<Mutex<Service>>,
}

/// One request for an operation, answered or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    /// As the request named it: an id, an ARN or an alias; empty if it named no key.
    pub(crate) key_id: String,
}

#[derive(Default)]
struct Service {
    account: Account,
    calls: Vec<Call>,
    throttle: usize,
    fail: usize,
    delay: Duration,
    misnamed: Option<String>,
}

impl KmsDouble {
    #[expect(clippy::unused_async, reason = "a server starts inside a runtime, which a caller that awaits has")]
    pub(crate) async fn start() -> Self {
        let service = Arc::<Mutex<Service>>::default();
        let shared = Arc::clone(&service);
        let server = Loopback::start(move |request| answer(Arc::clone(&shared), request));
        Self { server, service }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Creates a key and returns its ARN.
    ///
    /// RSA keys are generated once per process: the n-th of a spec has the same key pair in every double.
    pub(crate) fn create_key(&self, spec: KeySpec) -> String {
        self.service().account.create_key(spec)
    }

    /// Creates an alias, or moves an existing one to another key.
    pub(crate) fn create_alias(&self, name: &str, key_id: &str) {
        self.service().account.create_alias(name, key_id);
    }

    pub(crate) fn disable(&self, key_id: &str) {
        self.set_state(key_id, KeyState::Disabled);
    }

    pub(crate) fn enable(&self, key_id: &str) {
        self.set_state(key_id, KeyState::Enabled);
    }

    pub(crate) fn schedule_key_deletion(&self, key_id: &str) {
        self.set_state(key_id, KeyState::PendingDeletion);
    }

    /// Refuses an operation on a key with `AccessDeniedException` from now on.
    pub(crate) fn deny(&self, key_id: &str, operation: &str) {
        self.service().account.deny(key_id, operation);
    }

    pub(crate) fn allow_all(&self) {
        self.service().account.allow_all();
    }

    /// Every answer names this key from now on, whichever key was asked for. KMS itself does not do that.
    pub(crate) fn misname(&self, arn: &str) {
        self.service().misnamed = Some(arn.to_owned());
    }

    /// The next `requests` are refused with `ThrottlingException`.
    pub(crate) fn throttle_next(&self, requests: usize) {
        self.service().throttle = requests;
    }

    /// The next `requests` fail with `KMSInternalException`.
    pub(crate) fn fail_next(&self, requests: usize) {
        self.service().fail = requests;
    }

    /// Holds every answer from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.service().delay = delay;
    }

    /// The calls so far, in the order in which they arrived.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.service().calls.clone()
    }

    /// The secret of an HMAC key, which KMS itself never shows, for another library to verify a MAC with.
    pub(crate) fn hmac_secret(&self, key_id: &str) -> Vec<u8> {
        let service = self.service();
        match &service.account.key(key_id).expect("an existing key").material {
            KeyMaterial::Hmac { secret, .. } => secret.clone(),
            _ => panic!("{key_id} is not an HMAC key"),
        }
    }

    fn set_state(&self, key_id: &str, state: KeyState) {
        self.service().account.set_state(key_id, state);
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        lock(&self.service)
    }
}

fn lock(service: &Mutex<Service>) -> MutexGuard<'_, Service> {
    service.lock().expect("the service does not panic")
}

async fn answer(service: Arc<Mutex<Service>>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
    let result = perform(&service, &head.method, &head.headers, &body);
    let delay = lock(&service).delay;
    // Even a sleep of no length may take a millisecond.
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }

    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => (error.status, error.body()),
    };
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/x-amz-json-1.1")
        .header("x-amzn-requestid", account::random_uuid())
        .body(Full::from(body.to_string()))
        .map_err(io::Error::other)
}

fn perform(service: &Mutex<Service>, method: &Method, headers: &HeaderMap, body: &[u8]) -> Result<Value, KmsError> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let operation = header("x-amz-target")
        .filter(|_| method == Method::POST)
        .filter(|_| header(CONTENT_TYPE.as_str()) == Some("application/x-amz-json-1.1"))
        .and_then(Operation::from_target)
        .ok_or_else(|| KmsError::bare("UnknownOperationException"))?;
    authorization::check(headers)?;
    let request: Value = serde_json::from_slice(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| KmsError::bare("SerializationException"))?;

    let mut service = lock(service);
    service
        .calls
        .push(Call { operation: operation.name(), key_id: request["KeyId"].as_str().unwrap_or_default().to_owned() });
    if let Some(left) = service.throttle.checked_sub(1) {
        service.throttle = left;
        return Err(KmsError::throttling());
    }
    if let Some(left) = service.fail.checked_sub(1) {
        service.fail = left;
        return Err(KmsError::internal());
    }
    let mut answer = operation.answer(&service.account, request)?;
    if let (Some(arn), Some(key_id)) = (&service.misnamed, answer.get_mut("KeyId")) {
        *key_id = arn.as_str().into();
    }
    Ok(answer)
}
