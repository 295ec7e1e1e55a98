//! The deployed path, end to end, without AWS. Tables, keys, environment and role are those that the template and the
//! Terraform module deploy, and nothing of them comes from the code: `.ci/deployments` describes them. Every call of the
//! function has to be allowed by the role, and everything that the role is allowed has to have a use.

#![expect(clippy::expect_used, clippy::panic, reason = "a deployment that cannot go on fails its test")]

mod guard;
mod iam;
mod site;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use passgrant::chain::name::ChainName;
use passgrant::client::authentication::ClientAuthentication;
use passgrant::client::id::ClientId;
use passgrant::client::keys::ClientKeys;
use passgrant::client::{AccessTokenFormat, Client};
use passgrant::clock::{Clock as _, SystemClock};
use passgrant::jose::algorithm::Algorithm;
use passgrant::password::Argon2Policy;
use passgrant::random::OsRandom;
use serde_json::{Value, json};

use self::site::{ISSUER, Site};
use crate::event::{Answer, Event, FrontDoor};
use crate::rig::delegate::Behaviour;
use crate::rig::demo::{self, CLIENT, PASSWORD, SECRET, USER};
use crate::rig::key_pair::ED25519;
use crate::rig::user;

/// A client like that of the samples, with the same secret.
fn client(id: &str) -> Client {
    Client { id: ClientId::parse(id).expect("a client id"), ..demo::client() }
}

/// A token request of a client with the samples' secret.
fn token_request(client: &str, parameters: &[(&str, &str)]) -> Event {
    FrontDoor::HttpApi.token(parameters).basic(client, SECRET)
}

async fn login(site: &mut Site, client: &str, username: &str, password: &str, scope: &str) -> Answer {
    let parameters = [("grant_type", "password"), ("username", username), ("password", password), ("scope", scope)];
    site.send(&token_request(client, &parameters)).await
}

async fn is_active(site: &mut Site, client: &str, token: &str) -> bool {
    let event = token_request(client, &[("token", token)]).path("/oauth2/introspect");
    site.send(&event).await.succeeded().json()["active"] == true
}

async fn revoke(site: &mut Site, client: &str, token: &str) {
    site.send(&token_request(client, &[("token", token)]).path("/oauth2/revoke")).await.succeeded();
}

fn algorithm_of(token: &str) -> Value {
    let header = token.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    serde_json::from_slice::<Value>(&header.expect("a header")).expect("JSON")["alg"].clone()
}

/// What every deployment does.
async fn serves_the_protocol(site: &mut Site) {
    site.register(demo::client()).await;
    let policy = Argon2Policy::new(19_456, 2, 1).expect("a policy");
    site.create_user(&demo::user(&policy)).await;
    let get = |path: &str| FrontDoor::HttpApi.get(path);
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        assert_eq!(site.send(&get(path)).await.succeeded().json()["issuer"], ISSUER);
    }
    assert!(site.send(&get("/oauth2/jwks")).await.succeeded().json()["keys"].is_array());

    let tokens = login(site, CLIENT, USER, PASSWORD, "openid profile").await.succeeded();
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    assert_eq!((algorithm_of(&access), algorithm_of(&tokens.text("id_token"))), (json!("RS256"), json!("RS256")));
    let userinfo = get("/oauth2/userinfo").header("authorization", &format!("Bearer {access}"));
    assert!(site.send(&userinfo).await.succeeded().json()["sub"].is_string());
    assert!(is_active(site, CLIENT, &access).await);
    let refreshed =
        site.send(&token_request(CLIENT, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)])).await;
    let refreshed = refreshed.succeeded();
    // Again, as after a lost answer.
    site.send(&token_request(CLIENT, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]))
        .await
        .succeeded();
    revoke(site, CLIENT, &access).await;
    assert!(!is_active(site, CLIENT, &access).await);
    revoke(site, CLIENT, &refreshed.text("refresh_token")).await;
    assert!(!is_active(site, CLIENT, &refreshed.text("access_token")).await);
}

async fn serves_opaque_tokens(site: &mut Site) {
    site.register(Client { access_token_format: AccessTokenFormat::Opaque, ..client("opaque") }).await;
    let tokens = login(site, "opaque", USER, PASSWORD, "openid").await.succeeded();
    let token = tokens.text("access_token");
    assert!(is_active(site, "opaque", &token).await);
    revoke(site, "opaque", &token).await;
    assert!(!is_active(site, "opaque", &token).await);
}

async fn authenticates_a_client_by_its_key(site: &mut Site) {
    let keys = json!({ "keys": [ED25519.jwk(None)] }).to_string();
    let keys = ClientKeys::parse(&keys).expect("a key set");
    site.register(Client { authentication: ClientAuthentication::PrivateKeyJwt(keys), ..client("keyed") }).await;
    let now = SystemClock.now().as_unix();
    let claims = json!({ "iss": "keyed", "sub": "keyed", "aud": ISSUER, "exp": now + 60, "iat": now, "jti": "one" });
    let [header, claims] = [json!({ "alg": "EdDSA" }), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(ED25519.sign("EdDSA", signed.as_bytes())));
    let parameters = [
        ("grant_type", "password"),
        ("username", USER),
        ("password", PASSWORD),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ];
    let event = FrontDoor::HttpApi.token(&parameters).without_header("authorization");
    site.send(&event).await.succeeded();
    site.send(&event).await.failed(401, "invalid_client");
}

