//! Keys in envelopes: wrapped by KMS, stored in DynamoDB, unwrapped once per instance, and signing in the process.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use aws_sdk_dynamodb::types::AttributeValue;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use passgrant::client::id::ClientId;
use passgrant::jose::algorithm::Algorithm;
use passgrant::signing::RETRY_AFTER;
use passgrant::signing::secret::SharedSecret;
use passgrant::store::signing_keys::{KeyKind, WrappedKey};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use zeroize::Zeroizing;

use crate::rig::app::{ISSUER, TestApp};
use crate::rig::client::{SECRET, scope};
use crate::rig::envelope::{app_with, create, name, restart};
use crate::rig::jwt::{part, verified_claims};
use crate::rig::keys::{double, login_with, published};
use crate::rig::kms::KeySpec;
use crate::rig::log::Captured;
use crate::rig::request::token_request;
use crate::rig::user::PASSWORD;
use crate::rig::wire::{Fault, Matcher};

const LEFT_OUT: &str = "a signing key is left out";
const PAIRS: [(KeyKind, &str, &[Algorithm]); 5] = [
    (
        KeyKind::Rsa2048,
        "rsa",
        &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512],
    ),
    (KeyKind::P256, "p-256", &[Algorithm::Es256]),
    (KeyKind::P384, "p-384", &[Algorithm::Es384]),
    (KeyKind::P521, "p-521", &[Algorithm::Es512]),
    (KeyKind::Ed25519, "ed25519", &[Algorithm::EdDsa]),
];

async fn app() -> TestApp {
    app_with(&[]).await
}

/// Bytes that are not used as a key anywhere else.
fn secret(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| u8::try_from(index).expect("few") ^ 0xA5).collect()
}

async fn import(app: &TestApp, key: &str, algorithm: Algorithm, secret: Vec<u8>) -> WrappedKey {
    let secret = SharedSecret::new(algorithm, Zeroizing::new(secret)).expect("a secret");
    app.envelopes().import(&name(key), secret, app.now()).await.expect("a key")
}

/// How often an operation of KMS was called.
fn count(app: &TestApp, operation: &str) -> usize {
    double(app).calls().iter().filter(|call| call.operation == operation).count()
}

fn verified_with(jwt: &str, secret: &[u8]) -> Value {
    let mut validation = Validation::new(decode_header(jwt).expect("a header").alg);
    // The tests' clock is not the machine's.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    decode::<Value>(jwt, &DecodingKey::from_secret(secret), &validation).expect("a good MAC").claims
}

/// The token works for introspection and at userinfo until it is revoked.
async fn is_of_use(app: &TestApp, token: &str) {
    assert_eq!(app.introspect(token).await["active"], true);
    app.userinfo(token).await.succeeded();
    app.revoke(token).await.succeeded();
    assert_eq!(app.introspect(token).await["active"], false);
}

/// From now on, the client's tokens are accepted at userinfo.
async fn with_openid(app: &TestApp) {
    app.change_client("app", |client| {
        (client.scopes, client.default_scopes) = (scope("read openid"), scope("read openid"));
    })
    .await;
}

async fn key_ids(app: &TestApp) -> Vec<Value> {
    published(app).await.iter().map(|key| key["kid"].clone()).collect()
}

/// Changes the item of a key, as anyone who may write to the table could.
async fn set(app: &TestApp, key: &str, attribute: &str, value: AttributeValue) {
    app.set_client_attribute(&format!("§signing-key/{key}"), attribute, value).await;
}

async fn item(app: &TestApp, key: &str, attribute: &str) -> AttributeValue {
    let request = app.dynamodb().get_item().table_name(&app.config.tables.clients);
    let request = request.key("client_id", AttributeValue::S(format!("§signing-key/{key}")));
    request.send().await.expect("a read").item.expect("an item")[attribute].clone()
}

#[tokio::test]
async fn every_algorithm_signs_from_an_envelope_and_kms_is_called_once_per_instance_and_key() {
    let mut app = app().await;
    for (kind, key, _) in PAIRS {
        create(&app, key, kind).await;
    }
    restart(&mut app, &PAIRS.map(|(_, key, _)| key));
    with_openid(&app).await;
    app.service().warm_up().await;
    for (_, _, algorithms) in PAIRS {
        for algorithm in algorithms {
            let jwt = login_with(&app, *algorithm).await;
            let (header, claims) = verified_claims(&app, &jwt).await;
            assert_eq!((&header["alg"], &claims["client_id"]), (&json!(algorithm.as_str()), &json!("app")));
            is_of_use(&app, &jwt).await;
        }
    }
    for operation in ["Sign", "GenerateMac", "VerifyMac", "GetPublicKey", "DescribeKey"] {
        assert_eq!(count(&app, operation), 0, "{operation}");
    }
    assert_eq!(count(&app, "Decrypt"), PAIRS.len());
}

