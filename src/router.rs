//! From method and path to the endpoint, and everything that all answers have in common.

mod cross_origin;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CONTENT_LENGTH, HeaderName};
use http::{HeaderValue, Method, Request, Response};
use tracing::Instrument as _;
use zeroize::Zeroize as _;

use crate::audit::Moment;
use crate::endpoint::{authorize, discovery, introspect, revoke, token, userinfo};
use crate::error::{Error, Kind};
use crate::issuer::path;
use crate::response;
use crate::service::Service;
use crate::telemetry::phase;
use crate::telemetry::record::{Outcome, RequestRecord, Severity};
use crate::telemetry::traces::Trace;
use crate::telemetry::traces::span::Finished;

/// How long after its time a request may still send its trace: half of what is kept to return an answer.
const TIME_TO_SEND: Duration = Duration::from_millis(250);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endpoint {
    Token,
    Introspect,
    Revoke,
    Authorize,
    UserInfo,
    Jwks,
    Metadata,
    OpenidConfiguration,
    Health,
}

/// Every path below the issuer, and what it names.
const PATHS: [(&str, Endpoint); 9] = [
    (path::TOKEN, Endpoint::Token),
    (path::INTROSPECT, Endpoint::Introspect),
    (path::REVOKE, Endpoint::Revoke),
    (path::AUTHORIZE, Endpoint::Authorize),
    (path::USERINFO, Endpoint::UserInfo),
    (path::JWKS, Endpoint::Jwks),
    (path::OAUTH_METADATA, Endpoint::Metadata),
    (path::OPENID_CONFIGURATION, Endpoint::OpenidConfiguration),
    (path::HEALTH, Endpoint::Health),
];

/// Every path below the issuer, and the methods that it takes, as `Allow` lists them.
pub fn paths() -> impl Iterator<Item = (&'static str, &'static str)> {
    PATHS.iter().map(|(path, endpoint)| (*path, endpoint.allow()))
}

impl Endpoint {
    /// The endpoint at `path`, which is below `issuer_path` or, if a front door has removed that, below the root.
    ///
    /// The path is first tried as it came: the issuer's own path may be one that paths of the service begin with too.
    fn at(path: &str, issuer_path: &str) -> Option<Self> {
        let exactly = |path: &str| PATHS.iter().find(|(known, _)| *known == path).map(|(_, endpoint)| *endpoint);
        exactly(path).or_else(|| exactly(path.strip_prefix(issuer_path)?)).or_else(|| {
            // RFC 8414, section 3.1 puts the issuer's path after the well-known one; its clients do so with OpenID
            // Connect's too.
            let before = path.strip_suffix(issuer_path)?;
            exactly(before).filter(|endpoint| matches!(endpoint, Self::Metadata | Self::OpenidConfiguration))
        })
    }

