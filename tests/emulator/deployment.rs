//! The service as it is deployed: the function under the emulator, DynamoDB and KMS behind wires that can break.

#![expect(clippy::expect_used, reason = "a deployment that cannot go on fails the test it serves")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use passgrant::clock::SystemClock;
use passgrant::password::Argon2Policy;
use passgrant::store::embedded::{self, EmbeddedDynamoDb};
use passgrant::store::outcome::Created;
use passgrant::store::{Store, TableNames};
use serde_json::Value;

use crate::emulator::Emulator;
use crate::event::{Answer, Event, FrontDoor};
use crate::rig::client::AUDIENCE;
use crate::rig::demo;
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::wire::{Fault, Matcher, Wire};

pub(crate) const ISSUER: &str = "https://login.example.com";

/// The function's time, as `template.yaml` has it.
fn function_seconds() -> u32 {
    let template = include_str!("../../template.yaml");
    let seconds = template.lines().find_map(|line| line.trim().strip_prefix("Timeout: "));
    seconds.and_then(|seconds| seconds.parse().ok()).expect("a timeout in template.yaml")
}

pub(crate) struct Builder {
    environment: Vec<(String, String)>,
    broken: Option<Fault>,
}

impl Builder {
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self
    }

    /// How long the platform gives the function to answer.
    pub(crate) fn function_seconds(self, seconds: u32) -> Self {
        self.variable("AWS_LAMBDA_FUNCTION_TIMEOUT", &seconds.to_string())
    }

    /// Breaks DynamoDB and KMS from the start.
    pub(crate) fn broken(mut self, fault: Fault) -> Self {
        self.broken = Some(fault);
        self
    }

    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    pub(crate) async fn start(self) -> Deployment {
        let tables = tables();
        let dynamodb = EmbeddedDynamoDb::start(None, &tables, Box::new(SystemClock)).await.expect("a DynamoDB");
        let store = Store::new(&aws_sdk_dynamodb::Client::new(&embedded::sdk_config(&dynamodb.endpoint())), &tables);
        let client = demo::client().check().expect("a sound client");
        assert_eq!(store.clients.create(&client).await.expect("a client"), Created::Written);
        // The service's own default.
        let policy = Argon2Policy::new(19_456, 2, 1).expect("a policy");
        let user = demo::user(&policy);
        assert_eq!(store.users.create(&user).await.expect("a user"), Created::Written);

        let kms = KmsDouble::start().await;
        let key = kms.create_key(KeySpec::Rsa2048);
        let (dynamodb_wire, kms_wire) = (Wire::start(&dynamodb.endpoint()), Wire::start(&kms.endpoint()));
        if let Some(fault) = self.broken {
            dynamodb_wire.inject(fault, Matcher::any());
            kms_wire.inject(fault, Matcher::any());
        }
        let builder = self
            .variable("PASSGRANT_SIGNING_KEYS", &key)
            .variable("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb_wire.endpoint())
            .variable("AWS_ENDPOINT_URL_KMS", &kms_wire.endpoint());
        Deployment {
            emulator: Emulator::start(&builder.environment).await,
            subject: user.subject.as_str().to_owned(),
            dynamodb_wire,
            kms_wire,
            secrets: [demo::SECRET, demo::PASSWORD].map(str::to_owned).to_vec(),
            request_ids: Vec::new(),
            behind: (dynamodb, kms),
        }
    }
}

/// A function and what is behind it; everything ends when it is dropped.
pub(crate) struct Deployment {
    pub(crate) emulator: Emulator,
    pub(crate) dynamodb_wire: Wire,
    pub(crate) kms_wire: Wire,
    /// The `sub` of the user.
    pub(crate) subject: String,
    secrets: Vec<String>,
    request_ids: Vec<String>,
    #[expect(dead_code, reason = "they stop when they are dropped")]
    behind: (EmbeddedDynamoDb, KmsDouble),
}

