//! The Lambda function's front door: events of API Gateway (HTTP and REST), function URLs and load balancers.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Response, Uri};
use lambda_http::ext::extensions::RequestExt as _;
use lambda_http::lambda_runtime::Runtime;
use lambda_http::lambda_runtime::layers::TracingLayer;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{
    Adapter, Body, BoxFuture, Context, LambdaEvent, Service as TowerService, SnapStartResource, service_fn,
};
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;
use tokio::task::JoinError;
use tokio::time::timeout;

use crate::endpoint::discovery::DeploymentCheck;
use crate::router::{self, RequestId};
use crate::service::Service;
use crate::source::FrontDoor;
use crate::telemetry::traces::context::TraceContext;

/// The part of an invocation's time that is kept to undo what a request that ran out of time had counted, and to return
/// the answer.
const TIME_TO_ANSWER: Duration = Duration::from_millis(500);
/// Read by `lambda_http` to rebuild a URL, and not needed here.
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The route key of the event by which a deployment asks a new version whether it can sign. No gateway sends it: the keys of
/// an HTTP API are `$default`, or a method and a path, and no caller can write one.
const DEPLOYMENT_CHECK: &str = "deployment-check";

/// How a platform starts environments and sends them invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Whether environments are started ahead of any invocation, as for provisioned concurrency.
    pub ahead: bool,
    /// Whether an environment is started once, and restored from a snapshot from then on.
    pub snapshots: bool,
    /// Whether one environment is sent several invocations at the same time.
    pub concurrent: bool,
}

impl Platform {
    /// Reads what the platform's own variables say.
    #[must_use]
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let initialization = lookup("AWS_LAMBDA_INITIALIZATION_TYPE");
        let at_once = lookup("AWS_LAMBDA_MAX_CONCURRENCY").and_then(|number| number.parse().ok());
        Self {
            ahead: initialization.as_deref() == Some("provisioned-concurrency"),
            snapshots: initialization.as_deref() == Some("snap-start"),
            concurrent: at_once.is_some_and(|number: u32| number > 1),
        }
    }

    /// How long a start may wait for DynamoDB and KMS before it asks for an invocation. An invocation that is already
    /// there waits for what it needs by itself; if there is none, the environment is frozen as soon as it asks.
    const fn head_start(self) -> Duration {
        if self.ahead { Duration::from_secs(2) } else { Duration::from_millis(15) }
    }
}

/// Warms up, and serves invocations until the platform ends the process: several at the same time if the platform sends
/// them that way, otherwise one after the other.
///
/// # Errors
/// What the runtime reports when it cannot reach the platform.
pub async fn run(service: Arc<Service>, platform: Platform) -> Result<(), lambda_http::Error> {
    let restored = Restored { service: Arc::clone(&service), platform };
    // Connections do not survive a snapshot: they are opened when it is restored.
    if !platform.snapshots {
        warm_up(&service, platform).await;
    }
    let runtime = Runtime::new(handler(service)).layer(TracingLayer::new());
    runtime.register_snapstart_resource(Arc::new(restored)).run_concurrent().await
}

/// Warms up. It waits for that as long as the platform allows; the rest continues while invocations are served.
async fn warm_up(service: &Arc<Service>, platform: Platform) {
    let service = Arc::clone(service);
    let (warm, warmed) = oneshot::channel::<Infallible>();
    let warming = tokio::spawn(async move {
        service.warm_up().await;
        drop(warm);
        // The first poll for an invocation goes out before this.
        tokio::task::yield_now().await;
        service.prepare_for_logins().await;
    });
    let started = async {
        if platform.ahead {
            // The warm-up is done, or has panicked.
            let _: Result<(), JoinError> = warming.await;
        } else {
            // Nothing is ever sent: dropping the sender is the signal.
            let _: Result<Infallible, RecvError> = warmed.await;
        }
    };
    if timeout(platform.head_start(), started).await.is_err() {
        tracing::debug!("DynamoDB or KMS has not answered yet");
    }
}

/// Opens connections in an environment that was restored from a snapshot.
struct Restored {
    service: Arc<Service>,
    platform: Platform,
}

impl SnapStartResource for Restored {
    fn after_restore(&self) -> BoxFuture<'_, Result<(), lambda_http::Error>> {
        Box::pin(async {
            warm_up(&self.service, self.platform).await;
            Ok(())
        })
    }
}

/// The function from an event to its answer, each in the form of the front door that the event came through.
pub fn handler(
    service: Arc<Service>,
) -> impl TowerService<
    LambdaEvent<LambdaRequest>,
    Response = impl Serialize + Send + 'static,
    Error = Infallible,
    Future: Send + 'static,
> + Clone
+ Send
+ 'static {
    let mut adapter = Adapter::from(service_fn(move |request| respond(Arc::clone(&service), request)));
    service_fn(move |LambdaEvent { payload, context }| {
        adapter.call(LambdaEvent { payload: readable(payload), context })
    })
}

/// What the front door says of whoever sent it a request. A load balancer does not say it by itself.
fn front_door(request: &Request<Body>) -> FrontDoor {
    let address = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref(),
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    FrontDoor { address: address.and_then(|address| address.parse().ok()), appends: true }
}

/// Whether an event was made by a deployment, which may invoke the function directly, and came through no front door.
fn is_of_deployment(request: &Request<Body>) -> bool {
    matches!(
        request.request_context_ref(),
        Some(RequestContext::ApiGatewayV2(context)) if context.route_key.as_deref() == Some(DEPLOYMENT_CHECK)
    )
}

