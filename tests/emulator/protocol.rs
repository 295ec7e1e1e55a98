//! The protocol, end to end.

use serde_json::json;

use crate::deployment::Deployment;
use crate::event::FrontDoor;
use crate::rig::demo::{PASSWORD, SECRET, USER};

#[tokio::test]
async fn a_session_is_refreshed() {
    let mut deployment = Deployment::start().await;
    let first = deployment.login().await.succeeded();
    let second = deployment.refresh(&first.text("refresh_token")).await.succeeded();
    assert_ne!(second.text("refresh_token"), first.text("refresh_token"));
    let (before, after) = (
        deployment.verified_claims(&first.text("access_token")).await,
        deployment.verified_claims(&second.text("access_token")).await,
    );
    assert_eq!((&after["sub"], &after["sid"]), (&before["sub"], &before["sid"]));
    assert_ne!(after["jti"], before["jti"]);

    let retried = deployment.refresh(&first.text("refresh_token")).await.succeeded();
    assert_eq!(retried.text("refresh_token"), second.text("refresh_token"), "a lost answer costs nothing");
    deployment.refresh("no-token-of-this-service").await.failed(400, "invalid_grant");
    deployment.end();
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    let mut deployment = Deployment::start().await;
    deployment.keep_secret("not-the-password");
    let mut bodies = Vec::new();
    for (username, password) in
        [(USER, "not-the-password"), ("nobody", PASSWORD), ("nobody", "not-the-password"), (USER, "\0")]
    {
        let event =
            FrontDoor::HttpApi.token(&[("grant_type", "password"), ("username", username), ("password", password)]);
        bodies.push(deployment.send(&event).await.failed(400, "invalid_grant").body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    deployment.end();
}

#[tokio::test]
async fn every_failure_of_client_authentication_is_answered_alike() {
    let mut deployment = Deployment::start().await;
    deployment.keep_secret("not-the-secret");
    let sample = FrontDoor::HttpApi.sample();
    let mut bodies = Vec::new();
    for event in [
        sample.clone().basic("demo-client", "not-the-secret"),
        sample.clone().basic("nobody", SECRET),
        sample.clone().header("authorization", "Basic !"),
        sample.without_header("authorization"),
    ] {
        let refused = deployment.send(&event).await.failed(401, "invalid_client");
        assert!(refused.header("www-authenticate").starts_with("Basic realm="));
        bodies.push(refused.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    deployment.end();
}

#[tokio::test]
async fn a_token_is_introspected_and_revoked() {
    let mut deployment = Deployment::start().await;
    let login = [("grant_type", "password"), ("username", USER), ("password", PASSWORD), ("scope", "openid profile")];
    let granted = deployment.send(&FrontDoor::HttpApi.token(&login)).await.succeeded();
    assert!(granted.json()["id_token"].is_string());
    let token = granted.text("access_token");
    let bearer = format!("Bearer {token}");
    for front_door in FrontDoor::ALL {
        let claims =
            deployment.send(&front_door.get("/oauth2/userinfo").header("authorization", &bearer)).await.succeeded();
        assert_eq!(claims.json()["sub"], deployment.subject);
        let introspection = deployment.send(&front_door.token(&[("token", &token)]).path("/oauth2/introspect")).await;
        assert_eq!(introspection.succeeded().json()["active"], true);
    }
    let refresh_token = granted.text("refresh_token");
    let revocation = FrontDoor::RestApi.token(&[("token", &refresh_token)]).path("/oauth2/revoke");
    deployment.send(&revocation).await.succeeded();
    let introspection = deployment.send(&FrontDoor::Alb.token(&[("token", &token)]).path("/oauth2/introspect")).await;
    assert_eq!(introspection.succeeded().json(), json!({ "active": false }));
    deployment.refresh(&refresh_token).await.failed(400, "invalid_grant");
    deployment.end();
}

#[tokio::test]
async fn the_issuer_is_the_configured_one_to_the_byte() {
    for issuer in ["https://login.example.com", "https://login.example.com/", "https://login.example.com/tenant/"] {
        let mut deployment = Deployment::builder().variable("PASSGRANT_ISSUER", issuer).start().await;
        let metadata = deployment.get("/.well-known/oauth-authorization-server").await.succeeded();
        assert_eq!(metadata.json()["issuer"], issuer);
        let base = issuer.trim_end_matches('/');
        assert_eq!(metadata.json()["token_endpoint"], format!("{base}/oauth2/token"));
        assert_eq!(metadata.json()["jwks_uri"], format!("{base}/oauth2/jwks"));
        let configuration = deployment.get("/.well-known/openid-configuration").await.succeeded();
        let mut expected = metadata.json();
        expected["authorization_endpoint"] = json!(format!("{base}/oauth2/authorize"));
        assert_eq!(configuration.json(), expected);

        let token = deployment.login().await.succeeded().text("access_token");
        assert_eq!(deployment.verified_claims(&token).await["iss"], json!(issuer));
        deployment.end();
    }
}
