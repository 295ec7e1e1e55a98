//! The SDK's client of the database in this process, without what nobody reads there: each takes a few percent of what a call of the
//! SDK takes.

use aws_config::SdkConfig;
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::user_agent::UserAgentInterceptor;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{Builder, ConfigBag, Intercept};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::{disable_interceptor, dyn_dispatch_hint};

/// A client with `config`, for the database at `endpoint`.
pub(super) fn client(config: &SdkConfig, endpoint: String) -> Client {
    let endpoint = Endpoint::builder().url(endpoint).build();
    Client::from_conf(Builder::from(config).endpoint_resolver(Always(endpoint)).interceptor(Unannounced).build())
}

/// Always the same endpoint, where the SDK would work out anew at each call which one the region has.
#[derive(Debug)]
struct Always(Endpoint);

impl ResolveEndpoint for Always {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(self.0.clone()))
    }
}

/// Leaves out the headers that tell AWS who calls, and which call it is.
#[derive(Debug)]
struct Unannounced;

#[dyn_dispatch_hint]
impl Intercept for Unannounced {
    fn name(&self) -> &'static str {
        "Unannounced"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        const CAUSE: &str = "the database is in this process";
        bag.interceptor_state()
            .store_put(disable_interceptor::<InvocationIdInterceptor>(CAUSE))
            .store_put(disable_interceptor::<UserAgentInterceptor>(CAUSE));
        Ok(())
    }
}
