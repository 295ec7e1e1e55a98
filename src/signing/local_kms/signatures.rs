//! `Sign`, `GenerateMac` and `VerifyMac`, with the checks of the service in its order.
//!
//! Members first and all together, then the key, its state, its usage, the algorithm, the message.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::signing::local_kms::account::{Access, Key};
use crate::signing::local_kms::error::{KmsError, Violations};
use crate::signing::local_kms::key::Message;
use crate::signing::local_kms::key_spec::{Accepts, SigningAlgorithm};
use crate::signing::local_kms::members::{
    blob, check_dry_run, check_enum, check_key_id, check_mac, check_message, check_usage, incompatible,
};
use crate::signing::local_kms::operation::Operation;

const SIGNING_ALGORITHMS: [&str; 13] = [
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "ECDSA_SHA_256",
    "ECDSA_SHA_384",
    "ECDSA_SHA_512",
    "ED25519_SHA_512",
    "ED25519_PH_SHA_512",
    "SM2DSA",
    "ML_DSA_SHAKE_256",
];
const MAC_ALGORITHMS: [&str; 4] = ["HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"];
const MESSAGE_TYPES: [&str; 3] = ["RAW", "DIGEST", "EXTERNAL_MU"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SignRequest {
    key_id: Option<String>,
    message: Option<String>,
    message_type: Option<String>,
    signing_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GenerateMacRequest {
    key_id: Option<String>,
    message: Option<String>,
    mac_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VerifyMacRequest {
    key_id: Option<String>,
    message: Option<String>,
    mac: Option<String>,
    mac_algorithm: Option<String>,
    dry_run: Option<bool>,
}

pub(super) fn sign(access: &Access<'_>, request: SignRequest) -> Result<Value, KmsError> {
    let message = blob(request.message)?;
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    check_message(&mut violations, message.as_deref());
    let message_type = request.message_type.unwrap_or_else(|| "RAW".to_owned());
    check_enum(&mut violations, "messageType", Some(&message_type), &MESSAGE_TYPES);
    let name = request.signing_algorithm.as_deref();
    check_enum(&mut violations, "signingAlgorithm", name, &SIGNING_ALGORITHMS);
    violations.into_result()?;
    let (message, name) = (message.unwrap_or_default(), name.unwrap_or_default());

    let key = access.key_for(Operation::Sign, &key_id)?;
    key.usable()?;
    check_usage(key, "SIGN_VERIFY", Operation::Sign)?;
    let algorithm = key
        .spec()
        .signing_algorithms()
        .iter()
        .find(|algorithm| algorithm.name == name)
        .ok_or_else(|| incompatible(key, name))?;
    let to_sign = to_sign(key, algorithm, &message_type, &message)?;
    check_dry_run(request.dry_run)?;
    let signature = key
        .material
        .sign(algorithm, &to_sign)
        .ok_or_else(|| KmsError::new("UnsupportedOperationException", format!("This KMS cannot sign with {name}.")))?;
    Ok(json!({
        "KeyId": key.arn(),
        "Signature": BASE64_STANDARD.encode(signature),
        "SigningAlgorithm": name,
    }))
}

fn to_sign<'a>(
    key: &Key,
    algorithm: &SigningAlgorithm,
    message_type: &str,
    message: &'a [u8],
) -> Result<Message<'a>, KmsError> {
    let accepts = algorithm.accepts();
    match message_type {
        "RAW" if accepts != Accepts::Digest => Ok(Message::Raw(message)),
        "DIGEST" if accepts != Accepts::Raw => {
            if message.len() == algorithm.hash.output_len() {
                return Ok(Message::Digest(message));
            }
            Err(KmsError::new(
                "ValidationException",
                format!("Digest is invalid length for algorithm {}.", algorithm.name),
            ))
        }
        // Only ML-DSA keys take it.
        "EXTERNAL_MU" => Err(KmsError::new(
            "ValidationException",
            format!("Message type EXTERNAL_MU is incompatible with key spec {}.", key.spec().name()),
        )),
        _ => Err(KmsError::new(
            "ValidationException",
            format!("Message type {message_type} is incompatible with algorithm {}.", algorithm.name),
        )),
    }
}

pub(super) fn generate_mac(access: &Access<'_>, request: GenerateMacRequest) -> Result<Value, KmsError> {
    let message = blob(request.message)?;
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    check_message(&mut violations, message.as_deref());
    let name = request.mac_algorithm.as_deref();
    check_enum(&mut violations, "macAlgorithm", name, &MAC_ALGORITHMS);
    violations.into_result()?;
    let (message, name) = (message.unwrap_or_default(), name.unwrap_or_default());

    let key = mac_key(access, Operation::GenerateMac, &key_id, name)?;
    check_dry_run(request.dry_run)?;
    let mac = key.material.mac(&message).ok_or_else(KmsError::internal)?;
    Ok(json!({
        "KeyId": key.arn(),
        "Mac": BASE64_STANDARD.encode(mac),
        "MacAlgorithm": name,
    }))
}

/// KMS answers for a MAC that is right, and refuses one that is not: it never answers that a MAC is wrong.
pub(super) fn verify_mac(access: &Access<'_>, request: VerifyMacRequest) -> Result<Value, KmsError> {
    let (message, mac) = (blob(request.message)?, blob(request.mac)?);
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    check_message(&mut violations, message.as_deref());
    let name = request.mac_algorithm.as_deref();
    check_enum(&mut violations, "macAlgorithm", name, &MAC_ALGORITHMS);
    check_mac(&mut violations, mac.as_deref());
    violations.into_result()?;
    let (message, mac, name) = (message.unwrap_or_default(), mac.unwrap_or_default(), name.unwrap_or_default());

    let key = mac_key(access, Operation::VerifyMac, &key_id, name)?;
    check_dry_run(request.dry_run)?;
    if !key.material.verifies(&message, &mac).ok_or_else(KmsError::internal)? {
        return Err(KmsError::bare("KMSInvalidMacException"));
    }
    Ok(json!({
        "KeyId": key.arn(),
        "MacAlgorithm": name,
        "MacValid": true,
    }))
}

fn mac_key<'a>(access: &Access<'a>, operation: Operation, key_id: &str, algorithm: &str) -> Result<&'a Key, KmsError> {
    let key = access.key_for(operation, key_id)?;
    key.usable()?;
    check_usage(key, "GENERATE_VERIFY_MAC", operation)?;
    if key.spec().mac_algorithm() != Some(algorithm) {
        return Err(incompatible(key, algorithm));
    }
    Ok(key)
}
