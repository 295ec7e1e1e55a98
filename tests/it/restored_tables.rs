//! Copying what is missing from a table that was restored from a backup.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use passgrant::client::AccessTokenFormat;
use passgrant::client::id::ClientId;
use passgrant::clock::Timestamp;
use passgrant::random::OsRandom;
use passgrant::store::TableNames;
use passgrant::store::outcome::Created;
use passgrant::store::restoration::{NotCopied, Restoration, Restored};
use passgrant::store::schema::create_tables;
use passgrant::store::signing_keys::{KeyKind, KeyName, WrappedKey};

use crate::rig::app::TestApp;
use crate::rig::user::username;
use crate::rig::wire::{Fault, Matcher};

const USERS: &str = "restored-users";
const CLIENTS: &str = "restored-clients";

/// A copy of what is in the tables now, as a restored backup is one.
async fn back_up(app: &TestApp) -> DynamoDb {
    let dynamodb = app.dynamodb();
    let restored =
        TableNames { clients: CLIENTS.to_owned(), users: USERS.to_owned(), tokens: "restored-tokens".to_owned() };
    create_tables(&dynamodb, &restored).await.expect("tables");
    for (from, to) in [(&app.config.tables.users, USERS), (&app.config.tables.clients, CLIENTS)] {
        let items = dynamodb.scan().table_name(from).send().await.expect("a table").items.unwrap_or_default();
        for item in items {
            dynamodb.put_item().table_name(to).set_item(Some(item)).send().await.expect("a copy");
        }
    }
    dynamodb
}

async fn all(restoration: &Restoration) -> Vec<Restored> {
    restoration.segment(0, 1).all().await.expect("a table")
}

/// Copies everything that is missing; how many there were of it.
async fn copy(restoration: &Restoration) -> usize {
    restoration.check().await.expect("two tables of a kind");
    let missing = restoration.missing(&all(restoration).await).await.expect("an answer");
    let count = missing.len();
    for restored in missing {
        let renewed = restoration.renewed(restored, &OsRandom).expect("randomness");
        assert_eq!(restoration.write(&renewed).await.expect("a write"), Created::Written);
    }
    count
}

#[tokio::test]
async fn no_session_and_no_token_continues_with_a_user_or_a_client_that_was_restored() {
    for restores_users in [true, false] {
        let app = TestApp::start().await;
        app.register_api().await;
        app.change_client("app", |client| client.access_token_format = AccessTokenFormat::Opaque).await;
        let login = app.login().await.succeeded();
        assert_eq!(app.introspect(&login.text("access_token")).await["active"], true);
        back_up(&app).await;
        let restoration = if restores_users {
            assert_eq!(copy(&app.store.users.restoration(USERS)).await, 0, "nothing is missing");
            app.store.users.delete(&username("ann")).await.expect("a write");
            app.store.users.restoration(USERS)
        } else {
            app.store.clients.delete(&ClientId::parse("app").expect("an id")).await.expect("a write");
            app.store.clients.restoration(CLIENTS)
        };
        assert_eq!(copy(&restoration).await, 1);
        app.refresh(&login.text("refresh_token")).await.failed(400, "invalid_grant");
        assert_eq!(app.introspect(&login.text("access_token")).await["active"], false);
        let again = app.login().await.succeeded();
        app.refresh(&again.text("refresh_token")).await.succeeded();
        assert_eq!(copy(&restoration).await, 0, "a second run finds nothing to do");
    }
}

