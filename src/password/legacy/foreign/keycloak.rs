//! A password credential of Keycloak, as a realm's export has it: `credentialData` says what was computed, and
//! `secretData` has the salt and the outcome. Both are JSON, or JSON in a string.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::password::legacy::Legacy;
use crate::password::legacy::foreign::{Read, argon2};
use crate::password::legacy::pbkdf2::{Pbkdf2, Prf};
use crate::password::legacy::refused::Reason;
use crate::password::legacy::text;

const EXPECTED: Reason = Reason::Malformed(
    r#"a credential {"type": "password", "credentialData": {"hashIterations", "algorithm"}, "secretData": {"value", "salt"}}"#,
);
const UNKNOWN: Reason = Reason::Malformed("the algorithm pbkdf2, pbkdf2-sha256, pbkdf2-sha512 or argon2");

#[derive(Deserialize)]
struct Credential {
    r#type: Option<String>,
    #[serde(rename = "credentialData")]
    data: Value,
    #[serde(rename = "secretData")]
    secret: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    hash_iterations: u32,
    algorithm: String,
    #[serde(default)]
    additional_parameters: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct SecretData {
    value: String,
    salt: String,
}

pub(super) fn read(text: &str) -> Result<Read, Reason> {
    let credential: Credential = serde_json::from_str(text).map_err(|_| EXPECTED)?;
    if credential.r#type.is_some_and(|kind| kind != "password") {
        return Err(EXPECTED);
    }
    let data: CredentialData = inner(credential.data)?;
    let secret: SecretData = inner(credential.secret)?;
    let [Some(value), Some(salt)] = [&secret.value, &secret.salt].map(|text| text::base64(text)) else {
        return Err(EXPECTED);
    };
    let prf = match data.algorithm.as_str() {
        "pbkdf2" => Prf::Sha1,
        "pbkdf2-sha256" => Prf::Sha256,
        "pbkdf2-sha512" => Prf::Sha512,
        "argon2" => return argon2(&phc(&data, &salt, &value)?),
        _ => return Err(UNKNOWN),
    };
    Pbkdf2::new(prf, data.hash_iterations, salt, value).map(Legacy::Pbkdf2).map(Read::from)
}

fn inner<T: DeserializeOwned>(value: Value) -> Result<T, Reason> {
    match value {
        Value::String(text) => serde_json::from_str(&text),
        value => serde_json::from_value(value),
    }
    .map_err(|_| EXPECTED)
}

fn phc(data: &CredentialData, salt: &[u8], value: &[u8]) -> Result<String, Reason> {
    let parameter = |name: &str| data.additional_parameters.get(name)?.first().map(String::as_str);
    let kind = parameter("type").filter(|kind| ["id", "i", "d"].contains(kind)).ok_or(EXPECTED)?;
    let version = match parameter("version") {
        Some("1.3") => 19,
        Some("1.0") => 16,
        _ => return Err(EXPECTED),
    };
    let number = |name| parameter(name).and_then(text::number).ok_or(EXPECTED);
    let (memory, passes, lanes) = (number("memory")?, data.hash_iterations, number("parallelism")?);
    let [salt, value] = [salt, value].map(text::to_base64);
    Ok(format!("$argon2{kind}$v={version}$m={memory},t={passes},p={lanes}${salt}${value}"))
}
