//! What can be known of a Signature Version 4 without the secret: that it is there, whole, and for KMS.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::signing::local_kms::error::KmsError;

/// Checks the signature of a request to the KMS of `region`, or of any region.
pub(super) fn check(headers: &HeaderMap, own_region: Option<&str>) -> Result<(), KmsError> {
    let parameters = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("AWS4-HMAC-SHA256 "))
        .ok_or_else(|| KmsError::new("MissingAuthenticationTokenException", "Missing Authentication Token"))?;
    let credential = parameter(parameters, "Credential")?;
    let signed_headers = parameter(parameters, "SignedHeaders")?;
    let signature = parameter(parameters, "Signature")?;

    let scope: Vec<&str> = credential.split('/').collect();
    let &[access_key_id, date, region, service, "aws4_request"] = scope.as_slice() else {
        return Err(incomplete("Credential"));
    };
    if access_key_id.is_empty() || date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
        return Err(incomplete("Credential"));
    }
    if service != "kms" {
        return Err(invalid("Credential should be scoped to correct service: 'kms'. "));
    }
    if own_region.is_some_and(|own| own != region) || region.is_empty() {
        return Err(invalid("Credential should be scoped to a valid region. "));
    }
    if signature.len() != 64 || !signature.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(incomplete("Signature"));
    }
    if !signed_headers.split(';').any(|header| header == "host") {
        return Err(invalid("'Host' must be a 'SignedHeader' in the AWS Authorization."));
    }
    if !headers.contains_key("x-amz-date") {
        return Err(incomplete("X-Amz-Date"));
    }
    Ok(())
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Result<&'a str, KmsError> {
    parameters
        .split(',')
        .filter_map(|parameter| parameter.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .ok_or_else(|| incomplete(name))
}

fn incomplete(parameter: &str) -> KmsError {
    KmsError::new("IncompleteSignatureException", format!("Authorization header requires '{parameter}' parameter."))
}

fn invalid(message: &str) -> KmsError {
    KmsError::new("InvalidSignatureException", message)
}
