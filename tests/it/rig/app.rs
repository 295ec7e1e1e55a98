//! The service under test: the real router on the embedded DynamoDB, with a clock that moves by hand.

#![expect(clippy::expect_used, clippy::panic, reason = "a test without its app has failed")]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kms::Client as Kms;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request};
use passgrant::audit::log::AuditLog;
use passgrant::aws;
use passgrant::aws::watched::Watched;
use passgrant::client::id::ClientId;
use passgrant::client::rules::RefusedClient;
use passgrant::client::{Capability, Client};
use passgrant::clock::{Clock, Timestamp};
use passgrant::config::Config;
use passgrant::jose::algorithm::Algorithm;
use passgrant::router::{self, RequestId};
use passgrant::service::Service;
use passgrant::signing::envelope::Envelopes;
use passgrant::signing::in_process::InProcessKey;
use passgrant::signing::{KeyRing, SigningKey};
use passgrant::store::Store;
use passgrant::store::embedded::{self, EmbeddedDynamoDb};
use passgrant::store::outcome::Created;
use passgrant::telemetry::metrics::Metrics;
use passgrant::user::User;
use serde_json::Value;

use crate::rig::answer::Answer;
use crate::rig::audited::Audited;
use crate::rig::client::{SECRET, client};
use crate::rig::clock::ManualClock;
use crate::rig::kms::KmsDouble;
use crate::rig::log::Captured;
use crate::rig::openapi;
use crate::rig::random::CountingRandom;
use crate::rig::request::{LOGIN, introspection, request, token_request};
use crate::rig::user::{PASSWORD, user};
use crate::rig::wire::Wire;

/// The name of the function.
pub(crate) const FUNCTION: &str = "passgrant-test";
pub(crate) const ISSUER: &str = "https://id.example.com";

/// Which keys the service signs with.
enum Keys {
    /// One in the process for each of these algorithms: the quickest, for tests that are not about signing.
    InProcess(Vec<Algorithm>),
    /// These, in the KMS double.
    Kms(KmsDouble, Vec<String>),
}

pub(crate) struct Builder {
    environment: Vec<(&'static str, String)>,
    keys: Keys,
    timeouts: Timeouts,
}

/// Whether the SDK gives up on a call that takes too long.
#[derive(Clone, Copy)]
enum Timeouts {
    /// As in production.
    On,
    /// Never, so that a busy machine changes no result.
    Off,
}

impl Timeouts {
    fn applied_to(self, config: SdkConfig) -> SdkConfig {
        match self {
            Self::On => config,
            Self::Off => config.into_builder().timeout_config(TimeoutConfig::disabled()).build(),
        }
    }
}

impl Builder {
    pub(crate) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub(crate) fn in_process(mut self, algorithms: &[Algorithm]) -> Self {
        self.keys = Keys::InProcess(algorithms.to_vec());
        self
    }

    pub(crate) fn kms(mut self, double: KmsDouble, keys: &[String]) -> Self {
        self.keys = Keys::Kms(double, keys.to_vec());
        self
    }

    /// For calls that are never answered.
    pub(crate) fn with_timeouts(mut self) -> Self {
        self.timeouts = Timeouts::On;
        self
    }

    pub(crate) async fn start(self) -> TestApp {
        let lookup = |name: &str| {
            self.environment.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        };
        let config = Config::read(&lookup).expect("a sound configuration");
        let clock = ManualClock::start();
        let dynamodb =
            EmbeddedDynamoDb::start(None, &config.tables, Box::new(clock.clone())).await.expect("a DynamoDB");
        let dynamodb_wire = Wire::start(&dynamodb.endpoint());
        let (kms, kms_wire, key_ids, in_process) = match self.keys {
            Keys::InProcess(algorithms) => (None, None, Vec::new(), algorithms),
            Keys::Kms(double, keys) => {
                let wire = Wire::start(&double.endpoint());
                (Some(double), Some(wire), keys, Vec::new())
            }
        };
        let mut app = TestApp {
            clock,
            random: CountingRandom::default(),
            store: Store::new(&dynamodb_client(&dynamodb_wire, self.timeouts), &config.tables),
            config,
            timeouts: self.timeouts,
            services: Vec::new(),
            dynamodb,
            dynamodb_wire,
            kms,
            kms_wire,
            metrics: Captured::default(),
            audit: Audited::default(),
            key_ids,
            in_process,
        };
        app.add_instance();
        app
    }
}

/// The SDK bounds how much all clients of a process and a service retry. Each app has a bound of its own: the faults of one
/// test must not keep another from retrying.
fn dynamodb_client(wire: &Wire, timeouts: Timeouts) -> aws_sdk_dynamodb::Client {
    let config = timeouts.applied_to(embedded::sdk_config(&wire.endpoint()));
    let retries = RetryPartition::new(wire.endpoint());
    let config = aws_sdk_dynamodb::config::Builder::from(&config).retry_partition(retries);
    let config = config.interceptor(Watched::dynamodb());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// The RSA key is made once per run: making one takes longer than most tests.
fn in_process_key(algorithm: Algorithm) -> SigningKey {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    if algorithm != Algorithm::Rs256 {
        return SigningKey::InProcess(InProcessKey::generate_for(algorithm).expect("a key"));
    }
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        InProcessKey::load_or_generate(&folder.path().join("key.der"), algorithm).expect("a key");
        folder
    });
    SigningKey::InProcess(InProcessKey::load(&folder.path().join("key.der")).expect("the key"))
}

