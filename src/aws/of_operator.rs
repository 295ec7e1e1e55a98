//! The SDK's configuration of the command line, from wherever an operator's own tools find theirs.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::SharedHttpClient;
use aws_smithy_http_client::Builder as HttpClientBuilder;
use aws_smithy_runtime_api::client::http::{HttpClient as _, http_client_fn};

use crate::aws::{TLS, bounded};

/// The configuration of the command line's SDK clients: region, credentials and endpoints from the environment and the
/// shared configuration files.
pub async fn sdk_config() -> SdkConfig {
    let found = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()).load().await;
    bounded(found)
}

/// The HTTP client of the command line's SDK clients.
///
/// Each SDK client that is made has its HTTP client checked, which reads and parses every root certificate to no end. This
/// one is not: the roots are parsed once, for the first connection.
fn http_client() -> SharedHttpClient {
    let client = HttpClientBuilder::new().tls_provider(TLS).build_https();
    http_client_fn(move |settings, components| client.http_connector(settings, components))
}