#[tokio::test]
async fn a_shared_secret_signs_and_verifies_from_an_envelope_and_is_never_published_or_stored_as_it_is() {
    let mut app = app().await;
    let secrets = [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)];
    for (algorithm, bytes) in secrets {
        import(&app, &algorithm.as_str().to_lowercase(), algorithm, secret(bytes)).await;
    }
    restart(&mut app, &["hs256", "hs384", "hs512"]);
    with_openid(&app).await;
    for (algorithm, bytes) in secrets {
        let jwt = login_with(&app, algorithm).await;
        assert_eq!(verified_with(&jwt, &secret(bytes))["client_id"], "app");
        is_of_use(&app, &jwt).await;
        let forged = format!("{}AAAA", &jwt[..jwt.len() - 4]);
        assert_eq!(app.introspect(&forged).await, json!({"active": false}));
    }
    assert_eq!(published(&app).await, Vec::<Value>::new());
    assert_eq!(["Decrypt", "GenerateMac", "VerifyMac"].map(|operation| count(&app, operation)), [3, 0, 0]);
    let request = app.dynamodb().scan().table_name(&app.config.tables.clients);
    let stored = format!("{:?}", request.send().await.expect("a scan").items());
    let bytes = secret(64);
    for encoded in [format!("{:?}", &bytes[..8]), base64(&bytes[..9]), base64(&bytes[3..12])] {
        assert!(!stored.contains(encoded.trim_matches(['[', ']'])), "{encoded} in {stored}");
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn after_a_start_without_kms_or_dynamodb_the_first_request_that_reaches_them_unwraps_the_key() {
    let mut app = app().await;
    create(&app, "main", KeyKind::P256).await;
    app.change_client("app", |client| client.signing_algorithm = Some(Algorithm::Es256)).await;
    for operation in ["Decrypt", "GetItem"] {
        restart(&mut app, &["main"]);
        let wire = if operation == "Decrypt" { app.kms_wire.as_ref().expect("a wire") } else { &app.dynamodb_wire };
        for fault in [Fault::Throttle, Fault::ServerError, Fault::Reset, Fault::Garbage] {
            wire.inject(fault, Matcher::operation(operation));
            app.service().warm_up().await;
            app.get("/oauth2/jwks").await.failed(503, "temporarily_unavailable");
            app.login().await.failed(503, "temporarily_unavailable");
            wire.clear_faults();
        }
        let jwt = app.login().await.succeeded().text("access_token");
        verified_claims(&app, &jwt).await;
    }
}

#[tokio::test]
async fn an_envelope_that_was_changed_or_moved_is_left_out_and_another_key_signs() {
    let mut app = app().await;
    let spoilt: [(&str, KeyKind); 7] = [
        ("tampered", KeyKind::P256),
        ("moved", KeyKind::P256),
        ("foreign", KeyKind::P256),
        ("relabelled", KeyKind::P256),
        ("replaced", KeyKind::P256),
        ("renamed", KeyKind::Hs256),
        ("layout", KeyKind::P256),
    ];
    let good = create(&app, "good", KeyKind::P256).await;
    let other = double(&app).create_key(KeySpec::SymmetricDefault);
    for (key, kind) in spoilt {
        match kind.of_secret() {
            Some(algorithm) => drop(import(&app, key, algorithm, secret(32)).await),
            None => drop(create(&app, key, kind).await),
        }
    }
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let mut wrapped = good.wrapped.clone();
    *wrapped.last_mut().expect("bytes") ^= 1;
    set(&app, "tampered", "wrapped_key", text(&base64(&wrapped))).await;
    set(&app, "moved", "wrapped_key", item(&app, "good", "wrapped_key").await).await;
    set(&app, "moved", "public_key", item(&app, "good", "public_key").await).await;
    let foreign = wrap_as_stranger(&app, &other).await;
    set(&app, "foreign", "wrapped_key", text(&base64(&foreign))).await;
    set(&app, "foreign", "wrapped_by", text(&other)).await;
    set(&app, "relabelled", "kind", text("ECC_NIST_P384")).await;
    set(&app, "replaced", "public_key", item(&app, "good", "public_key").await).await;
    set(&app, "renamed", "key_id", text(&good.key_id)).await;
    set(&app, "layout", "schema", AttributeValue::N("2".to_owned())).await;
    app.change_client("app", |client| client.signing_algorithm = Some(Algorithm::Es256)).await;

    for (key, kind) in spoilt {
        let (captured, _guard) = Captured::at(LevelFilter::INFO);
        restart(&mut app, &[key, "good"]);
        let (header, _) = verified_claims(&app, &app.login().await.succeeded().text("access_token")).await;
        assert_eq!(header["kid"], good.key_id, "{key}");
        assert_eq!(key_ids(&app).await, [json!(good.key_id)], "{key} is not published");
        assert!(captured.text().contains(LEFT_OUT), "{key}: {}", captured.text());
        if kind.of_secret().is_none() {
            restart(&mut app, &[key]);
            app.login().await.failed(500, "server_error");
        }
    }
}

/// A key pair wrapped with the attacker's own KMS key, for the name that is attacked.
async fn wrap_as_stranger(app: &TestApp, key: &str) -> Vec<u8> {
    let kms = aws_sdk_kms::Client::new(&crate::rig::sdk::config(&double(app).endpoint()));
    let request = kms.generate_data_key_pair_without_plaintext().key_id(key);
    let request = request.key_pair_spec(aws_sdk_kms::types::DataKeyPairSpec::EccNistP256);
    let context =
        [("purpose", "passgrant-signing-key"), ("issuer", ISSUER), ("name", "foreign"), ("kind", "ECC_NIST_P256")];
    let context = context.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let answer = request.set_encryption_context(Some(context)).send().await.expect("a pair");
    answer.private_key_ciphertext_blob.expect("a wrapped key").into_inner()
}

#[tokio::test]
async fn a_key_of_another_issuer_is_of_no_use() {
    let app = app().await;
    let theirs = create(&app, "main", KeyKind::P256).await;
    let mut other = app_with(&[("PASSGRANT_ISSUER", "https://other.example.com")]).await;
    other.store.signing_keys.create(&theirs).await.expect("a write");
    restart(&mut other, &["main"]);
    other.login().await.failed(500, "server_error");
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_have_expired() {
    let mut app = app().await;
    app.change_client("app", |client| client.signing_algorithm = Some(Algorithm::Rs256)).await;
    let old = json!(create(&app, "old", KeyKind::Rsa2048).await.key_id);
    let new = json!(create(&app, "new", KeyKind::Rsa2048).await.key_id);
    restart(&mut app, &["old"]);
    let before = app.login().await.succeeded().text("access_token");

    restart(&mut app, &["old", "new"]);
    assert_eq!(key_ids(&app).await, [old.clone(), new.clone()]);
    assert_eq!(part(&app.login().await.succeeded().text("access_token"), 0)["kid"], old);

    restart(&mut app, &["new", "old"]);
    let after = app.login().await.succeeded().text("access_token");
    assert_eq!(verified_claims(&app, &after).await.0["kid"], new);
    assert_eq!(verified_claims(&app, &before).await.0["kid"], old);
    assert_eq!(app.introspect(&before).await["active"], true);

    restart(&mut app, &["new"]);
    assert_eq!(key_ids(&app).await, [new]);
    assert_eq!(app.introspect(&before).await, json!({"active": false}));
    assert_eq!(app.introspect(&after).await["active"], true);
}

#[tokio::test]
async fn keys_in_kms_and_in_envelopes_are_one_list() {
    let mut app = app().await;
    let in_kms = double(&app).create_key(KeySpec::Rsa2048);
    let wrapped = json!(create(&app, "main", KeyKind::Rsa2048).await.key_id);
    app.restart_with_keys(&[&in_kms, &"envelope:main".to_owned()]);
    let before = app.login().await.succeeded().text("access_token");
    assert_eq!(key_ids(&app).await.len(), 2);
    app.restart_with_keys(&[&"envelope:main".to_owned(), &in_kms]);
    let after = app.login().await.succeeded().text("access_token");
    assert_eq!(verified_claims(&app, &after).await.0["kid"], wrapped);
    assert_ne!(verified_claims(&app, &before).await.0["kid"], wrapped);
    assert_eq!(count(&app, "Sign"), 1);
}

#[tokio::test]
async fn a_wrapped_key_can_be_bound_to_an_algorithm_like_any_other() {
    let mut app = app().await;
    create(&app, "main", KeyKind::Rsa2048).await;
    import(&app, "shared", Algorithm::Hs256, secret(32)).await;
    restart(&mut app, &["main=PS256"]);
    assert_eq!(published(&app).await[0]["alg"], "PS256");
    app.change_client("app", |client| client.signing_algorithm = Some(Algorithm::Rs256)).await;
    app.login().await.failed(500, "server_error");
    verified_claims(&app, &login_with(&app, Algorithm::Ps256).await).await;

    let (captured, _guard) = Captured::at(LevelFilter::INFO);
    restart(&mut app, &["main=ES256", "shared=HS512", "shared=HS512"]);
    app.login().await.failed(500, "server_error");
    for reason in ["does not fit ES256, which it is bound to", "does not fit HS512, which it is bound to"] {
        assert!(captured.text().contains(reason), "{}", captured.text());
    }
    restart(&mut app, &["shared=HS256"]);
    verified_with(&login_with(&app, Algorithm::Hs256).await, &secret(32));
}

#[tokio::test]
async fn one_secret_is_not_used_for_two_algorithms() {
    let mut app = app().await;
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384] {
        import(&app, &algorithm.as_str().to_lowercase(), algorithm, secret(64)).await;
    }
    restart(&mut app, &["hs256", "hs384"]);
    login_with(&app, Algorithm::Hs256).await;
    app.change_client("app", |client| client.signing_algorithm = Some(Algorithm::Hs384)).await;
    app.login().await.failed(500, "server_error");
}

#[tokio::test]
async fn a_wrapping_key_that_is_disabled_keeps_new_instances_from_signing_until_it_is_enabled() {
    let mut app = app().await;
    app.change_client("app", |client| client.signing_algorithm = Some(Algorithm::Es256)).await;
    create(&app, "main", KeyKind::P256).await;
    restart(&mut app, &["main"]);
    app.login().await.succeeded();
    let wrapping = app.config.wrapping_key.clone().expect("a key");
    double(&app).disable(&wrapping);
    app.login().await.succeeded();
    restart(&mut app, &["main"]);
    app.login().await.failed(500, "server_error");
    double(&app).enable(&wrapping);
    app.login().await.failed(500, "server_error");
    app.clock.advance(RETRY_AFTER);
    app.login().await.succeeded();
}

#[tokio::test]
async fn a_name_can_be_given_to_only_one_key() {
    let app = app().await;
    let first = create(&app, "main", KeyKind::P256).await;
    let again = app.envelopes().create(&name("main"), KeyKind::P384, app.now()).await.expect_err("taken").to_string();
    assert_eq!(again, "there is a key main already");
    let shared = SharedSecret::new(Algorithm::Hs256, Zeroizing::new(secret(32))).expect("a secret");
    app.envelopes().import(&name("main"), shared, app.now()).await.expect_err("taken");
    let kept = app.store.signing_keys.get(&name("main")).await.expect("a read").expect("a key");
    assert_eq!((kept.key_id, kept.kind), (first.key_id, KeyKind::P256));
    assert_eq!(["GenerateDataKeyPairWithoutPlaintext", "Encrypt"].map(|operation| count(&app, operation)), [1, 0]);
}

#[tokio::test]
async fn a_wrapped_key_is_not_a_client() {
    let app = app().await;
    create(&app, "main", KeyKind::P256).await;
    let clients = app.store.clients.list().all().await.expect("clients");
    assert_eq!(clients.iter().map(|client| client.id.as_str()).collect::<Vec<_>>().len(), 2);
    assert_eq!(app.store.signing_keys.list().all().await.expect("keys").len(), 1);
    let key = "§signing-key/main";
    assert!(ClientId::parse(key).is_err());
    app.dynamodb_wire.take_exchanges();
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    let in_body = [&login[..], &[("client_id", key)]].concat();
    for request in [token_request(Some((key, SECRET)), &login), token_request(None, &in_body)] {
        let answer = app.send(request).await;
        assert!(["invalid_client", "invalid_request"].contains(&answer.error().as_str()), "{answer:?}");
    }
    assert_eq!(app.dynamodb_wire.take_exchanges().len(), 0, "no item has that key as a client");
}
