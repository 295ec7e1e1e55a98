//! Wrapping: `Encrypt`, `Decrypt` and `GenerateDataKeyPairWithoutPlaintext` with symmetric keys, each with its
//! encryption context.

use std::collections::BTreeMap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::signing::local_kms::account::{Access, Key};
use crate::signing::local_kms::error::{KmsError, Violations};
use crate::signing::local_kms::key_spec::KeySpec;
use crate::signing::local_kms::members::{blob, check_dry_run, check_enum, check_key_id, check_usage};
use crate::signing::local_kms::operation::Operation;

const DATA_KEY_PAIR_SPECS: [&str; 9] = [
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SM2",
    "ECC_NIST_EDWARDS25519",
];
const ENCRYPTION_ALGORITHMS: [&str; 4] = ["SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"];
/// The length of the key id at the beginning of a ciphertext.
const KEY_ID_LENGTH: usize = 36;

type Context = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EncryptRequest {
    key_id: Option<String>,
    plaintext: Option<String>,
    encryption_context: Option<Context>,
    encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DecryptRequest {
    key_id: Option<String>,
    ciphertext_blob: Option<String>,
    encryption_context: Option<Context>,
    encryption_algorithm: Option<String>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyPairRequest {
    key_id: Option<String>,
    key_pair_spec: Option<String>,
    encryption_context: Option<Context>,
    dry_run: Option<bool>,
}

pub(super) fn encrypt(access: &Access<'_>, request: EncryptRequest) -> Result<Value, KmsError> {
    let plaintext = blob(request.plaintext)?;
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    // A plaintext is sensitive: the error of KMS does not repeat it.
    check_length(&mut violations, "Value at 'plaintext'", plaintext.as_deref(), 4096);
    check_algorithm(&mut violations, request.encryption_algorithm.as_deref());
    violations.into_result()?;

    let key = wrapping_key(access, Operation::Encrypt, &key_id)?;
    check_symmetric(request.encryption_algorithm.as_deref(), key)?;
    check_dry_run(request.dry_run)?;
    let wrapped = wrap(key, &request.encryption_context.unwrap_or_default(), &plaintext.unwrap_or_default())?;
    Ok(json!({
        "KeyId": key.arn(),
        "CiphertextBlob": BASE64_STANDARD.encode(wrapped),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }))
}

pub(super) fn decrypt(access: &Access<'_>, request: DecryptRequest) -> Result<Value, KmsError> {
    let wrapped = blob(request.ciphertext_blob)?;
    let mut violations = Violations::default();
    // The ciphertext of a symmetric key says which key it belongs to, so the key need not be named.
    let key_id = request.key_id.map(|key_id| check_key_id(&mut violations, Some(key_id)));
    check_length(&mut violations, "Value at 'ciphertextBlob'", wrapped.as_deref(), 6144);
    check_algorithm(&mut violations, request.encryption_algorithm.as_deref());
    violations.into_result()?;
    let wrapped = wrapped.unwrap_or_default();

    let own = wrapped.get(..KEY_ID_LENGTH).and_then(|id| str::from_utf8(id).ok());
    let own = own.and_then(|id| access.account.key(id).ok().filter(|key| key.id == id));
    // What names no key is no ciphertext: KMS does not say that a key is missing, which nobody has asked for.
    let key_id = key_id.or_else(|| own.map(|key| key.id.clone())).ok_or_else(invalid_ciphertext)?;
    let key = wrapping_key(access, Operation::Decrypt, &key_id)?;
    check_symmetric(request.encryption_algorithm.as_deref(), key)?;
    if own.is_some_and(|other| other.id != key.id) {
        return Err(KmsError::new(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        ));
    }
    let plaintext = unwrap(key, &request.encryption_context.unwrap_or_default(), &wrapped)?;
    check_dry_run(request.dry_run)?;
    Ok(json!({
        "KeyId": key.arn(),
        "Plaintext": BASE64_STANDARD.encode(plaintext),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }))
}

pub(super) fn generate_key_pair(access: &Access<'_>, request: KeyPairRequest) -> Result<Value, KmsError> {
    let mut violations = Violations::default();
    let key_id = check_key_id(&mut violations, request.key_id);
    let name = request.key_pair_spec.as_deref();
    check_enum(&mut violations, "keyPairSpec", name, &DATA_KEY_PAIR_SPECS);
    violations.into_result()?;
    let name = name.unwrap_or_default();

    let key = wrapping_key(access, Operation::GenerateDataKeyPairWithoutPlaintext, &key_id)?;
    check_dry_run(request.dry_run)?;
    let spec = KeySpec::ALL
        .into_iter()
        .find(|spec| spec.name() == name)
        .ok_or_else(|| KmsError::new("UnsupportedOperationException", format!("This KMS makes no {name}.")))?;
    let pair = (access.pairs)(spec).map_err(|_| KmsError::internal())?;
    let (public, private) = pair.public_key().zip(pair.pkcs8()).ok_or_else(KmsError::internal)?;
    let wrapped = wrap(key, &request.encryption_context.unwrap_or_default(), &private)?;
    Ok(json!({
        "KeyId": key.arn(),
        "KeyPairSpec": name,
        "PublicKey": BASE64_STANDARD.encode(public),
        "PrivateKeyCiphertextBlob": BASE64_STANDARD.encode(wrapped),
    }))
}

fn wrapping_key<'a>(access: &Access<'a>, operation: Operation, key_id: &str) -> Result<&'a Key, KmsError> {
    let key = access.key_for(operation, key_id)?;
    key.usable()?;
    check_usage(key, "ENCRYPT_DECRYPT", operation)?;
    Ok(key)
}

