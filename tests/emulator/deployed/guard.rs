//! Between the function and AWS: every call is held against the policies, and only what they allow is passed on.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::iam::{Asked, Policy, Verdict};
use crate::rig::loopback::Loopback;

/// The policies of a deployment, and what came of them so far.
pub(super) struct Policies {
    pub(super) role: Policy,
    /// By the ARN of the key. A key that has none here belongs to somebody else, whose business its policy is.
    pub(super) keys: BTreeMap<String, Policy>,
    /// The ARN of the role.
    pub(super) principal: String,
    /// What comes before the name of a table in its ARN.
    pub(super) tables: String,
    pub(super) used: Mutex<BTreeSet<(String, String)>>,
    pub(super) refused: Mutex<Vec<String>>,
}

impl Policies {
    /// What is allowed and was not used yet, apart from what the platform does with the role.
    pub(super) fn unused(&self) -> Vec<(String, String)> {
        let platform = |(_, action): &(String, String)| action.starts_with("logs:");
        let used = lock(&self.used);
        self.role.allowed().into_iter().filter(|allowed| !platform(allowed) && !used.contains(allowed)).collect()
    }

    /// Whether both the role's policy and the key's allow it. It is noted either way.
    fn allow(&self, asked: &Asked) -> bool {
        let of_key = match self.keys.get(&asked.resource) {
            Some(policy) => policy.verdict(&self.principal, asked),
            None => Verdict::Allowed(Vec::new()),
        };
        match (self.role.verdict(&self.principal, asked), of_key) {
            (Verdict::Allowed(statements), Verdict::Allowed(_)) => {
                lock(&self.used).extend(statements.into_iter().map(|sid| (sid, asked.action.clone())));
                true
            }
            (of_role, of_key) => {
                lock(&self.refused).push(format!("{asked:?}: the role's policy {of_role:?}, the key's {of_key:?}"));
                false
            }
        }
    }

    /// What a request asks for. A call that is not understood asks for what nobody is allowed.
    fn asked(&self, headers: &HeaderMap, body: &Value) -> Asked {
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
        let mut asked = match target.split_once('.') {
            Some(("DynamoDB_20120810", operation)) => Asked {
                action: format!("dynamodb:{operation}"),
                resource: format!("{}{}", self.tables, text("TableName")),
                ..Asked::default()
            },
            Some(("TrentService", operation)) => {
                Asked { action: format!("kms:{operation}"), resource: text("KeyId"), context: context_of_kms(body) }
            }
            _ => Asked { action: format!("unknown:{target}"), ..Asked::default() },
        };
        asked.context.insert("aws:PrincipalArn".to_owned(), self.principal.clone());
        asked
    }
}

/// The condition keys of KMS that the request has.
fn context_of_kms(body: &Value) -> BTreeMap<String, String> {
    let members = ["MessageType", "SigningAlgorithm", "MacAlgorithm", "EncryptionAlgorithm"].into_iter();
    let of_members = members.filter_map(|name| Some((format!("kms:{name}"), body[name].as_str()?.to_owned())));
    let of_context = body["EncryptionContext"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((format!("kms:EncryptionContext:{name}"), value.as_str()?.to_owned())));
    of_members.chain(of_context).collect()
}

/// A way to a service that goes past the policies; stopped when dropped.
pub(super) struct Guard(Loopback);

impl Guard {
    pub(super) fn start(upstream: String, policies: Arc<Policies>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let upstream = Arc::new(upstream);
        Self(Loopback::start(move |request| {
            pass(client.clone(), Arc::clone(&upstream), Arc::clone(&policies), request)
        }))
    }

    pub(super) fn endpoint(&self) -> String {
        self.0.endpoint()
    }
}

async fn pass(
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: Arc<String>,
    policies: Arc<Policies>,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let asked = policies.asked(&head.headers, &serde_json::from_slice(&body).unwrap_or_default());
    if !policies.allow(&asked) {
        let refusal = json!({ "__type": "AccessDeniedException", "message": "not allowed by the policies" });
        let response = Response::builder().status(400).header(CONTENT_TYPE, "application/x-amz-json-1.1");
        return response.body(Full::from(refusal.to_string())).map_err(io::Error::other);
    }
    // Its `Host` stays, which the signature covers.
    head.uri = format!("{upstream}{}", head.uri.path()).parse().map_err(io::Error::other)?;
    let answer = client.request(Request::from_parts(head, Full::from(body))).await.map_err(io::Error::other)?;
    let (mut head, body) = answer.into_parts();
    head.headers.remove(TRANSFER_ENCODING);
    Ok(Response::from_parts(head, Full::from(body.collect().await.map_err(io::Error::other)?.to_bytes())))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds it")
}
