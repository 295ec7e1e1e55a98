//! Password hashes that the live policy would not make: they verify, at the same cost, and are replaced.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::time::Duration;

use passgrant::password::{Argon2Policy, Password, PasswordHash};
use passgrant::random::Random;

use crate::rig::app::TestApp;
use crate::rig::user::{PASSWORD, username};
use crate::rig::wire::{Fault, Matcher};

/// A hash with other parameters than the app's.
fn older(random: &dyn Random) -> PasswordHash {
    let password = Password::prepare(PASSWORD).expect("a password");
    Argon2Policy::new(32, 1, 1).expect("a policy").hash(&password, random).expect("randomness")
}

async fn stored(app: &TestApp) -> PasswordHash {
    let user = app.store.users.get(&username("bob")).await.expect("a read").expect("a user");
    user.password_hash.expect("a hash")
}

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.create_user_with("bob", |user| user.password_hash = Some(older(&app.random))).await;
    app
}

const LOGIN: [(&str, &str); 3] = [("grant_type", "password"), ("username", "bob"), ("password", PASSWORD)];
const WRONG: [(&str, &str); 3] = [("grant_type", "password"), ("username", "bob"), ("password", "wrong")];

#[tokio::test]
async fn a_hash_with_other_parameters_is_rewritten_only_after_a_good_login() {
    let app = app().await;
    let before = stored(&app).await;
    app.token(&WRONG).await.failed(400, "invalid_grant");
    assert_eq!(stored(&app).await, before);
    let token = app.token(&LOGIN).await.succeeded().text("refresh_token");
    let after = stored(&app).await;
    assert_ne!(after, before);
    app.token(&LOGIN).await.succeeded();
    assert_eq!(stored(&app).await, after, "once");
    app.token(&WRONG).await.failed(400, "invalid_grant");
    app.refresh(&token).await.succeeded();
}

#[tokio::test]
async fn a_hash_that_cannot_be_rewritten_fails_no_login() {
    let app = app().await;
    let before = stored(&app).await;
    // The first two such calls count the attempt.
    app.dynamodb_wire.inject(Fault::Garbage, Matcher::operation("UpdateItem").nth(3));
    app.token(&LOGIN).await.succeeded();
    assert_eq!(stored(&app).await, before);
    app.dynamodb_wire.clear_faults();
    app.token(&LOGIN).await.succeeded();
    assert_ne!(stored(&app).await, before);
}

#[tokio::test]
async fn a_password_that_is_set_during_a_login_is_not_overwritten() {
    let app = app().await;
    let new = Password::prepare("set by an administrator").expect("a password");
    let new = app.config.argon2.hash(&new, &app.random).expect("randomness");
    // The rewrite is held back until the new password is stored, which happens as soon as the old hash has been read.
    app.dynamodb_wire.inject(Fault::Delay(Duration::from_millis(500)), Matcher::operation("UpdateItem").nth(3));
    let set = async {
        let mut reads = 0;
        while reads < 2 {
            tokio::task::yield_now().await;
            reads +=
                app.dynamodb_wire.take_exchanges().iter().filter(|exchange| exchange.operation == "GetItem").count();
        }
        app.store.users.set_password(&username("bob"), &new, app.now()).await.expect("a write")
    };
    let (login, _) = tokio::join!(app.token(&LOGIN), set);
    login.succeeded();
    assert_eq!(stored(&app).await, new);
}
