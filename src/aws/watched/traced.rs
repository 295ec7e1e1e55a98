//! What a trace says about a call of AWS, by OpenTelemetry's conventions for the AWS SDK and for DynamoDB.

use std::time::Instant;

use aws_sdk_dynamodb::config::ConfigBag;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemInput;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;

use crate::aws::watched::Refusal;
use crate::dependency::Dependency;
use crate::telemetry::traces::span::{Finished, KeyValue, Kind, list, number, text};

/// How DynamoDB says that a condition does not hold. This service asks in that way, and nothing has failed.
const CONDITION: &str = "ConditionalCheckFailedException";
/// The longest name of an error, and the longest request id, that is believed to be one.
const MOST_BYTES: usize = 128;

/// The table that a call of DynamoDB is about.
pub(super) fn table(input: &Input) -> Option<&str> {
    input
        .downcast_ref::<GetItemInput>()
        .map(GetItemInput::table_name)
        .or_else(|| input.downcast_ref::<UpdateItemInput>().map(UpdateItemInput::table_name))
        .or_else(|| input.downcast_ref::<PutItemInput>().map(PutItemInput::table_name))
        .or_else(|| input.downcast_ref::<DeleteItemInput>().map(DeleteItemInput::table_name))
        .flatten()
}

/// The span of a call that is over.
pub(super) fn span(
    by: Dependency,
    started: Instant,
    table: Option<&str>,
    context: &FinalizerInterceptorContextRef<'_>,
    bag: &ConfigBag,
) -> Finished {
    let (service, operation) =
        bag.load::<Metadata>().map_or(("AWS", "Unknown"), |called| (called.service(), called.name()));
    let mut attributes =
        vec![text("rpc.system", "aws-api"), text("rpc.service", service), text("rpc.method", operation)];
    let answer = context.response();
    let code = answer.and_then(code);
    if by == Dependency::DynamoDb {
        attributes.extend([text("db.system.name", "aws.dynamodb"), text("db.operation.name", operation)]);
        attributes.extend(table.map(|table| list("aws.dynamodb.table_names", table)));
        attributes.extend(code.as_deref().map(|code| text("db.response.status_code", code)));
    }
    attributes.extend(answer.and_then(request_id));
    let retries = bag.load::<RequestAttempts>().map_or(0, |made| made.attempts().saturating_sub(1));
    if retries > 0 {
        attributes.push(number("http.request.resend_count", retries));
    }
    let failed = context.output_or_error().is_none_or(|outcome| outcome.is_err()) && code.as_deref() != Some(CONDITION);
    if failed {
        attributes.push(text("error.type", code.unwrap_or_else(|| trouble(context).to_owned())));
    }
    Finished { name: format!("{service}.{operation}"), kind: Kind::Client, started, attributes, failed }
}

/// What went wrong if the service did not say.
fn trouble(context: &FinalizerInterceptorContextRef<'_>) -> &'static str {
    match context.output_or_error() {
        Some(Err(error)) if error.is_timeout_error() => "timeout",
        Some(Err(error)) if error.is_connector_error() => "connection",
        Some(Err(error)) if error.is_response_error() => "unreadable answer",
        _ => "_OTHER",
    }
}

/// The name of the error that the service answered with.
fn code(answer: &HttpResponse) -> Option<String> {
    if answer.status().is_success() {
        return None;
    }
    let refusal = serde_json::from_slice::<Refusal<'_>>(answer.body().bytes()?).ok()?;
    let code = refusal.code();
    let is_name = code.len() <= MOST_BYTES && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| code.to_owned())
}

/// AWS's own name for the call, by which AWS finds it.
fn request_id(answer: &HttpResponse) -> Option<KeyValue> {
    let id = answer.headers().get("x-amzn-requestid")?;
    let is_id = id.len() <= MOST_BYTES && id.bytes().all(|byte| byte.is_ascii_graphic());
    is_id.then(|| text("aws.request_id", id))
}
