//! Users who are imported when a delegated verifier says yes.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use passgrant::password::{Password, PasswordHash};
use passgrant::store::outcome::Created;
use passgrant::user::{Subject, User};
use serde_json::json;

use crate::rig::app::TestApp;
use crate::rig::chain::{app_of, login, user, yes};
use crate::rig::client::SECRET;
use crate::rig::delegate::{Behaviour, Delegate};
use crate::rig::jwt::verified_claims;
use crate::rig::request::token_request;
use crate::rig::user::username;
use crate::rig::wire::{Fault, Matcher};

#[tokio::test]
async fn a_yes_imports_the_user_who_then_needs_no_verifier() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "moving").await;
    for refusal in ["no", "unknown_user", "maybe"] {
        delegate.behave(Behaviour::result(refusal));
        assert!(login(&app, "zoe", "her password").await.status.is_client_error() || refusal == "maybe");
        assert!(user(&app, "zoe").await.is_none(), "{refusal} imports nobody");
    }

    let claims = json!({"email": "zoe@example.com", "address": {"lines": ["a", "b"]}, "age": 41, "vip": true});
    delegate.behave(yes(&claims));
    let answer = login(&app, "zoe", "her password").await.succeeded();
    let imported = user(&app, "zoe").await.expect("a user");
    assert_eq!(serde_json::to_value(&imported.claims).expect("JSON"), claims);
    assert_eq!(imported.subject.as_str(), "mover:1001", "the verifier's subject, which is that of its own users too");
    let (_, token) = verified_claims(&app, &answer.text("access_token")).await;
    assert_eq!(token["sub"], imported.subject.as_str());
    delegate.take_calls();

    delegate.behave(Behaviour::Reset);
    login(&app, "zoe", "her password").await.succeeded();
    login(&app, "zoe", "another password").await.failed(400, "invalid_grant");
    assert!(delegate.take_calls().is_empty(), "a known user is not asked about");

    let refreshed = app.refresh(&answer.text("refresh_token")).await.succeeded();
    let (_, token) = verified_claims(&app, &refreshed.text("access_token")).await;
    assert_eq!(token["sub"], imported.subject.as_str());
}

#[tokio::test]
async fn a_verifier_without_subjects_imports_users_with_fresh_ones_and_an_unusable_subject_imports_nobody() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "moving").await;
    delegate.behave(Behaviour::result("yes"));
    login(&app, "zoe", "the password").await.succeeded();
    assert_eq!(user(&app, "zoe").await.expect("a user").subject.as_str().len(), 36, "a UUID");
    for sub in ["", "a b", &"x".repeat(250)] {
        delegate.behave(Behaviour::json(&json!({"result": "yes", "sub": sub})));
        login(&app, "una", "the password").await.failed(500, "server_error");
        assert!(user(&app, "una").await.is_none(), "{sub:?}");
    }
}

/// The subject is the same, so only the generation tells the two users apart.
#[tokio::test]
async fn a_deleted_user_who_is_imported_again_does_not_get_the_old_sessions_back() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "moving").await;
    delegate.behave(yes(&json!({})));
    let before = login(&app, "zoe", "the password").await.succeeded();
    app.store.users.delete(&username("zoe")).await.expect("deleted");
    let after = login(&app, "zoe", "the password").await.succeeded();
    app.refresh(&before.text("refresh_token")).await.failed(400, "invalid_grant");
    app.refresh(&after.text("refresh_token")).await.succeeded();
}

#[tokio::test]
async fn a_yes_gives_a_passwordless_user_the_password_and_nothing_else() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "moving").await;
    delegate.behave(yes(&json!({"email": "pat@example.com"})));
    let before = user(&app, "pat").await.expect("a user");

    // The first two such calls count the attempt.
    app.dynamodb_wire.inject(Fault::Garbage, Matcher::operation("UpdateItem").nth(3));
    let first = login(&app, "pat", "the password").await.succeeded();
    assert!(
        user(&app, "pat").await.expect("a user").password_hash.is_none(),
        "it was not written, and the login succeeded all the same"
    );
    app.dynamodb_wire.clear_faults();
    login(&app, "pat", "the password").await.succeeded();

    let after = user(&app, "pat").await.expect("a user");
    assert!(after.password_hash.is_some());
    assert_eq!(after.password_generation, before.password_generation, "the password has not changed");
    assert_eq!((after.subject, after.claims), (before.subject, before.claims));
    app.refresh(&first.text("refresh_token")).await.succeeded();
    delegate.take_calls();
    login(&app, "pat", "the password").await.succeeded();
    login(&app, "pat", "another").await.failed(400, "invalid_grant");
    assert!(delegate.take_calls().is_empty());
}

