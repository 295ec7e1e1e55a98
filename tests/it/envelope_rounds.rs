//! What a key in an envelope saves: the call of KMS for each token, and the round for an ID token.

use passgrant::jose::algorithm::Algorithm;
use passgrant::store::signing_keys::KeyKind;

use crate::rig::app::TestApp;
use crate::rig::client::scope;
use crate::rig::envelope::{app_with, create, restart};
use crate::rig::rounds::{calls, count, delay_calls};
use crate::rig::user::PASSWORD;

async fn app(client_cache: &str) -> TestApp {
    let mut app = app_with(&[("PASSGRANT_CLIENT_CACHE", client_cache)]).await;
    create(&app, "main", KeyKind::P256).await;
    app.change_client("app", |client| {
        client.signing_algorithm = Some(Algorithm::Es256);
        client.scopes = scope("read openid");
    })
    .await;
    restart(&mut app, &["main"]);
    app
}

#[tokio::test]
async fn a_cold_start_unwraps_a_key_in_two_rounds_and_opens_the_tables_at_the_same_time() {
    let app = app("0s").await;
    delay_calls(&app);
    app.service().warm_up().await;
    let (calls, rounds) = count(&app);
    assert_eq!(rounds, 2);
    assert_eq!(calls.iter().filter(|call| *call == "Decrypt").count(), 1);
    assert_eq!(calls.iter().filter(|call| *call == "GetItem").count(), calls.len() - 1);
}

#[tokio::test]
async fn a_login_takes_as_many_rounds_with_an_id_token_as_without_and_does_not_call_kms() {
    for (client_cache, reads, rounds) in [("0s", 2, 3), ("60s", 1, 2)] {
        let app = app(client_cache).await;
        app.login().await.succeeded();
        delay_calls(&app);
        for scope in ["read", "read openid"] {
            let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", scope)];
            let answer = app.token(&login).await.succeeded();
            assert_eq!(answer.json()["id_token"].is_string(), scope.contains("openid"));
            let expected = [vec!["GetItem"; reads].as_slice(), &["PutItem", "UpdateItem", "UpdateItem"]].concat();
            assert_eq!(count(&app), (calls(&expected), rounds), "{scope}");
        }
    }
}

#[tokio::test]
async fn a_refresh_takes_three_rounds() {
    let app = app("60s").await;
    let token = app.login().await.succeeded().text("refresh_token");
    delay_calls(&app);
    app.refresh(&token).await.succeeded();
    assert_eq!(count(&app), (calls(&["GetItem", "GetItem", "UpdateItem"]), 3));
}