fn check_symmetric(algorithm: Option<&str>, key: &Key) -> Result<(), KmsError> {
    match algorithm {
        None | Some("SYMMETRIC_DEFAULT") => Ok(()),
        Some(other) => Err(KmsError::new(
            "InvalidKeyUsageException",
            format!("Algorithm {other} is incompatible with key spec {}.", key.spec().name()),
        )),
    }
}

fn check_algorithm(violations: &mut Violations, algorithm: Option<&str>) {
    if algorithm.is_some() {
        check_enum(violations, "encryptionAlgorithm", algorithm, &ENCRYPTION_ALGORITHMS);
    }
}

fn check_length(violations: &mut Violations, value: &str, bytes: Option<&[u8]>, most: usize) {
    match bytes.map(<[u8]>::len) {
        None => violations.add(value, "Member must not be null"),
        Some(0) => violations.add(value, "Member must have length greater than or equal to 1"),
        Some(length) if length > most => {
            violations.add(value, &format!("Member must have length less than or equal to {most}"));
        }
        Some(_) => {}
    }
}

/// The key's id, a nonce, and the encrypted text. The context is authenticated but not part of it.
fn wrap(key: &Key, context: &Context, plaintext: &[u8]) -> Result<Vec<u8>, KmsError> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| KmsError::internal())?;
    let mut text = plaintext.to_vec();
    let sealed = cipher(key)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(context)?, &mut text);
    sealed.map_err(|_| KmsError::internal())?;
    Ok([key.id.as_bytes(), &nonce, &text].concat())
}

fn invalid_ciphertext() -> KmsError {
    KmsError::bare("InvalidCiphertextException")
}

/// Whatever is wrong, KMS does not reveal it.
fn unwrap(key: &Key, context: &Context, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    let invalid = invalid_ciphertext;
    let rest = wrapped.strip_prefix(key.id.as_bytes()).ok_or_else(invalid)?;
    let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or_else(invalid)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| invalid())?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = cipher(key)?.open_in_place(nonce, aad(context)?, &mut text).map_err(|_| invalid())?.len();
    text.truncate(length);
    Ok(text)
}

fn cipher(key: &Key) -> Result<LessSafeKey, KmsError> {
    let secret = key.material.wrapping_secret().ok_or_else(KmsError::internal)?;
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret).map_err(|_| KmsError::internal())?))
}

/// A context is the same whatever the order of its members.
fn aad(context: &Context) -> Result<Aad<Vec<u8>>, KmsError> {
    Ok(Aad::from(serde_json::to_vec(context).map_err(|_| KmsError::internal())?))
}