/// One or more instances of the service on one DynamoDB.
pub(crate) struct TestApp {
    pub(crate) clock: ManualClock,
    pub(crate) random: CountingRandom,
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) dynamodb_wire: Wire,
    pub(crate) kms: Option<KmsDouble>,
    pub(crate) kms_wire: Option<Wire>,
    /// What all instances write.
    pub(crate) metrics: Captured,
    /// The audit events of all instances.
    pub(crate) audit: Audited,
    services: Vec<Arc<Service>>,
    key_ids: Vec<String>,
    in_process: Vec<Algorithm>,
    timeouts: Timeouts,
    dynamodb: EmbeddedDynamoDb,
}

impl TestApp {
    pub(crate) fn builder() -> Builder {
        let environment = vec![
            ("PASSGRANT_ISSUER", ISSUER.to_owned()),
            ("PASSGRANT_CLIENT_CACHE", "0s".to_owned()),
            ("PASSGRANT_ARGON2_MEMORY_KIB", "64".to_owned()),
            ("PASSGRANT_ARGON2_ITERATIONS", "1".to_owned()),
        ];
        Builder { environment, keys: Keys::InProcess(vec![Algorithm::Rs256]), timeouts: Timeouts::Off }
    }

    /// The usual app: a confidential client `app` and a user `ann`.
    pub(crate) async fn start() -> Self {
        let app = Self::builder().start().await;
        app.register(client("app")).await;
        app.create_user("ann").await;
        app
    }

    /// Adds an instance of the service, which shares nothing with the others but DynamoDB and KMS.
    pub(crate) fn add_instance(&mut self) {
        self.add_instance_with(Store::new(&dynamodb_client(&self.dynamodb_wire, self.timeouts), &self.config.tables));
    }

    fn add_instance_with(&mut self, store: Store) {
        let keys = if self.kms_wire.is_some() {
            let envelopes = self.envelopes();
            let listed = self.key_ids.iter().map(|key| key.parse().expect("a key"));
            listed.map(|key| SigningKey::listed(&key, &envelopes)).collect()
        } else {
            self.in_process.iter().map(|algorithm| in_process_key(*algorithm)).collect()
        };
        let metrics = Metrics::of(FUNCTION.to_owned(), Box::new(self.metrics.clone()));
        let service = Service::new(
            self.config.clone(),
            self.config.required_issuer().expect("an issuer"),
            store,
            KeyRing::new(keys),
            Box::new(self.clock.clone()),
            Box::new(self.random.clone()),
        );
        let audit = AuditLog::to(Box::new(self.audit.clone()));
        self.services.push(Arc::new(service.with_metrics(Some(metrics)).with_audit(Some(audit))));
    }

    /// The wrapped keys of the app, behind its wires.
    pub(crate) fn envelopes(&self) -> Envelopes {
        let wire = self.kms_wire.as_ref().expect("a KMS double");
        let config = self.timeouts.applied_to(aws::bounded(crate::rig::sdk::config(&wire.endpoint())));
        let retries = RetryPartition::new(wire.endpoint());
        let config = aws_sdk_kms::config::Builder::from(&config).retry_partition(retries);
        let kms = Kms::from_conf(config.interceptor(Watched::kms()).build());
        let store = Store::new(&dynamodb_client(&self.dynamodb_wire, self.timeouts), &self.config.tables);
        let issuer = self.config.required_issuer().expect("an issuer");
        Envelopes::new(kms, store.signing_keys, issuer, self.config.wrapping_key.clone())
    }

    /// Replaces the instances by one that signs with these keys of the KMS double.
    pub(crate) fn restart_with_keys(&mut self, keys: &[&String]) {
        self.key_ids = keys.iter().map(ToString::to_string).collect();
        self.services.clear();
        self.add_instance();
    }

