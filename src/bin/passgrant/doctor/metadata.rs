//! The metadata and the keys, against what is there.

use std::collections::BTreeSet;

use http::{HeaderMap, Method};
use passgrant::issuer::path;
use passgrant::jose::algorithm::Algorithm;
use passgrant::jose::jwk::PublicKey;
use serde::Deserialize;
use serde_json::Value;

use crate::doctor::Patient;
use crate::doctor::contract::cause;
use crate::doctor::report::Finding;

/// The members that name endpoints, and where those are below the issuer.
const ENDPOINTS: [(&str, &str); 5] = [
    ("token_endpoint", path::TOKEN),
    ("introspection_endpoint", path::INTROSPECT),
    ("revocation_endpoint", path::REVOKE),
    ("userinfo_endpoint", path::USERINFO),
    ("jwks_uri", path::JWKS),
];

/// A published key.
#[derive(Debug, Deserialize)]
pub(super) struct Key {
    pub(super) kid: String,
    pub(super) alg: Option<Algorithm>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    #[serde(flatten)]
    pub(super) public: PublicKey,
}

/// What was found, and the keys; `None` if they were not fetched or are not well-formed.
pub(super) async fn examine(patient: &Patient<'_>) -> (Vec<Finding>, Option<Vec<Key>>) {
    const COVERED: &str = "key-algorithms";

    let mut findings = Vec::new();
    let mut algorithms = None;
    for (check, path) in [("metadata", path::OAUTH_METADATA), ("openid-configuration", path::OPENID_CONFIGURATION)] {
        let outcome = fetched(patient, path).await.and_then(|document| {
            algorithms = Some(algorithms_in(&document));
            agrees(patient, &document)
        });
        findings.push(Finding::of(check, outcome));
    }
    let keys = match fetched(patient, path::JWKS).await.and_then(|set| well_formed(&set)) {
        Ok(keys) => {
            findings.push(Finding::ok("keys", format!("{} published, each named by its thumbprint", keys.len())));
            keys
        }
        Err(reason) => {
            findings.push(Finding::failed("keys", reason));
            findings.push(Finding::skipped(COVERED, "the published keys are not known"));
            return (findings, None);
        }
    };
    findings.push(match algorithms {
        Some(algorithms) => Finding::of(COVERED, covered(&algorithms, &keys, patient.is_local())),
        None => Finding::skipped(COVERED, "there is no metadata that says which algorithms there are"),
    });
    (findings, Some(keys))
}

async fn fetched(patient: &Patient<'_>, path: &str) -> Result<Value, String> {
    let answer = patient.wire.ask(Method::GET, &patient.url(path), HeaderMap::new()).await;
    let answer = answer.map_err(|trouble| format!("GET {path}: {trouble}"))?;
    match answer.json() {
        Some(document) if answer.status.is_success() => Ok(document),
        _ => Err(format!("GET {path} was answered with {}: {}", answer.status.as_u16(), cause(&answer))),
    }
}

/// Whether metadata says what is so.
fn agrees(patient: &Patient<'_>, document: &Value) -> Result<String, String> {
    let issuer = document["issuer"].as_str().unwrap_or_default();
    if issuer != patient.issuer.as_str() {
        return Err(format!(
            "the issuer is {issuer:?}, and not {}: clients compare it byte for byte with the URL that they were given (RFC 8414, section 3.3)",
            patient.issuer
        ));
    }
    if let Some(deployed) = patient.context.config.issuer.as_ref().filter(|deployed| deployed.as_str() != issuer) {
        return Err(format!("the issuer is {issuer}, and not {deployed}, as the deployment says"));
    }
    for (member, path) in ENDPOINTS {
        if document[member] != patient.url(path) {
            return Err(format!("{member} is {}, and not {}", document[member], patient.url(path)));
        }
    }
    let grants = document["grant_types_supported"].as_array().map_or(0, Vec::len);
    if grants == 0 {
        return Err("grant_types_supported is empty".to_owned());
    }
    Ok(format!("the issuer and every endpoint are those of {issuer}"))
}

fn algorithms_in(document: &Value) -> Vec<String> {
    let listed = document["id_token_signing_alg_values_supported"].as_array();
    listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn well_formed(set: &Value) -> Result<Vec<Key>, String> {
    let written = set["keys"].as_array().ok_or("there is no array of keys (RFC 7517, section 5)")?;
    let mut keys: Vec<Key> = Vec::new();
    for (at, key) in written.iter().enumerate() {
        let key: Key =
            serde_json::from_value(key.clone()).map_err(|_| format!("key {at} is not a JWK that verifies"))?;
        key.public.check().map_err(|error| format!("key {} {error}", key.kid))?;
        if key.kid != key.public.thumbprint() {
            return Err(format!("key {} is not named by its thumbprint (RFC 7638)", key.kid));
        }
        if key.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return Err(format!("key {} is not for signatures", key.kid));
        }
        keys.push(key);
    }
    let distinct: BTreeSet<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
    if distinct.len() < keys.len() { Err("a key is published twice".to_owned()) } else { Ok(keys) }
}

/// Whether tokens signed with each algorithm can be verified by a published key. A local server makes its keys when they are
/// first needed.
fn covered(algorithms: &[String], keys: &[Key], is_local: bool) -> Result<String, String> {
    let mut missing = Vec::new();
    for name in algorithms {
        let algorithm: Algorithm = name.parse().map_err(|_| format!("metadata lists {name}, which is no algorithm"))?;
        let fits = |key: &Key| key.alg.is_none_or(|bound| bound == algorithm) && key.public.fits(algorithm);
        if algorithm.is_of_key_pair() && !keys.iter().any(fits) {
            missing.push(name.as_str());
        }
    }
    let of_pairs = algorithms.iter().filter(|name| !name.starts_with("HS")).count();
    match missing.first() {
        _ if algorithms.is_empty() => Err("metadata lists no algorithm: no signing key can be used".to_owned()),
        None => Ok(format!("every algorithm has a key or a shared secret: {}", algorithms.join(", "))),
        Some(_) if is_local && missing.len() < of_pairs => {
            Ok(format!("this server makes keys when they are first needed: for {}", missing.join(", ")))
        }
        Some(_) => Err(format!(
            "metadata lists {}, and no published key fits: wait until caches have ended, then look at the keys",
            missing.join(", ")
        )),
    }
}
