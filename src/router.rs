//! Method and path to endpoint, and everything that every answer has in common.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderValue, Method, Request, Response};
use tracing::{Instrument as _, field};
use zeroize::Zeroize as _;

use crate::cross_origin;
use crate::endpoint::{self, discovery, introspect, revoke, token, userinfo};
use crate::error::{Error, Kind};
use crate::response;
use crate::service::Service;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Something a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Token,
    Introspect,
    Revoke,
    UserInfo,
    Jwks,
    Metadata,
    Health,
}

/// Every path below the issuer, and what it names.
const PATHS: [(&str, Endpoint); 8] = [
    (endpoint::TOKEN, Endpoint::Token),
    (endpoint::INTROSPECT, Endpoint::Introspect),
    (endpoint::REVOKE, Endpoint::Revoke),
    (endpoint::USERINFO, Endpoint::UserInfo),
    (endpoint::JWKS, Endpoint::Jwks),
    (endpoint::OAUTH_METADATA, Endpoint::Metadata),
    (endpoint::OPENID_CONFIGURATION, Endpoint::Metadata),
    (endpoint::HEALTH, Endpoint::Health),
];

/// Every path below the issuer, and the methods that it takes as `Allow` names them.
pub fn paths() -> impl Iterator<Item = (&'static str, &'static str)> {
    PATHS.iter().map(|(path, endpoint)| (*path, endpoint.allow()))
}

impl Endpoint {
    /// The endpoint at `path`, which is below `issuer_path` or, where a front door took that off, below the root.
    fn at(path: &str, issuer_path: &str) -> Option<Self> {
        let below = path.strip_prefix(issuer_path).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        match PATHS.iter().find(|(known, _)| *known == below) {
            Some((_, endpoint)) => Some(*endpoint),
            // RFC 8414, section 3.1 puts the issuer's path behind the well-known one.
            None => (path.strip_prefix(endpoint::OAUTH_METADATA)? == issuer_path).then_some(Self::Metadata),
        }
    }

    const fn allow(self) -> &'static str {
        match self {
            Self::Token | Self::Introspect | Self::Revoke => "POST",
            Self::UserInfo => "GET, HEAD, POST",
            Self::Jwks | Self::Metadata | Self::Health => "GET, HEAD",
        }
    }

    fn takes(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// What a request is found by in the log.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The identifier that the platform gave the request; one that cannot stand in a header is left out.
    #[must_use]
    pub fn of_platform(id: &str) -> Self {
        Self(HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unknown")))
    }

    /// A fresh identifier.
    #[must_use]
    pub fn generate(service: &Service) -> Self {
        let bytes = service.random.bytes::<16>().unwrap_or_default();
        Self::of_platform(&uuid::Builder::from_random_bytes(*bytes).into_uuid().to_string())
    }

    fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Answers a request within `time`: whatever happens, with an answer of the contract, and one line in the log.
pub async fn handle(service: &Service, request: Request<Bytes>, id: RequestId, time: Duration) -> Response<Bytes> {
    let started = Instant::now();
    let endpoint = Endpoint::at(request.uri().path(), service.issuer.path());
    let span = tracing::info_span!("request", request_id = id.as_str(), endpoint = ?endpoint, client_id = field::Empty);
    let outcome = async {
        let answer = AssertUnwindSafe(Box::pin(answer(service, endpoint, &request))).catch_unwind();
        let given_up = match tokio::time::timeout(time, answer).await {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(_panic)) => Error::server_error().because("the request panicked"),
            Err(_elapsed) => Error::unavailable().because("the time for the request is over"),
        };
        service.attempts.settled().await;
        Err(given_up)
    };
    let response = async {
        let outcome = outcome.await;
        log(&outcome, started);
        let mut response = outcome.unwrap_or_else(|error| response::error(&error, service.config.detailed_errors));
        response.headers_mut().insert(REQUEST_ID, id.0.clone());
        cross_origin::allow(&service.config.cors_origins, request.headers(), response.headers_mut());
        if request.method() == Method::HEAD {
            let length = HeaderValue::from(response.body().len());
            response.headers_mut().insert(CONTENT_LENGTH, length);
            response.body_mut().clear();
        }
        response
    }
    .instrument(span.clone())
    .await;
    wipe(request.into_body());
    response
}

/// Wipes a body, which may hold secrets, where nobody else holds it too.
fn wipe(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body.zeroize();
    }
}

async fn answer(
    service: &Service,
    endpoint: Option<Endpoint>,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Error> {
    let endpoint = endpoint.ok_or(const { Error::not_found() })?;
    if cross_origin::is_preflight(&service.config.cors_origins, request) {
        return Ok(cross_origin::preflight(endpoint.allow()));
    }
    if !endpoint.takes(request.method()) {
        return Err(Error::method_not_allowed(endpoint.allow()));
    }
    match endpoint {
        Endpoint::Token => token::respond(service, request).await,
        Endpoint::Introspect => introspect::respond(service, request).await,
        Endpoint::Revoke => revoke::respond(service, request).await,
        Endpoint::UserInfo => userinfo::respond(service, request).await,
        Endpoint::Jwks => discovery::jwks(service).await,
        Endpoint::Metadata => discovery::metadata(service).await,
        Endpoint::Health => discovery::health(),
    }
}

fn log(outcome: &Result<Response<Bytes>, Error>, started: Instant) {
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(response) => tracing::info!(status = response.status().as_u16(), milliseconds, "answered"),
        Err(error) => {
            let (status, code) = error.kind().answer();
            let status = status.as_u16();
            match error.kind() {
                Kind::ServerError => tracing::error!(status, code, reason = %error, milliseconds, "failed"),
                Kind::Unavailable => tracing::warn!(status, code, reason = %error, milliseconds, "unavailable"),
                _ => tracing::info!(status, code, reason = %error, milliseconds, "refused"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_matched_whole_below_the_issuers_path() {
        for (path, issuer_path, endpoint) in [
            ("/oauth2/token", "", Some(Endpoint::Token)),
            ("/oauth2/token", "/prod", Some(Endpoint::Token)),
            ("/prod/oauth2/token", "/prod", Some(Endpoint::Token)),
            ("/prod/oauth2/token", "", None),
            ("/oauth2/token/", "", None),
            ("//oauth2/token", "", None),
            ("/oauth2/%74oken", "", None),
            ("/x/../oauth2/token", "", None),
            ("/.well-known/oauth-authorization-server", "", Some(Endpoint::Metadata)),
            ("/.well-known/oauth-authorization-server/prod", "/prod", Some(Endpoint::Metadata)),
            ("/.well-known/oauth-authorization-server/other", "/prod", None),
            ("/prod/.well-known/openid-configuration", "/prod", Some(Endpoint::Metadata)),
            ("/healthz", "", Some(Endpoint::Health)),
            ("/", "", None),
            ("", "", None),
        ] {
            assert_eq!(Endpoint::at(path, issuer_path), endpoint, "{path} below {issuer_path:?}");
        }
    }
}