    /// Replaces the instances by one that is in the process of the database, as the local server is: what it has read it
    /// need not read again.
    pub(crate) fn restart_beside_the_database(&mut self) {
        self.services.clear();
        self.add_instance_with(self.dynamodb.store(&self.config.tables));
    }

    /// The DynamoDB behind the app, for what the store cannot show.
    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        dynamodb_client(&self.dynamodb_wire, self.timeouts)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn service(&self) -> Arc<Service> {
        Arc::clone(&self.services[0])
    }

    /// The instance that was added last.
    pub(crate) fn last_service(&self) -> Arc<Service> {
        Arc::clone(self.services.last().expect("an instance"))
    }

    pub(crate) async fn register(&self, client: Client) {
        let client = with_fitting_default(client).check().expect("a sound client");
        assert_eq!(self.store.clients.create(&client).await.expect("a client"), Created::Written);
    }

    pub(crate) async fn create_user(&self, name: &str) {
        self.create_user_with(name, |_| {}).await;
    }

    pub(crate) async fn create_user_with(&self, name: &str, change: impl FnOnce(&mut User)) {
        let mut user = user(name, PASSWORD, &self.config.argon2, &self.random, self.clock.now());
        change(&mut user);
        assert_eq!(self.store.users.create(&user).await.expect("a user"), Created::Written);
    }

    /// Changes a client as the command line does.
    pub(crate) async fn change_client(&self, id: &str, change: impl FnOnce(&mut Client)) {
        let id = ClientId::parse(id).expect("a client id");
        let read = self.store.clients.get_revision(&id).await.expect("a read").expect("a client");
        let changed = read.client.update(self.now(), |client| {
            change(client);
            *client = with_fitting_default(client.clone());
            Ok::<_, RefusedClient>(())
        });
        self.store.clients.replace(&read, &changed.expect("a sound client")).await.expect("a write");
    }

    /// Sets an attribute of a client's item to something that this version may not write.
    pub(crate) async fn set_client_attribute(&self, id: &str, name: &str, value: AttributeValue) {
        let request = self.dynamodb().update_item().table_name(&self.config.tables.clients);
        let request = request.key("client_id", AttributeValue::S(id.to_owned()));
        let request = request.update_expression("SET #name = :value").expression_attribute_names("#name", name);
        request.expression_attribute_values(":value", value).send().await.expect("a write");
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Answer {
        self.send_to(0, request).await
    }

    /// Sends a request to one of the instances. Every answer must be documented.
    pub(crate) async fn send_to(&self, instance: usize, request: Request<Bytes>) -> Answer {
        let service = &self.services[instance];
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let id = RequestId::of_platform("the-request-id");
        let response = router::handle(service, request, id, Duration::from_secs(29)).await;
        let answer = Answer::new(response);
        let issuer = self.config.required_issuer().expect("an issuer");
        let documented = openapi::check(&method, openapi::below(issuer.path(), &path), &answer);
        documented.unwrap_or_else(|problem| panic!("{method} {path}: {problem}\n{}", answer.whole()));
        answer
    }

    /// A token request of the client `app`, by Basic.
    pub(crate) async fn token(&self, parameters: &[(&str, &str)]) -> Answer {
        self.send(token_request(Some(("app", SECRET)), parameters)).await
    }

    /// A password request of the client `app` for the user `ann`.
    pub(crate) async fn login(&self) -> Answer {
        self.token(&LOGIN).await
    }

    /// A refresh request of the client `app`.
    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Asks about a token as the client `api`, which may introspect.
    pub(crate) async fn introspect(&self, token: &str) -> Value {
        self.send(introspection(token)).await.succeeded().json()
    }

    /// Registers `api`, which may introspect.
    pub(crate) async fn register_api(&self) {
        self.register(Client { capabilities: vec![Capability::Introspect], ..client("api") }).await;
    }

    /// Revokes a token as the client `app`.
    pub(crate) async fn revoke(&self, token: &str) -> Answer {
        let mut request = token_request(Some(("app", SECRET)), &[("token", token)]);
        *request.uri_mut() = "/oauth2/revoke".parse().expect("a path");
        self.send(request).await
    }

    /// What `/oauth2/userinfo` answers the bearer of a token.
    pub(crate) async fn userinfo(&self, token: &str) -> Answer {
        let mut request = request(Method::GET, "/oauth2/userinfo", "");
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a header");
        request.headers_mut().insert(AUTHORIZATION, bearer);
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, Bytes::new())).await
    }
}

/// The client without the default scopes of [`client`] that it may not have.
fn with_fitting_default(client: Client) -> Client {
    Client { default_scopes: client.default_scopes.intersection(&client.scopes), ..client }
}
