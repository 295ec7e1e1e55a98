//! The operations: a request's JSON to the answer's, with the checks of the service in its order.
//!
//! Members first and all together, then the key, its state, its usage, the algorithm, the message.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::account::{ACCOUNT_ID, Account, Key, KeyState};
use super::envelope::{decrypt, encrypt, generate_key_pair};
use super::error::{KmsError, Violations};
use super::key::{Accepts, KeySpec, Message, SigningAlgorithm};

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

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Decrypt,
    DescribeKey,
    Encrypt,
    GenerateDataKeyPairWithoutPlaintext,
    GenerateMac,
    GetPublicKey,
    Sign,
    VerifyMac,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyRequest {
    key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SignRequest {
    key_id: Option<String>,
    message: Option<String>,
    message_type: Option<String>,
    signing_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateMacRequest {
    key_id: Option<String>,
    message: Option<String>,
    mac_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VerifyMacRequest {
    key_id: Option<String>,
    message: Option<String>,
    mac: Option<String>,
    mac_algorithm: Option<String>,
    dry_run: Option<bool>,
}

impl Operation {
    /// The operation that an `X-Amz-Target` header names.
    pub(crate) fn from_target(target: &str) -> Option<Self> {
        match target.strip_prefix("TrentService.")? {
            "Decrypt" => Some(Self::Decrypt),
            "DescribeKey" => Some(Self::DescribeKey),
            "Encrypt" => Some(Self::Encrypt),
            "GenerateDataKeyPairWithoutPlaintext" => Some(Self::GenerateDataKeyPairWithoutPlaintext),
            "GenerateMac" => Some(Self::GenerateMac),
            "GetPublicKey" => Some(Self::GetPublicKey),
            "Sign" => Some(Self::Sign),
            "VerifyMac" => Some(Self::VerifyMac),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Decrypt => "Decrypt",
            Self::DescribeKey => "DescribeKey",
            Self::Encrypt => "Encrypt",
            Self::GenerateDataKeyPairWithoutPlaintext => "GenerateDataKeyPairWithoutPlaintext",
            Self::GenerateMac => "GenerateMac",
            Self::GetPublicKey => "GetPublicKey",
            Self::Sign => "Sign",
            Self::VerifyMac => "VerifyMac",
        }
    }

    pub(crate) fn answer(self, account: &Account, request: Value) -> Result<Value, KmsError> {
        match self {
            Self::Decrypt => decrypt(account, parse(request)?),
            Self::DescribeKey => describe_key(account, parse(request)?),
            Self::Encrypt => encrypt(account, parse(request)?),
            Self::GenerateDataKeyPairWithoutPlaintext => generate_key_pair(account, parse(request)?),
            Self::GenerateMac => generate_mac(account, parse(request)?),
            Self::GetPublicKey => public_key(account, parse(request)?),
            Self::Sign => sign(account, parse(request)?),
            Self::VerifyMac => verify_mac(account, parse(request)?),
        }
    }
}

fn sign(account: &Account, request: SignRequest) -> Result<Value, KmsError> {
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

    let key = account.key_for(Operation::Sign, &key_id)?;
    key.usable()?;
    check_usage(key, "SIGN_VERIFY", Operation::Sign)?;
    let algorithm = key
        .spec
        .signing_algorithms()
        .iter()
        .find(|algorithm| algorithm.name == name)
        .ok_or_else(|| incompatible(key, name))?;
    let to_sign = to_sign(key, algorithm, &message_type, &message)?;
    check_dry_run(request.dry_run)?;
    let signature = key.material.sign(algorithm, &to_sign).ok_or_else(|| {
        KmsError::new("UnsupportedOperationException", format!("This double of KMS cannot sign with {name}."))
    })?;
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
            format!("Message type EXTERNAL_MU is incompatible with key spec {}.", key.spec.name()),
        )),
        _ => Err(KmsError::new(
            "ValidationException",
            format!("Message type {message_type} is incompatible with algorithm {}.", algorithm.name),
        )),
    }
}

fn generate_mac(account: &Account, request: GenerateMacRequest) -> Result<Value, KmsError> {
    let message = blob(request.message)?;
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    check_message(&mut violations, message.as_deref());
    let name = request.mac_algorithm.as_deref();
    check_enum(&mut violations, "macAlgorithm", name, &MAC_ALGORITHMS);
    violations.into_result()?;
    let (message, name) = (message.unwrap_or_default(), name.unwrap_or_default());

    let key = mac_key(account, Operation::GenerateMac, &key_id, name)?;
    check_dry_run(request.dry_run)?;
    let mac = key.material.mac(&message).ok_or_else(KmsError::internal)?;
    Ok(json!({
        "KeyId": key.arn(),
        "Mac": BASE64_STANDARD.encode(mac),
        "MacAlgorithm": name,
    }))
}

