//! What the calls of a request take, and whether they are throttled, noted for its metrics; and the calls themselves, for its
//! trace.

mod traced;

use std::time::Instant;

use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use serde::Deserialize;

use crate::dependency::Dependency;
use crate::telemetry::phase::{self, Phase, UnderWay};

/// Errors of DynamoDB and KMS that say that there were too many calls.
pub(super) const THROTTLING_CODES: [&str; 3] =
    ["ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"];

/// An interceptor that watches the calls of a client.
#[derive(Debug)]
pub struct Watched {
    /// What the calls are part of, unless whoever makes them measures that.
    phase: Option<Phase>,
    /// Who throttles them.
    by: Dependency,
}

impl Watched {
    /// For a client of DynamoDB.
    #[must_use]
    pub const fn dynamodb() -> Self {
        Self { phase: Some(Phase::Store), by: Dependency::DynamoDb }
    }

    /// For a client of KMS.
    #[must_use]
    pub const fn kms() -> Self {
        Self { phase: None, by: Dependency::Kms }
    }
}

/// A call, which ends with what the SDK keeps for it: also if it is given up.
#[derive(Debug)]
struct Call {
    _phase: Option<UnderWay>,
    at: Instant,
    /// The table it is about, if the call is traced.
    table: Option<String>,
}

impl Storable for Call {
    type Storer = StoreReplace<Self>;
}

/// The body of an error (AWS JSON 1.0 and 1.1).
#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow, rename = "__type")]
    code: &'a str,
}

impl Refusal<'_> {
    /// The code, which follows the name of the service, if that is there.
    fn code(&self) -> &str {
        self.code.rsplit_once('#').map_or(self.code, |(_, code)| code)
    }

    /// Whether there were too many calls.
    fn is_throttling(&self) -> bool {
        THROTTLING_CODES.contains(&self.code())
    }
}

#[dyn_dispatch_hint]
impl Intercept for Watched {
    fn name(&self) -> &'static str {
        "Watched"
    }

    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let table = if phase::is_traced() { traced::table(context.input()).map(str::to_owned) } else { None };
        let phase = self.phase.map(UnderWay::begin);
        bag.interceptor_state().store_put(Call { _phase: phase, at: Instant::now(), table });
        Ok(())
    }

    /// The SDK tries again what is throttled, so that this is not seen in what a call comes to.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response().filter(|answer| answer.status().as_u16() == 400);
        let refusal = answer.and_then(|answer| serde_json::from_slice::<Refusal<'_>>(answer.body().bytes()?).ok());
        if refusal.is_some_and(|refusal| refusal.is_throttling()) {
            phase::was_throttled(self.by);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Call { at, table, .. }) = bag.load::<Call>() {
            phase::traced(|| traced::span(self.by, *at, table.as_deref(), context, bag));
        }
        bag.interceptor_state().unset::<Call>();
        Ok(())
    }
}
