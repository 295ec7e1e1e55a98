//! Keys in envelopes, as an operator makes them.

#![expect(clippy::expect_used, reason = "a test without its keys has failed")]

use passgrant::store::signing_keys::{KeyKind, KeyName, WrappedKey};

use crate::rig::app::TestApp;
use crate::rig::client::client;
use crate::rig::kms::{KeySpec, KmsDouble};

pub(crate) fn name(text: &str) -> KeyName {
    KeyName::parse(text).expect("a name")
}

/// An app with a wrapping key that lists no signing key yet.
pub(crate) async fn app_with(variables: &[(&'static str, &str)]) -> TestApp {
    let double = KmsDouble::start().await;
    let wrapping = double.create_key(KeySpec::SymmetricDefault);
    let mut builder = TestApp::builder().variable("PASSGRANT_WRAPPING_KEY", &wrapping);
    for (name, value) in variables {
        builder = builder.variable(name, value);
    }
    let app = builder.kms(double, &[]).start().await;
    app.register(client("app")).await;
    app.register_api().await;
    app.create_user("ann").await;
    app
}

pub(crate) async fn create(app: &TestApp, key: &str, kind: KeyKind) -> WrappedKey {
    app.envelopes().create(&name(key), kind, app.now()).await.expect("a key")
}

pub(crate) fn restart(app: &mut TestApp, listed: &[&str]) {
    let listed: Vec<_> = listed.iter().map(|key| format!("envelope:{key}")).collect();
    app.restart_with_keys(&listed.iter().collect::<Vec<_>>());
}
