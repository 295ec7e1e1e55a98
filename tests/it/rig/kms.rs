//! A double of AWS KMS on the wire: the local server's, which records its calls, and throttles, fails, denies and
//! waits on demand.

#![expect(clippy::expect_used, clippy::panic, reason = "a double that cannot go on fails the test it serves")]

mod keys;
mod tests;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
pub(crate) use passgrant::signing::local_kms::KeySpec;
use passgrant::signing::local_kms::wire::{self, Call as Asked};
use passgrant::signing::local_kms::{KeyState, KmsError, LocalKms};
use serde_json::Value;

use self::keys::Keys;
use crate::rig::loopback::Loopback;

const REGION: &str = "eu-central-1";

/// A running KMS, with its own keys; stopped when dropped.
pub(crate) struct KmsDouble {
    server: Loopback,
    service: Arc<Service>,
    keys: Arc<Keys>,
    /// The secrets of the HMAC keys, by ARN.
    secrets: Mutex<HashMap<String, Vec<u8>>>,
}

/// One request for an operation, answered or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    /// As the request named it: an id, an ARN or an alias; empty if it named no key.
    pub(crate) key_id: String,
}

struct Service {
    kms: LocalKms,
    /// What policies deny to everybody: a key's ARN, and the operation's name.
    denied: Arc<Mutex<Vec<(String, String)>>>,
    knobs: Mutex<Knobs>,
}

#[derive(Default)]
struct Knobs {
    calls: Vec<Call>,
    throttle: usize,
    fail: usize,
    delay: Duration,
    misnamed: Option<String>,
}

impl KmsDouble {
    #[expect(clippy::unused_async, reason = "a server starts inside a runtime, which a caller that awaits has")]
    pub(crate) async fn start() -> Self {
        let denied = Arc::<Mutex<Vec<(String, String)>>>::default();
        let keys = Arc::<Keys>::default();
        let (policies, pairs) = (Arc::clone(&denied), Arc::clone(&keys));
        let is_allowed = move |arn: &str, operation: &str| {
            !lock(&policies).iter().any(|denied| (denied.0.as_str(), denied.1.as_str()) == (arn, operation))
        };
        let kms = LocalKms::new()
            .in_region(REGION)
            .with_policies(Box::new(move |operation, arn| is_allowed(arn, operation.name())))
            .with_pairs(Box::new(move |spec| Ok(pairs.next(spec))));
        let service = Arc::new(Service { kms, denied, knobs: Mutex::default() });
        let shared = Arc::clone(&service);
        let server = Loopback::start(move |request| answer(Arc::clone(&shared), request));
        Self { server, service, keys, secrets: Mutex::default() }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Creates a key and returns its ARN.
    ///
    /// RSA keys are generated once per process: the n-th of a spec has the same key pair in every double.
    pub(crate) fn create_key(&self, spec: KeySpec) -> String {
        let (material, secret) = match keys::secret(spec) {
            Some((material, secret)) => (material, Some(secret)),
            None => (self.keys.next(spec), None),
        };
        let arn = self.service.kms.add_key(material).expect("a key");
        if let Some(secret) = secret {
            lock(&self.secrets).insert(arn.clone(), secret);
        }
        arn
    }

    /// Creates an alias, or moves an existing one to another key.
    pub(crate) fn create_alias(&self, name: &str, key_id: &str) {
        assert!(name.starts_with("alias/"), "{name} is not an alias name");
        self.service.kms.set_alias(name, key_id).expect("an existing key");
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
        let arn = self.service.kms.arn(key_id).expect("an existing key");
        lock(&self.service.denied).push((arn, operation.to_owned()));
    }

    pub(crate) fn allow_all(&self) {
        lock(&self.service.denied).clear();
    }

    /// Every answer names this key from now on, whichever key was asked for. KMS itself does not do that.
    pub(crate) fn misname(&self, arn: &str) {
        self.knobs().misnamed = Some(arn.to_owned());
    }

    /// The next `requests` are refused with `ThrottlingException`.
    pub(crate) fn throttle_next(&self, requests: usize) {
        self.knobs().throttle = requests;
    }

    /// The next `requests` fail with `KMSInternalException`.
    pub(crate) fn fail_next(&self, requests: usize) {
        self.knobs().fail = requests;
    }

    /// Holds every answer from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.knobs().delay = delay;
    }

    /// The calls so far, in the order in which they arrived.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.knobs().calls.clone()
    }

    /// The secret of an HMAC key, which KMS itself never shows, for another library to verify a MAC with.
    pub(crate) fn hmac_secret(&self, key_id: &str) -> Vec<u8> {
        let arn = self.service.kms.arn(key_id).expect("an existing key");
        lock(&self.secrets).get(&arn).expect("an HMAC key").clone()
    }

    fn set_state(&self, key_id: &str, state: KeyState) {
        self.service.kms.set_state(key_id, state).expect("an existing key");
    }

    fn knobs(&self) -> MutexGuard<'_, Knobs> {
        lock(&self.service.knobs)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds it")
}

async fn answer(service: Arc<Service>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = wire::body(body).await?;
    let outcome = service.perform(&head.method, &head.headers, &body);
    let delay = lock(&service.knobs).delay;
    // Even a sleep of no length may take a millisecond.
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    wire::response(outcome)
}

impl Service {
    fn perform(&self, method: &Method, headers: &HeaderMap, body: &[u8]) -> Result<Value, KmsError> {
        let asked = Asked::read(method, headers, body, self.kms.region())?;
        self.trouble(&asked)?;
        let mut answer = self.kms.perform(asked)?;
        if let (Some(arn), Some(key_id)) = (&lock(&self.knobs).misnamed, answer.get_mut("KeyId")) {
            *key_id = arn.as_str().into();
        }
        Ok(answer)
    }

    /// Records the call, and refuses it if that is its turn.
    fn trouble(&self, asked: &Asked) -> Result<(), KmsError> {
        let mut knobs = lock(&self.knobs);
        knobs.calls.push(Call { operation: asked.operation.name(), key_id: asked.key_id().to_owned() });
        if let Some(left) = knobs.throttle.checked_sub(1) {
            knobs.throttle = left;
            return Err(KmsError::new(
                "ThrottlingException",
                "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
            ));
        }
        if let Some(left) = knobs.fail.checked_sub(1) {
            knobs.fail = left;
            return Err(KmsError::internal());
        }
        Ok(())
    }
}
