//! Users who are written many at once, in the process and over a socket.

#![expect(clippy::expect_used, reason = "a test without its database has failed")]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use passgrant::clock::{SystemClock, Timestamp};
use passgrant::json::Value;
use passgrant::password::{Argon2Policy, Password, PasswordHash};
use passgrant::random::OsRandom;
use passgrant::scope::Scope;
use passgrant::store::embedded::{self, EmbeddedDynamoDb};
use passgrant::store::outcome::Changed;
use passgrant::store::users::Users;
use passgrant::store::{Store, TableNames};
use passgrant::user::{Subject, User, Username, UsernameProfile};

fn names() -> TableNames {
    TableNames { clients: "clients".to_owned(), users: "users".to_owned(), tokens: "tokens".to_owned() }
}

/// A database, and its users reached in the process and over a socket.
async fn started() -> (EmbeddedDynamoDb, [Store; 2], Client) {
    let dynamodb = EmbeddedDynamoDb::start(None, &names(), Box::new(SystemClock)).await.expect("a DynamoDB");
    let outside = Client::new(&embedded::sdk_config(&dynamodb.endpoint()));
    let stores = [dynamodb.store(&names()), Store::new(&outside, &names())];
    (dynamodb, stores, outside)
}

fn user(name: &str) -> User {
    let username = Username::prepare(name, UsernameProfile::CaseMapped).expect("a username");
    User::new(username, Subject::generate(&OsRandom).expect("randomness"), Timestamp::from_unix(1000))
}

fn hash(password: &str) -> PasswordHash {
    let policy = Argon2Policy::new(64, 1, 1).expect("within bounds");
    policy.hash(&Password::prepare(password).expect("a password"), &OsRandom).expect("randomness")
}

#[tokio::test]
async fn of_users_who_are_created_together_all_are_or_none_and_who_is_in_the_way_is_told() {
    let (_dynamodb, stores, _) = started().await;
    for (index, store) in stores.iter().enumerate() {
        let many: Vec<User> = (0..100).map(|number| user(&format!("n{number}-{index}"))).collect();
        let first: Vec<&User> = many[..40].iter().collect();
        assert!(store.users.create_all(&first).await.expect("a write").iter().all(Option::is_none));
        let overlapping: Vec<User> = (30..60).map(|number| user(&format!("n{number}-{index}"))).collect();
        let taken = store.users.create_all(&overlapping.iter().collect::<Vec<_>>()).await.expect("an answer");
        for (number, taken) in (30..).zip(&taken) {
            let existing = (number < 40).then(|| many[number].subject.as_str());
            assert_eq!(taken.as_ref().map(|user| user.subject.as_str()), existing, "{number}");
        }
        let usernames: Vec<&Username> = many.iter().map(|user| &user.username).collect();
        assert_eq!(store.users.get_many(&usernames).await.expect("a read").len(), 40, "nobody else was created");
        let [id, other] = [store.users.table_id().await, stores[0].users.table_id().await];
        assert_eq!(id.expect("an id"), other.expect("an id"));
    }
}

#[tokio::test]
async fn a_user_is_replaced_only_as_long_as_nobody_else_changes_them_and_what_is_not_known_stays() {
    let (_dynamodb, [store, _], dynamodb) = started().await;
    let users = &store.users;
    let created = User { password_hash: Some(hash("one")), allowed_scopes: Scope::parse("a").ok(), ..user("ann") };
    users.create(&created).await.expect("a write");
    let unknown = dynamodb.update_item().table_name("users").key("username", AttributeValue::S("ann".to_owned()));
    let unknown = unknown.update_expression("SET later_version = :x");
    unknown.expression_attribute_values(":x", AttributeValue::Bool(true)).send().await.expect("a write");
    let now = Timestamp::from_unix(2000);

    let mut wanted = created.clone();
    wanted.claims.insert("name".to_owned(), Value::from("Ann"));
    wanted.allowed_scopes = None;
    assert_eq!(users.replace(&created, &wanted, now).await.expect("a write"), Changed::Written);
    let read = users.get(&created.username).await.expect("a read").expect("a user");
    assert_eq!((&read.claims, &read.allowed_scopes), (&wanted.claims, &None));
    assert_eq!((read.password_generation, read.session_generation, read.updated_at), (1, 0, now));

    assert_eq!(users.replace(&created, &wanted, now).await.expect("an answer"), Changed::Unmet, "it has changed");
    let other = User { password_hash: Some(hash("two")), disabled: true, ..read.clone() };
    users.set_password(&read.username, &hash("three"), now).await.expect("a write");
    assert_eq!(users.replace(&read, &other, now).await.expect("an answer"), Changed::Unmet, "in the same second too");

    let read = users.get(&created.username).await.expect("a read").expect("a user");
    let none = User { password_hash: None, ..read.clone() };
    assert_eq!(users.replace(&read, &none, now).await.expect("a write"), Changed::Written);
    let cleared = users.get(&created.username).await.expect("a read").expect("a user");
    assert_eq!((&cleared.password_hash, cleared.session_generation), (&None, read.session_generation + 1));
    let again = User { password_hash: Some(hash("four")), ..cleared.clone() };
    assert_eq!(users.replace(&cleared, &again, now).await.expect("a write"), Changed::Written);
    let item = dynamodb.get_item().table_name("users").key("username", AttributeValue::S("ann".to_owned()));
    let item = item.send().await.expect("a read").item.expect("an item");
    assert_eq!(item["later_version"], AttributeValue::Bool(true));
}

#[tokio::test]
async fn the_size_of_a_user_is_not_less_than_what_dynamodb_counts() {
    let (_dynamodb, stores, _) = started().await;
    let mut large = user("large");
    large.claims.insert("list".to_owned(), Value::parse(&format!("[{}0]", "0,".repeat(9_000))).expect("JSON"));
    let [inside, outside] = stores;
    let bytes = inside.users.stored_bytes(&large).expect("a size");
    // A number is two bytes, and each element of a list one more.
    assert!(bytes > 9_001 * 3 && bytes < Users::MAX_BYTES, "{bytes}");
    assert!(outside.users.create_all(&[&large]).await.expect("it fits")[0].is_none());
}
