//! Client authentication (RFC 6749, section 2.3; RFC 7617).

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderValue, Request};
use passgrant::client::authentication::ClientAuthentication;
use passgrant::client::id::ClientId;
use passgrant::client::rules::RefusedClient;
use passgrant::client::{Capability, Client};
use passgrant::clock::Timestamp;
use passgrant::store::outcome::Changed;
use serde_json::Value;
use tracing::level_filters::LevelFilter;

use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, by_basic, client, public_client, secret};
use crate::rig::clock::START;
use crate::rig::log::Captured;
use crate::rig::request::{LOGIN, basic, token_request};

/// How a request authenticates its client.
#[derive(Clone, Copy, Debug)]
struct Presented<'a> {
    basic: Option<(&'a str, &'a str)>,
    client_id: Option<&'a str>,
    client_secret: Option<&'a str>,
}

async fn present(app: &TestApp, presented: Presented<'_>) -> String {
    let mut parameters = LOGIN.to_vec();
    parameters.extend(presented.client_id.map(|id| ("client_id", id)));
    parameters.extend(presented.client_secret.map(|secret| ("client_secret", secret)));
    let answer = app.send(token_request(presented.basic, &parameters)).await;
    if answer.status.is_success() { "ok".to_owned() } else { answer.error() }
}

#[tokio::test]
async fn only_the_registered_method_is_accepted_and_never_two_at_once() {
    let app = TestApp::start().await;
    app.register(Client { authentication: ClientAuthentication::SecretPost(secret(SECRET).into()), ..client("post") })
        .await;
    app.register(public_client("public")).await;
    app.register(Client { disabled: true, ..client("disabled") }).await;
    app.register(Client { disabled: true, ..public_client("disabled-public") }).await;

    let secret = Some(SECRET);
    #[rustfmt::skip]
    let table = [
        // Basic header,             client_id,            client_secret, outcome
        (Some(("app", SECRET)),      None,                 None,          "ok"),
        (Some(("app", SECRET)),      Some("app"),          None,          "ok"),
        (Some(("app", SECRET)),      Some("post"),         None,          "invalid_request"),
        (Some(("app", SECRET)),      Some("app"),          secret,        "invalid_request"),
        (Some(("app", SECRET)),      None,                 secret,        "invalid_request"),
        (Some(("app", SECRET)),      Some("app"),          Some(""),      "ok"),
        (Some(("app", "wrong")),     None,                 None,          "invalid_client"),
        (Some(("app", "")),          None,                 None,          "invalid_client"),
        (Some(("APP", SECRET)),      None,                 None,          "invalid_client"),
        (Some(("app", "CLIENT-SECRET-OF-THE-TESTS")), None, None,         "invalid_client"),
        (Some(("", "")),             None,                 None,          "invalid_client"),
        (Some(("unknown", SECRET)),  None,                 None,          "invalid_client"),
        (Some(("disabled", SECRET)), None,                 None,          "invalid_client"),
        (None,                       Some("app"),          secret,        "invalid_client"),
        (None,                       Some("app"),          None,          "invalid_client"),
        (None,                       Some("post"),         secret,        "ok"),
        (None,                       Some("post"),         Some("wrong"), "invalid_client"),
        (None,                       Some("post"),         None,          "invalid_client"),
        (Some(("post", SECRET)),     None,                 None,          "invalid_client"),
        (None,                       Some("public"),       None,          "ok"),
        (None,                       Some("public"),       secret,        "invalid_client"),
        (None,                       Some("public"),       Some(""),      "ok"),
        (Some(("public", "")),       None,                 None,          "ok"),
        (Some(("public", "")),       Some("public"),       None,          "ok"),
        (Some(("public", "")),       Some("app"),          None,          "invalid_request"),
        (Some(("public", "")),       None,                 secret,        "invalid_request"),
        (Some(("post", "")),         None,                 None,          "invalid_client"),
        (Some(("disabled-public", "")), None,              None,          "invalid_client"),
        (Some(("public", SECRET)),   None,                 None,          "invalid_client"),
        (None,                       Some("disabled-public"), None,       "invalid_client"),
        (None,                       Some("unknown"),      None,          "invalid_client"),
        (None,                       Some("b\u{e9}"),      None,          "invalid_client"),
        (None,                       None,                 secret,        "invalid_client"),
        (None,                       None,                 None,          "invalid_client"),
    ];
    for (basic, client_id, client_secret, expected) in table {
        let presented = Presented { basic, client_id, client_secret };
        assert_eq!(present(&app, presented).await, expected, "{presented:?}");
    }
}

