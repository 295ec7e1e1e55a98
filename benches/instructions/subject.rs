//! What is measured: requests through the router, and the calls of the SDK that they make.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode};
use passgrant::audit::log::AuditLog;
use passgrant::aws;
use passgrant::clock::SystemClock;
use passgrant::config::Config;
use passgrant::random::OsRandom;
use passgrant::router::{self, RequestId};
use passgrant::service::Service;
use passgrant::signing::kms::KmsKey;
use passgrant::signing::{KeyRing, SigningKey};
use passgrant::source::FrontDoor;
use passgrant::store::Store;
use passgrant::telemetry::metrics::Metrics;
use serde_json::Value;
use tokio::runtime::Runtime;
use url::form_urlencoded;

use crate::callgrind::collected;
use crate::canned::{self, CLIENT, Canned, PASSWORD, SECRET, user_name};
use crate::in_process::InProcess;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// A password grant of a client that is in memory, with a JWT and a refresh token.
    Password,
    /// A refresh of that session.
    Refresh,
    Jwks,
    GetItem,
    UpdateItem,
    PutItem,
    DeleteItem,
    Sign,
}

impl Subject {
    pub(crate) const ALL: [Self; 8] = [
        Self::Password,
        Self::Refresh,
        Self::Jwks,
        Self::GetItem,
        Self::UpdateItem,
        Self::PutItem,
        Self::DeleteItem,
        Self::Sign,
    ];

    /// Whether it is a single call of the SDK.
    pub(crate) const fn is_call(self) -> bool {
        !matches!(self, Self::Password | Self::Refresh | Self::Jwks)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|subject| subject.to_string() == name);
        found.ok_or_else(|| format!("{name} is not measured"))
    }
}

/// Does it `times` times. Returns the line to print: the nanoseconds of this thread's CPU time, and the calls of each
/// operation.
pub(crate) fn repeat(subject: Subject, times: u32, canned: Canned) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bench = Bench::new(InProcess::new(canned));
    // From here on the client is in memory, and the session is stored.
    let refresh_token = runtime.block_on(bench.log_in());
    for _ in 0..3 {
        bench.once(&runtime, subject, &refresh_token);
    }
    bench.aws.take_calls();
    let before = on_processor();
    for _ in 0..times {
        bench.once(&runtime, subject, &refresh_token);
    }
    let mut printed = format!("nanoseconds {}\n", on_processor() - before);
    for (operation, times) in bench.aws.take_calls() {
        writeln!(printed, "{operation} {times}").expect("a string grows");
    }
    printed
}

/// How long this thread has run on a processor, in nanoseconds.
fn on_processor() -> u64 {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    statistics.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default()
}

struct Bench {
    aws: InProcess,
    service: Service,
    dynamodb: aws_sdk_dynamodb::Client,
    kms: aws_sdk_kms::Client,
    config: Config,
}

impl Bench {
    fn new(in_process: InProcess) -> Self {
        let mut environment: HashMap<_, _> = canned::environment().into_iter().collect();
        environment.insert("PASSGRANT_ARGON2_MEMORY_KIB".to_owned(), "64".to_owned());
        environment.insert("PASSGRANT_ARGON2_ITERATIONS".to_owned(), "1".to_owned());
        environment.insert("PASSGRANT_CLIENT_CACHE".to_owned(), "1h".to_owned());
        let config = Config::read(&|name| environment.get(name).cloned()).expect("a sound configuration");
        let sdk_config = in_process.sdk_config();
        let (dynamodb, kms) = (aws::dynamodb(&sdk_config), aws::kms(&sdk_config));
        let keys = config.signing_keys.iter().map(|key| SigningKey::Kms(KmsKey::new(kms.clone(), key.clone())));
        let service = Service::new(
            config.clone(),
            config.required_issuer().expect("an issuer"),
            Store::new(&dynamodb, &config.tables),
            KeyRing::new(keys.collect()),
            Box::new(SystemClock),
            Box::new(OsRandom),
        );
        let service = service.with_metrics(Some(Metrics::of("passgrant".to_owned(), Box::new(io::sink()))));
        let service = service.with_audit(Some(AuditLog::to(Box::new(io::sink()))));
        Self { aws: in_process, service, dynamodb, kms, config }
    }

    async fn log_in(&self) -> String {
        let answer: Value = serde_json::from_slice(&self.send(password()).await).expect("JSON");
        answer["refresh_token"].as_str().expect("a refresh token").to_owned()
    }

