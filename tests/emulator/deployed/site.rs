//! What a deployment describes, made here: its tables, its keys, its function with its environment, and its policies
//! between them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    TimeToLiveSpecification,
};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use http::StatusCode;
use passgrant::client::Client;
use passgrant::clock::{Clock as _, SystemClock};
use passgrant::issuer::Issuer;
use passgrant::signing::envelope::Envelopes;
use passgrant::store::embedded::{self, EmbeddedDynamoDb};
use passgrant::store::outcome::Created;
use passgrant::store::signing_keys::{KeyKind, KeyName};
use passgrant::store::{Store, TableNames};
use passgrant::user::User;
use serde_json::Value;

use super::guard::{Guard, Policies, lock};
use super::iam::Policy;
use crate::emulator::{Emulator, path_in};
use crate::event::{Answer, Event};
use crate::rig::delegate::Delegate;
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::sdk;

pub(super) const ISSUER: &str = "https://h7w4t1z8ke.execute-api.us-east-1.amazonaws.com";
const ROLE: &str = "arn:aws:iam::123456789012:role/function";
const TABLES: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/";
/// The key that the deployment did not create; an Ed25519 key here.
const OWN_KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0c5b3a0e-6f6e-4a43-9a0c-3b1a0d8f5e77";
const VERIFIER: &str = "https://login.example.com";
const SPECS: [KeySpec; 3] = [KeySpec::Rsa2048, KeySpec::Hmac256, KeySpec::SymmetricDefault];

/// A deployment that runs; everything ends when it is dropped.
pub(super) struct Site {
    pub(super) store: Store,
    pub(super) policies: Arc<Policies>,
    pub(super) delegate: Delegate,
    emulator: Emulator,
    behind: (EmbeddedDynamoDb, KmsDouble, Guard, Guard),
}

impl Site {
    /// Makes what `NAME.json` describes, in the folder that `.ci/deployments` has filled; `None` if there is none.
    pub(super) async fn start(name: &str) -> Option<Self> {
        let file = path_in("PASSGRANT_TEST_DEPLOYMENTS").join(name).with_extension("json");
        let description = fs::read_to_string(file).ok()?;
        let (kms, delegate) = (KmsDouble::start().await, Delegate::start().await);
        let described: Value = serde_json::from_str(&description).expect("JSON");
        let description: Value =
            serde_json::from_str(&resolved(description, &described, &kms, &delegate)).expect("JSON");

        let unrelated = TableNames { clients: "code-1".into(), users: "code-2".into(), tokens: "code-3".into() };
        let dynamodb = EmbeddedDynamoDb::start(None, &unrelated, Box::new(SystemClock)).await.expect("a DynamoDB");
        let client = aws_sdk_dynamodb::Client::new(&embedded::sdk_config(&dynamodb.endpoint()));
        make_tables(&client, &description["tables"]).await;
        let variables: BTreeMap<String, String> =
            serde_json::from_value(description["environment"].clone()).expect("variables");
        let table = |kind: &str| variables[&format!("PASSGRANT_{kind}_TABLE")].clone();
        let tables = TableNames { clients: table("CLIENTS"), users: table("USERS"), tokens: table("TOKENS") };
        let store = Store::new(&client, &tables);
        if let Some(wrapping_key) = variables.get("PASSGRANT_WRAPPING_KEY") {
            wrap_a_key(&kms, &store, wrapping_key).await;
        }

        let policies = Arc::new(policies(&description));
        let guard = |upstream| Guard::start(upstream, Arc::clone(&policies));
        let (to_dynamodb, to_kms) = (guard(dynamodb.endpoint()), guard(kms.endpoint()));
        // What the platform adds, and where AWS is here.
        let platform = [
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", description["timeout"].to_string()),
            ("AWS_ENDPOINT_URL_DYNAMODB", to_dynamodb.endpoint()),
            ("AWS_ENDPOINT_URL_KMS", to_kms.endpoint()),
        ];
        let platform = platform.map(|(name, value)| (name.to_owned(), value));
        let environment: Vec<_> = variables.into_iter().chain(platform).collect();
        let emulator = Emulator::start(&environment).await;
        Some(Self { store, policies, delegate, emulator, behind: (dynamodb, kms, to_dynamodb, to_kms) })
    }

    pub(super) async fn register(&self, client: Client) {
        let client = client.check().expect("a sound client");
        assert_eq!(self.store.clients.create(&client).await.expect("a client"), Created::Written);
    }

    pub(super) async fn create_user(&self, user: &User) {
        assert_eq!(self.store.users.create(user).await.expect("a user"), Created::Written);
    }

    /// Sends a request through its front door. The policies must allow all that comes of it.
    pub(super) async fn send(&mut self, event: &Event) -> Answer {
        let (status, body) = self.emulator.invoke(&event.json).await;
        let log = || self.emulator.log();
        assert_eq!(status, StatusCode::OK, "no answer to {event}:\n{}", log());
        let answer: Value = serde_json::from_slice(&body).expect("a JSON answer");
        assert!(answer["errorType"].is_null(), "{answer} to {event}");
        let refused = lock(&self.policies.refused).clone();
        assert!(refused.is_empty(), "{refused:#?} for {event}:\n{}", log());
        let answer = Answer::read(event.front_door, &answer);
        assert!(answer.status < 500, "{answer:?} to {event}:\n{}", log());
        answer
    }

