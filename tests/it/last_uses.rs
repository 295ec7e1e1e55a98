//! The retirement ledger: the day on which each client and each user last used the password grant.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::{BoxFuture, join_all};
use passgrant::client::Client;
use passgrant::client::id::ClientId;
use passgrant::clock::Day;
use passgrant::store::Store;
use serde_json::json;

use crate::rig::app::TestApp;
use crate::rig::chain;
use crate::rig::client::{SECRET, client};
use crate::rig::clock::START;
use crate::rig::delegate::Delegate;
use crate::rig::request::{LOGIN, token_request};
use crate::rig::user::{PASSWORD, username};
use crate::rig::wire::{Fault, Matcher};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

async fn registered(app: &TestApp, id: &str) -> Client {
    app.store.clients.get(&ClientId::parse(id).expect("an id")).await.expect("a read").expect("a client")
}

/// On which day the client `app` was last used, in days since the start.
async fn client_day(app: &TestApp) -> Option<u64> {
    let client = registered(app, "app").await;
    app.store.client_uses.last(&client).await.expect("a read").map(since_start)
}

/// On which day the user last logged in, in days since the start.
async fn user_day(app: &TestApp, name: &str) -> Option<u64> {
    app.store.users.get(&username(name)).await.expect("a read").expect("a user").last_login_day.map(since_start)
}

fn since_start(day: Day) -> u64 {
    (day.start().as_unix() - START) / 86_400
}

async fn days(app: &TestApp) -> [Option<u64>; 2] {
    [client_day(app).await, user_day(app, "ann").await]
}

/// How many writes of notes there were since the last count, without the three that a login makes anyway. The first one
/// from a source makes one more.
fn notes(app: &TestApp, logins: usize, first: usize) -> usize {
    let writes = app.dynamodb_wire.take_exchanges().into_iter().filter(|exchange| exchange.operation != "GetItem");
    writes.count() - 3 * logins - first
}

#[tokio::test]
async fn a_day_is_noted_once_for_the_client_and_once_for_the_user_whichever_of_its_moments_it_is() {
    let app = TestApp::start().await;
    assert_eq!(days(&app).await, [None, None]);
    app.dynamodb_wire.take_exchanges();
    app.login().await.succeeded();
    assert_eq!(notes(&app, 1, 1), 2);
    assert_eq!(days(&app).await, [Some(0), Some(0)]);
    app.clock.advance(Duration::from_secs(86_399));
    app.dynamodb_wire.take_exchanges();
    for _ in 0..3 {
        app.login().await.succeeded();
    }
    assert_eq!(notes(&app, 3, 0), 0, "the last second of the day");
    app.clock.advance(Duration::from_secs(1));
    app.login().await.succeeded();
    assert_eq!(notes(&app, 1, 0), 2, "the first second of the next");
    assert_eq!(days(&app).await, [Some(1), Some(1)]);
}

#[tokio::test]
async fn every_user_of_a_client_has_a_day_and_every_client_of_a_user() {
    let app = TestApp::start().await;
    app.register(client("other")).await;
    app.create_user("bob").await;
    app.login().await.succeeded();
    app.clock.advance(DAY);
    let bob = [("grant_type", "password"), ("username", "bob"), ("password", PASSWORD)];
    app.send(token_request(Some(("other", SECRET)), &bob)).await.succeeded();
    assert_eq!((days(&app).await, user_day(&app, "bob").await), ([Some(0), Some(0)], Some(1)));
    let other = app.store.client_uses.last(&registered(&app, "other").await).await.expect("a read");
    assert_eq!(other.map(since_start), Some(1));
}