/// KMS answers for a MAC that is right, and refuses one that is not: it never answers that a MAC is wrong.
fn verify_mac(account: &Account, request: VerifyMacRequest) -> Result<Value, KmsError> {
    let (message, mac) = (blob(request.message)?, blob(request.mac)?);
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    check_message(&mut violations, message.as_deref());
    let name = request.mac_algorithm.as_deref();
    check_enum(&mut violations, "macAlgorithm", name, &MAC_ALGORITHMS);
    check_mac(&mut violations, mac.as_deref());
    violations.into_result()?;
    let (message, mac, name) = (message.unwrap_or_default(), mac.unwrap_or_default(), name.unwrap_or_default());

    let key = mac_key(account, Operation::VerifyMac, &key_id, name)?;
    check_dry_run(request.dry_run)?;
    if key.material.mac(&message).ok_or_else(KmsError::internal)? != mac {
        return Err(KmsError::bare("KMSInvalidMacException"));
    }
    Ok(json!({
        "KeyId": key.arn(),
        "MacAlgorithm": name,
        "MacValid": true,
    }))
}

fn mac_key<'a>(account: &'a Account, operation: Operation, key_id: &str, algorithm: &str) -> Result<&'a Key, KmsError> {
    let key = account.key_for(operation, key_id)?;
    key.usable()?;
    check_usage(key, "GENERATE_VERIFY_MAC", operation)?;
    if key.spec.mac_algorithm() != Some(algorithm) {
        return Err(incompatible(key, algorithm));
    }
    Ok(key)
}

fn public_key(account: &Account, request: KeyRequest) -> Result<Value, KmsError> {
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    violations.into_result()?;

    let key = account.key_for(Operation::GetPublicKey, &key_id)?;
    key.usable()?;
    let Some(public_key) = key.material.public_key() else {
        return Err(KmsError::new("UnsupportedOperationException", format!("{} has no public key.", key.arn())));
    };
    Ok(json!({
        "KeyId": key.arn(),
        "PublicKey": BASE64_STANDARD.encode(public_key),
        "CustomerMasterKeySpec": key.spec.name(),
        "KeySpec": key.spec.name(),
        "KeyUsage": key.spec.key_usage(),
        "SigningAlgorithms": signing_algorithms(key),
    }))
}

fn describe_key(account: &Account, request: KeyRequest) -> Result<Value, KmsError> {
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    violations.into_result()?;

    let key = account.key_for(Operation::DescribeKey, &key_id)?;
    let mut metadata = json!({
        "AWSAccountId": ACCOUNT_ID,
        "Arn": key.arn(),
        "CreationDate": 1_750_000_000.0,
        "CustomerMasterKeySpec": key.spec.name(),
        "Description": "",
        "Enabled": key.state == KeyState::Enabled,
        "KeyId": key.id,
        "KeyManager": "CUSTOMER",
        "KeySpec": key.spec.name(),
        "KeyState": format!("{:?}", key.state),
        "KeyUsage": key.spec.key_usage(),
        "MultiRegion": false,
        "Origin": "AWS_KMS",
    });
    match key.spec.mac_algorithm() {
        Some(algorithm) => metadata["MacAlgorithms"] = json!([algorithm]),
        None if key.spec == KeySpec::SymmetricDefault => {
            metadata["EncryptionAlgorithms"] = json!(["SYMMETRIC_DEFAULT"]);
        }
        None => metadata["SigningAlgorithms"] = signing_algorithms(key),
    }
    Ok(json!({ "KeyMetadata": metadata }))
}

fn signing_algorithms(key: &Key) -> Value {
    let algorithms = key.spec.signing_algorithms().iter();
    algorithms.map(|algorithm| algorithm.name).collect()
}

fn parse<R: DeserializeOwned>(request: Value) -> Result<R, KmsError> {
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
fn check_message(violations: &mut Violations, message: Option<&[u8]>) {
    let constraint = match message.map(<[u8]>::len) {
        None => "Member must not be null",
        Some(0) => "Member must have length greater than or equal to 1",
        Some(1..=4096) => return,
        Some(_) => "Member must have length less than or equal to 4096",
    };
    violations.add("Value at 'message'", constraint);
}

fn check_mac(violations: &mut Violations, mac: Option<&[u8]>) {
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
    if key.spec.key_usage() == usage {
        return Ok(());
    }
    Err(KmsError::new(
        "InvalidKeyUsageException",
        format!("{} key usage is {} which is not valid for {}.", key.arn(), key.spec.key_usage(), operation.name()),
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

fn incompatible(key: &Key, algorithm: &str) -> KmsError {
    KmsError::new(
        "InvalidKeyUsageException",
        format!("Algorithm {algorithm} is incompatible with key spec {}.", key.spec.name()),
    )
}