#[tokio::test]
async fn every_failure_has_the_same_bytes() {
    let app = TestApp::start().await;
    app.register(public_client("public")).await;
    app.register(Client { disabled: true, ..client("disabled") }).await;
    let mut answers = Vec::new();
    for credentials in [("app", "wrong"), ("unknown", SECRET), ("disabled", SECRET), ("public", SECRET), ("", "")] {
        answers.push(app.send(token_request(Some(credentials), &LOGIN)).await.whole());
    }
    for client_id in ["app", "unknown"] {
        let parameters = [LOGIN.as_slice(), &[("client_id", client_id)]].concat();
        answers.push(app.send(token_request(None, &parameters)).await.whole());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert!(answers[0].starts_with("401"));
}

#[tokio::test]
async fn a_basic_header_is_read_in_any_case_with_credentials_that_are_form_encoded_or_raw() {
    let app = TestApp::start().await;
    let awkward = "p:a+b%zz 100%";
    app.register(Client { authentication: by_basic(vec![secret(awkward)]), ..client("my app:1") }).await;
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let header = basic(&encode("my app:1"), &encode(awkward));
    let raw = basic(&encode("my app:1"), awkward);
    for header in [header.clone(), header.replace("Basic", "bASIC"), header.replace('=', ""), raw] {
        let mut request = token_request(None, &LOGIN);
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(&header).expect("a header"));
        app.send(request).await.succeeded();
    }
}

#[tokio::test]
async fn a_header_that_is_not_basic_is_invalid_client_and_two_are_invalid_request() {
    let app = TestApp::start().await;
    for header in ["Bearer abc", "Basic", "Basic ???", "Basic YXBw"] {
        let mut request = token_request(None, &LOGIN);
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static(header));
        app.send(request).await.failed(401, "invalid_client");
    }
    let mut twice = token_request(Some(("app", SECRET)), &LOGIN);
    twice.headers_mut().append(AUTHORIZATION, HeaderValue::from_str(&basic("app", SECRET)).expect("a header"));
    app.send(twice).await.failed(400, "invalid_request");
}

#[tokio::test]
async fn a_header_of_another_scheme_is_refused_with_that_reason_whichever_client_sends_it() {
    let app = TestApp::start().await;
    app.register(public_client("spa")).await;
    let mut answers = Vec::new();
    for client_id in [None, Some("spa"), Some("app"), Some("unknown")] {
        for header in ["Bearer abc", "Bearer", "Digest username=spa", "", "BasicYXBwOg=="] {
            let parameters: Vec<_> = LOGIN.into_iter().chain(client_id.map(|id| ("client_id", id))).collect();
            let mut request = token_request(None, &parameters);
            request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static(header));
            let answer = app.send(request).await.failed(401, "invalid_client");
            assert!(answer.headers.contains_key(WWW_AUTHENTICATE), "RFC 6749, section 5.2");
            assert_eq!(answer.text("error_description"), "The scheme of the Authorization header is not Basic.");
            answers.push(answer.whole());
        }
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");

    let mut unreadable = token_request(None, &LOGIN);
    unreadable.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Basic ???"));
    let answer = app.send(unreadable).await.failed(401, "invalid_client");
    assert_eq!(answer.text("error_description"), "Client authentication failed.", "as for a wrong secret");
}

