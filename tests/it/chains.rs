//! Chains of credential verifiers: who is asked, in which order, and what their answers mean.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use http::Method;
use passgrant::chain::name::ChainName;
use passgrant::client::claim_map::ClaimMap;
use passgrant::client::id::Incarnation;
use passgrant::client::{AccessTokenFormat, Client};
use serde_json::{Value, json};

use crate::rig::chain::{SIGNING_SECRET, app_of, login, user, yes};
use crate::rig::client::{SECRET, client, scope};
use crate::rig::clock::START;
use crate::rig::delegate::{Behaviour, Call, Delegate};
use crate::rig::jwt::verified_claims;
use crate::rig::request::token_request;
use crate::rig::user::{PASSWORD, username};

/// The check as a receiver would write it, with another library.
fn is_signed(call: &Call, now: u64) -> bool {
    let header = call.headers["passgrant-signature"].to_str().expect("ASCII");
    let (time, signature) = header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("both parts");
    let fresh = time.parse::<u64>().expect("a number").abs_diff(now) <= 300;
    let signature: Vec<u8> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).expect("hexadecimal"))
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SIGNING_SECRET.as_bytes());
    let signed = [time.as_bytes(), b".", &call.body].concat();
    fresh && hmac::verify(&key, &signed, &signature).is_ok()
}

#[tokio::test]
async fn a_question_is_signed_and_holds_the_prepared_username_and_the_password_as_sent() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "both").await;
    delegate.behave(yes(&json!({})));
    let password = "pa\u{2003}\"e\u{301}\\ ";
    login(&app, "ZO\u{cb}", password).await.succeeded();
    login(&app, "ZO\u{cb}", password).await.succeeded();

    let calls = delegate.take_calls();
    let [first, second] = calls.as_slice() else { panic!("two questions: {calls:?}") };
    assert_eq!((&first.method, first.path.as_str()), (&Method::POST, "/verify?code=7"));
    assert_eq!(first.headers["content-type"], "application/json");
    let mut question = first.json();
    let nonce = question.as_object_mut().expect("an object").remove("nonce").expect("a nonce");
    assert_eq!(nonce.as_str().map(str::len), Some(22), "128 random bits");
    assert_eq!(question, json!({"username": "zo\u{eb}", "password": password, "client_id": "app"}));

    assert!(is_signed(first, START));
    assert!(!is_signed(first, START + 301), "a replay is too old");
    let mut tampered = first.clone();
    tampered.body = String::from_utf8(first.body.to_vec()).expect("UTF-8").replace("zo", "ZO").into();
    assert!(!is_signed(&tampered, START));
    assert_ne!(first.json()["nonce"], second.json()["nonce"]);
    assert_ne!(first.headers["passgrant-signature"], second.headers["passgrant-signature"]);
}

#[tokio::test]
async fn spaces_around_a_username_are_neither_asked_about_nor_imported() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "moving").await;
    delegate.behave(yes(&json!({})));
    login(&app, "  Zoe ", "her password").await.succeeded();
    assert_eq!(delegate.take_calls().iter().map(|call| call.json()["username"].clone()).collect::<Vec<_>>(), ["zoe"]);
    assert!(user(&app, "zoe").await.is_some_and(|user| user.username.as_str() == "zoe"));
    login(&app, "zoe", "her password").await.succeeded();
    assert!(delegate.take_calls().is_empty(), "the same user");
}