    /// Its name in the log.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::UserInfo => "userinfo",
            Self::Jwks => "jwks",
            Self::Authorize => "authorize",
            Self::Metadata => "metadata",
            Self::OpenidConfiguration => "openid_configuration",
            Self::Health => "health",
        }
    }

    /// Its path below the issuer.
    fn path(self) -> Option<&'static str> {
        PATHS.iter().find(|(_, endpoint)| *endpoint == self).map(|(path, _)| *path)
    }

    const fn allow(self) -> &'static str {
        match self {
            Self::Token | Self::Introspect | Self::Revoke => "POST",
            Self::Authorize | Self::UserInfo => "GET, HEAD, POST",
            Self::Jwks | Self::Metadata | Self::OpenidConfiguration | Self::Health => "GET, HEAD",
        }
    }

    /// The origins whose pages may call it: for an authorization endpoint, there are none (RFC 9700, section 2.6).
    fn origins(self, service: &Service) -> &[HeaderValue] {
        if self == Self::Authorize { &[] } else { &service.config.cors_origins }
    }

    fn takes(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// Whether a path names an endpoint, as it came through a front door that may have removed the issuer's path.
pub(crate) fn is_path(path: &str, issuer_path: &str) -> bool {
    Endpoint::at(path, issuer_path).is_some()
}

/// The identifier by which a request is found in the log.
#[derive(Clone, Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The identifier that the platform gave the request; `unknown` if it gave none, or one that is not valid in a header.
    #[must_use]
    pub fn of_platform(id: &str) -> Self {
        let given = HeaderValue::from_str(id).ok().filter(|id| !id.is_empty());
        Self(given.unwrap_or(HeaderValue::from_static("unknown")))
    }

    /// A fresh identifier.
    #[must_use]
    pub fn generate(service: &Service) -> Self {
        let bytes = service.random.bytes::<16>().unwrap_or_default();
        Self::of_platform(&uuid::Builder::from_random_bytes(*bytes).into_uuid().to_string())
    }

    /// The identifier as a header value.
    #[must_use]
    pub const fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Answers a request within `time`. Whatever happens, the answer keeps to the contract, and there is one line in the
/// log.
pub async fn handle(service: &Service, request: Request<Bytes>, id: RequestId, time: Duration) -> Response<Bytes> {
    let endpoint = Endpoint::at(request.uri().path(), service.issuer.path());
    let trace = service.begin_trace(&request);
    let record = RequestRecord::begin(id.as_str(), endpoint.map(Endpoint::as_str), trace);
    let outcome = async {
        let answer = AssertUnwindSafe(Box::pin(answer(service, endpoint, &request, &record))).catch_unwind();
        let given_up = match tokio::time::timeout(time, answer).await {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(_panic)) => Error::server_error().because("the request panicked"),
            Err(_elapsed) => Error::unavailable().because("the request ran out of time"),
        };
        service.users.settled().await;
        Err(given_up)
    };
    let outcome = outcome.instrument(record.span().clone());
    let outcome = phase::noted_in(Arc::clone(record.spent()), outcome).await;
    let traced = write(service, &record, &id, request.method(), endpoint, &outcome);
    let is_past_the_front = matches!(&outcome, Err(error) if error.kind() == Kind::PastTheFront);
    let mut response = outcome.unwrap_or_else(|error| response::error(&error, service.config.detailed_errors));
    response.headers_mut().insert(REQUEST_ID, id.0);
    if !is_past_the_front {
        let origins = endpoint.map_or(&*service.config.cors_origins, |endpoint| endpoint.origins(service));
        cross_origin::allow(origins, request.headers(), response.headers_mut());
    }
    if request.method() == Method::HEAD {
        let length = HeaderValue::from(response.body().len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
        response.body_mut().clear();
    }
    wipe(request.into_body());
    if let Some((trace, span)) = traced {
        service.send_trace(trace, span, (time + TIME_TO_SEND).saturating_sub(trace.began().elapsed())).await;
    }
    response
}

/// Wipes a body, which may hold secrets, unless something else still refers to it.
fn wipe(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body.zeroize();
    }
}

async fn answer(
    service: &Service,
    endpoint: Option<Endpoint>,
    request: &Request<Bytes>,
    record: &RequestRecord,
) -> Result<Response<Bytes>, Error> {
    // Whoever is past the front learns nothing: not which paths there are, nor which origins may call. Health checks of a
    // load balancer cannot carry a secret, and what they are told is worth nothing.
    if endpoint != Some(Endpoint::Health) && !service.config.origin_secrets.admit(request.headers()) {
        return Err(const { Error::past_the_front() });
    }
    let endpoint = endpoint.ok_or(const { Error::not_found() })?;
    if cross_origin::is_preflight(endpoint.origins(service), request) {
        return Ok(cross_origin::preflight(endpoint.allow()));
    }
    if !endpoint.takes(request.method()) {
        return Err(Error::method_not_allowed(endpoint.allow()));
    }
    match endpoint {
        Endpoint::Token => token::respond(service, request, record).await,
        Endpoint::Introspect => introspect::respond(service, request, record).await,
        Endpoint::Revoke => revoke::respond(service, request, record).await,
        Endpoint::Authorize => authorize::respond(request),
        Endpoint::UserInfo => userinfo::respond(service, request, record).await,
        Endpoint::Jwks => discovery::jwks(service).await,
        Endpoint::Metadata => discovery::metadata(service).await,
        Endpoint::OpenidConfiguration => discovery::openid_configuration(service).await,
        Endpoint::Health => discovery::health(service, request).await,
    }
}

