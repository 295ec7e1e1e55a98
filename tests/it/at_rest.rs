//! What the tables hold: digests and hashes, never a secret.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use aws_sdk_dynamodb::types::AttributeValue;
use passgrant::client::{AccessTokenFormat, Client};

use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client};
use crate::rig::request::token_request;
use crate::rig::user::PASSWORD;

/// Every item of every table, as text.
async fn tables(app: &TestApp) -> String {
    let dynamodb = app.dynamodb();
    let mut text = Vec::new();
    for table in [&app.config.tables.clients, &app.config.tables.users, &app.config.tables.tokens] {
        let items = dynamodb.scan().table_name(table).send().await.expect("a scan");
        assert!(items.count() > 0, "{table}");
        for item in items.items() {
            text.extend(item.values().map(shown));
        }
    }
    text.join("\n")
}

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::B(bytes) => String::from_utf8_lossy(bytes.as_ref()).into_owned(),
        value => format!("{value:?}"),
    }
}

#[tokio::test]
async fn no_password_client_secret_or_token_is_at_rest() {
    let app = TestApp::start().await;
    app.register(Client { access_token_format: AccessTokenFormat::Opaque, ..client("opaque") }).await;
    let mut secrets = vec![PASSWORD.to_owned(), SECRET.to_owned(), "a wrong password".to_owned()];
    for client_id in ["app", "opaque"] {
        let login = |password| [("grant_type", "password"), ("username", "ann"), ("password", password)];
        let tokens = app.send(token_request(Some((client_id, SECRET)), &login(PASSWORD))).await.succeeded();
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", &tokens.text("refresh_token"))];
        let refreshed = app.send(token_request(Some((client_id, SECRET)), &refresh)).await.succeeded();
        for answer in [&tokens, &refreshed] {
            secrets.extend([answer.text("access_token"), answer.text("refresh_token")]);
        }
        let wrong = login("a wrong password");
        app.send(token_request(Some((client_id, SECRET)), &wrong)).await.failed(400, "invalid_grant");
    }
    let tables = tables(&app).await;
    for secret in secrets {
        // A token's middle too: neither its prefix nor its signature is all that could leak.
        let middle = &secret[secret.len() / 3..secret.len() * 2 / 3];
        assert!(!tables.contains(middle), "{middle:?} in {tables}");
    }
}