/// The span that Lambda says the invocation belongs to.
fn trace_of_platform(request: &Request<Body>) -> Option<TraceContext> {
    TraceContext::of_platform(request.lambda_context_ref()?.xray_trace_id.as_deref()?)
}

async fn respond(service: Arc<Service>, request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let (id, time) = match request.lambda_context_ref() {
        Some(context) => (RequestId::of_platform(&context.request_id), time_left(context)),
        None => (RequestId::generate(&service), Duration::ZERO),
    };
    let trace = if service.is_traced() { trace_of_platform(&request) } else { None };
    let front_door = front_door(&request);
    let is_of_deployment = is_of_deployment(&request);
    let mut request = plain(request, service.issuer.path());
    request.extensions_mut().insert(front_door);
    if let Some(trace) = trace {
        request.extensions_mut().insert(trace);
    }
    if is_of_deployment {
        request.extensions_mut().insert(DeploymentCheck);
    }
    let mut response = router::handle(&service, request, id, time).await;
    response.headers_mut().remove(CONTENT_LENGTH);
    Ok(response.map(|body| match String::from_utf8(body.into()) {
        Ok(text) if text.is_empty() => Body::Empty,
        Ok(text) => Body::Text(text),
        Err(error) => Body::Binary(error.into_bytes()),
    }))
}

#[expect(clippy::disallowed_methods, reason = "the platform's deadline is in the machine's own time")]
fn time_left(context: &Context) -> Duration {
    let left = context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
    left.saturating_sub(TIME_TO_ANSWER)
}

/// The request as the other front doors make it: the path without the stage, and the body as bytes.
fn plain(request: Request<Body>, issuer_path: &str) -> Request<Bytes> {
    let path = path(&request, issuer_path).parse::<PathAndQuery>().map(Uri::from).unwrap_or_default();
    let mut request = request.map(|body| match body {
        Body::Text(text) => Bytes::from(text),
        Body::Binary(bytes) => Bytes::from(bytes),
        _ => Bytes::new(),
    });
    *request.uri_mut() = path;
    request
}

/// The path as it came, unless it names nothing and the path below the stage does: a stage may be called what the paths
/// of the service begin with.
fn path<'a>(request: &'a Request<Body>, issuer_path: &str) -> &'a str {
    let path = request.raw_http_path();
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
        return path;
    };
    let below_stage = context.stage.as_deref().and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    let is_path = |path: &str| router::is_path(path, issuer_path);
    below_stage.filter(|below| !is_path(path) && is_path(below)).unwrap_or(path)
}

/// Leaves in `single`, in which each header has one value, only what `multiple` does not have: `lambda_http` merges the
/// two, and would turn several values into one.
fn keep_every_value(single: &mut HeaderMap, multiple: &HeaderMap) {
    for name in multiple.keys() {
        single.remove(name);
    }
}

/// `lambda_http` panics on a body that is not the base64 that it is said to be, and on headers, paths and queries that
/// do not make a URL. Such a body is passed on as it is, to be refused as malformed; such a path is dropped; the rest
/// is not needed. `lambda_http` also turns several values of a header into one.
fn readable(mut event: LambdaRequest) -> LambdaRequest {
    let drop_url = |headers: &mut HeaderMap| {
        headers.remove(HOST);
        headers.remove(X_FORWARDED_PROTO);
    };
    let is_base64 = |body: &Option<String>| body.as_deref().is_none_or(|body| STANDARD.decode(body).is_ok());
    let is_relative = |path: &mut String| !path.starts_with('/');
    match &mut event {
        LambdaRequest::ApiGatewayV1(event) => {
            event.is_base64_encoded &= is_base64(&event.body);
            event.request_context.domain_name = None;
            event.path.take_if(is_relative);
            drop_url(&mut event.headers);
            drop_url(&mut event.multi_value_headers);
            keep_every_value(&mut event.headers, &event.multi_value_headers);
        }
        LambdaRequest::ApiGatewayV2(event) => {
            event.is_base64_encoded &= is_base64(&event.body);
            event.request_context.domain_name = None;
            event.raw_query_string = None;
            event.raw_path.take_if(is_relative);
            drop_url(&mut event.headers);
        }
        LambdaRequest::Alb(event) => {
            event.is_base64_encoded &= is_base64(&event.body);
            event.path.take_if(is_relative);
            drop_url(&mut event.headers);
            drop_url(&mut event.multi_value_headers);
            keep_every_value(&mut event.headers, &event.multi_value_headers);
        }
        _ => {}
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_platform_does_is_read_from_its_variables() {
        const TYPE: &str = "AWS_LAMBDA_INITIALIZATION_TYPE";
        const AT_ONCE: &str = "AWS_LAMBDA_MAX_CONCURRENCY";
        for (variable, value, ahead, snapshots, concurrent) in [
            (TYPE, "on-demand", false, false, false),
            (TYPE, "provisioned-concurrency", true, false, false),
            (TYPE, "snap-start", false, true, false),
            (TYPE, "lambda-managed-instances", false, false, false),
            (AT_ONCE, "", false, false, false),
            (AT_ONCE, "1", false, false, false),
            (AT_ONCE, "2", false, false, true),
            (AT_ONCE, "many", false, false, false),
        ] {
            let platform = Platform::read(&|name| (name == variable).then(|| value.to_owned()));
            assert_eq!(platform, Platform { ahead, snapshots, concurrent }, "{variable}={value}");
        }
    }
}
