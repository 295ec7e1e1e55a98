//! Apps that sign with listed keys of the KMS double.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use passgrant::jose::algorithm::Algorithm;
use serde_json::Value;

use crate::rig::app::TestApp;
use crate::rig::client::client;
use crate::rig::kms::KmsDouble;

pub(crate) const METADATA: &str = "/.well-known/oauth-authorization-server";

pub(crate) async fn app(double: KmsDouble, listed: &[String]) -> TestApp {
    let app = TestApp::builder().kms(double, listed).start().await;
    app.register(client("app")).await;
    app.register_api().await;
    app.create_user("ann").await;
    app
}

pub(crate) fn double(app: &TestApp) -> &KmsDouble {
    app.kms.as_ref().expect("a double")
}

/// The keys that the calls of an operation named, in order.
pub(crate) fn asked(app: &TestApp, operation: &str) -> Vec<String> {
    let calls = double(app).calls().into_iter();
    calls.filter(|call| call.operation == operation).map(|call| call.key_id).collect()
}

pub(crate) async fn published(app: &TestApp) -> Vec<Value> {
    let keys = app.get("/oauth2/jwks").await.succeeded().json();
    keys["keys"].as_array().expect("keys").clone()
}

pub(crate) async fn supported(app: &TestApp) -> Value {
    app.get(METADATA).await.succeeded().json()["id_token_signing_alg_values_supported"].clone()
}

/// The access token of a login by the client `app`, which asks for this algorithm from now on.
pub(crate) async fn login_with(app: &TestApp, algorithm: Algorithm) -> String {
    app.change_client("app", |client| client.signing_algorithm = Some(algorithm)).await;
    app.login().await.succeeded().text("access_token")
}
