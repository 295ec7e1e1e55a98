//! Client authentication by assertions, `private_key_jwt` (RFC 7523; OpenID Connect Core, section 9). The tests sign
//! with aws-lc-rs, the service verifies with ring.

use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgrant::client::Client;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::rig::app::{ISSUER, TestApp};
use crate::rig::assertion::{
    TYPE, app, app_with, claims, claims_with, encoded, good, keyed_client, login, login_with, signed,
};
use crate::rig::client::{SECRET, client};
use crate::rig::clock::START;
use crate::rig::key_pair::{ED25519, P256, P384, P521, Pair, RSA, STRANGER};
use crate::rig::log::Captured;
use crate::rig::request::{LOGIN, token_request};
use crate::rig::wire::{Fault, Matcher};

#[tokio::test]
async fn every_algorithm_authenticates_with_and_without_a_kid() {
    let keys = [RSA.jwk(Some("rsa")), P256.jwk(Some("p256")), P384.jwk(Some("p384")), ED25519.jwk(Some("ed"))];
    let app = app_with(&keys).await;
    let pairs: [(&Pair, &str, &[&str]); 4] = [
        (&RSA, "rsa", &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        (&P256, "p256", &["ES256"]),
        (&P384, "p384", &["ES384"]),
        (&ED25519, "ed", &["EdDSA"]),
    ];
    for (pair, kid, algorithms) in pairs {
        for algorithm in algorithms {
            for (header, with_client_id) in [
                (json!({ "alg": algorithm, "kid": kid }), false),
                (json!({ "alg": algorithm, "typ": "JWT" }), true),
                (json!({ "alg": algorithm, "typ": "client-authentication+jwt" }), false),
            ] {
                let assertion = signed(pair, &header, &claims(&header.to_string()));
                let more: &[(&str, &str)] = if with_client_id { &[("client_id", "app")] } else { &[] };
                login_with(&app, &assertion, more).await.succeeded();
            }
        }
    }
}

#[tokio::test]
async fn a_claim_that_is_wrong_or_missing_is_invalid_client() {
    let app = app().await;
    let endpoint = format!("{ISSUER}/oauth2/token");
    #[rustfmt::skip]
    let table = [
        ("aud", json!(endpoint), true),
        ("aud", json!(["https://other", ISSUER]), true),
        ("aud", json!([endpoint]), true),
        ("aud", json!("https://other"), false),
        ("aud", json!(format!("{ISSUER}/")), false),
        ("aud", json!(format!("{endpoint}/")), false),
        ("aud", json!([]), false),
        ("aud", json!({}), false),
        ("aud", Value::Null, false),
        ("iss", json!("other"), false),
        ("iss", Value::Null, false),
        ("sub", json!("other"), false),
        ("sub", json!(["app"]), false),
        ("sub", Value::Null, false),
        ("exp", json!(START - 59), false), // before its iat
        ("exp", json!(START + 360), true),
        ("exp", json!(START + 361), false),
        ("exp", json!(u64::MAX), false),
        ("exp", json!(-1), false),
        ("exp", json!("soon"), false),
        ("exp", Value::Null, false),
        ("nbf", json!(START + 60), true),
        ("nbf", json!(START + 61), false),
        ("nbf", json!("now"), false),
        ("nbf", json!(0), true),
        ("iat", json!(START + 60), true),
        ("iat", json!(START + 61), false),
        ("iat", Value::Null, true),
        ("jti", json!(""), false),
        ("jti", json!("j".repeat(256)), true),
        ("jti", json!("j".repeat(257)), false),
        ("jti", json!(7), false),
        ("jti", Value::Null, false),
        ("more", json!({ "is": "ignored" }), true),
    ];
    for (at, (name, value, accepted)) in table.into_iter().enumerate() {
        let claims = claims_with(&at.to_string(), name, value.clone());
        let answer = login(&app, &signed(&ED25519, &json!({ "alg": "EdDSA" }), &claims)).await;
        assert_eq!(answer.status.is_success(), accepted, "{name}: {value} {:?}", answer.body);
        if !accepted {
            assert_eq!(answer.error(), "invalid_client", "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn an_assertion_may_be_meant_for_the_token_endpoint_of_mutual_tls_where_there_is_one() {
    let endpoint = json!("https://mtls.example.com/oauth2/token");
    let meant = |id: &str| signed(&ED25519, &json!({ "alg": "EdDSA" }), &claims_with(id, "aud", endpoint.clone()));
    let without = app().await;
    login(&without, &meant("1")).await.failed(401, "invalid_client");
    let with = TestApp::builder().variable("PASSGRANT_MTLS_URL", "https://mtls.example.com").start().await;
    with.register(keyed_client("app", &[ED25519.jwk(None)])).await;
    with.create_user("ann").await;
    login(&with, &meant("1")).await.succeeded();
    for other in ["https://mtls.example.com", "https://mtls.example.com/oauth2/introspect"] {
        let assertion = signed(&ED25519, &json!({ "alg": "EdDSA" }), &claims_with("2", "aud", json!(other)));
        login(&with, &assertion).await.failed(401, "invalid_client");
    }
}

#[tokio::test]
async fn an_assertion_is_valid_until_a_minute_after_its_expiry() {
    let app = app().await;
    let without_iat = |id: &str| signed(&ED25519, &json!({ "alg": "EdDSA" }), &claims_with(id, "iat", Value::Null));
    app.clock.advance(Duration::from_secs(60 + 59));
    login(&app, &without_iat("1")).await.succeeded();
    app.clock.advance(Duration::from_secs(1));
    login(&app, &without_iat("2")).await.failed(401, "invalid_client");
}

#[tokio::test]
async fn a_header_that_is_wrong_is_invalid_client() {
    let app = app_with(&[ED25519.jwk(Some("ed")), RSA.jwk(Some("rsa")), P256.jwk(Some("p256"))]).await;
    let by = |pair: &Pair, header: Value| signed(pair, &header, &claims("1"));
    for (assertion, why) in [
        (by(&ED25519, json!({ "alg": "EdDSA", "kid": "rsa" })), "another key's name"),
        (by(&ED25519, json!({ "alg": "EdDSA", "kid": "unknown" })), "an unknown name"),
        (by(&ED25519, json!({ "alg": "EdDSA", "kid": 1 })), "a name that is not text"),
        (by(&ED25519, json!({ "alg": "EdDSA", "crit": ["exp"] })), "a critical extension"),
        (by(&ED25519, json!({ "alg": "EdDSA", "crit": null })), "a critical null"),
        (by(&ED25519, json!({ "alg": "EdDSA", "typ": "at+jwt" })), "another kind of token"),
        (by(&ED25519, json!({ "alg": "eddsa" })), "a name in another case"),
        (by(&ED25519, json!({ "alg": "RS256" })), "another key's algorithm"),
        (by(&ED25519, json!({})), "no algorithm"),
        (by(&P256, json!({ "alg": "ES384" })), "another curve's algorithm"),
        (by(&P256, json!({ "alg": "ES512" })), "an algorithm that is not verified"),
        (by(&P521, json!({ "alg": "ES512" })), "a curve that is not verified"),
        (by(&RSA, json!({ "alg": "RS256", "kid": "p256" })), "another kind's name"),
        (by(&STRANGER, json!({ "alg": "EdDSA" })), "a stranger's key"),
        (by(&STRANGER, json!({ "alg": "EdDSA", "kid": "ed" })), "a stranger's key under a known name"),
        (by(&STRANGER, json!({ "alg": "EdDSA", "jwk": STRANGER.jwk(None) })), "a key that came with the assertion"),
    ] {
        login(&app, &assertion).await.failed(401, "invalid_client");
        assert_eq!(login(&app, &assertion).await.error(), "invalid_client", "{why}");
    }
    login(&app, &by(&ED25519, json!({ "alg": "EdDSA", "kid": "ed" }))).await.succeeded();
}

#[tokio::test]
async fn no_confusion_of_algorithms_lets_anybody_in() {
    let app = app_with(&[RSA.jwk(None), P256.jwk(None), ED25519.jwk(None)]).await;
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let signed = format!("{}.{}", encoded(&json!({ "alg": algorithm })), encoded(&claims("1")));
        for signature in ["", "AA", &"A".repeat(86)] {
            login(&app, &format!("{signed}.{signature}")).await.failed(401, "invalid_client");
        }
    }
    // What is public is used as a secret: the classic confusion (RFC 8725, section 2.1).
    for pair in [&*RSA, &*P256, &*ED25519] {
        let jwk = pair.jwk(None);
        let member = jwk["n"].as_str().or(jwk["x"].as_str()).expect("a number").to_owned();
        for secret in [pair.public(), jwk.to_string().into_bytes(), member.into_bytes()] {
            for (name, algorithm) in
                [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
            {
                let signed = format!("{}.{}", encoded(&json!({ "alg": name })), encoded(&claims("1")));
                let mac = hmac::sign(&hmac::Key::new(algorithm, &secret), signed.as_bytes());
                let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac));
                login(&app, &assertion).await.failed(401, "invalid_client");
            }
        }
    }
    login(&app, &good("1")).await.succeeded();
}

#[tokio::test]
async fn of_several_keys_without_names_each_is_tried() {
    let others: Vec<Pair> = (0..9).map(|_| Pair::Ed25519(Ed25519KeyPair::generate().expect("a key"))).collect();
    let keys: Vec<_> = others.iter().chain([&*ED25519]).map(|pair| pair.jwk(None)).collect();
    let app = app_with(&keys).await;
    login(&app, &good("1")).await.succeeded();
    login(&app, &signed(&others[0], &json!({ "alg": "EdDSA", "kid": "any" }), &claims("2"))).await.succeeded();
    login(&app, &signed(&STRANGER, &json!({ "alg": "EdDSA" }), &claims("3"))).await.failed(401, "invalid_client");
}

#[tokio::test]
async fn two_methods_are_invalid_request_and_one_that_is_not_registered_is_invalid_client() {
    let app = app().await;
    app.register(client("secret")).await;
    let assertion = good("1");
    let parameters = [LOGIN.as_slice(), &[TYPE, ("client_assertion", &assertion)]].concat();
    app.send(token_request(Some(("app", SECRET)), &parameters)).await.failed(400, "invalid_request");
    app.send(token_request(Some(("secret", SECRET)), &parameters)).await.failed(400, "invalid_request");
    login_with(&app, &assertion, &[("client_id", "app"), ("client_secret", SECRET)])
        .await
        .failed(400, "invalid_request");
    let halves = [TYPE, ("client_assertion", &assertion)];
    for half in halves {
        let parameters = [LOGIN.as_slice(), &[half]].concat();
        app.send(token_request(Some(("secret", SECRET)), &parameters)).await.failed(400, "invalid_request");
        app.send(token_request(None, &parameters)).await.failed(401, "invalid_client");
    }

    login_with(&app, &assertion, &[("client_id", "secret")]).await.failed(401, "invalid_client");
    app.send(token_request(Some(("app", SECRET)), &LOGIN)).await.failed(401, "invalid_client");
    app.send(token_request(Some(("app", "")), &LOGIN)).await.failed(401, "invalid_client");
    for more in [vec![("client_id", "app")], vec![("client_id", "app"), ("client_secret", SECRET)]] {
        let parameters = [LOGIN.as_slice(), &more].concat();
        app.send(token_request(None, &parameters)).await.failed(401, "invalid_client");
    }
    login_with(&app, &assertion, &[("client_id", "app")]).await.succeeded();
}

#[tokio::test]
async fn every_failure_has_the_same_bytes() {
    let app = app().await;
    app.register(client("secret")).await;
    app.register(Client { disabled: true, ..keyed_client("disabled", &[ED25519.jwk(None)]) }).await;
    let of = |id: &str| {
        let mut claims = claims("1");
        (claims["iss"], claims["sub"]) = (json!(id), json!(id));
        signed(&ED25519, &json!({ "alg": "EdDSA" }), &claims)
    };
    let forged = signed(&STRANGER, &json!({ "alg": "EdDSA" }), &claims("1"));
    let mut answers = vec![app.send(token_request(Some(("secret", "wrong")), &LOGIN)).await.whole()];
    for assertion in [of("unknown"), of("secret"), of("disabled"), of("b\u{e9}"), of(""), forged, "x".to_owned()] {
        answers.push(login(&app, &assertion).await.whole());
    }
    login(&app, &good("1")).await.succeeded();
    answers.push(login(&app, &good("1")).await.whole());
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn a_malformed_assertion_is_refused_before_anything_is_looked_up() {
    let app = app().await;
    app.dynamodb_wire.take_exchanges();
    let long = signed(&ED25519, &json!({ "alg": "EdDSA" }), &claims_with("1", "more", json!("x".repeat(8192))));
    let json_form = json!({ "payload": "e30", "signatures": [] }).to_string();
    let with_padding = format!("{}=", good("1"));
    let of_four_parts = format!("{}.AA", good("1"));
    for assertion in
        ["x", ".", "..", "...", "e30.e30.", "\u{0}.\u{0}.\u{0}", &json_form, &with_padding, &of_four_parts, &long]
    {
        login(&app, assertion).await.failed(401, "invalid_client");
    }
    let assertion = good("1");
    let other = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer");
    let parameters = [LOGIN.as_slice(), &[other, ("client_assertion", &assertion)]].concat();
    app.send(token_request(None, &parameters)).await.failed(401, "invalid_client");
    assert!(app.dynamodb_wire.take_exchanges().is_empty());
}

#[tokio::test]
async fn a_client_whose_method_and_keys_contradict_each_other_is_a_server_error() {
    let app = app().await;
    app.register(client("secret")).await;
    for (id, method) in
        [("app", "client_secret_basic"), ("app", "none"), ("secret", "private_key_jwt"), ("secret", "none")]
    {
        app.set_client_attribute(id, "auth_method", AttributeValue::S(method.to_owned())).await;
        app.send(token_request(Some((id, SECRET)), &LOGIN)).await.failed(500, "server_error");
    }
}

#[tokio::test]
async fn no_assertion_is_logged() {
    let (captured, _guard) = Captured::at(LevelFilter::TRACE);
    let app = app().await;
    let assertions = [good("the-identifier"), signed(&STRANGER, &json!({ "alg": "EdDSA" }), &claims("the-identifier"))];
    for assertion in [&assertions[0], &assertions[0], &assertions[1]] {
        login(&app, assertion).await;
    }
    app.dynamodb_wire.inject(Fault::Throttle, Matcher::operation("PutItem"));
    login(&app, &good("the-identifier")).await.failed(503, "temporarily_unavailable");
    let log = captured.text();
    for part in assertions.iter().flat_map(|assertion| assertion.split('.').skip(1)).chain(["the-identifier"]) {
        assert!(!log.contains(part), "{part} is in the log:\n{log}");
    }
    assert!(log.contains("the assertion was used before") && log.contains("no key of the client verifies"), "{log}");
}
