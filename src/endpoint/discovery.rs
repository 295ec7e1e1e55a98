//! What clients and resource servers discover by themselves: metadata, keys, health.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Serialize;

use crate::claims;
use crate::client::Grant;
use crate::client::authentication::AuthMethod;
use crate::endpoint::token;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::issuer::path::{AUTHORIZE, INTROSPECT, JWKS, REVOKE, TOKEN, USERINFO};
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Jwk;
use crate::response::{self, Caching};
use crate::scope::{OFFLINE_ACCESS, OPENID};
use crate::service::Service;

/// The claims of every ID token.
const ID_TOKEN_CLAIMS: [&str; 10] = ["iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "at_hash", "jti", "sid"];

/// Authorization server metadata (RFC 8414, section 2). No response type is supported, since nobody can log in with a
/// browser.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a Issuer,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    grant_types_supported: Vec<Grant>,
    token_endpoint_auth_methods_supported: [AuthMethod; 4],
    token_endpoint_auth_signing_alg_values_supported: Vec<Algorithm>,
    introspection_endpoint_auth_methods_supported: [AuthMethod; 3],
    introspection_endpoint_auth_signing_alg_values_supported: Vec<Algorithm>,
    revocation_endpoint_auth_methods_supported: [AuthMethod; 4],
    revocation_endpoint_auth_signing_alg_values_supported: Vec<Algorithm>,
    response_types_supported: [&'static str; 0],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: Vec<Algorithm>,
    scopes_supported: Vec<&'static str>,
    claims_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<MtlsEndpoints>,
}

/// The endpoints that clients call themselves, as mutual TLS reaches them (RFC 8705, section 5).
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "they are the names in the metadata")]
struct MtlsEndpoints {
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    userinfo_endpoint: String,
}

impl MtlsEndpoints {
    fn below(url: &Issuer) -> Self {
        Self {
            token_endpoint: url.url(TOKEN),
            introspection_endpoint: url.url(INTROSPECT),
            revocation_endpoint: url.url(REVOKE),
            userinfo_endpoint: url.url(USERINFO),
        }
    }
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414, section 3).
///
/// # Errors
/// [`Error::unavailable`] when a key that no earlier request has fetched cannot be fetched from KMS,
/// [`Error::server_error`] when no key can be used.
pub async fn metadata(service: &Service) -> Result<Response<Bytes>, Error> {
    respond(service, None).await
}

/// `GET /.well-known/openid-configuration` (OpenID Connect Discovery, section 4): the same metadata, with the
/// authorization endpoint without which OpenID Connect clients reject it.
///
/// # Errors
/// [`Error::unavailable`] when a key that no earlier request has fetched cannot be fetched from KMS.
pub async fn openid_configuration(service: &Service) -> Result<Response<Bytes>, Error> {
    respond(service, Some(service.issuer.url(AUTHORIZE))).await
}

async fn respond(service: &Service, authorization_endpoint: Option<String>) -> Result<Response<Bytes>, Error> {
    let grants = token::grants().filter(|grant| service.config.password_grant || *grant != Grant::Password);
    let metadata = Metadata {
        issuer: &service.issuer,
        authorization_endpoint,
        token_endpoint: service.issuer.url(TOKEN),
        introspection_endpoint: service.issuer.url(INTROSPECT),
        revocation_endpoint: service.issuer.url(REVOKE),
        userinfo_endpoint: service.issuer.url(USERINFO),
        jwks_uri: service.issuer.url(JWKS),
        grant_types_supported: grants.collect(),
        token_endpoint_auth_methods_supported: AuthMethod::ALL,
        token_endpoint_auth_signing_alg_values_supported: Algorithm::of_assertions().collect(),
        introspection_endpoint_auth_methods_supported: AuthMethod::CONFIDENTIAL,
        introspection_endpoint_auth_signing_alg_values_supported: Algorithm::of_assertions().collect(),
        revocation_endpoint_auth_methods_supported: AuthMethod::ALL,
        revocation_endpoint_auth_signing_alg_values_supported: Algorithm::of_assertions().collect(),
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: service.keys.algorithms(service.clock.now()).await?,
        scopes_supported: [OPENID, OFFLINE_ACCESS].into_iter().chain(claims::standard_scopes()).collect(),
        claims_supported: ID_TOKEN_CLAIMS.into_iter().chain(claims::standard_claims()).collect(),
        mtls_endpoint_aliases: service.config.mtls_url.as_ref().map(MtlsEndpoints::below),
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
/// [`Error::unavailable`] when a key that no earlier request has fetched cannot be fetched from KMS,
/// [`Error::server_error`] when no key can be used.
pub async fn jwks(service: &Service) -> Result<Response<Bytes>, Error> {
    let keys = service.keys.published(service.clock.now()).await?;
    response::json(StatusCode::OK, &JwkSet { keys }, Caching::Public)
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// Marks a request for the health of an instance as that of a deployment, which asks before the instance's version gets
/// requests. It goes with the request, as an extension; nothing that a caller sends leads to it.
#[derive(Clone, Copy, Debug)]
pub struct DeploymentCheck;

/// `GET /healthz`: says that this instance can serve requests. It calls no other service, unless a [`DeploymentCheck`] goes
/// with the request: then one key signs, and every listed key has to be usable, though requests would do without it.
///
/// # Errors
/// Only [`Error::server_error`]; for a [`DeploymentCheck`], [`Error::unavailable`] and [`Error::server_error`] as for a
/// token.
pub async fn health(service: &Service, request: &Request<Bytes>) -> Result<Response<Bytes>, Error> {
    if request.extensions().get::<DeploymentCheck>().is_some() {
        let now = service.clock.now();
        service.mint.try_to_sign(now).await?;
        // After the signature: a key that did not sign, and was left out for the next one, is known by now.
        service.keys.all(now).await?;
    }
    response::json(StatusCode::OK, &Health { status: "ok" }, Caching::Forbidden)
}
