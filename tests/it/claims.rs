//! Claim maps: the shapes that well-known products give their tokens, made only by configuration.

#![expect(clippy::expect_used, reason = "a test without its claim map has failed")]

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgrant::client::AccessTokenFormat;
use passgrant::client::claim_map::{ClaimMap, ClaimSource};
use passgrant::json::Value;
use passgrant::token::opaque::OpaqueToken;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::chain;
use crate::rig::client::{client, scope};
use crate::rig::delegate::{Behaviour, Delegate};
use crate::rig::jwt::verified_claims;
use crate::rig::log::Captured;
use crate::rig::request::introspection;
use crate::rig::user::{PASSWORD, username};

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
        user.claims = serde_json::from_value(claims).expect("an object");
    })
    .await;
    app
}

async fn login(app: &TestApp) -> String {
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "write read")];
    app.token(&login).await.succeeded().text("access_token")
}

#[tokio::test]
async fn a_claim_map_gives_the_shape_of_unique_name_internal_userid_token_usage_azp_and_role() {
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
async fn a_claim_map_gives_the_shape_of_scp_tid_st_amr_and_idp() {
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
async fn a_user_without_a_value_for_sub_gets_no_token_and_never_another_users() {
    let app = app(&[("sub", "claims.none")]).await;
    app.login().await.failed(500, "server_error");
    app.change_client("app", |client| client.claim_map = map(&[("sub", "claims.active_member")])).await;
    app.login().await.failed(500, "server_error");
}

#[tokio::test]
async fn a_number_as_sub_is_its_decimal_text_and_any_other_kind_is_refused_without_naming_the_user() {
    let (captured, _guard) = Captured::at(LevelFilter::TRACE);
    let app = app(&[("sub", "claims.cpr")]).await;
    let [longest, too_long] = [255, 256].map(|length| format!("\"{}\"", "x".repeat(length)));
    let kind = Err("sub is mapped from claims.cpr, which is neither text nor a whole number");
    let length = Err("sub is mapped from claims.cpr, which is not 1 to 255 bytes long");
    let missing = Err("sub is mapped from claims.cpr, which the user does not have");
    for (number, (cpr, sub)) in [
        (Some("12345678"), Ok("12345678")),
        (Some("\"0101701234\""), Ok("0101701234")),
        (Some("0"), Ok("0")),
        (Some("-7"), Ok("-7")),
        (Some("12345678901234567890123"), Ok("12345678901234567890123")),
        (Some(longest.as_str()), Ok(&longest[1..256])),
        (Some("-0"), kind),
        (Some("1.0"), kind),
        (Some("1e3"), kind),
        (Some("true"), kind),
        (Some("null"), kind),
        (Some("[1]"), kind),
        (Some("{}"), kind),
        (Some("\"\""), length),
        (Some(too_long.as_str()), length),
        (None, missing),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("user-of-the-sub-test-{number}");
        app.create_user_with(&name, |user| {
            user.claims = cpr.map(|cpr| ("cpr".to_owned(), Value::parse(cpr).expect(cpr))).into_iter().collect();
        })
        .await;
        let login = [("grant_type", "password"), ("username", name.as_str()), ("password", PASSWORD)];
        let answer = app.token(&login).await;
        match sub {
            Ok(sub) => {
                let (_, claims) = verified_claims(&app, &answer.succeeded().text("access_token")).await;
                assert_eq!(claims["sub"], sub, "{cpr:?}");
            }
            Err(reason) => {
                answer.failed(500, "server_error");
                let log = captured.text();
                assert!(log.lines().any(|line| line.contains(&format!("\"{reason}\""))), "{cpr:?}: {reason}\n{log}");
            }
        }
    }
    assert!(!captured.text().contains("user-of-the-sub-test"), "{}", captured.text());
}

/// Numbers that 64 bits cannot hold, or would write differently.
const NUMBERS: &str = r#"{"a":[-0,1.0,1.50,1e2,0.1000000000000000055511151231257827],"card":12345678901234567890123,"n":{"max":18446744073709551616}}"#;

/// The claims of a JWT as they are written.
fn payload(jwt: &str) -> String {
    let payload = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).expect("a payload")).expect("base64url");
    String::from_utf8(payload).expect("UTF-8")
}

fn body(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).expect("UTF-8")
}

#[track_caller]
fn assert_says(text: &str, claim: &str) {
    assert!(text.contains(&format!("\"{claim}\":{NUMBERS}")), "{claim} in {text}");
}