    /// Asks AWS for what the function has no use for, and returns what was refused.
    pub(super) async fn ask_for_more(&self) -> Vec<String> {
        let (_, _, to_dynamodb, to_kms) = &self.behind;
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk::config(&to_dynamodb.endpoint()));
        let key = AttributeValue::S("x".to_owned());
        let deleted =
            dynamodb.delete_item().table_name("deployed-UsersTable").key("username", key.clone()).send().await;
        let written = dynamodb.put_item().table_name("deployed-ClientsTable").item("client_id", key).send().await;
        let kms = aws_sdk_kms::Client::new(&sdk::config(&to_kms.endpoint()));
        let key = self.policies.keys.keys().next().expect("a key");
        let signing = kms.sign().key_id(key).signing_algorithm(SigningAlgorithmSpec::RsassaPssSha256);
        // RSA keys sign digests only.
        let signed = signing.message_type(MessageType::Raw).message(Blob::new("x")).send().await;
        assert!(deleted.is_err() && written.is_err() && signed.is_err());
        lock(&self.policies.refused).clone()
    }

    /// Ends it; its log must not say that anything is wrong with keys or permissions.
    pub(super) fn end(self) {
        let log = self.emulator.stop();
        for wrong in ["panicked", "AccessDenied", "\"level\":\"ERROR\""] {
            assert!(!log.contains(wrong), "{log}");
        }
    }
}

/// The description with what only AWS would know.
fn resolved(mut text: String, described: &Value, kms: &KmsDouble, delegate: &Delegate) -> String {
    for (symbol, key) in described["keys"].as_object().expect("keys") {
        let spec = SPECS.into_iter().find(|spec| key["spec"] == spec.name()).expect("a spec of these");
        assert_eq!(key["usage"], usage(spec), "{symbol}");
        text = text.replace(symbol.as_str(), &kms.create_key(spec));
    }
    for name in described["tables"].as_object().expect("tables").keys() {
        text = text.replace(&format!("<{name}.Arn>"), &format!("{TABLES}deployed-{name}"));
        text = text.replace(&format!("<{name}>"), &format!("deployed-{name}"));
    }
    if text.contains(OWN_KEY) {
        text = text.replace(OWN_KEY, &kms.create_key(KeySpec::EccNistEdwards25519));
    }
    let text = text.replace("<FunctionRole.Arn>", ROLE).replace("<HttpApi.ApiEndpoint>", ISSUER);
    let text = text.replace(VERIFIER, &delegate.endpoint());
    assert!(!text.contains('<'), "something is not known: {text}");
    text
}

fn usage(spec: KeySpec) -> &'static str {
    match spec {
        KeySpec::Hmac256 => "GENERATE_VERIFY_MAC",
        KeySpec::SymmetricDefault => "ENCRYPT_DECRYPT",
        _ => "SIGN_VERIFY",
    }
}

fn policies(description: &Value) -> Policies {
    let keys = description["keys"].as_object().expect("keys").iter();
    Policies {
        role: Policy::read(&description["role"]),
        keys: keys.map(|(arn, key)| (arn.clone(), Policy::read(&key["policy"]))).collect(),
        principal: ROLE.to_owned(),
        tables: TABLES.to_owned(),
        used: Mutex::default(),
        refused: Mutex::default(),
    }
}

async fn make_tables(client: &aws_sdk_dynamodb::Client, tables: &Value) {
    for (name, table) in tables.as_object().expect("tables") {
        let name = format!("deployed-{name}");
        let key = table["key"].as_object().expect("a key");
        let [(attribute, kind)] = key.iter().collect::<Vec<_>>()[..] else { panic!("one attribute in {key:?}") };
        let kind = ScalarAttributeType::from(kind.as_str().expect("a type"));
        let definition = AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind).build();
        let schema = KeySchemaElement::builder().attribute_name(attribute).key_type(KeyType::Hash).build();
        let request = client.create_table().table_name(&name).billing_mode(BillingMode::PayPerRequest);
        let request = request.attribute_definitions(definition.expect("whole")).key_schema(schema.expect("whole"));
        request.send().await.expect("a table");
        if let Some(attribute) = table["time to live"].as_str().filter(|attribute| !attribute.is_empty()) {
            let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build();
            let request = client.update_time_to_live().table_name(&name);
            request.time_to_live_specification(ttl.expect("whole")).send().await.expect("a time to live");
        }
    }
}

/// What an operator does before a wrapped key is listed.
async fn wrap_a_key(kms: &KmsDouble, store: &Store, wrapping_key: &str) {
    let client = aws_sdk_kms::Client::new(&sdk::config(&kms.endpoint()));
    let issuer = Issuer::parse(ISSUER).expect("an issuer");
    let envelopes = Envelopes::new(client, store.signing_keys.clone(), issuer, Some(wrapping_key.to_owned()));
    let name = KeyName::parse("main-2026").expect("a name");
    envelopes.create(&name, KeyKind::P256, SystemClock.now()).await.expect("a key");
}
