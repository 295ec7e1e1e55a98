//! What clients and resource servers find out by themselves: metadata, keys, health.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use crate::claims;
use crate::client::{AuthMethod, Grant};
use crate::endpoint::{INTROSPECT, JWKS, REVOKE, TOKEN, USERINFO};
use crate::error::Error;
use crate::issuer::Issuer;
use crate::response::{self, Caching};
use crate::scope::{OFFLINE_ACCESS, OPENID};
use crate::service::Service;
use crate::signing::Algorithm;
use crate::signing::jwk::Jwk;

/// The claims of every ID token.
const ID_TOKEN_CLAIMS: [&str; 10] = ["iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "at_hash", "jti", "sid"];

/// Authorization server metadata (RFC 8414, section 2). There is no authorization endpoint, and so no response type.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a Issuer,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    grant_types_supported: Vec<Grant>,
    token_endpoint_auth_methods_supported: [AuthMethod; 4],
    token_endpoint_auth_signing_alg_values_supported: [Algorithm; 9],
    introspection_endpoint_auth_methods_supported: [AuthMethod; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [Algorithm; 9],
    revocation_endpoint_auth_methods_supported: [AuthMethod; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [Algorithm; 9],
    response_types_supported: [&'static str; 0],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<Algorithm>,
    scopes_supported: Vec<&'static str>,
    claims_supported: Vec<&'static str>,
}

/// `GET /.well-known/oauth-authorization-server` and `GET /.well-known/openid-configuration`.
///
/// # Errors
/// [`Error::unavailable`] when KMS does not tell a key that no earlier request fetched.
pub async fn metadata(service: &Service) -> Result<Response<Bytes>, Error> {
    let grants = Grant::ALL.into_iter().filter(|grant| service.config.password_grant || *grant != Grant::Password);
    let metadata = Metadata {
        issuer: &service.issuer,
        token_endpoint: service.issuer.url(TOKEN),
        introspection_endpoint: service.issuer.url(INTROSPECT),
        revocation_endpoint: service.issuer.url(REVOKE),
        userinfo_endpoint: service.issuer.url(USERINFO),
        jwks_uri: service.issuer.url(JWKS),
        grant_types_supported: grants.collect(),
        token_endpoint_auth_methods_supported: AuthMethod::ALL,
        token_endpoint_auth_signing_alg_values_supported: Algorithm::OF_ASSERTIONS,
        introspection_endpoint_auth_methods_supported: AuthMethod::CONFIDENTIAL,
        introspection_endpoint_auth_signing_alg_values_supported: Algorithm::OF_ASSERTIONS,
        revocation_endpoint_auth_methods_supported: AuthMethod::ALL,
        revocation_endpoint_auth_signing_alg_values_supported: Algorithm::OF_ASSERTIONS,
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: service.keys.algorithms().await?,
        scopes_supported: [OPENID, OFFLINE_ACCESS].into_iter().chain(claims::standard_scopes()).collect(),
        claims_supported: ID_TOKEN_CLAIMS.into_iter().chain(claims::standard_claims()).collect(),
    };
    response::json(StatusCode::OK, &metadata, Caching::Public)
}

#[derive(Serialize)]
struct JwkSet<'a> {
    keys: Vec<&'a Jwk>,
}

/// `GET /oauth2/jwks` (RFC 7517, section 5).
///
/// # Errors
/// [`Error::unavailable`] when KMS does not tell a key that no earlier request fetched.
pub async fn jwks(service: &Service) -> Result<Response<Bytes>, Error> {
    let keys = service.keys.published().await?;
    response::json(StatusCode::OK, &JwkSet { keys }, Caching::Public)
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// `GET /healthz`: this instance can serve. It asks nobody.
///
/// # Errors
/// [`Error::server_error`] alone.
pub fn health() -> Result<Response<Bytes>, Error> {
    response::json(StatusCode::OK, &Health { status: "ok" }, Caching::Forbidden)
}