#[tokio::test]
async fn the_first_verifier_that_knows_the_user_decides() {
    let delegate = Delegate::start().await;
    #[rustfmt::skip]
    let table = [
        // chain,   user,               password, verifier says,  let in, asked
        ("both",    "ann",              PASSWORD, "no",           true,   0),
        ("both",    "ann",              "other",  "yes",          false,  0),
        ("both",    "off",              PASSWORD, "yes",          false,  0),
        ("both",    "off",              "other",  "yes",          false,  0),
        ("both",    "passwordless-off", "other",  "yes",          false,  0),
        ("both",    "pat",              "other",  "yes",          true,   1),
        ("both",    "pat",              "other",  "no",           false,  1),
        ("both",    "pat",              "other",  "unknown_user", false,  1),
        ("both",    "zoe",              "other",  "yes",          true,   1),
        ("both",    "zoe",              "other",  "no",           false,  1),
        ("both",    "zoe",              "other",  "unknown_user", false,  1),
        ("both",    "not a name",       "other",  "yes",          false,  0),
        ("both",    "zoe",              "nul\0",  "yes",          false,  0),
        ("legacy",  "ann",              PASSWORD, "no",           false,  1),
        ("legacy",  "ann",              "other",  "yes",          true,   1),
        ("legacy",  "ann",              PASSWORD, "unknown_user", false,  1),
        ("legacy",  "off",              "other",  "yes",          false,  0),
        ("reverse", "ann",              PASSWORD, "no",           false,  1),
        ("reverse", "ann",              PASSWORD, "unknown_user", true,   1),
        ("reverse", "ann",              "other",  "unknown_user", false,  1),
        ("reverse", "ann",              "other",  "yes",          true,   1),
        ("reverse", "zoe",              "other",  "unknown_user", false,  1),
        ("partner", "zoe",              "other",  "yes",          true,   1),
        ("partner", "zoe",              "other",  "no",           false,  1),
    ];
    let mut refusals = HashSet::new();
    for chain in ["both", "legacy", "reverse", "partner"] {
        let app = app_of(&delegate, chain).await;
        for (_, name, password, says, let_in, asked) in table.iter().filter(|row| row.0 == chain) {
            let said = if *says == "yes" { yes(&json!({})) } else { Behaviour::result(says) };
            delegate.behave(said);
            let answer = login(&app, name, password).await;
            let row = format!("{chain}: {name} {password:?}, {says}");
            assert_eq!(answer.status.as_u16(), if *let_in { 200 } else { 400 }, "{row}");
            assert_eq!(delegate.take_calls().len(), *asked, "{row}");
            if !let_in {
                refusals.insert(answer.failed(400, "invalid_grant").whole());
            }
        }
        assert_eq!(app.store.users.list().all().await.expect("a scan").len(), 4, "nobody was imported");
    }
    assert_eq!(refusals.len(), 1, "every refusal has the same bytes: {refusals:#?}");

    let app = app_of(&delegate, "partner").await;
    delegate.behave(Behaviour::result("unknown_user"));
    login(&app, "zoe", "other").await.failed(503, "temporarily_unavailable");
}

#[tokio::test]
async fn a_chain_is_chosen_by_the_request_then_the_client_then_the_server() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "both").await;
    let registered = |id, chains: &[&str]| {
        let chains = chains.iter().map(|name| ChainName::parse(name).expect("a name")).collect();
        app.register(Client { chains, ..client(id) })
    };
    registered("two", &["legacy", "directory"]).await;
    registered("stale", &["gone", "directory"]).await;
    delegate.behave(yes(&json!({})));
    #[rustfmt::skip]
    let table = [
        // client, auth_chain,        status, asked
        ("app",    None,              200,    1),
        ("app",    Some(""),          200,    1),
        ("app",    Some("both"),      200,    1),
        ("app",    Some("legacy"),    400,    0),
        ("app",    Some("directory"), 400,    0),
        ("app",    Some("unknown"),   400,    0),
        ("app",    Some("not a name"),400,    0),
        ("two",    None,              200,    1),
        ("two",    Some("legacy"),    200,    1),
        ("two",    Some("directory"), 400,    0),
        ("two",    Some("both"),      400,    0),
        ("two",    Some("moving"),    400,    0),
        ("stale",  Some("gone"),      400,    0),
        ("stale",  None,              500,    0),
    ];
    for (id, auth_chain, status, asked) in table {
        app.dynamodb_wire.take_exchanges();
        let mut parameters = vec![("grant_type", "password"), ("username", "zoe"), ("password", "other")];
        parameters.extend(auth_chain.map(|chain| ("auth_chain", chain)));
        let answer = app.send(token_request(Some((id, SECRET)), &parameters)).await;
        let row = format!("{id} {auth_chain:?}");
        assert_eq!(answer.status.as_u16(), status, "{row}");
        assert_eq!(delegate.take_calls().len(), asked, "{row}");
        let of_the_directory = (id, auth_chain) == ("two", Some("directory"));
        match status {
            400 if of_the_directory => drop(answer.failed(400, "invalid_grant")),
            400 => {
                let answer = answer.failed(400, "invalid_request");
                assert_eq!(answer.text("error_description"), "The auth_chain is unknown, or not one of the client's.");
            }
            _ => {}
        }
        if status != 200 && !of_the_directory {
            assert_eq!(app.dynamodb_wire.take_exchanges().len(), 1, "only the client was read, and no user: {row}");
        }
    }
}

