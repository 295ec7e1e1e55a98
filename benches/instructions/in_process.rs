//! DynamoDB and KMS inside the process: the SDK does all its work except for the network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use passgrant::aws;

use crate::canned::Canned;

#[derive(Clone)]
pub(crate) struct InProcess(Arc<Shared>);

struct Shared {
    canned: Canned,
    /// How many calls of each operation were made.
    calls: Mutex<BTreeMap<String, u32>>,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("InProcess")
    }
}

impl InProcess {
    pub(crate) fn new(canned: Canned) -> Self {
        Self(Arc::new(Shared { canned, calls: Mutex::default() }))
    }

    /// A configuration of the SDK as in production, whose calls are answered here.
    pub(crate) fn sdk_config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("token".to_owned()), None, "benchmark");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        aws::bounded(config.build())
    }

    /// The calls since the last call of this function.
    pub(crate) fn take_calls(&self) -> BTreeMap<String, u32> {
        std::mem::take(&mut *self.0.calls.lock().expect("nothing panics with it"))
    }

    /// The session that was stored.
    pub(crate) fn session(&self) -> serde_json::Value {
        self.0.canned.stored_session()
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let mut calls = self.0.calls.lock().expect("nothing panics with it");
        // This does not allocate from the second time on.
        match calls.get_mut(operation) {
            Some(times) => *times += 1,
            None => drop(calls.insert(operation.to_owned(), 1)),
        }
        let answer = self.0.canned.answer(operation, request.body().bytes().expect("a body in memory"));
        let status = http::StatusCode::OK.into();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer))))
    }
}
