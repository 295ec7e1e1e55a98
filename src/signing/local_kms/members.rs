//! The members of requests, and what KMS says about wrong ones.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::signing::local_kms::account::Key;
use crate::signing::local_kms::error::{KmsError, Violations};
use crate::signing::local_kms::operation::Operation;

pub(super) fn parse<R: DeserializeOwned>(request: Value) -> Result<R, KmsError> {
    serde_json::from_value(request).map_err(|_| KmsError::bare("SerializationException"))
}

pub(super) fn blob(member: Option<String>) -> Result<Option<Vec<u8>>, KmsError> {
    member
        .map(|encoded| BASE64_STANDARD.decode(encoded))
        .transpose()
        .map_err(|_| KmsError::bare("SerializationException"))
}

/// The key id, empty where a violation was added.
pub(super) fn check_key_id(violations: &mut Violations, key_id: Option<String>) -> String {
    let Some(key_id) = key_id else {
        violations.add("Value null at 'keyId'", "Member must not be null");
        return String::new();
    };
    let value = format!("Value '{key_id}' at 'keyId'");
    if key_id.is_empty() {
        violations.add(&value, "Member must have length greater than or equal to 1");
    }
    if key_id.len() > 2048 {
        violations.add(&value, "Member must have length less than or equal to 2048");
    }
    if key_id.is_empty() || !key_id.is_ascii() {
        violations.add(&value, r"Member must satisfy regular expression pattern: ^\p{ASCII}+$");
    }
    key_id
}

/// A message is sensitive: KMS does not repeat it.
pub(super) fn check_message(violations: &mut Violations, message: Option<&[u8]>) {
    let constraint = match message.map(<[u8]>::len) {
        None => "Member must not be null",
        Some(0) => "Member must have length greater than or equal to 1",
        Some(1..=4096) => return,
        Some(_) => "Member must have length less than or equal to 4096",
    };
    violations.add("Value at 'message'", constraint);
}

pub(super) fn check_mac(violations: &mut Violations, mac: Option<&[u8]>) {
    let constraint = match mac.map(<[u8]>::len) {
        None => return violations.add("Value null at 'mac'", "Member must not be null"),
        Some(0) => "Member must have length greater than or equal to 1",
        Some(1..=6144) => return,
        Some(_) => "Member must have length less than or equal to 6144",
    };
    violations.add("Value 'java.nio.HeapByteBuffer' at 'mac'", constraint);
}

pub(super) fn check_enum(violations: &mut Violations, member: &str, value: Option<&str>, set: &[&str]) {
    match value {
        None => violations.add(&format!("Value null at '{member}'"), "Member must not be null"),
        Some(value) if !set.contains(&value) => violations.add(
            &format!("Value '{value}' at '{member}'"),
            &format!("Member must satisfy enum value set: [{}]", set.join(", ")),
        ),
        Some(_) => {}
    }
}

pub(super) fn check_usage(key: &Key, usage: &str, operation: Operation) -> Result<(), KmsError> {
    if key.spec().key_usage() == usage {
        return Ok(());
    }
    Err(KmsError::new(
        "InvalidKeyUsageException",
        format!("{} key usage is {} which is not valid for {}.", key.arn(), key.spec().key_usage(), operation.name()),
    ))
}

pub(super) fn check_dry_run(dry_run: Option<bool>) -> Result<(), KmsError> {
    match dry_run {
        Some(true) => Err(KmsError::new(
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun option is set.",
        )),
        _ => Ok(()),
    }
}

pub(super) fn incompatible(key: &Key, algorithm: &str) -> KmsError {
    KmsError::new(
        "InvalidKeyUsageException",
        format!("Algorithm {algorithm} is incompatible with key spec {}.", key.spec().name()),
    )
}