#[tokio::test]
async fn claims_and_constants_keep_their_digits_in_every_token_and_answer() {
    let constant = format!("literal:{NUMBERS}");
    let app = app(&[("mapped", "claims.numbers"), ("constant", &constant)]).await;
    app.change_client("app", |client| client.scopes = scope("openid address")).await;
    app.create_user_with("num", |user| {
        let numbers = Value::parse(NUMBERS).expect("an object");
        user.claims = ["numbers", "address"].map(|name| (name.to_owned(), numbers.clone())).into();
    })
    .await;
    for format in [AccessTokenFormat::Jwt, AccessTokenFormat::Opaque] {
        app.change_client("app", |client| client.access_token_format = format).await;
        let login =
            [("grant_type", "password"), ("username", "num"), ("password", PASSWORD), ("scope", "openid address")];
        let first = app.token(&login).await.succeeded();
        let refreshed = app.refresh(&first.text("refresh_token")).await.succeeded();
        for answer in [first, refreshed] {
            let access_token = answer.text("access_token");
            let introspected = body(&app.send(introspection(&access_token)).await.succeeded());
            for claim in ["mapped", "constant"] {
                if format == AccessTokenFormat::Jwt {
                    assert_says(&payload(&access_token), claim);
                }
                assert_says(&introspected, claim);
            }
            assert_says(&payload(&answer.text("id_token")), "address");
            assert_says(&body(&app.userinfo(&access_token).await.succeeded()), "address");
        }
    }
}

#[tokio::test]
async fn claims_of_a_delegated_verifier_keep_their_digits_in_a_login_a_session_and_an_import() {
    let delegate = Delegate::start().await;
    for (chain, name) in [("legacy", "stranger"), ("both", "pat"), ("moving", "imported")] {
        let app = chain::app_of(&delegate, chain).await;
        app.change_client("app", |client| client.claim_map = map(&[("mapped", "claims.numbers")])).await;
        let answer = format!(r#"{{"result":"yes","sub":"1001","claims":{{"numbers":{NUMBERS}}}}}"#);
        delegate.behave(Behaviour::Answer(200, answer.into_bytes()));
        let answer = chain::login(&app, name, "other").await.succeeded();
        assert_says(&payload(&answer.text("access_token")), "mapped");
        if name == "stranger" {
            continue;
        }
        let refreshed = app.refresh(&answer.text("refresh_token")).await.succeeded();
        assert_says(&payload(&refreshed.text("access_token")), "mapped");
        let stored = app.store.users.get(&username(name)).await.expect("a read").expect("a user");
        assert_eq!(stored.claims.contains_key("numbers"), name == "imported");
    }
}

/// Claims as an earlier version wrote them: every number as one of DynamoDB's, after it had been one of 64 bits.
fn written_before() -> HashMap<String, AttributeValue> {
    let number = |text: &str| AttributeValue::N(text.to_owned());
    let list = AttributeValue::L(vec![number("1.5"), number("-7"), AttributeValue::Null(true)]);
    let claims = [("card", number("12345678901234568000000")), ("scores", list), ("badge", number("4711"))];
    claims.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Writes an attribute, or a part of one, without the store.
async fn set(app: &TestApp, table: &str, key: (&str, &str), path: &str, value: AttributeValue) {
    let update = app.dynamodb().update_item().table_name(table).key(key.0, AttributeValue::S(key.1.to_owned()));
    let update = update.update_expression(format!("SET {path} = :value"));
    update.expression_attribute_values(":value", value).send().await.expect("a write");
}

#[tokio::test]
async fn claims_that_an_earlier_version_wrote_are_read() {
    const READ: &str = r#""badge":4711,"card":12345678901234568000000,"scores":[1.5,-7,null]"#;
    let app = app(&[("card", "claims.card"), ("scores", "claims.scores"), ("badge", "claims.badge")]).await;
    let tables = app.config.tables.clone();
    let before = || AttributeValue::M(written_before());

    app.create_user_with("bob", |user| user.claims.clear()).await;
    let login = [("grant_type", "password"), ("username", "bob"), ("password", PASSWORD)];
    let answer = app.token(&login).await.succeeded();
    let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
    let session = format!("s#{}", claims["sid"].as_str().expect("a session"));
    set(&app, &tables.tokens, ("id", &session), "asserted_claims", before()).await;
    let token = app.refresh(&answer.text("refresh_token")).await.succeeded().text("access_token");
    assert!(payload(&token).contains(READ), "of a session: {}", payload(&token));

    set(&app, &tables.users, ("username", "ann"), "claims", before()).await;
    let token = app.login().await.succeeded().text("access_token");
    assert!(payload(&token).contains(READ), "of a user: {}", payload(&token));

    app.change_client("app", |client| client.access_token_format = AccessTokenFormat::Opaque).await;
    let token = app.login().await.succeeded().text("access_token");
    let digest = OpaqueToken::parse(&token).expect("an opaque token").digest();
    let key = format!("a#{}", URL_SAFE_NO_PAD.encode(digest));
    for (name, value) in written_before() {
        set(&app, &tables.tokens, ("id", &key), &format!("claims.{name}"), value).await;
    }
    let introspected = body(&app.send(introspection(&token)).await.succeeded());
    for claim in [r#""badge":4711"#, r#""card":12345678901234568000000"#, r#""scores":[1.5,-7,null]"#] {
        assert!(introspected.contains(claim), "{claim} of an opaque token: {introspected}");
    }
}

#[tokio::test]
async fn introspection_of_an_opaque_token_has_the_mapped_claims_too() {
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
    assert_eq!(claims["scope"], "none");
    assert_eq!(app.refresh(&answer.text("refresh_token")).await.succeeded().text("scope"), "none");
}
