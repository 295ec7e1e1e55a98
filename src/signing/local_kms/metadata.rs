//! `DescribeKey` and `GetPublicKey`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::signing::local_kms::account::{ACCOUNT_ID, Access, Key, KeyState};
use crate::signing::local_kms::error::{KmsError, Violations};
use crate::signing::local_kms::key_spec::KeySpec;
use crate::signing::local_kms::members::check_key_id;
use crate::signing::local_kms::operation::Operation;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyRequest {
    key_id: Option<String>,
}

pub(super) fn public_key(access: &Access<'_>, request: KeyRequest) -> Result<Value, KmsError> {
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    violations.into_result()?;

    let key = access.key_for(Operation::GetPublicKey, &key_id)?;
    key.usable()?;
    let Some(public_key) = key.material.public_key() else {
        return Err(KmsError::new("UnsupportedOperationException", format!("{} has no public key.", key.arn())));
    };
    Ok(json!({
        "KeyId": key.arn(),
        "PublicKey": BASE64_STANDARD.encode(public_key),
        "CustomerMasterKeySpec": key.spec().name(),
        "KeySpec": key.spec().name(),
        "KeyUsage": key.spec().key_usage(),
        "SigningAlgorithms": signing_algorithms(key),
    }))
}

pub(super) fn describe_key(access: &Access<'_>, request: KeyRequest) -> Result<Value, KmsError> {
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    violations.into_result()?;

    let key = access.key_for(Operation::DescribeKey, &key_id)?;
    let mut metadata = json!({
        "AWSAccountId": ACCOUNT_ID,
        "Arn": key.arn(),
        "CreationDate": 1_750_000_000.0,
        "CustomerMasterKeySpec": key.spec().name(),
        "Description": "",
        "Enabled": key.state == KeyState::Enabled,
        "KeyId": key.id,
        "KeyManager": "CUSTOMER",
        "KeySpec": key.spec().name(),
        "KeyState": format!("{:?}", key.state),
        "KeyUsage": key.spec().key_usage(),
        "MultiRegion": false,
        "Origin": "AWS_KMS",
    });
    match key.spec().mac_algorithm() {
        Some(algorithm) => metadata["MacAlgorithms"] = json!([algorithm]),
        None if key.spec() == KeySpec::SymmetricDefault => {
            metadata["EncryptionAlgorithms"] = json!(["SYMMETRIC_DEFAULT"]);
        }
        None => metadata["SigningAlgorithms"] = signing_algorithms(key),
    }
    Ok(json!({ "KeyMetadata": metadata }))
}

fn signing_algorithms(key: &Key) -> Value {
    let algorithms = key.spec().signing_algorithms().iter();
    algorithms.map(|algorithm| algorithm.name).collect()
}
