//! Apps whose users may also be known to a delegated verifier.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use passgrant::user::User;
use serde_json::{Value, json};

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::client::client;
use crate::rig::delegate::{Behaviour, Delegate};
use crate::rig::user::username;

pub(crate) const SIGNING_SECRET: &str = "signing-secret-of-the-tests-0123456789";

/// An app whose clients log in by `chain`, with the delegated verifier `legacy`, and `mover`, which imports, at one
/// double; `partner` is at another address, where nothing listens.
pub(crate) async fn app_of(delegate: &Delegate, chain: &str) -> TestApp {
    app_with(delegate, chain, &[]).await
}

/// The same app, with more environment variables.
pub(crate) async fn app_with(delegate: &Delegate, chain: &str, variables: &[(&'static str, &str)]) -> TestApp {
    let endpoint = delegate.endpoint();
    let verifiers = json!([
        {"name": "legacy", "url": format!("{endpoint}/verify?code=7"), "secret_env": "PASSGRANT_TEST_SECRET"},
        {"name": "mover", "url": format!("{endpoint}/move"), "secret_env": "PASSGRANT_TEST_SECRET", "import": true},
        {"name": "partner", "url": "http://127.0.0.1:1", "secret_env": "PASSGRANT_TEST_SECRET"},
    ]);
    let chains = "both=directory,legacy;legacy=legacy;reverse=legacy,directory;moving=directory,mover;\
                  partner=legacy,partner";
    let builder = TestApp::builder()
        .variable("PASSGRANT_DELEGATED_VERIFIERS", &verifiers.to_string())
        .variable("PASSGRANT_TEST_SECRET", SIGNING_SECRET)
        .variable("PASSGRANT_AUTH_CHAINS", chains)
        .variable("PASSGRANT_AUTH_CHAIN", chain);
    let builder = variables.iter().fold(builder, |builder, (name, value)| builder.variable(name, value));
    let app = builder.start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.create_user_with("pat", |user| user.password_hash = None).await;
    app.create_user_with("off", |user| user.disabled = true).await;
    let off = |user: &mut User| (user.disabled, user.password_hash) = (true, None);
    app.create_user_with("passwordless-off", off).await;
    app
}

pub(crate) async fn login(app: &TestApp, username: &str, password: &str) -> Answer {
    app.token(&[("grant_type", "password"), ("username", username), ("password", password)]).await
}

pub(crate) async fn user(app: &TestApp, name: &str) -> Option<User> {
    app.store.users.get(&username(name)).await.expect("a read")
}

pub(crate) fn yes(claims: &Value) -> Behaviour {
    Behaviour::json(&json!({"result": "yes", "sub": "1001", "claims": claims}))
}
