//! The password grant (RFC 6749, section 4.3).

use passgrant::client::{Client, Grant};
use serde_json::json;

use crate::rig::app::{ISSUER, TestApp};
use crate::rig::client::{AUDIENCE, SECRET, client, scope};
use crate::rig::clock::START;
use crate::rig::jwt::verified_claims;
use crate::rig::request::token_request;
use crate::rig::user::{PASSWORD, username};

#[tokio::test]
async fn a_login_gives_an_access_token_as_rfc_9068_defines_it() {
    let app = TestApp::start().await;
    let answer = app.login().await.succeeded();
    let (header, claims) = verified_claims(&app, &answer.text("access_token")).await;
    let user = app.store.users.get(&username("ann")).await.expect("a read").expect("a user");

    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["alg"], "RS256");
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["sub"], user.subject.as_str());
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims["client_id"], "app");
    assert_eq!(claims["azp"], "app");
    assert_eq!(claims["scope"], "read");
    assert_eq!((&claims["iat"], &claims["nbf"], &claims["auth_time"]), (&json!(START), &json!(START), &json!(START)));
    assert_eq!(claims["exp"], json!(START + 3600));
    assert_eq!(claims["jti"].as_str().map(str::len), Some(22), "128 random bits");
    assert_eq!(claims["sid"].as_str().map(str::len), Some(43), "a digest");
    assert_eq!(claims.as_object().map(serde_json::Map::len), Some(12), "{claims}");
}

#[tokio::test]
async fn the_scope_is_always_stated_in_the_order_it_was_asked_for() {
    let app = TestApp::start().await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    for (asked, stated) in [("write read", "write read"), ("admin", "admin"), ("read read", "read"), ("", "read")] {
        let answer = app.token(&[login.as_slice(), &[("scope", asked)]].concat()).await.succeeded();
        assert_eq!(answer.text("scope"), stated);
    }
}

#[tokio::test]
async fn extra_spaces_in_a_scope_are_ignored_and_every_other_malformed_scope_is_refused() {
    let app = TestApp::start().await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    for asked in [" write read", "write read ", "write  read", "   write   read   write "] {
        let answer = app.token(&[login.as_slice(), &[("scope", asked)]].concat()).await.succeeded();
        assert_eq!(answer.text("scope"), "write read", "{asked:?}");
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*answer.text("refresh_token"))];
        let answer = app.token(&[refresh.as_slice(), &[("scope", "  read  ")]].concat()).await.succeeded();
        assert_eq!(answer.text("scope"), "read", "{asked:?}");
    }
    for asked in
        [" ", "    ", "read\twrite", "read\u{a0}write", "read\nwrite", "read \"write\"", "read,write", "read\u{3000}"]
    {
        app.token(&[login.as_slice(), &[("scope", asked)]].concat()).await.failed(400, "invalid_scope");
    }
}

#[tokio::test]
async fn without_a_scope_the_clients_default_applies_or_else_the_servers() {
    let app = TestApp::builder().variable("PASSGRANT_DEFAULT_SCOPE", "write unknown").start().await;
    app.register(Client { default_scopes: scope(""), ..client("app") }).await;
    app.create_user("ann").await;
    assert_eq!(app.login().await.succeeded().text("scope"), "write", "the server's, cut to the client's");
}

#[tokio::test]
async fn a_users_allowed_scopes_cut_a_default_and_refuse_what_is_asked_for() {
    let app = TestApp::start().await;
    app.change_client("app", |client| client.default_scopes = scope("read write")).await;
    app.create_user_with("bob", |user| user.allowed_scopes = Some(scope("write"))).await;
    let login = [("grant_type", "password"), ("username", "bob"), ("password", PASSWORD)];
    assert_eq!(app.token(&login).await.succeeded().text("scope"), "write");
    app.token(&[login.as_slice(), &[("scope", "read")]].concat()).await.failed(400, "invalid_scope");
}

#[tokio::test]
async fn aud_holds_every_configured_audience_or_only_the_resources_that_were_named() {
    let app = TestApp::start().await;
    let audience = |uri| passgrant::audience::Audience::parse(uri).expect("an audience");
    app.change_client("app", |client| client.audiences.push(audience("urn:other"))).await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    for (resources, aud) in [
        (vec![], json!([AUDIENCE, "urn:other"])),
        (vec![("resource", "urn:other")], json!("urn:other")),
        (vec![("resource", "urn:other"), ("resource", AUDIENCE)], json!(["urn:other", AUDIENCE])),
        (vec![("resource", "urn:other"), ("resource", "urn:other")], json!("urn:other")),
    ] {
        let answer = app.token(&[login.as_slice(), &resources].concat()).await.succeeded();
        let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
        assert_eq!(claims["aud"], aud);
    }
    app.change_client("app", |client| client.audiences.clear()).await;
    let (_, claims) = verified_claims(&app, &app.login().await.succeeded().text("access_token")).await;
    assert_eq!(claims["aud"], ISSUER, "without an audience, the issuer itself");
}

