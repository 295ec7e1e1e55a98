//! What every grant reads, and how each is answered (RFC 6749, sections 3.3 and 5.1).

use serde::Serialize;

use crate::authorize::Authorization;
use crate::error::Error;
use crate::form::Form;
use crate::scope::Scope;
use crate::session::refresh_token::RefreshToken;
use crate::token::mint::Minted;

/// The `scope` parameter, which every grant takes.
pub(super) fn requested_scope(form: &Form) -> Result<Option<Scope>, Error> {
    const MALFORMED_SCOPE: Error = Error::invalid_scope("The scope is malformed.");
    form.value("scope").map(Scope::parse_requested).transpose().map_err(|_| MALFORMED_SCOPE)
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