impl Deployment {
    pub(crate) fn builder() -> Builder {
        let tables = tables();
        let environment = [
            ("PASSGRANT_ISSUER", ISSUER),
            ("PASSGRANT_CLIENTS_TABLE", &tables.clients),
            ("PASSGRANT_USERS_TABLE", &tables.users),
            ("PASSGRANT_TOKENS_TABLE", &tables.tokens),
            ("PASSGRANT_SIGNING_KEYS", "alias/passgrant"),
            // The most detailed log, to look for secrets in.
            ("PASSGRANT_LOG", "debug"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Builder { environment, broken: None }.function_seconds(function_seconds())
    }

    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    /// Sends a request through its front door.
    pub(crate) async fn send(&mut self, event: &Event) -> Answer {
        let (status, body) = self.emulator.invoke(&event.json).await;
        assert_eq!(status, StatusCode::OK, "no answer to {event}:\n{}", self.emulator.log());
        let answer: Value = serde_json::from_slice(&body).expect("a JSON answer");
        assert!(answer["errorType"].is_null(), "{answer} to {event}");
        let answer = Answer::read(event.front_door, &answer);
        self.request_ids.push(answer.header("x-request-id").to_owned());
        if let Ok(Value::Object(members)) = serde_json::from_str(&answer.body) {
            let tokens = ["access_token", "refresh_token", "id_token"]
                .into_iter()
                .filter_map(|name| members.get(name)?.as_str());
            self.secrets.extend(tokens.map(str::to_owned));
        }
        answer
    }

    /// A password request of the samples' client and user.
    pub(crate) async fn login(&mut self) -> Answer {
        self.send(&FrontDoor::HttpApi.sample()).await
    }

    pub(crate) async fn refresh(&mut self, token: &str) -> Answer {
        self.send(&FrontDoor::HttpApi.token(&[("grant_type", "refresh_token"), ("refresh_token", token)])).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(&FrontDoor::HttpApi.get(path)).await
    }

    /// The claims of an access token, verified with only what the function publishes.
    pub(crate) async fn verified_claims(&mut self, token: &str) -> Value {
        let keys = self.get("/oauth2/jwks").await.succeeded().json();
        let keys: JwkSet = serde_json::from_value(keys).expect("a key set");
        let header = decode_header(token).expect("a header");
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        let key = keys.find(header.kid.as_deref().expect("a kid")).expect("a published key");
        let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        let claims = decode::<Value>(token, &DecodingKey::from_jwk(key).expect("a usable key"), &validation);
        claims.expect("a good token").claims
    }

    /// Adds a secret that must not be in the log.
    pub(crate) fn keep_secret(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    pub(crate) fn break_all(&self, fault: Fault) {
        self.dynamodb_wire.inject(fault, Matcher::any());
        self.kms_wire.inject(fault, Matcher::any());
    }

    pub(crate) fn repair(&self) {
        self.dynamodb_wire.clear_faults();
        self.kms_wire.clear_faults();
    }

    /// Ends the deployment and checks all that it wrote: every request is in the log, and no panic or secret is.
    pub(crate) fn end(self) -> String {
        let Self { emulator, secrets, request_ids, .. } = self;
        let log = emulator.stop();
        for id in &request_ids {
            assert!(log.contains(&format!("START RequestId: {id}")), "{id} is not the platform's:\n{log}");
            assert!(log.contains(&format!(r#""request_id":"{id}""#)), "{id} was not logged:\n{log}");
        }
        assert!(!log.contains("panicked"), "{log}");
        for secret in secrets.iter().flat_map(|secret| disguises(secret)) {
            assert!(!log.contains(&secret), "{secret} was logged:\n{log}");
        }
        log
    }
}

/// What a secret may look like in a log: as it is, in a form, in Basic, and, of a token, its signature.
fn disguises(secret: &str) -> Vec<String> {
    let mut disguises = vec![secret.to_owned()];
    disguises.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    // Where it begins in the encoded text decides which of three texts it becomes, except for the characters at its ends.
    for before in ["", " ", "  "] {
        let encoded = STANDARD.encode(format!("{before}{secret}"));
        let own = if before.is_empty() { 0 } else { 4 };
        disguises.push(encoded[own..encoded.len() - 4].to_owned());
    }
    if let Some((_, signature)) = secret.rsplit_once('.') {
        disguises.push(signature.to_owned());
    }
    disguises
}

fn tables() -> TableNames {
    TableNames {
        clients: "emulator-clients".to_owned(),
        users: "emulator-users".to_owned(),
        tokens: "emulator-tokens".to_owned(),
    }
}