#[tokio::test]
async fn an_audience_is_named_with_or_without_the_slash_of_an_empty_path_and_stated_as_registered() {
    let app = TestApp::start().await;
    let audience = |uri| passgrant::audience::Audience::parse(uri).expect("an audience");
    let registered = ["https://api.example.com/", "https://other.example.com", "https://q.example.com?x"];
    app.change_client("app", |client| client.audiences = registered.map(audience).to_vec()).await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    for (resource, aud) in [
        ("https://api.example.com", registered[0]),
        ("https://api.example.com/", registered[0]),
        ("https://other.example.com/", registered[1]),
        ("https://q.example.com/?x", registered[2]),
    ] {
        let answer = app.token(&[login.as_slice(), &[("resource", resource)]].concat()).await.succeeded();
        let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
        assert_eq!(claims["aud"], aud, "{resource}");
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*answer.text("refresh_token"))];
        let answer = app.token(&[refresh.as_slice(), &[("resource", resource)]].concat()).await.succeeded();
        let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
        assert_eq!(claims["aud"], aud, "{resource}, of a refresh");
    }
    let both = [("resource", "https://other.example.com/"), ("resource", "https://other.example.com")];
    let answer = app.token(&[login.as_slice(), &both].concat()).await.succeeded();
    assert_eq!(verified_claims(&app, &answer.text("access_token")).await.1["aud"], registered[1], "one, named twice");
    for resource in
        ["https://API.example.com", "https://api.example.com//", "https://api.example.com:443", "api.example.com"]
    {
        let answer = app.token(&[login.as_slice(), &[("resource", resource)]].concat()).await;
        answer.failed(400, "invalid_target");
    }
}

#[tokio::test]
async fn a_client_without_the_refresh_grant_gets_no_refresh_token_but_still_a_session() {
    let app = TestApp::start().await;
    app.change_client("app", |client| client.grants = vec![Grant::Password]).await;
    let answer = app.login().await.succeeded();
    assert!(answer.json().get("refresh_token").is_none());
    let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
    assert!(claims["sid"].is_string(), "so that the token ends with its user");
}

#[tokio::test]
async fn every_refused_login_is_answered_with_the_same_bytes() {
    let app = TestApp::start().await;
    app.create_user_with("disabled", |user| user.disabled = true).await;
    app.create_user_with("passwordless", |user| user.password_hash = None).await;
    let long = "x".repeat(1025);
    let long_name = "x".repeat(513);
    let mut answers = Vec::new();
    for (username, password) in [
        ("ann", "wrong"),
        ("ann", long.as_str()),
        ("ann", "nul\0"),
        ("unknown", PASSWORD),
        ("disabled", PASSWORD),
        ("disabled", "wrong"),
        ("passwordless", PASSWORD),
        ("not a name", PASSWORD),
        (long_name.as_str(), PASSWORD),
    ] {
        let login = [("grant_type", "password"), ("username", username), ("password", password)];
        answers.push(app.token(&login).await.failed(400, "invalid_grant").whole());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn usernames_and_passwords_are_prepared_as_rfc_8265_says() {
    let app = TestApp::start().await;
    let password = passgrant::password::Password::prepare("pass\u{2003}w\u{f6}rd").expect("a password");
    let hash = app.config.argon2.hash(&password, &app.random).expect("randomness");
    app.create_user_with("j\u{fc}rgen", |user| user.password_hash = Some(hash)).await;
    for (username, password, accepted) in [
        ("j\u{fc}rgen", "pass w\u{f6}rd", true),
        ("J\u{dc}RGEN", "pass\u{a0}wo\u{308}rd", true),
        ("ju\u{308}rgen", "pass w\u{f6}rd", true),
        ("j\u{fc}rgen", "Pass w\u{f6}rd", false),
        ("j\u{fc}rgen", "pass w\u{f6}rd ", false),
        ("jurgen", "pass w\u{f6}rd", false),
    ] {
        let login = [("grant_type", "password"), ("username", username), ("password", password)];
        let answer = app.token(&login).await;
        assert_eq!(answer.status.is_success(), accepted, "{username:?} {password:?}");
    }
}

#[tokio::test]
async fn spaces_around_a_username_are_not_part_of_it() {
    let app = TestApp::start().await;
    for (username, accepted) in [
        ("ann ", true),
        (" ann", true),
        ("   Ann   ", true),
        ("an n", false),
        ("ann\u{a0}", false),
        ("ann\t", false),
        ("ann\n", false),
        (" ", false),
    ] {
        let login = [("grant_type", "password"), ("username", username), ("password", PASSWORD)];
        let answer = app.token(&login).await;
        assert_eq!(answer.status.is_success(), accepted, "{username:?}");
        if !accepted {
            answer.failed(400, "invalid_grant");
        }
    }
    for password in [" correct horse battery staple", "correct horse battery staple "] {
        let login = [("grant_type", "password"), ("username", "ann"), ("password", password)];
        app.token(&login).await.failed(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_username_with_spaces_around_it_shares_the_attempts_of_the_same_username() {
    let app = TestApp::builder().variable("PASSGRANT_ATTEMPTS_LIMIT", "3").start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    for (username, password) in [("ann", "wrong 1"), (" ann", "wrong 2"), ("ann  ", "wrong 3")] {
        let login = [("grant_type", "password"), ("username", username), ("password", password)];
        app.token(&login).await.failed(400, "invalid_grant");
    }
    for username in ["ann", " ann "] {
        let login = [("grant_type", "password"), ("username", username), ("password", PASSWORD)];
        let locked = app.token(&login).await.failed(400, "invalid_grant");
        assert!(locked.headers.contains_key("retry-after"), "{username:?}");
    }
}

#[tokio::test]
async fn credentials_in_the_query_are_never_honoured() {
    let app = TestApp::start().await;
    let mut request = token_request(Some(("app", SECRET)), &[("grant_type", "password"), ("username", "ann")]);
    let query = format!("/oauth2/token?password={}", PASSWORD.replace(' ', "+"));
    *request.uri_mut() = query.parse().expect("a path");
    app.send(request).await.failed(400, "invalid_request");
}

#[tokio::test]
async fn unknown_parameters_are_ignored() {
    let app = TestApp::start().await;
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("foo", "bar"), ("foo2", "")];
    app.token(&login).await.succeeded();
}