#[tokio::test]
async fn what_is_in_the_live_table_is_never_overwritten_even_if_it_came_while_the_copy_ran() {
    let app = TestApp::start().await;
    back_up(&app).await;
    let restoration = app.store.users.restoration(USERS);
    let [ann] = <[Restored; 1]>::try_from(all(&restoration).await).expect("one user");
    let before = app.store.users.get(&username("ann")).await.expect("a read").expect("a user");
    let renewed = restoration.renewed(ann, &OsRandom).expect("randomness");
    assert_eq!(restoration.write(&renewed).await.expect("a write"), Created::AlreadyThere);
    let after = app.store.users.get(&username("ann")).await.expect("a read").expect("a user");
    assert_eq!(after.session_generation, before.session_generation);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_counts_as_written_when_it_is_repeated() {
    let app = TestApp::start().await;
    back_up(&app).await;
    app.store.users.delete(&username("ann")).await.expect("a write");
    let restoration = app.store.users.restoration(USERS);
    let [ann] = <[Restored; 1]>::try_from(all(&restoration).await).expect("one user");
    let renewed = restoration.renewed(ann, &OsRandom).expect("randomness");
    app.dynamodb_wire.inject(Fault::Truncate, Matcher::operation("PutItem"));
    let lost = restoration.write(&renewed).await;
    app.dynamodb_wire.clear_faults();
    assert!(lost.is_err_and(|error| error.is_transient()));
    assert!(app.store.users.get(&username("ann")).await.expect("a read").is_some(), "it was written");
    assert_eq!(restoration.write(&renewed).await.expect("a write"), Created::Written);
}

#[tokio::test]
async fn wrapped_signing_keys_are_copied_as_they_are() {
    let app = TestApp::start().await;
    let key = WrappedKey {
        name: KeyName::parse("main").expect("a name"),
        kind: KeyKind::Hs256,
        public_key: None,
        key_id: "kid".to_owned(),
        wrapped: vec![1, 2, 3],
        wrapped_by: "arn".to_owned(),
        created_at: Timestamp::from_unix(0),
    };
    app.store.signing_keys.create(&key).await.expect("a write");
    let dynamodb = back_up(&app).await;
    app.store.signing_keys.delete(&key.name, None).await.expect("a write");
    assert_eq!(copy(&app.store.clients.restoration(CLIENTS)).await, 1);
    let item = async |table: &str| {
        let id = AttributeValue::S("§signing-key/main".to_owned());
        dynamodb.get_item().table_name(table).key("client_id", id).send().await.expect("a read").item.expect("a key")
    };
    assert_eq!(item(&app.config.tables.clients).await, item(CLIENTS).await);
}

#[tokio::test]
async fn a_table_of_another_kind_and_the_live_table_itself_are_refused() {
    let app = TestApp::start().await;
    back_up(&app).await;
    let refusal = async |restoration: Restoration| restoration.check().await.expect_err("refused");
    for other in [CLIENTS, "restored-tokens"] {
        let refused = refusal(app.store.users.restoration(other)).await;
        assert!(matches!(refused, NotCopied::OtherKind { .. }), "{refused}");
    }
    for (restoration, what) in [
        (app.store.users.restoration(&app.config.tables.users), "users"),
        (app.store.clients.restoration(&app.config.tables.clients), "clients"),
    ] {
        assert!(matches!(refusal(restoration).await, NotCopied::Same(_)), "{what}");
    }
    assert!(matches!(refusal(app.store.users.restoration("nowhere")).await, NotCopied::Store(_)));
}

#[tokio::test]
async fn an_item_of_another_layout_is_not_readable() {
    let app = TestApp::start().await;
    let dynamodb = back_up(&app).await;
    let put = async |attributes: &[(&str, AttributeValue)]| {
        let item = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        dynamodb.put_item().table_name(USERS).set_item(Some(item)).send().await.expect("a write");
    };
    let name = |name: &str| ("username", AttributeValue::S(name.to_owned()));
    put(&[name("newer"), ("schema", AttributeValue::N("2".to_owned()))]).await;
    put(&[name("none")]).await;
    let mut unreadable = all(&app.store.users.restoration(USERS)).await;
    unreadable.retain(|restored| !restored.is_readable());
    let mut keys: Vec<_> = unreadable.iter().map(Restored::key).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["newer", "none"]);
}
