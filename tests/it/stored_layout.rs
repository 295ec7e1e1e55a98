//! Tables that an earlier version wrote go on working: it reads what was written then, and writes what it writes now.
//!
//! `fixtures/first_layout.json` holds every item of such tables as DynamoDB has them, and the tokens that were answered.

#![expect(clippy::expect_used, clippy::panic, reason = "what a test cannot read has failed it")]

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::rig::app::TestApp;
use crate::rig::client::SECRET;
use crate::rig::request::token_request;
use crate::rig::user::{PASSWORD, username};

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/first_layout.json")).expect("JSON")
}

/// An attribute from the JSON of DynamoDB's wire.
fn attribute(json: &Value) -> AttributeValue {
    let (kind, value) = json.as_object().and_then(|object| object.iter().next()).expect("one kind");
    let text = || value.as_str().expect("text").to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value == true),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(serde_json::from_value(value.clone()).expect("texts")),
        "L" => AttributeValue::L(value.as_array().expect("a list").iter().map(attribute).collect()),
        "M" => AttributeValue::M(item(value)),
        other => panic!("{other}"),
    }
}

fn item(json: &Value) -> HashMap<String, AttributeValue> {
    json.as_object().expect("a map").iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// An app on the tables of the fixture.
async fn app() -> (TestApp, Value) {
    let app = TestApp::builder().start().await;
    let fixture = fixture();
    for (table, items) in fixture["tables"].as_object().expect("tables") {
        for stored in items.as_array().expect("items") {
            let put = app.dynamodb().put_item().table_name(table).set_item(Some(item(stored)));
            put.send().await.expect("a write");
        }
    }
    (app, fixture)
}

fn text<'a>(fixture: &'a Value, name: &str) -> &'a str {
    fixture[name].as_str().expect("text")
}

#[tokio::test]
async fn every_client_and_user_of_the_first_layout_is_read() {
    let (app, fixture) = app().await;
    let count = |table: &str| fixture["tables"][table].as_array().expect("items").len();
    assert_eq!(app.store.clients.list().all().await.expect("clients").len(), count("passgrant-clients"));
    assert_eq!(app.store.users.list().all().await.expect("users").len(), count("passgrant-users"));
    let ann = app.store.users.get(&username("ann")).await.expect("a read").expect("a user");
    let claims = json!({
        "name": "Ann Example",
        "number": 4711,
        "fraction": 1.5,
        "flag": true,
        "nothing": null,
        "roles": ["admin", "auditor"],
        "nested": {"deep": [1, {"er": "x"}]},
    });
    assert_eq!(serde_json::to_value(&ann.claims).expect("JSON"), claims);
}

#[tokio::test]
async fn sessions_and_opaque_tokens_of_the_first_layout_still_work() {
    let (app, fixture) = app().await;
    let refreshed = app.refresh(text(&fixture, "live")).await.succeeded();
    app.refresh(&refreshed.text("refresh_token")).await.succeeded();
    let successor = app.refresh(text(&fixture, "parent")).await.succeeded().text("refresh_token");
    assert_eq!(
        successor,
        text(&fixture, "rotated"),
        "it was rotated by an earlier version, and is within the grace period"
    );
    let opaque = text(&fixture, "opaque");
    let answer = app.introspect(opaque).await;
    assert_eq!((&answer["active"], &answer["username"]), (&json!(true), &json!("ann")));
    app.userinfo(opaque).await.succeeded();
}

#[tokio::test]
async fn sessions_of_the_first_layout_end_as_new_ones_do() {
    let (app, fixture) = app().await;
    app.store.users.end_sessions(&username("ann"), app.now()).await.expect("a write");
    app.refresh(text(&fixture, "live")).await.failed(400, "invalid_grant");
    assert_eq!(app.introspect(text(&fixture, "opaque")).await, json!({"active": false}));
    let login = app.login().await.succeeded();
    app.refresh(&login.text("refresh_token")).await.succeeded();
}

#[tokio::test]
async fn a_client_of_the_first_layout_is_changed_and_keeps_its_sessions_until_it_is_registered_again() {
    let (app, fixture) = app().await;
    app.change_client("app", |client| client.name = Some("renamed".to_owned())).await;
    let token = app.refresh(text(&fixture, "live")).await.succeeded().text("refresh_token");
    let id = crate::rig::client::client("app").id;
    app.store.clients.delete(&id).await.expect("a write");
    app.register(crate::rig::client::client("app")).await;
    app.refresh(&token).await.failed(400, "invalid_grant");
}

#[tokio::test]
async fn attempts_of_the_first_layout_still_count() {
    let (app, _) = app().await;
    let login = |name| {
        token_request(Some(("app", SECRET)), &[("grant_type", "password"), ("username", name), ("password", PASSWORD)])
    };
    let locked = app.send(login("locked")).await.failed(400, "invalid_grant");
    assert!(locked.headers.contains_key("retry-after"));
    assert!(!app.send(login("pat")).await.failed(400, "invalid_grant").headers.contains_key("retry-after"));
}