async fn replaces_an_old_hash(site: &mut Site) {
    let old = Argon2Policy::new(8_192, 1, 1).expect("a policy");
    let user = user::user("old", PASSWORD, &old, &OsRandom, SystemClock.now());
    site.create_user(&user).await;
    login(site, CLIENT, "old", PASSWORD, "profile").await.succeeded();
    let now = site.store.users.get(&user.username).await.expect("an answer").expect("a user");
    assert_ne!(now.password_hash, user.password_hash, "under the live parameters");
    login(site, CLIENT, "old", PASSWORD, "profile").await.succeeded();
}

async fn locks_a_username(site: &mut Site) {
    for attempt in 0..10 {
        let wrong = format!("not-the-password-{attempt}");
        let answer = login(site, CLIENT, "guessed", &wrong, "profile").await.failed(400, "invalid_grant");
        assert_eq!(answer.headers.get("retry-after"), None, "attempt {attempt}");
    }
    let locked = login(site, CLIENT, "guessed", "one more", "profile").await.failed(400, "invalid_grant");
    assert!(locked.headers.contains_key("retry-after"), "{locked:?}");
}

/// RSA in KMS is the default: these are the key in its envelope, the key that is somebody's own, and the MAC key.
async fn signs_with_every_kind_of_key(site: &mut Site) {
    for (id, algorithm) in [("es256", Algorithm::Es256), ("eddsa", Algorithm::EdDsa), ("hs256", Algorithm::Hs256)] {
        site.register(Client { signing_algorithm: Some(algorithm), ..client(id) }).await;
        let token = login(site, id, USER, PASSWORD, "profile").await.succeeded().text("access_token");
        assert_eq!(algorithm_of(&token), algorithm.as_str());
        assert!(is_active(site, id, &token).await, "{id}");
    }
}

async fn imports_a_user(site: &mut Site) {
    let chain = ChainName::parse("migrating").expect("a chain");
    site.register(Client { chains: vec![chain], ..client("moving") }).await;
    site.delegate.behave(Behaviour::json(&json!({ "result": "yes", "claims": {} })));
    login(site, "moving", "zoe", "her password", "profile").await.succeeded();
    site.delegate.behave(Behaviour::result("no"));
    login(site, "moving", "zoe", "her password", "profile").await.succeeded();
    assert_eq!(site.delegate.take_calls().len(), 1, "the second time she is known");
}

/// A deployment with a key of every kind and an importing verifier.
async fn uses_everything(mut site: Site) {
    serves_the_protocol(&mut site).await;
    serves_opaque_tokens(&mut site).await;
    authenticates_a_client_by_its_key(&mut site).await;
    replaces_an_old_hash(&mut site).await;
    locks_a_username(&mut site).await;
    signs_with_every_kind_of_key(&mut site).await;
    imports_a_user(&mut site).await;
    let unused = site.policies.unused();
    assert!(unused.is_empty(), "allowed, and never used: {unused:?}");
    site.end();
}

#[tokio::test]
async fn what_the_template_deploys_works_with_its_role_and_uses_all_that_it_allows() {
    uses_everything(Site::start("template-everything").await.expect("a description of the template")).await;
}

#[tokio::test]
async fn what_the_template_deploys_by_default_works_with_its_role() {
    let mut site = Site::start("template-default").await.expect("a description of the template");
    serves_the_protocol(&mut site).await;
    serves_opaque_tokens(&mut site).await;
    authenticates_a_client_by_its_key(&mut site).await;
    replaces_an_old_hash(&mut site).await;
    locks_a_username(&mut site).await;
    // The same statements fit keys of every spec.
    let of_other_keys = ["kms:DescribeKey", "kms:GenerateMac", "kms:Sign", "kms:VerifyMac"];
    let unused = site.policies.unused();
    let is_expected =
        |(sid, action): &(String, String)| of_other_keys.contains(&action.as_str()) && sid != "SignDigests";
    assert!(unused.iter().all(is_expected), "allowed, and never used: {unused:?}");
    site.end();
}

#[tokio::test]
async fn what_the_terraform_module_deploys_works_with_its_role_and_uses_all_that_it_allows() {
    match Site::start("terraform-everything").await {
        Some(site) => uses_everything(site).await,
        None => println!("the Terraform module was not described: NOT CHECKED"),
    }
}

/// The test of the test: what the role must not do, it does not get.
#[tokio::test]
async fn a_call_that_the_role_does_not_allow_is_refused_and_noted() {
    let site = Site::start("template-default").await.expect("a description of the template");
    let refused = site.ask_for_more().await;
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert!(refused.iter().all(|refusal| refusal.contains("Nothing")), "{refused:?}");
}
