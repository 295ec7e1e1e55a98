//! The SDK's configuration of a Lambda function, from the variables that Lambda sets.
//!
//! The SDK's own way also looks into profiles and asks STS and instances, none of which a function has: the code for it would
//! be a large part of a program that is loaded at each cold start.

use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::aws::{ATTEMPT_TIMEOUT, bounded, connector};

/// How long a connection may be idle and still be used.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// The variables that name endpoints: of all services, and of each.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const DYNAMODB_ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";
const KMS_ENDPOINT: &str = "AWS_ENDPOINT_URL_KMS";

/// The HTTP client of a function's SDK clients, for the endpoints of [`sdk_config`].
///
/// What it connects with is made on a thread of its own from now on, while the rest of the function starts: reading and parsing
/// every root certificate is a good part of a cold start, and only the first connection needs them. Endpoints that are reached
/// without TLS, on a developer's machine, have no use for them.
#[must_use]
pub fn http_client(lookup: &dyn Fn(&str) -> Option<String>) -> SharedHttpClient {
    let endpoint = |name: &str| set(lookup, name).or_else(|| set(lookup, ENDPOINT));
    let is_plain = |name: &str| endpoint(name).is_some_and(|url| url.starts_with("http://"));
    let is_plain = is_plain(DYNAMODB_ENDPOINT) && is_plain(KMS_ENDPOINT);
    let shared = Arc::new(LazyLock::new(move || connector(is_plain, Some(ATTEMPT_TIMEOUT), IDLE_TIMEOUT)));
    if !is_plain {
        let made = Arc::clone(&shared);
        let making =
            thread::Builder::new().name("roots".to_owned()).spawn(move || drop(SharedHttpConnector::clone(&made)));
        if let Err(error) = making {
            tracing::debug!(%error, "no thread to read the root certificates");
        }
    }
    http_client_fn(move |_, _| SharedHttpConnector::clone(&shared))
}

/// A variable that is empty is not set.
fn set(lookup: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    lookup(name).filter(|value| !value.is_empty())
}

/// The endpoints that are not AWS's own.
#[derive(Debug)]
struct Endpoints {
    dynamodb: Option<String>,
    kms: Option<String>,
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        match (key.env(), key.service_id()) {
            ("AWS_ENDPOINT_URL", "DynamoDB") => self.dynamodb.clone(),
            ("AWS_ENDPOINT_URL", "KMS") => self.kms.clone(),
            _ => None,
        }
    }
}

/// The configuration of a function's SDK clients: `AWS_REGION`, the credentials of its role, and, each if it is set,
/// `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_KMS`, `AWS_ENDPOINT_URL`, `AWS_USE_FIPS_ENDPOINT` and
/// `AWS_USE_DUALSTACK_ENDPOINT`.
#[must_use]
pub fn sdk_config(lookup: &dyn Fn(&str) -> Option<String>, http_client: SharedHttpClient) -> SdkConfig {
    let set = |name: &str| set(lookup, name);
    let is_on = |name: &str| set(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client.clone())
        .region(set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION")).map(Region::new))
        .use_fips(is_on("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"))
        .service_config(Endpoints { dynamodb: set(DYNAMODB_ENDPOINT), kms: set(KMS_ENDPOINT) });
    config.set_endpoint_url(set(ENDPOINT));
    // What was restored from a snapshot is given credentials that change, by an endpoint of its own.
    config.set_credentials_provider(Some(if set("AWS_ACCESS_KEY_ID").is_some() {
        SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
    } else {
        let asked = ProviderConfig::without_region().with_http_client(http_client);
        SharedCredentialsProvider::new(EcsCredentialsProvider::builder().configure(&asked).build())
    }));
    bounded(config.build())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::Builder as DynamoDb;
    use aws_sdk_kms::config::Builder as Kms;

    use super::*;

    fn config(variables: &[(&str, &str)]) -> SdkConfig {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        sdk_config(&lookup, http_client(&lookup))
    }

    fn said<T>(builder: T) -> String
    where
        T: std::fmt::Debug,
    {
        format!("{builder:?}")
    }

    #[test]
    fn the_region_and_the_endpoints_are_those_of_the_environment() {
        let of_aws = config(&[("AWS_REGION", "eu-central-1"), ("AWS_USE_FIPS_ENDPOINT", "true")]);
        assert_eq!(of_aws.region().map(Region::as_ref), Some("eu-central-1"));
        assert_eq!((of_aws.use_fips(), of_aws.use_dual_stack()), (Some(true), Some(false)));
        assert_eq!(of_aws.endpoint_url(), None);

        let elsewhere = config(&[
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", "http://both.invalid"),
            ("AWS_ENDPOINT_URL_KMS", "http://kms.invalid"),
        ]);
        assert_eq!(elsewhere.region().map(Region::as_ref), Some("eu-west-1"));
        assert!(said(DynamoDb::from(&elsewhere)).contains("http://both.invalid"));
        assert!(said(Kms::from(&elsewhere)).contains("http://kms.invalid"));
        assert!(!said(Kms::from(&elsewhere)).contains("http://both.invalid"));
    }
}
