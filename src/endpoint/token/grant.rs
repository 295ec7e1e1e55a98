//! What the grants have in common: what each of them reads, and how each is answered (RFC 6749, sections 3.3 and 5.1).

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::authenticate::client::AuthenticatedClient;
use crate::authorize::Authorization;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::form::Form;
use crate::scope::Scope;
use crate::service::Service;
use crate::session::refresh_token::RefreshToken;
use crate::source::Network;
use crate::telemetry::record::RequestRecord;
use crate::token::mint::Minted;

/// A token request of any grant, after its parameters have been read.
pub(super) trait GrantRequest: Send {
    /// Answers it, for a client that may use the grant.
    ///
    /// # Errors
    /// Those of the grant.
    fn answer<'a>(self: Box<Self>, asked: Asked<'a>) -> BoxFuture<'a, Result<TokenResponse, Error>>
    where
        Self: 'a;
}

/// Who asks for tokens, and when.
pub(super) struct Asked<'a> {
    pub(super) service: &'a Service,
    pub(super) client: AuthenticatedClient,
    /// When the request arrived.
    pub(super) came: Timestamp,
    /// Where the user is, as far as that is known.
    pub(super) network: Option<Network>,
    pub(super) record: &'a RequestRecord,
}

/// What is asked for, whichever the grant: `scope` (RFC 6749, section 3.3) and `resource` (RFC 8707, section 2).
pub(super) struct Requested<'a> {
    pub(super) scope: Option<Scope>,
    pub(super) resources: Vec<&'a str>,
}

impl<'a> Requested<'a> {
    pub(super) fn read(form: &'a Form) -> Result<Self, Error> {
        const MALFORMED_SCOPE: Error = Error::invalid_scope("The scope is malformed.");

        let scope = form.value("scope").map(Scope::parse_requested).transpose().map_err(|_| MALFORMED_SCOPE)?;
        Ok(Self { scope, resources: form.values("resource").collect() })
    }
}

/// A successful answer (RFC 6749, section 5.1).
#[derive(Serialize)]
pub(super) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

impl TokenResponse {
    pub(super) fn new(authorization: &Authorization, minted: Minted, refresh_token: Option<&RefreshToken>) -> Self {
        Self {
            access_token: minted.access_token,
            token_type: "Bearer",
            expires_in: authorization.client().access_token_lifetime.as_secs(),
            scope: authorization.scope().clone(),
            refresh_token: refresh_token.map(|token| token.expose().to_string()),
            id_token: minted.id_token,
        }
    }
}
