//! What clients and resource servers find out by themselves: metadata, keys, health.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use crate::client::{AuthMethod, Grant};
use crate::config::Issuer;
use crate::endpoint::{JWKS, TOKEN};
use crate::error::Error;
use crate::response::{self, Caching};
use crate::service::Service;
use crate::signing::Algorithm;
use crate::signing::jwk::Jwk;

/// Authorization server metadata (RFC 8414, section 2). There is no authorization endpoint, and so no response type.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a Issuer,
    token_endpoint: String,
    jwks_uri: String,
    grant_types_supported: Vec<Grant>,
    token_endpoint_auth_methods_supported: [AuthMethod; 4],
    token_endpoint_auth_signing_alg_values_supported: [Algorithm; 9],
    response_types_supported: [&'static str; 0],
}

/// `GET /.well-known/oauth-authorization-server` and `GET /.well-known/openid-configuration`.
///
/// # Errors
/// [`Error::server_error`] alone.
pub fn metadata(service: &Service) -> Result<Response<Bytes>, Error> {
    let grants = Grant::ALL.into_iter().filter(|grant| service.config.password_grant || *grant != Grant::Password);
    let metadata = Metadata {
        issuer: &service.issuer,
        token_endpoint: service.issuer.url(TOKEN),
        jwks_uri: service.issuer.url(JWKS),
        grant_types_supported: grants.collect(),
        token_endpoint_auth_methods_supported: AuthMethod::ALL,
        token_endpoint_auth_signing_alg_values_supported: Algorithm::VERIFIED,
        response_types_supported: [],
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
