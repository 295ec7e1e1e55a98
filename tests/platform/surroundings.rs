//! A function and everything around it.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use passgrant::password::Argon2Policy;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::aws::{Authority, StandIn};
use crate::canned::{self, Canned, PASSWORD, user_name};
use crate::platform::{Answer, Function, RuntimeApi, token_request};

/// As many as there are requests at the same time.
pub(crate) const USERS: usize = 8;

pub(crate) struct Surroundings {
    pub(crate) api: RuntimeApi,
    pub(crate) dynamodb: StandIn,
    pub(crate) kms: StandIn,
    pub(crate) canned: Arc<Canned>,
    environment: Vec<(String, String)>,
    log: NamedTempFile,
}

impl Surroundings {
    pub(crate) async fn start() -> Self {
        Self::behind(None).await
    }

    /// DynamoDB and KMS speak TLS if there is an authority.
    pub(crate) async fn behind(authority: Option<&Authority>) -> Self {
        let canned = Arc::new(Canned::prepare(USERS, &Argon2Policy::new(64, 1, 1).expect("a policy")).await);
        let [dynamodb, kms] = [(); 2].map(|()| StandIn::start(&canned, authority, Duration::ZERO));
        let mut environment = canned::environment();
        let mut add = |name: &str, value: &str| environment.push((name.to_owned(), value.to_owned()));
        add("AWS_ENDPOINT_URL_DYNAMODB", &dynamodb.endpoint());
        add("AWS_ENDPOINT_URL_KMS", &kms.endpoint());
        add("PASSGRANT_ARGON2_MEMORY_KIB", "64");
        add("PASSGRANT_ARGON2_ITERATIONS", "1");
        let log = NamedTempFile::new().expect("a file");
        Self { api: RuntimeApi::start().await, dynamodb, kms, canned, environment, log }
    }

    pub(crate) fn function(&self, variables: &[(&str, &str)]) -> Function {
        let mut environment = self.environment.clone();
        environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let log = File::options().append(true).open(self.log.path()).expect("the log");
        Function::start(Path::new(env!("CARGO_BIN_EXE_bootstrap")), &self.api, &environment, Stdio::from(log))
    }

    /// A single login of the user with this number.
    pub(crate) async fn log_in(&mut self, number: usize) -> Answer {
        self.api.poll().await.invoke("alone", login(number));
        let answer = self.api.answer().await;
        assert_eq!(answer.body["statusCode"], 200, "{:?}", self.log());
        answer
    }

    /// The function's log, line by line.
    pub(crate) fn log(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.log.path()).expect("the log");
        log.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }
}

pub(crate) fn login(number: usize) -> Value {
    let user = user_name(number);
    token_request(&[("grant_type", "password"), ("username", &user), ("password", PASSWORD)])
}
