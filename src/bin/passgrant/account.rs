//! AWS as the credentials of this process open it: the SDK's configuration, and whose the credentials are.
//!
//! Both are found out once, and shared by everything that a process does. So credentials that have to be fetched are fetched once,
//! STS is asked once, and whoever the audit log names is who made the change: other credentials that the profile names
//! by then are not used for one and not for the other.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::Client as Sts;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use passgrant::aws;
use passgrant::error::root_cause;
use tokio::sync::{Mutex, OnceCell};

use crate::failure::Failure;

/// One attempt of a call to a service that takes its time, unlike DynamoDB and KMS.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// AWS as the credentials of this process open it.
#[derive(Default)]
pub(crate) struct Account {
    config: OnceCell<SdkConfig>,
    used: Used,
    holder: Mutex<Option<Holder>>,
}

/// Whose some credentials are.
struct Holder {
    /// Those that STS was asked with.
    access_key: Option<String>,
    arn: String,
}

impl Account {
    /// The configuration of SDK clients.
    pub(crate) async fn config(&self) -> &SdkConfig {
        self.config.get_or_init(|| async { self.used.noted_by(aws::of_operator::sdk_config().await) }).await
    }

    /// The same for services that take longer than DynamoDB and KMS.
    pub(crate) async fn patient_config(&self) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(ATTEMPT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        self.config().await.to_builder().timeout_config(timeouts).build()
    }

    /// The ARN of whoever the credentials are of, as AWS STS says it.
    ///
    /// STS is asked again once the SDK has fetched other credentials, as it does when they expire: a console may outlive them,
    /// and the next ones may be of another session or role. An answer that did not come is asked for again too.
    pub(crate) async fn holder(&self) -> Result<String, Failure> {
        let mut holder = self.holder.lock().await;
        if let Some(known) = holder.as_ref().filter(|known| known.access_key == self.used.access_key()) {
            return Ok(known.arn.clone());
        }
        let arn = identity(&self.patient_config().await).await?;
        *holder = Some(Holder { access_key: self.used.access_key(), arn: arn.clone() });
        Ok(arn)
    }
}

async fn identity(config: &SdkConfig) -> Result<String, Failure> {
    let answer = Sts::new(config).get_caller_identity().send().await;
    let unknown = |reason: String| Failure::refused(format!("AWS does not say whose the credentials are: {reason}"));
    let answer = answer.map_err(|error| unknown(told(&error)))?;
    answer.arn.ok_or_else(|| unknown("the answer has no ARN".to_owned()))
}

/// What a service of AWS answered in place of doing what it was asked to, or why it did not answer.
pub(crate) fn told<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
    R: fmt::Debug + 'static,
{
    match (error.code(), error) {
        (Some(code), _) => format!("{code}: {}", error.message().unwrap_or("no reason is given")),
        (None, SdkError::TimeoutError(_)) => "it did not answer in time".to_owned(),
        (None, _) => root_cause(error),
    }
}

/// The access key, which is no secret, of the credentials that SDK clients were given last.
#[derive(Clone, Debug, Default)]
struct Used(Arc<Lock<Option<String>>>);

impl Used {
    fn access_key(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, credentials: &Credentials) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials.access_key_id().to_owned());
    }

    /// `config`, whose credentials are noted whenever they are fetched.
    fn noted_by(&self, config: SdkConfig) -> SdkConfig {
        let Some(found) = config.credentials_provider() else { return config };
        let noting = Noting { found, used: self.clone() };
        config.into_builder().credentials_provider(SharedCredentialsProvider::new(noting)).build()
    }
}

#[derive(Debug)]
struct Noting {
    found: SharedCredentialsProvider,
    used: Used,
}

impl ProvideCredentials for Noting {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.found.provide_credentials().await?;
            self.used.note(&credentials);
            Ok(credentials)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.found.fallback_on_interrupt()
    }
}