#[tokio::test]
async fn an_unusable_answer_is_503_once_and_the_next_request_succeeds() {
    let delegate = Delegate::start().await;
    let elsewhere = Delegate::start().await;
    elsewhere.behave(yes(&json!({})));
    let app = app_of(&delegate, "both").await;
    let large = [br#"{"result":"yes","sub":"1","claims":{"x":""#.as_slice(), &[b'x'; 16 * 1024], br#""}}"#].concat();
    let of_json = |body: Value| Behaviour::json(&body);
    let ok = |body: &str| Behaviour::Answer(200, body.as_bytes().to_vec());
    let whole = |status| Behaviour::Answer(status, br#"{"result":"yes","sub":"1001"}"#.to_vec());
    for (what, behaviour) in [
        ("500", whole(500)),
        ("503", whole(503)),
        ("201", whole(201)),
        ("400", whole(400)),
        ("401", Behaviour::Answer(401, br#"{"result":"no"}"#.to_vec())),
        ("404", whole(404)),
        ("redirect", Behaviour::Redirect(elsewhere.endpoint())),
        ("reset", Behaviour::Reset),
        ("oversize", Behaviour::Answer(200, large)),
        ("empty", ok("")),
        ("garbage", ok("<html>yes</html>")),
        ("no object", ok("\"yes\"")),
        ("another result", Behaviour::result("maybe")),
        ("no result", of_json(json!({"sub": "1001"}))),
        ("sub of a wrong type", of_json(json!({"result": "yes", "sub": 1001}))),
        ("claims of a wrong type", of_json(json!({"result": "yes", "sub": "1001", "claims": ["a"]}))),
        ("claims that cannot be stored", of_json(json!({"result": "yes", "sub": "1001", "claims": {"x": 1e300}}))),
    ] {
        delegate.behave(behaviour);
        let answer = login(&app, "zoe", "other").await;
        assert_eq!(answer.status.as_u16(), 503, "{what}");
        assert!(answer.headers.contains_key("retry-after"), "{what}");
        answer.failed(503, "temporarily_unavailable");
        assert_eq!(delegate.take_calls().len(), 1, "asked once: {what}");
        delegate.behave(yes(&json!({})));
        login(&app, "zoe", "other").await.succeeded();
        delegate.take_calls();
    }
    assert!(elsewhere.take_calls().is_empty(), "no password followed a redirect");

    delegate.behave(Behaviour::Hang);
    let started = Instant::now();
    login(&app, "zoe", "other").await.failed(503, "temporarily_unavailable");
    assert!(started.elapsed() < Duration::from_secs(8), "far below the gateway's limit");
    assert_eq!(delegate.take_calls().len(), 1);

    drop(delegate);
    login(&app, "zoe", "other").await.failed(503, "temporarily_unavailable");
    login(&app, "ann", PASSWORD).await.succeeded();
    login(&app, "ann", "wrong").await.failed(400, "invalid_grant");
}

#[tokio::test]
async fn a_user_known_only_to_the_verifier_has_the_verifiers_subject_and_no_session() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "both").await;
    delegate.behave(yes(&json!({"email": "zoe@example.com"})));
    let answer = login(&app, "zoe", "other").await.succeeded();
    assert!(answer.json().get("refresh_token").is_none());
    let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
    assert_eq!((&claims["sub"], claims.get("sid")), (&json!("legacy:1001"), None));
    assert!(user(&app, "zoe").await.is_none());

    let openid = |client: &mut Client| (client.scopes, client.default_scopes) = (scope("openid"), scope("openid"));
    app.change_client("app", openid).await;
    let answer = login(&app, "zoe", "other").await.succeeded();
    assert!(answer.json().get("refresh_token").is_none() && answer.json().get("id_token").is_some());
    let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
    assert!(claims.get("sid").is_none(), "no session for userinfo either");

    let long = "x".repeat(256);
    for sub in [json!(null), json!(""), json!("a b"), json!(long)] {
        delegate.behave(Behaviour::json(&json!({"result": "yes", "sub": sub})));
        login(&app, "zoe", "other").await.failed(500, "server_error");
    }
    delegate.behave(Behaviour::result("yes"));
    login(&app, "pat", "other").await.succeeded();
}

#[tokio::test]
async fn a_token_without_a_session_ends_with_its_client() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "both").await;
    app.register_api().await;
    for format in AccessTokenFormat::ALL {
        app.change_client("app", |client| client.access_token_format = format).await;
        delegate.behave(yes(&json!({})));
        let token = login(&app, "zoe", "other").await.succeeded().text("access_token");
        assert_eq!(app.introspect(&token).await["active"], true, "{format}");
        let before = app.store.clients.get(&client("app").id).await.expect("a read").expect("a client");
        app.store.clients.delete(&before.id).await.expect("a write");
        assert_eq!(app.introspect(&token).await, json!({"active": false}), "deleted, {format}");
        app.clock.advance(Duration::from_secs(1));
        let incarnation = Some(Incarnation::generate(&app.random).expect("randomness"));
        app.register(Client { incarnation, created_at: app.now(), ..before }).await;
        assert_eq!(app.introspect(&token).await, json!({"active": false}), "registered again, {format}");
    }
}

