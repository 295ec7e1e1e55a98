//! The keys of the list, in KMS and in envelopes, and how often KMS signs.

use aws_config::SdkConfig;
use aws_sdk_kms::Client as Kms;
use aws_sdk_kms::types::KeyState;
use aws_sdk_servicequotas::Client as Quotas;
use passgrant::signing::VerificationKey;
use passgrant::signing::envelope;
use passgrant::signing::error::SigningError;
use passgrant::signing::kms::KmsKey;
use passgrant::signing::listed::ListedKey;
use passgrant::store::outcome::StoreError;
use passgrant::store::signing_keys::KeyName;

use super::unanswered;
use crate::Context;
use crate::doctor::report::Finding;

const CHECK: &str = "signing-key";
/// What KMS and DynamoDB call it when the credentials lack a permission.
const DENIED: &str = "AccessDeniedException";
/// What it is called in Service Quotas, which say so for each kind of key.
const RSA_QUOTA: &str = "Cryptographic operations (RSA) request rate";
const MOST_PAGES: usize = 5;

/// Examines each listed key, the key that wraps, and the quota.
pub(super) async fn examine(config: &SdkConfig, context: &Context) -> Vec<Finding> {
    let kms = Kms::new(config);
    let mut findings = Vec::new();
    for key in &context.config.signing_keys {
        findings.push(match key.envelope() {
            Some(name) => wrapped(context, key, &name).await,
            None => in_kms(&kms, key).await,
        });
    }
    if let Some(key) = &context.config.wrapping_key {
        let state = state(&kms, "wrapping-key", key).await;
        findings.push(state.unwrap_or_else(|| Finding::ok("wrapping-key", format!("{key} is enabled"))));
    }
    findings.push(quota(config).await);
    findings
}

/// What is wrong with a key of KMS.
async fn state(kms: &Kms, check: &'static str, key: &str) -> Option<Finding> {
    let answer = match kms.describe_key().key_id(key).send().await {
        Ok(answer) => answer,
        Err(error) => return Some(unanswered(check, key, "kms:DescribeKey", &error)),
    };
    match answer.key_metadata().and_then(|key| key.key_state()) {
        Some(KeyState::Enabled) => None,
        Some(KeyState::PendingDeletion) => Some(Finding::failed(
            check,
            format!("{key} is scheduled for deletion: `aws kms cancel-key-deletion`, then `enable-key`"),
        )),
        Some(KeyState::Disabled) => {
            Some(Finding::failed(check, format!("{key} is disabled: `aws kms enable-key`, or take it off the list")))
        }
        state => Some(Finding::failed(
            check,
            format!("{key} cannot be used: it is {}", state.map_or("in no known state", KeyState::as_str)),
        )),
    }
}

async fn in_kms(kms: &Kms, key: &ListedKey) -> Finding {
    if let Some(finding) = state(kms, CHECK, &key.name).await {
        return finding;
    }
    match KmsKey::new(kms.clone(), key.clone()).verification().await {
        Ok(VerificationKey::Public(_)) => Finding::ok(CHECK, format!("{key} is enabled and can be published")),
        Ok(VerificationKey::Secret { .. }) => {
            Finding::ok(CHECK, format!("{key} is enabled; a secret is not published"))
        }
        Err(SigningError::Kms(error)) if error.code() == Some(DENIED) => Finding::skipped(
            CHECK,
            format!(
                "{key} is enabled; whether it can be published, the AWS credentials may not see: they lack kms:GetPublicKey"
            ),
        ),
        Err(error) if error.is_transient() => Finding::warning(
            CHECK,
            format!(
                "{key} is enabled; whether it can be published is not known, since it was not answered ({error}): ask again"
            ),
        ),
        Err(error) => Finding::failed(CHECK, format!("{key}: {error}")),
    }
}

/// Only the function can have it unwrapped: what the table says about it is all that can be seen.
async fn wrapped(context: &Context, listed: &ListedKey, name: &KeyName) -> Finding {
    let Ok(database) = context.database().await else {
        return Finding::skipped(CHECK, format!("{listed}: the clients table cannot be read"));
    };
    match database.store.signing_keys.get(name).await {
        Ok(Some(stored)) => match envelope::as_stored(&stored, listed) {
            Ok(_) => Finding::ok(CHECK, format!("{listed} is in the clients table")),
            Err(error) => Finding::failed(CHECK, format!("{listed}: {error}")),
        },
        Ok(None) => Finding::failed(
            CHECK,
            format!(
                "{listed} is not in the clients table: make it with `passgrant key create`, or take it off the list"
            ),
        ),
        Err(StoreError::Aws(error)) if error.code() == Some(DENIED) => {
            Finding::skipped(CHECK, format!("{listed}: the AWS credentials lack dynamodb:GetItem on the clients table"))
        }
        Err(error) => Finding::skipped(CHECK, format!("{listed}: {error}")),
    }
}

async fn quota(config: &SdkConfig) -> Finding {
    const CHECK: &str = "kms-quota";

    let quotas = Quotas::new(config);
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let page = match quotas.list_service_quotas().service_code("kms").set_next_token(next).send().await {
            Ok(page) => page,
            Err(error) => return unanswered(CHECK, "the quotas of KMS", "servicequotas:ListServiceQuotas", &error),
        };
        if let Some(quota) = page.quotas().iter().find(|quota| quota.quota_name() == Some(RSA_QUOTA)) {
            let rate = quota.value().unwrap_or_default();
            return Finding::ok(
                CHECK,
                format!(
                    "KMS signs {rate} times a second with RSA, for the whole account; keys in envelopes do not count"
                ),
            );
        }
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    Finding::skipped(CHECK, "the quota for signatures is not listed")
}
