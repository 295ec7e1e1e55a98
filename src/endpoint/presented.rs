//! Access tokens that are presented: what they stand for, if they still do.

use crate::clock::Timestamp;
use crate::error::Error;
use crate::json::{Object, Value};
use crate::scope::Scope;
use crate::service::Service;
use crate::session::Session;
use crate::session::refresh_token::SessionId;
use crate::token::access;
use crate::token::opaque::OpaqueToken;
use crate::user::User;

/// An access token of this service that is valid now: not expired, not revoked, its session not ended, its user not
/// gone, disabled, or with another password.
pub(crate) struct PresentedToken {
    /// What it says.
    pub(crate) claims: Object,
    /// Whose it is, where it has a session.
    pub(crate) user: Option<User>,
}

impl PresentedToken {
    /// Reads an access token; none for any text that is not a valid one.
    pub(crate) async fn read(service: &Service, text: &str) -> Result<Option<Self>, Error> {
        let now = service.clock.now();
        let Some(claims) = signed_or_stored(service, text, now).await? else {
            return Ok(None);
        };
        let expired = claims.get("exp").and_then(Value::as_u64).is_none_or(|exp| now >= Timestamp::from_unix(exp));
        if expired || claims.get("iss").and_then(Value::as_str) != Some(service.issuer.as_str()) {
            return Ok(None);
        }
        let Some(sid) = claims.get("sid").and_then(Value::as_str).map(SessionId::from) else {
            let revoked = is_revoked(service, &claims).await?;
            return Ok((!revoked).then_some(Self { claims, user: None }));
        };
        let session = async { Session::find(&sid, &service.tokens, now).await.map_err(Error::from) };
        let (revoked, session) = tokio::try_join!(is_revoked(service, &claims), session)?;
        let Some(session) = session.filter(|_| !revoked) else {
            return Ok(None);
        };
        let user = service.users.get(session.username()).await?;
        let user = session.resume(user).ok().map(|user| User::clone(&user));
        Ok(user.map(|user| Self { claims, user: Some(user) }))
    }

    /// The client that it was given to.
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.claims.get("client_id").and_then(Value::as_str)
    }

    /// The scope that it was granted.
    pub(crate) fn scope(&self) -> Scope {
        let scope = self.claims.get("scope").and_then(Value::as_str).unwrap_or_default();
        Scope::parse_or_empty(scope).unwrap_or_default()
    }

    /// Makes the token invalid from now on.
    pub(crate) async fn revoke(&self, service: &Service, text: &str) -> Result<(), Error> {
        if let Ok(token) = OpaqueToken::parse(text) {
            return Ok(service.tokens.delete(&token.key()).await?);
        }
        let jti = self.claims.get("jti").and_then(Value::as_str).unwrap_or_default();
        let expires_at = self.claims.get("exp").and_then(Value::as_u64).unwrap_or_default();
        Ok(service.tokens.put_revocation(jti, Timestamp::from_unix(expires_at)).await?)
    }
}

async fn signed_or_stored(service: &Service, text: &str, now: Timestamp) -> Result<Option<Object>, Error> {
    match OpaqueToken::parse(text) {
        Ok(token) => Ok(service.tokens.get_access_token(&token.key(), now).await?),
        Err(_) => Ok(service.keys.verify(access::TYPE, text).await?),
    }
}

/// Opaque tokens are deleted when they are revoked; of a JWT that was, a note remains.
async fn is_revoked(service: &Service, claims: &Object) -> Result<bool, Error> {
    match claims.get("jti").and_then(Value::as_str) {
        Some(jti) => Ok(service.tokens.is_revoked(jti).await?),
        None => Ok(true),
    }
}
