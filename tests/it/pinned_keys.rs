//! Listed keys that are not what they seem: an alias that is moved, an answer that is another key's, a key bound to one
//! algorithm.

use passgrant::jose::algorithm::Algorithm;
use serde_json::json;
use tracing::level_filters::LevelFilter;

use crate::rig::jwt::{part, verified_claims};
use crate::rig::keys::login_with;
use crate::rig::keys::{app, asked, double, published, supported};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::log::Captured;
use crate::rig::request::introspection;

#[tokio::test]
async fn a_key_is_called_by_the_arn_that_kms_answered_and_a_moved_alias_is_seen_only_by_new_instances() {
    for (spec, algorithm, operations) in [
        (KeySpec::Rsa2048, Algorithm::Rs256, ["GetPublicKey", "Sign"].as_slice()),
        (KeySpec::EccNistEdwards25519, Algorithm::EdDsa, &["GetPublicKey", "Sign"]),
        (KeySpec::Hmac256, Algorithm::Hs256, &["DescribeKey", "GenerateMac", "VerifyMac"]),
    ] {
        let kms = KmsDouble::start().await;
        let (old, new) = (kms.create_key(spec), kms.create_key(spec));
        kms.create_alias("alias/signing", &old);
        let mut app = app(kms, &["alias/signing".to_owned(), old.clone()]).await;
        app.change_client("app", |client| client.signing_algorithm = Some(algorithm)).await;
        let before = app.login().await.succeeded().text("access_token");
        app.introspect(&before).await;

        double(&app).create_alias("alias/signing", &new);
        let after = app.login().await.succeeded().text("access_token");
        assert_eq!(part(&before, 0)["kid"], part(&after, 0)["kid"], "{algorithm}: this instance knows the old key");
        for token in [&before, &after] {
            assert_eq!(app.introspect(token).await["active"], true, "{algorithm}");
        }
        for operation in operations {
            let name = if ["GetPublicKey", "DescribeKey"].contains(operation) { "alias/signing" } else { &old };
            let asked = asked(&app, operation);
            assert!(asked.first().is_some_and(|first| first == name), "{operation}: {asked:?}");
            assert!(asked.iter().all(|key| key == name || key == &old), "{operation}: {asked:?}");
        }

        app.restart_with_keys(&[&"alias/signing".to_owned(), &old]);
        let later = app.login().await.succeeded().text("access_token");
        assert_ne!(part(&later, 0)["kid"], part(&after, 0)["kid"], "{algorithm}: a new instance knows the new one");
        for token in [&before, &after, &later] {
            assert_eq!(app.introspect(token).await["active"], true, "{algorithm}");
        }
    }
}

#[tokio::test]
async fn an_answer_about_another_key_is_not_used() {
    for (spec, algorithm) in [(KeySpec::Rsa2048, Algorithm::Rs256), (KeySpec::Hmac256, Algorithm::Hs256)] {
        let (captured, _guard) = Captured::at(LevelFilter::INFO);
        let kms = KmsDouble::start().await;
        let (key, other) = (kms.create_key(spec), kms.create_key(spec));
        let app = app(kms, &[key]).await;
        let token = login_with(&app, algorithm).await;
        double(&app).misname(&other);
        app.login().await.failed(500, "server_error");
        assert!(captured.text().contains("was asked, and another key answered"), "{}", captured.text());
        if spec == KeySpec::Hmac256 {
            app.send(introspection(&token)).await.failed(500, "server_error");
        }
    }
    let kms = KmsDouble::start().await;
    let key = kms.create_key(KeySpec::Rsa2048);
    kms.misname("1234abcd-12ab-34cd-56ef-1234567890ab");
    let app = app(kms, &[key]).await;
    app.get("/oauth2/jwks").await.failed(500, "server_error");
}

#[tokio::test]
async fn a_bound_key_signs_and_verifies_with_its_own_algorithm_only_and_is_published_with_it() {
    let kms = KmsDouble::start().await;
    let keys = [kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::Rsa2048)];
    let listed = [format!("{}=RS256", keys[0]), format!("{}=PS384", keys[1])];
    let mut app = app(kms, &listed).await;
    let algorithms: Vec<_> = published(&app).await.into_iter().map(|key| key["alg"].clone()).collect();
    assert_eq!(algorithms, ["RS256", "PS384"]);
    assert_eq!(supported(&app).await, json!(["RS256", "PS384"]));

    let mut tokens = Vec::new();
    for (algorithm, key) in [(Algorithm::Rs256, &keys[0]), (Algorithm::Ps384, &keys[1])] {
        let token = login_with(&app, algorithm).await;
        assert_eq!(asked(&app, "Sign").last(), Some(key));
        verified_claims(&app, &token).await;
        assert_eq!(app.introspect(&token).await["active"], true);
        tokens.push(token);
    }
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    app.change_client("app", |client| client.signing_algorithm = Some(Algorithm::Ps256)).await;
    app.login().await.failed(500, "server_error");
    assert!(captured.text().contains("no configured signing key fits PS256; they fit RS256, PS384"));

    app.restart_with_keys(&[&listed[1], &format!("{}=RS512", keys[0])]);
    assert_eq!(
        app.introspect(&tokens[0]).await,
        json!({"active": false}),
        "RS256 is no longer an algorithm of the key"
    );
    assert_eq!(app.introspect(&tokens[1]).await["active"], true);
}

#[tokio::test]
async fn one_key_that_is_listed_by_two_names_for_two_algorithms_counts_once() {
    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    let kms = KmsDouble::start().await;
    let key = kms.create_key(KeySpec::Rsa2048);
    kms.create_alias("alias/one", &key);
    let listed = ["alias/one=RS256".to_owned(), format!("{key}=PS256"), key];
    let app = app(kms, &listed).await;
    for _ in 0..2 {
        let keys = published(&app).await;
        assert_eq!((keys.len(), &keys[0]["alg"]), (1, &json!("RS256")));
    }
    assert_eq!(supported(&app).await, json!(["RS256"]));
    login_with(&app, Algorithm::Rs256).await;
    app.change_client("app", |client| client.signing_algorithm = Some(Algorithm::Ps256)).await;
    app.login().await.failed(500, "server_error");
    let log = captured.text();
    assert_eq!(log.matches("is the same key as alias/one=RS256").count(), 2, "{log}");
}