#[tokio::test]
async fn the_client_of_a_users_first_login_of_a_day_is_noted_with_the_day_and_costs_no_write_of_its_own() {
    let app = TestApp::start().await;
    app.register(client("other")).await;
    let last = async || {
        let ann = app.store.users.get(&username("ann")).await.expect("a read").expect("a user");
        ann.last_login_client.map(|client| client.to_string())
    };
    assert_eq!(last().await, None);
    app.login().await.succeeded();
    assert_eq!(last().await.as_deref(), Some("app"));
    let other = || token_request(Some(("other", SECRET)), &LOGIN);
    app.send(other()).await.succeeded();
    app.dynamodb_wire.take_exchanges();
    app.send(other()).await.succeeded();
    assert_eq!(notes(&app, 1, 0), 0, "both days are noted");
    assert_eq!(last().await.as_deref(), Some("app"), "the first of the day");
    app.clock.advance(DAY);
    app.send(other()).await.succeeded();
    app.login().await.succeeded();
    assert_eq!(last().await.as_deref(), Some("other"));
}

#[tokio::test]
async fn another_instance_finds_the_day_noted_and_logins_at_once_change_it_once() {
    let mut app = TestApp::start().await;
    for _ in 0..3 {
        app.add_instance();
    }
    app.dynamodb_wire.take_exchanges();
    app.login().await.succeeded();
    assert_eq!(notes(&app, 1, 1), 2);
    let login = || token_request(Some(("app", SECRET)), &LOGIN);
    app.send_to(1, login()).await.succeeded();
    assert_eq!(notes(&app, 1, 0), 1, "it does not know of the client's, and the condition of its write is not met");
    app.send_to(1, login()).await.succeeded();
    assert_eq!(notes(&app, 1, 0), 0, "now it does");
    app.clock.advance(DAY);
    let answers = join_all((0..4).map(|instance| app.send_to(instance, login()))).await;
    for answer in answers {
        answer.succeeded();
    }
    assert!((2..=8).contains(&notes(&app, 4, 0)), "at most one of each for each request");
    assert_eq!(days(&app).await, [Some(1), Some(1)]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_takes_no_day_back_and_one_that_jumps_ahead_is_noted() {
    let mut app = TestApp::start().await;
    app.clock.advance(3 * DAY);
    app.login().await.succeeded();
    assert_eq!(days(&app).await, [Some(3), Some(3)]);
    app.clock.set_back(2 * DAY);
    app.dynamodb_wire.take_exchanges();
    app.login().await.succeeded();
    assert_eq!(notes(&app, 1, 0), 0, "a later day is known");
    app.add_instance();
    app.send_to(1, token_request(Some(("app", SECRET)), &LOGIN)).await.succeeded();
    assert_eq!(days(&app).await, [Some(3), Some(3)], "an instance that does not know it does not overwrite it");
    app.clock.advance(300 * DAY);
    app.login().await.succeeded();
    assert_eq!(days(&app).await, [Some(301), Some(301)]);
}

#[tokio::test]
async fn only_a_login_that_is_granted_is_noted() {
    let app = TestApp::start().await;
    app.register_api().await;
    let login = |more: &[(&'static str, &'static str)]| [LOGIN.as_slice(), more].concat();
    let wrong = [("grant_type", "password"), ("username", "ann"), ("password", "wrong")];
    app.token(&wrong).await.failed(400, "invalid_grant");
    app.send(token_request(Some(("app", "wrong")), &LOGIN)).await.failed(401, "invalid_client");
    app.token(&login(&[("scope", "unknown")])).await.failed(400, "invalid_scope");
    app.token(&login(&[("resource", "https://elsewhere.example")])).await.failed(400, "invalid_target");
    assert_eq!(days(&app).await, [None, None]);

    let granted = app.login().await.succeeded();
    app.clock.advance(DAY);
    app.refresh(&granted.text("refresh_token")).await.succeeded();
    app.introspect(&granted.text("access_token")).await;
    app.token(&wrong).await.failed(400, "invalid_grant");
    assert_eq!(days(&app).await, [Some(0), Some(0)], "neither a refresh nor a refused login is one");
}

#[tokio::test]
async fn a_login_does_not_depend_on_its_notes() {
    for fault in [Fault::Throttle, Fault::ServerError, Fault::Reset, Fault::Garbage, Fault::ExpiredCredentials] {
        let app = TestApp::start().await;
        // The third UpdateItem notes the user's day, after the reservation of the attempt.
        app.dynamodb_wire.inject(fault, Matcher::operation("UpdateItem").from(3));
        app.login().await.succeeded();
        app.dynamodb_wire.clear_faults();
        assert_eq!(days(&app).await, [Some(0), None], "{fault:?}");
        app.login().await.succeeded();
        assert_eq!(days(&app).await, [Some(0), Some(0)], "{fault:?}: the next login notes it");

        // A user who is not stored has no session: the only PutItem notes the client's day.
        let delegate = Delegate::start().await;
        let app = chain::app_of(&delegate, "legacy").await;
        delegate.behave(chain::yes(&json!({})));
        app.dynamodb_wire.inject(fault, Matcher::operation("PutItem"));
        chain::login(&app, "stranger", "a password").await.succeeded();
        app.dynamodb_wire.clear_faults();
        assert_eq!(client_day(&app).await, None, "{fault:?}");
        chain::login(&app, "stranger", "a password").await.succeeded();
        assert_eq!(client_day(&app).await, Some(0), "{fault:?}: what was not written is not remembered as noted");
    }
}

#[tokio::test]
async fn a_login_does_not_wait_long_for_its_notes() {
    let app = TestApp::builder().with_timeouts().start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.dynamodb_wire.inject(Fault::Hang, Matcher::operation("UpdateItem").from(3));
    let login = tokio::time::timeout(Duration::from_secs(5), app.login()).await;
    login.expect("it does not hang").succeeded();
    app.dynamodb_wire.clear_faults();
    assert_eq!(days(&app).await, [Some(0), None]);
}

/// Something that happens while a login is under way.
type Meanwhile = BoxFuture<'static, ()>;

/// A login, just before whose user's day is noted something happens.
async fn login_while(app: &TestApp, meanwhile: impl Fn(Store) -> Meanwhile + Send + Sync + 'static) {
    let store = app.store.clone();
    // The first two reserve the attempt: what is familiar about the source is forgotten before.
    store.attempts.clear(&username("ann")).await.expect("a write");
    app.dynamodb_wire.hook(Matcher::operation("UpdateItem").nth(3), move || meanwhile(store.clone()));
    app.login().await.succeeded();
    app.dynamodb_wire.clear_hooks();
}

#[tokio::test]
async fn a_user_who_is_deleted_during_the_login_is_not_created_again_nor_is_a_namesake_touched() {
    let app = TestApp::start().await;
    login_while(&app, |store| {
        Box::pin(async move {
            store.users.delete(&username("ann")).await.expect("a write");
        })
    })
    .await;
    assert!(app.store.users.get(&username("ann")).await.expect("a read").is_none());
    assert_eq!(client_day(&app).await, Some(0));

    app.create_user("ann").await;
    let random = app.random.clone();
    let (policy, now) = (app.config.argon2.clone(), app.now());
    login_while(&app, move |store| {
        let namesake = crate::rig::user::user("ann", "another password", &policy, &random, now);
        Box::pin(async move {
            store.users.delete(&username("ann")).await.expect("a write");
            store.users.create(&namesake).await.expect("a write");
        })
    })
    .await;
    assert_eq!(user_day(&app, "ann").await, None, "the namesake has not logged in");
}

#[tokio::test]
async fn a_note_is_no_change_of_the_user_and_a_change_of_the_user_keeps_it() {
    let app = TestApp::start().await;
    app.clock.advance(HOUR);
    let session = app.login().await.succeeded().text("refresh_token");
    let read = async || app.store.users.get(&username("ann")).await.expect("a read").expect("a user");
    let ann = read().await;
    assert_eq!((ann.updated_at, ann.created_at), (ann.created_at, ann.updated_at), "nobody has changed the user");
    app.refresh(&session).await.succeeded();
    app.clock.advance(DAY);
    let hash = ann.password_hash.expect("a hash");
    app.store.users.set_password(&username("ann"), &hash, app.now()).await.expect("a write");
    app.store.users.disable(&username("ann"), app.now()).await.expect("a write");
    app.store.users.enable(&username("ann"), app.now()).await.expect("a write");
    assert_eq!(user_day(&app, "ann").await, Some(0));
}

#[tokio::test]
async fn a_client_that_is_registered_again_has_not_been_used_and_a_change_of_a_client_keeps_its_day() {
    let app = TestApp::start().await;
    app.login().await.succeeded();
    app.change_client("app", |client| client.name = Some("renamed".to_owned())).await;
    assert_eq!(client_day(&app).await, Some(0));
    let id = client("app").id;
    app.store.clients.delete(&id).await.expect("a write");
    app.register(client("app")).await;
    app.change_client("app", |_| {}).await;
    // The clients of the tests all have the same incarnation.
    let incarnation = serde_json::from_value(json!("another")).expect("an incarnation");
    app.change_client("app", |client| client.incarnation = Some(incarnation)).await;
    assert_eq!(client_day(&app).await, None);
    app.login().await.succeeded();
    assert_eq!(client_day(&app).await, Some(0), "an instance that has noted the earlier one notes this one too");
    app.store.client_uses.forget(&registered(&app, "app").await).await.expect("a write");
    assert_eq!(client_day(&app).await, None);
}

#[tokio::test]
async fn a_client_and_a_user_of_the_version_before_are_noted_like_others() {
    let app = TestApp::start().await;
    for (table, key, name, attribute) in [
        (&app.config.tables.clients, "client_id", "app", "incarnation"),
        (&app.config.tables.users, "username", "ann", "session_generation"),
    ] {
        let request = app.dynamodb().update_item().table_name(table).key(key, AttributeValue::S(name.to_owned()));
        request.update_expression(format!("REMOVE {attribute}")).send().await.expect("a write");
    }
    app.login().await.succeeded();
    assert_eq!(days(&app).await, [Some(0), Some(0)]);
}

#[tokio::test]
async fn a_login_by_a_delegated_verifier_counts_and_a_user_who_is_not_stored_gets_no_item() {
    let delegate = Delegate::start().await;
    let app = chain::app_of(&delegate, "legacy").await;
    delegate.behave(chain::yes(&json!({})));
    chain::login(&app, "stranger", "a password").await.succeeded();
    assert_eq!(client_day(&app).await, Some(0));
    assert!(app.store.users.get(&username("stranger")).await.expect("a read").is_none());
    app.clock.advance(DAY);
    chain::login(&app, "pat", "a password").await.succeeded();
    assert_eq!((client_day(&app).await, user_day(&app, "pat").await), (Some(1), Some(1)));
    let importing = chain::app_of(&delegate, "moving").await;
    chain::login(&importing, "zoe", "a password").await.succeeded();
    assert_eq!(user_day(&importing, "zoe").await, Some(0), "an imported user has logged in");
}

#[tokio::test]
async fn the_day_of_a_client_is_an_item_of_its_own_that_does_not_expire_and_names_nobody() {
    let app = TestApp::start().await;
    app.login().await.succeeded();
    let scan = app.dynamodb().scan().table_name(&app.config.tables.tokens).send().await.expect("a scan");
    let key = |item: &HashMap<String, AttributeValue>| item["id"].as_s().expect("text").clone();
    let mut notes: Vec<_> =
        scan.items.unwrap_or_default().into_iter().filter(|item| key(item).starts_with("u#")).collect();
    assert_eq!(notes.len(), 1);
    let mut note = notes.remove(0);
    assert_eq!(note.remove("id").map(|id| id.as_s().expect("text").len()), Some(2 + 43), "a digest");
    let number = |number: u64| AttributeValue::N(number.to_string());
    let expected =
        [("client_id", AttributeValue::S("app".to_owned())), ("last_use_day", number(START)), ("schema", number(1))];
    assert_eq!(note, expected.map(|(name, value)| (name.to_owned(), value)).into());
}