/// Writes the record and the metrics of a request. What is returned is its span in its trace, if it is traced.
fn write<'a>(
    service: &Service,
    record: &'a RequestRecord,
    id: &RequestId,
    method: &Method,
    endpoint: Option<Endpoint>,
    outcome: &Result<Response<Bytes>, Error>,
) -> Option<(&'a Trace, Finished)> {
    let reason;
    let outcome = match outcome {
        Ok(response) => Outcome { status: response.status(), code: None, reason: None, severity: Severity::Usual },
        Err(error) => {
            let (status, code) = error.kind().answer();
            reason = error.to_string();
            let severity = match error.kind() {
                Kind::ServerError => Severity::Failure,
                Kind::Unavailable => Severity::Unavailable,
                _ => Severity::Usual,
            };
            Outcome { status, code: Some(code), reason: Some(&reason), severity }
        }
    };
    record.write(&outcome);
    if let Some(metrics) = &service.metrics {
        metrics.write(&record.measured(id.as_str(), service.clock.now().as_unix(), &outcome));
    }
    if let Some(audit) = &service.audit {
        record.audit(audit, id.as_str(), Moment::after_epoch(service.clock.since_epoch()), &outcome);
    }
    record.traced(id.as_str(), method, endpoint.and_then(Endpoint::path), &outcome)
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
            ("/prodoauth2/token", "/prod", None),
            ("/prod/prod/oauth2/token", "/prod", None),
            ("/oauth2/token/prod", "/prod", None),
            ("/oauth2/token/", "", None),
            ("//oauth2/token", "", None),
            ("/oauth2/%74oken", "", None),
            ("/x/../oauth2/token", "", None),
            ("/.well-known/oauth-authorization-server", "", Some(Endpoint::Metadata)),
            ("/.well-known/oauth-authorization-server/prod", "/prod", Some(Endpoint::Metadata)),
            ("/.well-known/oauth-authorization-server/other", "/prod", None),
            ("/.well-known/oauth-authorization-serverprod", "/prod", None),
            ("/prod/.well-known/openid-configuration", "/prod", Some(Endpoint::OpenidConfiguration)),
            ("/.well-known/openid-configuration", "/prod", Some(Endpoint::OpenidConfiguration)),
            ("/.well-known/openid-configuration/prod", "/prod", Some(Endpoint::OpenidConfiguration)),
            ("/.well-known/openid-configuration/other", "/prod", None),
            ("/.well-known/openid-configuration/prod", "", None),
            ("/prod/.well-known/openid-configuration/prod", "/prod", None),
            ("/healthz/prod", "/prod", None),
            ("/healthz", "", Some(Endpoint::Health)),
            ("/", "", None),
            ("", "", None),
            ("", "/prod", None),
            ("/prod", "/prod", None),
        ] {
            assert_eq!(Endpoint::at(path, issuer_path), endpoint, "{path} below {issuer_path:?}");
        }
    }

    #[test]
    fn an_issuers_path_that_paths_of_the_service_begin_with_is_removed_only_if_no_front_door_has_removed_it() {
        for issuer_path in ["/oauth2", "/healthz", "/.well-known", "/oauth2/token", "/oauth2/oauth2"] {
            for (path, endpoint) in PATHS {
                assert_eq!(Endpoint::at(path, issuer_path), Some(endpoint), "{path} as it came, {issuer_path}");
                let whole = format!("{issuer_path}{path}");
                assert_eq!(Endpoint::at(&whole, issuer_path), Some(endpoint), "{whole} below {issuer_path}");
                assert_eq!(Endpoint::at(&format!("{issuer_path}{whole}"), issuer_path), None, "removed only once");
            }
        }
    }
}
