//! Claim maps: the shapes that well-known products give their tokens, by configuration alone.

#![expect(clippy::expect_used, reason = "a test without its claim map has failed")]

use passgrant::claims::{ClaimMap, ClaimSource};
use passgrant::client::AccessTokenFormat;
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp, client, scope};
use crate::signing::verified_claims;

fn map(claims: &[(&str, &str)]) -> ClaimMap {
    let source = |text: &str| text.parse::<ClaimSource>().expect("a source");
    ClaimMap::new(claims.iter().map(|(name, text)| ((*name).to_owned(), source(text)))).expect("a claim map")
}

async fn app(claims: &[(&str, &str)]) -> TestApp {
    let app = TestApp::builder().start().await;
    app.register(passgrant::client::Client {
        claim_map: map(claims),
        scopes: scope("read write openid"),
        ..client("app")
    })
    .await;
    app.register_api().await;
    app.create_user_with("ann", |user| {
        let claims = json!({
            "display_name": "Ann Lee", "legacy_id": "4711", "tenant": "t-1", "roles": ["admin", "auditor"],
            "level": 3, "active_member": true, "address": {"country": "DE"},
        });
        user.claims = claims.as_object().cloned().unwrap_or_default();
    })
    .await;
    app
}

async fn login(app: &TestApp) -> String {
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "write read")];
    app.token(&login).await.succeeded().text("access_token")
}

#[tokio::test]
async fn the_shape_unique_name_internal_userid_token_usage_azp_role() {
    let app = app(&[
        ("unique_name", "username"),
        ("name", "claims.display_name"),
        ("urn:internal:userid", "claims.legacy_id"),
        ("token_usage", "literal:access_token"),
        ("role", "claims.roles"),
    ])
    .await;
    let (_, claims) = verified_claims(&app, &login(&app).await).await;
    for (claim, value) in [
        ("unique_name", json!("ann")),
        ("name", json!("Ann Lee")),
        ("urn:internal:userid", json!("4711")),
        ("token_usage", json!("access_token")),
        ("azp", json!("app")),
        ("role", json!(["admin", "auditor"])),
    ] {
        assert_eq!(claims[claim], value, "{claim}");
    }
}

#[tokio::test]
async fn the_shape_scp_tid_st_amr_idp() {
    let app = app(&[
        ("scp", "scopes"),
        ("tid", "claims.tenant"),
        ("st", "literal:user"),
        ("amr", r#"literal:["pwd"]"#),
        ("idp", "literal:local"),
    ])
    .await;
    let (_, claims) = verified_claims(&app, &login(&app).await).await;
    for (claim, value) in [
        ("scp", json!(["write", "read"])),
        ("tid", json!("t-1")),
        ("st", json!("user")),
        ("amr", json!(["pwd"])),
        ("idp", json!("local")),
    ] {
        assert_eq!(claims[claim], value, "{claim}");
    }
}

#[tokio::test]
async fn json_values_stay_json_and_what_a_user_lacks_is_left_out() {
    let app =
        app(&[("l", "claims.level"), ("m", "claims.active_member"), ("a", "claims.address"), ("x", "claims.none")])
            .await;
    let (_, claims) = verified_claims(&app, &login(&app).await).await;
    assert_eq!((&claims["l"], &claims["m"], &claims["a"]), (&json!(3), &json!(true), &json!({"country": "DE"})));
    assert!(claims.get("x").is_none());
}

#[tokio::test]
async fn sub_can_be_mapped_and_is_the_same_everywhere() {
    let app = app(&[("sub", "claims.legacy_id")]).await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "openid")];
    let answer = app.token(&login).await.succeeded();
    let (_, access) = verified_claims(&app, &answer.text("access_token")).await;
    let (_, id) = verified_claims(&app, &answer.text("id_token")).await;
    let introspected = app.introspect(&answer.text("access_token")).await;
    let userinfo = app.userinfo(&answer.text("access_token")).await.succeeded().json();
    for claims in [access, id, introspected, userinfo] {
        assert_eq!(claims["sub"], "4711");
    }
}

#[tokio::test]
async fn a_user_without_a_value_for_sub_gets_no_token_and_nobody_elses() {
    let app = app(&[("sub", "claims.none")]).await;
    app.login().await.failed(500, "server_error");
    app.change_client("app", |client| client.claim_map = map(&[("sub", "claims.level")])).await;
    app.login().await.failed(500, "server_error");
}

#[tokio::test]
async fn an_opaque_token_has_them_too_when_it_is_introspected() {
    let app = app(&[("role", "claims.roles")]).await;
    app.change_client("app", |client| client.access_token_format = AccessTokenFormat::Opaque).await;
    let answer = app.introspect(&login(&app).await).await;
    assert_eq!(answer["role"], json!(["admin", "auditor"]));
}

#[tokio::test]
async fn an_empty_scope_has_the_value_that_is_configured() {
    let app = TestApp::builder().variable("PASSGRANT_EMPTY_SCOPE", "none").start().await;
    app.register(passgrant::client::Client { default_scopes: scope(""), ..client("app") }).await;
    app.create_user("ann").await;
    let answer = app.login().await.succeeded();
    assert_eq!(answer.text("scope"), "none");
    let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
    assert_eq!(claims["scope"], Value::from("none"));
    assert_eq!(app.refresh(&answer.text("refresh_token")).await.succeeded().text("scope"), "none");
}