#[tokio::test]
async fn a_public_client_has_no_capability_even_if_it_was_stored_with_one() {
    let app = TestApp::start().await;
    app.register(public_client("spa")).await;
    let both = ["introspect", "revoke"].map(|name| AttributeValue::S(name.to_owned()));
    app.set_client_attribute("spa", "capabilities", AttributeValue::L(both.to_vec())).await;
    let tokens = app.login().await.succeeded();
    let ask = |path: &str, token: &str, by_basic: bool| {
        let credentials = by_basic.then_some(("spa", ""));
        let mut parameters = vec![("token", token)];
        parameters.extend((!by_basic).then_some(("client_id", "spa")));
        let mut request: Request<_> = token_request(credentials, &parameters);
        *request.uri_mut() = path.parse().expect("a path");
        request
    };
    for token in ["access_token", "refresh_token"].map(|name| tokens.text(name)) {
        for by_basic in [true, false] {
            app.send(ask("/oauth2/introspect", &token, by_basic)).await.failed(400, "unauthorized_client");
            app.send(ask("/oauth2/revoke", &token, by_basic)).await.succeeded();
        }
    }
    app.register_api().await;
    assert_eq!(app.introspect(&tokens.text("access_token")).await["active"], true, "it is not revoked");
    app.refresh(&tokens.text("refresh_token")).await.succeeded();

    let id = ClientId::parse("spa").expect("a client id");
    let read = app.store.clients.get_revision(&id).await.expect("a read").expect("a client");
    let enabled = read.client.update(app.now(), |_| Ok::<_, RefusedClient>(()));
    assert_eq!(enabled.expect_err("it breaks a rule"), RefusedClient::PublicCapability(Capability::Introspect));
    let disabled = read.client.disabled_at(app.now());
    assert_eq!(app.store.clients.replace(&read, &disabled).await.expect("a write"), Changed::Written);
    app.send(ask("/oauth2/revoke", "x", false)).await.failed(401, "invalid_client");
}

#[tokio::test]
async fn a_client_stored_before_a_rule_was_made_keeps_its_settings() {
    let app = TestApp::start().await;
    app.set_client_attribute("app", "refresh_idle_lifetime", AttributeValue::N("600".to_owned())).await;
    app.set_client_attribute("app", "access_token_lifetime", AttributeValue::N("3600".to_owned())).await;
    let first = app.login().await.succeeded();
    assert_eq!(first.json()["expires_in"], 3600);
    app.clock.advance(Duration::from_secs(599));
    let second = app.refresh(&first.text("refresh_token")).await.succeeded();
    app.clock.advance(Duration::from_mins(10));
    app.refresh(&second.text("refresh_token")).await.failed(400, "invalid_grant");
}

/// The lines of the log about wrong secrets: the client of each, and how many it had by then.
fn wrong_secrets(log: &str) -> Vec<(String, u64)> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
    let told = |line: Value| Some((line["client_id"].as_str()?.to_owned(), line["wrong_secrets"].as_u64()?));
    lines.filter(|line| line["level"] == "WARN").filter_map(told).collect()
}

