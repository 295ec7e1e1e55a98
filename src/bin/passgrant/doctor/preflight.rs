//! What a deployment consists of, as the operator's credentials see it: its function, its tables, its keys and the quotas.
//!
//! What they may not ask is skipped, with the permission that is missing.

mod function;
mod keys;
mod tables;

use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use passgrant::config::outputs::Outputs;

use crate::Context;
use crate::doctor::report::Finding;

/// Examines the deployment that has `outputs`.
pub(super) async fn examine(context: &Context, outputs: &Outputs) -> Vec<Finding> {
    let config = context.account.patient_config().await;
    let mut findings = function::examine(&config, outputs).await;
    findings.extend(tables::examine(&config, &context.config.tables).await);
    findings.extend(keys::examine(&config, context).await);
    findings
}

/// Examines the keys that are listed.
pub(super) async fn keys(context: &Context) -> Vec<Finding> {
    keys::examine(&context.account.patient_config().await, context).await
}

/// Whether AWS says that there is no such thing.
fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code().is_some_and(|code| code.contains("NotFound"))
}

/// What an error of AWS says about what was asked for.
fn unanswered<E, R>(check: &'static str, what: &str, permission: &str, error: &SdkError<E, R>) -> Finding
where
    E: ProvideErrorMetadata + Debug,
    R: Debug,
{
    match error.code() {
        Some(code) if code.contains("AccessDenied") || code.contains("NotAuthorized") => {
            Finding::skipped(check, format!("{what}: the AWS credentials lack {permission}"))
        }
        Some(code) if is_missing(error) => {
            Finding::failed(check, format!("{what}: there is no such thing in AWS ({code})"))
        }
        Some(code) => Finding::skipped(check, format!("{what}: AWS answered {code} to {permission}")),
        None => Finding::skipped(check, format!("{what}: AWS could not be asked for {permission}")),
    }
}