#[tokio::test]
async fn a_user_of_the_table_without_a_password_keeps_subject_and_session() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "both").await;
    let map = ["email", "role"].map(|name| (name.to_owned(), format!("claims.{name}").parse().expect("a source")));
    app.change_client("app", |client| client.claim_map = ClaimMap::new(map).expect("a claim map")).await;
    app.create_user_with("tab", |user| {
        user.password_hash = None;
        user.claims.insert("role".to_owned(), "reader".into());
    })
    .await;
    delegate.behave(yes(&json!({"email": "tab@example.com", "role": "admin"})));
    let first = login(&app, "tab", "other").await.succeeded();
    let second = app.refresh(&first.text("refresh_token")).await.succeeded();
    for answer in [first, second] {
        let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
        assert_eq!((&claims["email"], &claims["role"]), (&json!("tab@example.com"), &json!("reader")));
    }

    delegate.behave(yes(&json!({"email": "pat@example.com"})));
    let before = user(&app, "pat").await.expect("a user");
    let answer = login(&app, "pat", "other").await.succeeded();
    let (_, claims) = verified_claims(&app, &answer.text("access_token")).await;
    assert_eq!(claims["sub"], before.subject.as_str());

    let refreshed = app.refresh(&answer.text("refresh_token")).await.succeeded();
    let after = user(&app, "pat").await.expect("a user");
    assert!(after.password_hash.is_none() && after.claims.is_empty(), "nothing was written");
    app.store.users.disable(&username("pat"), app.now()).await.expect("a write");
    app.refresh(&refreshed.text("refresh_token")).await.failed(400, "invalid_grant");
}
