//! Access tokens: their claims, in a JSON Web Token by the profile of RFC 9068, or stored behind an opaque token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::audience::Audience;
use crate::authorize::Authorization;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::json::Object;
use crate::random::Random;
use crate::scope::Scope;
use crate::session::refresh_token::SessionId;
use crate::token::about::About;

/// The media type of the token, its `typ` header parameter (RFC 9068, section 2.1).
pub const TYPE: &str = "at+jwt";

/// The claims of an access token (RFC 9068, section 2.2), and those of the client's map.
#[derive(Serialize)]
pub struct AccessToken<'a> {
    iss: &'a Issuer,
    sub: &'a str,
    aud: OneOrMany<'a>,
    client_id: &'a str,
    azp: &'a str,
    exp: Timestamp,
    iat: Timestamp,
    nbf: Timestamp,
    auth_time: Timestamp,
    jti: String,
    scope: &'a Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(flatten)]
    mapped: Object,
}

/// One audience is written as a string, several as an array (RFC 7519, section 4.1.3).
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany<'a> {
    Issuer(&'a Issuer),
    One(&'a Audience),
    Many(&'a [Audience]),
}

impl<'a> From<&'a [Audience]> for OneOrMany<'a> {
    fn from(audiences: &'a [Audience]) -> Self {
        match audiences {
            [one] => Self::One(one),
            many => Self::Many(many),
        }
    }
}

impl<'a> AccessToken<'a> {
    /// The token for `authorization`, and for `session` if there is one, valid from `now` for the lifetime that the
    /// client is registered with. Without an audience, it is meant for the issuer itself.
    ///
    /// # Errors
    /// [`Error::server_error`] when there is no randomness.
    pub fn new(
        issuer: &'a Issuer,
        authorization: &'a Authorization,
        session: Option<&'a SessionId>,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        Self::about(issuer, About::of(authorization), session, now, random)
    }

    pub(super) fn about(
        issuer: &'a Issuer,
        about: About<'a>,
        session: Option<&'a SessionId>,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        let About { client, user, auth_time, subject, scope, audiences } = about;
        Ok(Self {
            iss: issuer,
            sub: subject,
            aud: match audiences {
                [] => OneOrMany::Issuer(issuer),
                some => some.into(),
            },
            client_id: client.id.as_str(),
            azp: client.id.as_str(),
            exp: now + client.access_token_lifetime,
            iat: now,
            nbf: now,
            auth_time,
            jti: URL_SAFE_NO_PAD.encode(*random.bytes::<16>()?),
            scope,
            sid: session.map(SessionId::as_str),
            mapped: client.claim_map.claims(&client.id, user, scope),
        })
    }

    /// When the token expires.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.exp
    }
}
