//! ID tokens (OpenID Connect Core, section 2).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgrant::client::AccessTokenFormat;
use passgrant::jose::algorithm::Algorithm;
use serde_json::json;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::rig::app::{ISSUER, TestApp};
use crate::rig::client::scope;
use crate::rig::clock::START;
use crate::rig::jwt::verified_claims;
use crate::rig::user::PASSWORD;

const LOGIN: [(&str, &str); 4] =
    [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "openid email")];

async fn app() -> TestApp {
    let app = TestApp::start().await;
    app.change_client("app", |client| client.scopes = scope("openid profile email offline_access read")).await;
    app
}

#[tokio::test]
async fn a_login_with_openid_gets_an_id_token() {
    let app = app().await;
    let answer = app.token(&LOGIN).await.succeeded();
    let (header, claims) = verified_claims(&app, &answer.text("id_token")).await;
    let (_, access) = verified_claims(&app, &answer.text("access_token")).await;
    assert_eq!(header["typ"], "JWT");
    assert_eq!((&claims["iss"], &claims["aud"], &claims["azp"]), (&json!(ISSUER), &json!("app"), &json!("app")));
    assert_eq!((&claims["iat"], &claims["auth_time"]), (&json!(START), &json!(START)));
    assert_eq!(claims["exp"], json!(START + 3600));
    for claim in ["sub", "sid"] {
        assert_eq!(claims[claim], access[claim], "{claim}");
    }
    assert_ne!(claims["jti"], access["jti"]);
    let plain = app.token(&LOGIN[..3]).await.succeeded();
    assert!(plain.json().get("id_token").is_none());
}

#[tokio::test]
async fn at_hash_is_half_the_digest_of_the_access_token_under_the_algorithms_hash() {
    let app = app().await;
    for format in AccessTokenFormat::ALL {
        for algorithm in [Algorithm::Rs256, Algorithm::Ps384, Algorithm::Rs512] {
            app.change_client("app", |client| {
                (client.signing_algorithm, client.access_token_format) = (Some(algorithm), format);
            })
            .await;
            let answer = app.token(&LOGIN).await.succeeded();
            let (_, claims) = verified_claims(&app, &answer.text("id_token")).await;
            let token = answer.text("access_token");
            let digest = match algorithm {
                Algorithm::Rs256 => Sha256::digest(token).to_vec(),
                Algorithm::Ps384 => Sha384::digest(token).to_vec(),
                _ => Sha512::digest(token).to_vec(),
            };
            assert_eq!(claims["at_hash"], URL_SAFE_NO_PAD.encode(&digest[..digest.len() / 2]));
        }
    }
}

#[tokio::test]
async fn a_refresh_gives_a_new_id_token_of_the_same_login() {
    let app = app().await;
    let login = app.token(&LOGIN).await.succeeded();
    app.clock.advance(Duration::from_secs(100));
    let refreshed = app.refresh(&login.text("refresh_token")).await.succeeded();
    let (_, claims) = verified_claims(&app, &refreshed.text("id_token")).await;
    assert_eq!((&claims["iat"], &claims["auth_time"]), (&json!(START + 100), &json!(START)));
}

#[tokio::test]
async fn a_client_that_needs_offline_access_gets_a_refresh_token_only_with_that_scope() {
    let app = app().await;
    app.change_client("app", |client| client.refresh.needs_offline_access = true).await;
    assert!(app.token(&LOGIN).await.succeeded().json().get("refresh_token").is_none());
    let offline = [&LOGIN[..3], &[("scope", "openid offline_access")]].concat();
    let token = app.token(&offline).await.succeeded().text("refresh_token");
    app.refresh(&token).await.succeeded();
}
