//! Answers of DynamoDB and KMS that are made in advance and given immediately, so that only the service is measured.
//!
//! The items are the service's own: its store writes them into the embedded DynamoDB, and they are read back as they
//! are sent over the network. Nothing is checked and nothing is stored, except for the first session: it is live
//! whenever it is read.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use aws_sdk_dynamodb::Client as DynamoDb;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use passgrant::audience::Audience;
use passgrant::client::Client;
use passgrant::client::authentication::ClientAuthentication;
use passgrant::client::id::{ClientId, Incarnation};
use passgrant::client::secret::{ClientSecret, StoredSecret, WeakSecrets};
use passgrant::clock::{Clock as _, SystemClock};
use passgrant::password::{Argon2Policy, Password};
use passgrant::random::OsRandom;
use passgrant::scope::Scope;
use passgrant::store::embedded::{self, EmbeddedDynamoDb};
use passgrant::store::{Store, TableNames};
use passgrant::user::{Subject, User, Username, UsernameProfile};
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub(crate) const ISSUER: &str = "https://login.example.com";
pub(crate) const CLIENT: &str = "stand-in-client";
pub(crate) const SECRET: &str = "a-secret-of-the-stand-in-client";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// The service's configuration of its tables and its key.
pub(crate) fn environment() -> Vec<(String, String)> {
    let tables = tables();
    [
        ("PASSGRANT_ISSUER", ISSUER),
        ("PASSGRANT_CLIENTS_TABLE", &tables.clients),
        ("PASSGRANT_USERS_TABLE", &tables.users),
        ("PASSGRANT_TOKENS_TABLE", &tables.tokens),
        ("PASSGRANT_SIGNING_KEYS", KEY),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The name of a user.
pub(crate) fn user_name(number: usize) -> String {
    format!("user-{number}")
}

fn tables() -> TableNames {
    TableNames {
        clients: "stand-in-clients".to_owned(),
        users: "stand-in-users".to_owned(),
        tokens: "stand-in-tokens".to_owned(),
    }
}

/// The prepared answers.
pub(crate) struct Canned {
    client: Bytes,
    /// By username.
    users: HashMap<String, Bytes>,
    session: OnceLock<Bytes>,
    attempt: Bytes,
    public_key: Bytes,
    signature: Bytes,
}

impl Canned {
    /// Answers for one client and this many users, whose passwords are hashed under `policy`.
    pub(crate) async fn prepare(users: usize, policy: &Argon2Policy) -> Self {
        let tables = tables();
        let dynamodb = EmbeddedDynamoDb::start(None, &tables, Box::new(SystemClock)).await.expect("a DynamoDB");
        let store = Store::new(&DynamoDb::new(&embedded::sdk_config(&dynamodb.endpoint())), &tables);
        store.clients.create(&client().check().expect("a sound client")).await.expect("a client");
        let client = item(&dynamodb, &tables.clients, "client_id", CLIENT).await;
        let mut stored = HashMap::new();
        for name in (0..users).map(user_name) {
            store.users.create(&user(&name, policy)).await.expect("a user");
            let user = item(&dynamodb, &tables.users, "username", &name).await;
            stored.insert(name, user);
        }
        dynamodb.stop().await.expect("it had not failed");
        Self::new(client, stored, public_key())
    }

    /// Writes all answers to a file, for another process.
    pub(crate) fn save(&self, path: &Path) {
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).expect("JSON is text");
        let users: BTreeMap<&String, String> = self.users.iter().map(|(name, user)| (name, text(user))).collect();
        let [client, public_key] = [&self.client, &self.public_key].map(text);
        let saved = json!({ "client": client, "users": users, "public_key": public_key });
        fs::write(path, saved.to_string()).expect("a file");
    }

    /// Reads what was saved.
    pub(crate) fn load(path: &Path) -> Self {
        let saved: Value = serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
        let bytes = |value: &Value| Bytes::from(value.as_str().expect("text").to_owned());
        let users = saved["users"].as_object().expect("users").iter();
        let users = users.map(|(name, user)| (name.clone(), bytes(user))).collect();
        Self::new(bytes(&saved["client"]), users, bytes(&saved["public_key"]))
    }

    fn new(client: Bytes, users: HashMap<String, Bytes>, public_key: Bytes) -> Self {
        let signature = json_bytes(&json!({ "KeyId": KEY, "Signature": STANDARD.encode([7; 256]) }));
        Self { client, users, session: OnceLock::new(), attempt: attempt(), public_key, signature }
    }

    /// The `sub` of a user.
    pub(crate) fn subject(&self, user: &str) -> String {
        let item: Value = serde_json::from_slice(&self.users[user]).expect("JSON");
        item["Item"]["sub"]["S"].as_str().expect("a subject").to_owned()
    }

    /// The answer that contains the first session.
    pub(crate) fn stored_session(&self) -> Value {
        serde_json::from_slice(self.session.get().expect("a session")).expect("JSON")
    }

    /// The answer to an operation of DynamoDB or KMS.
    pub(crate) fn answer(&self, operation: &str, request: &[u8]) -> Bytes {
        match operation {
            "GetItem" => self.get_item(request),
            "PutItem" => {
                self.keep_session(request);
                Bytes::from_static(b"{}")
            }
            "UpdateItem" if contains(request, "ALL_NEW") => self.attempt.clone(),
            "GetPublicKey" => self.public_key.clone(),
            "Sign" => self.signature.clone(),
            _ => Bytes::from_static(b"{}"),
        }
    }

    fn get_item(&self, request: &[u8]) -> Bytes {
        let found = if contains(request, "stand-in-clients") {
            Some(&self.client)
        } else if contains(request, "stand-in-users") {
            let request: Value = serde_json::from_slice(request).expect("JSON");
            request["Key"]["username"]["S"].as_str().and_then(|name| self.users.get(name))
        } else if contains(request, "\"s#") {
            self.session.get()
        } else {
            None
        };
        found.cloned().unwrap_or(Bytes::from_static(b"{}"))
    }

    fn keep_session(&self, request: &[u8]) {
        if self.session.get().is_none() && contains(request, "\"s#") {
            let request: Value = serde_json::from_slice(request).expect("JSON");
            self.session.get_or_init(|| json_bytes(&json!({ "Item": request["Item"] })));
        }
    }
}

fn contains(request: &[u8], text: &str) -> bool {
    request.windows(text.len()).any(|window| window == text.as_bytes())
}

fn json_bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

fn client() -> Client {
    let now = SystemClock.now();
    let secret = ClientSecret::chosen(Zeroizing::new(SECRET.to_owned()), WeakSecrets::Refused).expect("a secret");
    let secret = StoredSecret::new(&secret, now, &OsRandom).expect("randomness");
    Client {
        scopes: Scope::parse("openid profile email").expect("a scope"),
        default_scopes: Scope::parse("profile").expect("a scope"),
        audiences: vec![Audience::parse("https://api.example.com").expect("an audience")],
        ..Client::new(
            ClientId::parse(CLIENT).expect("a client id"),
            Incarnation::generate(&OsRandom).expect("randomness"),
            ClientAuthentication::SecretBasic(secret.into()),
            now,
        )
    }
}

fn user(name: &str, policy: &Argon2Policy) -> User {
    let password = Password::prepare(PASSWORD).expect("a password");
    let username = Username::prepare(name, UsernameProfile::CaseMapped).expect("a username");
    let subject = Subject::generate(&OsRandom).expect("randomness");
    let password_hash = Some(policy.hash(&password, &OsRandom).expect("randomness"));
    // Not the first login of the day, which notes it.
    let last_login_day = Some(SystemClock.now().day());
    User { password_hash, last_login_day, ..User::new(username, subject, SystemClock.now()) }
}

/// An item as it is sent over the network. The embedded DynamoDB does not check signatures.
async fn item(dynamodb: &EmbeddedDynamoDb, table: &str, key: &str, value: &str) -> Bytes {
    let body = json!({ "TableName": table, "Key": { key: { "S": value } } }).to_string();
    let request = Request::post(dynamodb.endpoint())
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "DynamoDB_20120810.GetItem")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        )
        .header("x-amz-date", "20260101T000000Z")
        .body(Full::new(Bytes::from(body)))
        .expect("a request");
    let client = HttpClient::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let answer = client.request(request).await.expect("an answer");
    let answer = answer.into_body().collect().await.expect("a whole answer").to_bytes();
    assert!(contains(&answer, "\"Item\""), "{}", String::from_utf8_lossy(&answer));
    answer
}

/// One counted attempt from a familiar source, in a window that never ends.
fn attempt() -> Bytes {
    let never = json!({ "N": "9999999999" });
    let (none, zero, source) = (json!({ "M": {} }), json!({ "N": "0" }), "0123456789abcdef");
    json_bytes(&json!({ "Attributes": {
        "id": { "S": "t#stand-in" }, "schema": { "N": "1" }, "expires_at": never,
        "wrong": none, "window_until": zero, "last_at": zero, "locked_times": zero,
        "familiar_attempts": { "SS": ["attempt"] }, "familiar_wrong": none, "familiar_window_until": never,
        "familiar_last_at": { "N": "1" }, "familiar_locked_times": zero, "familiar_last_source": { "S": source },
        "familiar_sources": { "M": { source: never } },
    } }))
}

fn public_key() -> Bytes {
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der = pair.public_key().as_der().expect("a public key");
    json_bytes(&json!({
        "KeyId": KEY,
        "KeySpec": "RSA_2048",
        "KeyUsage": "SIGN_VERIFY",
        "PublicKey": STANDARD.encode(der.as_ref()),
        "SigningAlgorithms": ["RSASSA_PKCS1_V1_5_SHA_256"],
    }))
}
