//! Every error answer, whole: status, headers and body.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Method};

use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client, public_client};
use crate::rig::request::{LOGIN, basic, request, token_request};
use crate::rig::user::PASSWORD;
use crate::rig::wire::{Fault, Matcher};

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [LOGIN.as_slice(), more].concat()
}

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    LOGIN.into_iter().filter(|(known, _)| *known != name).collect()
}

#[tokio::test]
async fn every_error_is_answered_as_rfc_6749_section_5_2_says() {
    let app = TestApp::start().await;
    let only_password = client("no-refresh");
    app.register(passgrant::client::Client { grants: vec![passgrant::client::Grant::Password], ..only_password }).await;

    let mut answers = Vec::new();
    for (name, parameters) in [
        ("missing grant_type", without("grant_type")),
        ("unknown grant", vec![("grant_type", "authorization_code"), ("code", "x")]),
        ("missing username", without("username")),
        ("missing password", without("password")),
        ("empty password", vec![("grant_type", "password"), ("username", "ann"), ("password", "")]),
        ("missing refresh_token", vec![("grant_type", "refresh_token")]),
        ("parameter given twice", with(&[("username", "ann")])),
        ("two client ids", with(&[("client_id", "other")])),
        ("two client authentication methods", with(&[("client_secret", SECRET)])),
        ("malformed scope", with(&[("scope", "read \"write\"")])),
        ("scope beyond the client's", with(&[("scope", "read root")])),
        ("relative resource", with(&[("resource", "/api")])),
        ("resource with a fragment", with(&[("resource", "https://api.example.com#x")])),
        ("resource that is not the client's", with(&[("resource", "https://other.example.com")])),
        ("chain that is not the client's", with(&[("auth_chain", "other")])),
        ("wrong password", vec![("grant_type", "password"), ("username", "ann"), ("password", "wrong")]),
        ("malformed refresh token", vec![("grant_type", "refresh_token"), ("refresh_token", "x")]),
    ] {
        answers.push((name, app.token(&parameters).await));
    }
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    answers.push(("grant not allowed", app.send(token_request(Some(("no-refresh", SECRET)), &refresh)).await));
    answers.push(("wrong client secret", app.send(token_request(Some(("app", "wrong")), &LOGIN)).await));
    answers.push(("no client authentication", app.send(token_request(None, &LOGIN)).await));
    let mut json = request(Method::POST, "/oauth2/token", "{}");
    json.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answers.push(("another media type", app.send(json).await));
    let mut latin_1 = token_request(None, &[]);
    let media_type = HeaderValue::from_static("application/x-www-form-urlencoded; charset=iso-8859-1");
    latin_1.headers_mut().insert(CONTENT_TYPE, media_type);
    *latin_1.body_mut() = Bytes::from_static(b"password=%e9");
    answers.push(("another charset", app.send(latin_1).await));
    let mut compressed = token_request(None, &LOGIN);
    compressed.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    answers.push(("compressed body", app.send(compressed).await));
    let mut escaped = token_request(None, &[]);
    *escaped.body_mut() = Bytes::from_static(b"grant_type=%zz");
    answers.push(("bad escape", app.send(escaped).await));
    let mut large = token_request(None, &[]);
    *large.body_mut() = Bytes::from(vec![b'a'; 16 * 1024 + 1]);
    answers.push(("body too large", app.send(large).await));
    answers.push(("unknown path", app.get("/oauth2/tokens").await));
    answers.push(("wrong method", app.get("/oauth2/token").await));
    answers.push(("wrong method for keys", app.send(request(Method::POST, "/oauth2/jwks", "")).await));

    app.dynamodb_wire.inject(Fault::ServerError, Matcher::any());
    answers.push(("DynamoDB down", app.login().await));

    let text: Vec<_> = answers.iter().map(|(name, answer)| format!("== {name}\n{}\n", answer.whole())).collect();
    insta::assert_snapshot!("errors", text.join("\n"));
}

#[tokio::test]
async fn an_inconsistent_item_is_a_server_error_that_reveals_nothing_internal() {
    let app = TestApp::start().await;
    app.create_user_with("bob", |user| {
        user.password_hash = Some(serde_json::from_str("\"$argon2id$damaged\"").expect("a string"));
    })
    .await;
    let answer = app.token(&[("grant_type", "password"), ("username", "bob"), ("password", PASSWORD)]).await;
    insta::assert_snapshot!("server_error", answer.failed(500, "server_error").whole());
}

#[tokio::test]
async fn a_success_is_answered_as_rfc_6749_section_5_1_says() {
    let app = TestApp::start().await;
    let mut answer = app.login().await.succeeded();
    let mut json = answer.json();
    let length = |name: &str| format!("({name}: {} characters)", answer.text(name).len().min(1));
    json["access_token"] = length("access_token").into();
    json["refresh_token"] = length("refresh_token").into();
    answer.body = json.to_string().into();
    insta::assert_snapshot!("success", answer.whole());
}

#[tokio::test]
async fn without_detailed_errors_no_answer_has_a_description() {
    let app = TestApp::builder().variable("PASSGRANT_DETAILED_ERRORS", "off").start().await;
    app.register(public_client("spa")).await;
    for answer in [
        app.send(token_request(Some(("spa", "x")), &LOGIN)).await,
        app.send(token_request(None, &LOGIN)).await,
        app.get("/nowhere").await,
    ] {
        let json = answer.json();
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(1), "{json}");
    }
}

#[tokio::test]
async fn with_the_password_grant_off_it_is_unsupported_and_sessions_go_on() {
    let app = TestApp::builder().variable("PASSGRANT_PASSWORD_GRANT", "off").start().await;
    app.register(client("app")).await;
    app.login().await.failed(400, "unsupported_grant_type");
    app.refresh("x").await.failed(400, "invalid_grant");
    let metadata = app.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["grant_types_supported"], serde_json::json!(["refresh_token"]));
}

#[tokio::test]
async fn no_answer_echoes_its_request() {
    let app = TestApp::start().await;
    let marker = "zq-marker-zq";
    for name in ["grant_type", "username", "password", "scope", "resource", "client_id", "refresh_token", marker] {
        for grant in ["password", "refresh_token"] {
            let mut parameters = vec![("username", "ann"), ("password", "x"), ("refresh_token", "x")];
            if name != "grant_type" {
                parameters.push(("grant_type", grant));
            }
            parameters.retain(|(known, _)| *known != name);
            parameters.push((name, marker));
            let answer = app.token(&parameters).await;
            assert!(!answer.whole().contains(marker), "{name}: {}", answer.whole());
        }
    }
    let mut odd = token_request(None, &LOGIN);
    odd.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(&basic(marker, marker)).expect("a header"));
    assert!(!app.send(odd).await.whole().contains(marker));
    assert!(!app.get(&format!("/{marker}")).await.whole().contains(marker));
}