#[tokio::test]
async fn wrong_secrets_are_counted_in_the_log_for_each_existing_client_and_for_nobody_else() {
    for cache in ["0s", "60s"] {
        let (captured, _guard) = Captured::at(LevelFilter::INFO);
        let app = TestApp::builder().variable("PASSGRANT_CLIENT_CACHE", cache).start().await;
        app.register(client("app")).await;
        app.register(public_client("public")).await;
        app.register(Client { disabled: true, ..client("disabled") }).await;
        let post = ClientAuthentication::SecretPost(secret(SECRET).into());
        app.register(Client { authentication: post, ..client("post") }).await;
        app.create_user("ann").await;
        #[rustfmt::skip]
        let table = [
            // Basic header,                            client_id,       client_secret
            (Some(("app", "wrong-of-the-test")),        None,            None),
            (Some(("app", SECRET)),                     None,            None),
            (None,                                      Some("post"),    Some("wrong-of-the-test")),
            (None,                                      Some("app"),     Some("wrong-of-the-test")),
            (Some(("disabled", "wrong-of-the-test")),   None,            None),
            (Some(("app", "")),                         None,            None),
            (None,                                      Some("app"),     None),
            (None,                                      Some("app"),     Some(SECRET)),
            (Some(("post", SECRET)),                    None,            None),
            (Some(("unknown", "wrong-of-the-test")),    None,            None),
            (None,                                      Some("unknown"), Some("wrong-of-the-test")),
            (Some(("public", "wrong-of-the-test")),     None,            None),
            (Some(("app", "wrong-of-the-test")),        None,            None),
        ];
        for (basic, client_id, client_secret) in table {
            present(&app, Presented { basic, client_id, client_secret }).await;
        }
        let counted = wrong_secrets(&captured.text());
        let expected = [("app", 1), ("post", 1), ("app", 2), ("disabled", 1), ("app", 3)];
        assert_eq!(counted, expected.map(|(id, count)| (id.to_owned(), count)), "cache of {cache}");
        for never in ["wrong-of-the-test", SECRET, "unknown\""] {
            assert!(!captured.text().contains(never), "{never} is in the log");
        }
    }
}

#[tokio::test]
async fn client_ids_and_secrets_are_case_sensitive() {
    let app = TestApp::start().await;
    for credentials in [("App", SECRET), ("app", &SECRET.to_uppercase())] {
        app.send(token_request(Some(credentials), &LOGIN)).await.failed(401, "invalid_client");
    }
}

#[tokio::test]
async fn two_secrets_are_valid_at_once_and_each_expires_at_its_own_time() {
    let app = TestApp::start().await;
    let mut old = secret("the-old-secret");
    old.not_after = Some(Timestamp::from_unix(START + 100));
    let authentication = by_basic(vec![secret("the-new-secret"), old]);
    app.register(Client { authentication, ..client("rotating") }).await;
    let accepts = async |secret| app.send(token_request(Some(("rotating", secret)), &LOGIN)).await.status.is_success();

    assert!(accepts("the-new-secret").await && accepts("the-old-secret").await);
    app.clock.advance(Duration::from_secs(99));
    assert!(accepts("the-old-secret").await, "until its end");
    app.clock.advance(Duration::from_secs(1));
    assert!(!accepts("the-old-secret").await, "not from its end on");
    assert!(accepts("the-new-secret").await);
}

#[tokio::test]
async fn a_cached_client_accepts_a_new_secret_at_once_and_is_disabled_within_the_documented_delay() {
    let app = TestApp::builder().variable("PASSGRANT_CLIENT_CACHE", "60s").start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    let login = async |secret| app.send(token_request(Some(("app", secret)), &LOGIN)).await.status.is_success();

    assert!(login(SECRET).await);
    let both = by_basic(vec![secret(SECRET), secret("the-new-secret")]);
    app.change_client("app", |client| client.authentication = both).await;
    assert!(login("the-new-secret").await, "a secret that the cached client lacks is looked up");
    app.change_client("app", |client| client.disabled = true).await;
    app.clock.advance(Duration::from_secs(59));
    assert!(login(SECRET).await, "the documented delay");
    app.clock.advance(Duration::from_secs(1));
    assert!(!login(SECRET).await);
}

#[tokio::test]
async fn a_clock_set_back_does_not_keep_a_client_in_memory() {
    let app = TestApp::builder().variable("PASSGRANT_CLIENT_CACHE", "60s").start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.login().await.succeeded();
    app.change_client("app", |client| client.disabled = true).await;
    app.clock.set_back(Duration::from_hours(1));
    app.login().await.failed(401, "invalid_client");
}