#[tokio::test]
async fn simultaneous_logins_import_one_user() {
    let delegate = Delegate::start().await;
    let mut app = app_of(&delegate, "moving").await;
    app.add_instance();
    delegate.behave(yes(&json!({"n": 1})));
    // The delay is so long that every login has found no user before the first is written.
    app.dynamodb_wire.inject(Fault::Delay(Duration::from_millis(200)), Matcher::operation("PutItem"));
    for name in ["zoe", "pat"] {
        let request = [("grant_type", "password"), ("username", name), ("password", "the password")];
        let request = || token_request(Some(("app", SECRET)), &request);
        let answers = join_all((0..8).map(|n| app.send_to(n % 2, request()))).await;
        let user = user(&app, name).await.expect("a user");
        for answer in answers {
            let answer = answer.succeeded();
            let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
            assert_eq!(claims["sub"], user.subject.as_str());
            app.refresh(&answer.text("refresh_token")).await.succeeded();
        }
        assert!(delegate.take_calls().len() > 1, "they did run at once");
    }
    assert_eq!(app.store.users.list().all().await.expect("a scan").len(), 5);
}

#[tokio::test]
async fn an_import_that_cannot_be_written_is_503_and_the_next_request_succeeds() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "moving").await;
    delegate.behave(yes(&json!({})));
    for (name, fault) in
        [("u1", Fault::Throttle), ("u2", Fault::ServerError), ("u3", Fault::Reset), ("u4", Fault::ResetAfter)]
    {
        app.dynamodb_wire.inject(fault, Matcher::operation("PutItem"));
        login(&app, name, "the password").await.failed(503, "temporarily_unavailable");
        app.dynamodb_wire.clear_faults();
        login(&app, name, "the password").await.succeeded();
    }
    app.dynamodb_wire.inject(Fault::ResetAfter, Matcher::operation("PutItem").next(1));
    login(&app, "u5", "the password").await.succeeded();
    app.dynamodb_wire.clear_faults();
    login(&app, "u5", "the password").await.succeeded();
}

#[tokio::test]
async fn a_user_who_is_created_while_the_verifier_is_asked_is_not_given_away() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "moving").await;
    let hash = |password: &str| {
        let password = Password::prepare(password).expect("a password");
        app.config.argon2.hash(&password, &app.random).expect("randomness")
    };
    delegate.behave(yes(&json!({})));

    delegate.meanwhile(creating(&app, "other", Some(hash("set by an administrator")), false));
    login(&app, "other", "the password").await.failed(503, "temporarily_unavailable");
    login(&app, "other", "the password").await.failed(400, "invalid_grant");
    login(&app, "other", "set by an administrator").await.succeeded();

    delegate.meanwhile(creating(&app, "disabled", Some(hash("the password")), true));
    login(&app, "disabled", "the password").await.failed(400, "invalid_grant");

    delegate.meanwhile(creating(&app, "same", Some(hash("the password")), false));
    login(&app, "same", "the password").await.succeeded();

    delegate.meanwhile(creating(&app, "passwordless", None, false));
    let answer = login(&app, "passwordless", "the password").await.succeeded();
    let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
    assert_eq!(claims["sub"], user(&app, "passwordless").await.expect("a user").subject.as_str());
}

/// Creates a user while a verifier is asked about that name.
fn creating(
    app: &TestApp,
    name: &'static str,
    password_hash: Option<PasswordHash>,
    disabled: bool,
) -> impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static {
    let users = app.store.users.clone();
    let subject = Subject::generate(&app.random).expect("randomness");
    let created = User { password_hash, disabled, ..User::new(username(name), subject, app.now()) };
    move || {
        let (users, created) = (users.clone(), created.clone());
        async move { assert_eq!(users.create(&created).await.expect("a write"), Created::Written) }.boxed()
    }
}
