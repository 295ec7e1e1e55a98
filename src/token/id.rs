//! ID tokens (OpenID Connect Core, section 2), for logins that were granted `openid`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::authorize::Authorization;
use crate::claims;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::json::Object;
use crate::random::Random;
use crate::session::refresh_token::SessionId;
use crate::token::about::About;

/// The media type of the token, its `typ` header parameter.
pub const TYPE: &str = "JWT";

/// The claims of an ID token, and those that the granted scope gives.
#[derive(Serialize)]
pub struct IdToken<'a> {
    iss: &'a Issuer,
    sub: &'a str,
    aud: &'a str,
    azp: &'a str,
    exp: Timestamp,
    iat: Timestamp,
    auth_time: Timestamp,
    at_hash: String,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(flatten)]
    of_scope: Object,
}

impl<'a> IdToken<'a> {
    /// The ID token that goes with `access_token` and is to be signed with `algorithm`. It is valid for the same time.
    ///
    /// # Errors
    /// [`Error::server_error`] when there is no randomness.
    pub fn new(
        issuer: &'a Issuer,
        authorization: &'a Authorization,
        session: Option<&'a SessionId>,
        access_token: &str,
        algorithm: Algorithm,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        Self::about(issuer, About::of(authorization), session, access_token, algorithm, now, random)
    }

    pub(super) fn about(
        issuer: &'a Issuer,
        about: About<'a>,
        session: Option<&'a SessionId>,
        access_token: &str,
        algorithm: Algorithm,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, Error> {
        let About { client, user, auth_time, subject, scope, audiences: _ } = about;
        Ok(Self {
            iss: issuer,
            sub: subject,
            aud: client.id.as_str(),
            azp: client.id.as_str(),
            exp: now + client.access_token_lifetime,
            iat: now,
            auth_time,
            at_hash: at_hash(access_token, algorithm),
            jti: URL_SAFE_NO_PAD.encode(*random.bytes::<16>()?),
            sid: session.map(SessionId::as_str),
            of_scope: claims::of_scope(scope, user),
        })
    }
}

/// The left half of the access token's digest under the hash of the signature algorithm (OpenID Connect Core,
/// section 3.1.3.6).
fn at_hash(access_token: &str, algorithm: Algorithm) -> String {
    let digest = algorithm.hash().digest(access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&digest[..digest.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of OpenID Connect Core, appendix A.3.
    #[test]
    fn at_hash_is_that_of_openid_connect_core_appendix_a_3() {
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", Algorithm::Rs256), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