    async fn send(&self, request: Request<Bytes>) -> Bytes {
        let id = RequestId::of_platform("8d9b1f4e-3c5a-4f7e-9c61-0a2b3c4d5e6f");
        let response = router::handle(&self.service, request, id, Duration::from_secs(28)).await;
        assert_eq!(response.status(), StatusCode::OK, "{}", String::from_utf8_lossy(response.body()));
        response.into_body()
    }

    /// The request is made before counting begins.
    fn once(&self, runtime: &Runtime, subject: Subject, refresh_token: &str) {
        let answered = |request| Box::pin(async { drop(self.send(request).await) });
        match subject {
            Subject::Password => collected(runtime, answered(password())),
            Subject::Refresh => {
                let parameters = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
                collected(runtime, answered(token_request(&parameters)));
            }
            Subject::Jwks => {
                let request = Request::get("/oauth2/jwks").body(Bytes::new()).expect("a request");
                collected(runtime, answered(request));
            }
            call => self.call(runtime, call),
        }
    }

    fn call(&self, runtime: &Runtime, subject: Subject) {
        let tables = &self.config.tables;
        let text = |text: &str| AttributeValue::S(text.to_owned());
        match subject {
            Subject::GetItem => {
                let request = self.dynamodb.get_item().table_name(&tables.users).consistent_read(true);
                let request = request.key("username", text(&user_name(0)));
                collected(runtime, Box::pin(async { drop(request.send().await.expect("an answer")) }));
            }
            Subject::UpdateItem => {
                let request = self.dynamodb.update_item().table_name(&tables.tokens).key("id", text("t#stand-in"));
                let request = request
                    .update_expression(
                        "SET #schema = :schema, last_at = :now, expires_at = :then ADD attempts :attempts",
                    )
                    .condition_expression("attribute_not_exists(id) OR window_until > :now")
                    .expression_attribute_names("#schema", "schema")
                    .expression_attribute_values(":schema", AttributeValue::N("1".to_owned()))
                    .expression_attribute_values(":now", AttributeValue::N("1767225600".to_owned()))
                    .expression_attribute_values(":then", AttributeValue::N("1767225600".to_owned()))
                    .expression_attribute_values(":attempts", AttributeValue::Ss(vec!["attempt".to_owned()]))
                    .return_values(ReturnValue::AllNew);
                collected(runtime, Box::pin(async { drop(request.send().await.expect("an answer")) }));
            }
            Subject::PutItem => {
                let item = self.aws.session();
                let item = item["Item"].as_object().expect("an item").iter();
                let item = item.map(|(name, value)| (name.clone(), attribute(value))).collect();
                let request = self.dynamodb.put_item().table_name(&tables.tokens).set_item(Some(item));
                let request = request.condition_expression("attribute_not_exists(id)");
                collected(runtime, Box::pin(async { drop(request.send().await.expect("an answer")) }));
            }
            Subject::DeleteItem => {
                let request = self.dynamodb.delete_item().table_name(&tables.tokens).key("id", text("t#stand-in"));
                collected(runtime, Box::pin(async { drop(request.send().await.expect("an answer")) }));
            }
            _ => {
                let request = self.kms.sign().key_id("alias/stand-in").message_type(MessageType::Digest);
                let request = request.signing_algorithm(SigningAlgorithmSpec::RsassaPkcs1V15Sha256);
                let request = request.message(Blob::new([7; 32]));
                collected(runtime, Box::pin(async { drop(request.send().await.expect("an answer")) }));
            }
        }
    }
}

fn password() -> Request<Bytes> {
    let user = user_name(0);
    token_request(&[("grant_type", "password"), ("username", &user), ("password", PASSWORD)])
}

fn token_request(parameters: &[(&str, &str)]) -> Request<Bytes> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let basic = STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    Request::post("/oauth2/token")
        .header(AUTHORIZATION, format!("Basic {basic}"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .extension(FrontDoor { address: Some(Ipv4Addr::LOCALHOST.into()), appends: true })
        .body(Bytes::from(body))
        .expect("a request")
}

/// A value of an item, as it is sent over the network.
fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().and_then(|object| object.iter().next()).expect("a typed value");
    let text = || value.as_str().expect("text").to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "L" => AttributeValue::L(value.as_array().expect("a list").iter().map(attribute).collect()),
        kind => panic!("{kind} is in no session"),
    }
}
