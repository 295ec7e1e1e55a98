//! Presented access tokens: what they stand for, and whether they still do.

use std::sync::Arc;

use crate::audience::Audience;
use crate::authenticate::user::AuthenticatedUser;
use crate::authorize;
use crate::client::Client;
use crate::client::id::{ClientId, Incarnation};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::form::MAX_BODY_BYTES;
use crate::jose::jws::{self, Expected};
use crate::json::{Object, Value};
use crate::scope::Scope;
use crate::service::Service;
use crate::session::refresh_token::SessionId;
use crate::telemetry::record::RequestRecord;
use crate::token::access;
use crate::token::opaque::OpaqueToken;

/// No token is signed that is too long to be presented in a request, and no token that can be presented is too long to
/// be verified.
const _: () = assert!(jws::MAX_BYTES == MAX_BODY_BYTES);

/// An access token that this service issued and that has not expired. Whether it is still valid is for
/// [`LiveToken::read`] to say.
pub(crate) struct PresentedToken {
    claims: Object,
    form: Presented,
}

/// Which kind of access token was presented.
enum Presented {
    Jwt,
    /// The digest of an opaque token, and the client it was issued to.
    Opaque {
        digest: [u8; 32],
        client_incarnation: Option<Incarnation>,
    },
}

/// An access token that is valid now: it has not expired or been revoked, its client is still registered as it was then
/// and is not disabled, its session has not ended, and its user still exists, is not disabled, has not been signed out,
/// and still has the same password.
pub(crate) struct LiveToken {
    /// Its claims, reduced to what its client and user may still have.
    pub(crate) claims: Object,
    /// What is left of its scope.
    pub(crate) scope: Scope,
    /// Its user, if it has a session.
    pub(crate) user: Option<AuthenticatedUser>,
}

impl LiveToken {
    /// Reads an access token; `None` if the text is not an access token that is valid now.
    pub(crate) async fn read(service: &Service, text: &str, record: &RequestRecord) -> Result<Option<Self>, Error> {
        match PresentedToken::read(service, text).await? {
            Some(token) => Box::pin(token.live(service, record)).await,
            None => Ok(None),
        }
    }
}

impl PresentedToken {
    /// Reads an access token; `None` for any other text.
    pub(crate) async fn read(service: &Service, text: &str) -> Result<Option<Self>, Error> {
        let now = service.clock.now();
        let Some(token) = Self::signed_or_stored(service, text, now).await? else {
            return Ok(None);
        };
        let expired = token.time("exp").is_none_or(|exp| now >= exp);
        let ours = token.text("iss") == Some(service.issuer.as_str());
        Ok(Some(token).filter(|_| ours && !expired))
    }

    async fn signed_or_stored(service: &Service, text: &str, now: Timestamp) -> Result<Option<Self>, Error> {
        let Ok(token) = OpaqueToken::parse(text) else {
            let expected = Expected { typ: access::TYPE, issuer: &service.issuer, now };
            let claims = service.keys.verify(&expected, text).await?;
            return Ok(claims.map(|claims| Self { claims, form: Presented::Jwt }));
        };
        let digest = token.digest();
        let stored = service.access_tokens.get(&digest, now).await?;
        Ok(stored.map(|stored| Self {
            claims: stored.claims,
            form: Presented::Opaque { digest, client_incarnation: stored.client_incarnation },
        }))
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    fn time(&self, claim: &str) -> Option<Timestamp> {
        self.claims.get(claim).and_then(Value::as_u64).map(Timestamp::from_unix)
    }

    /// The client that it was issued to.
    pub(crate) fn client_id(&self) -> Option<&str> {
        self.text("client_id")
    }

    /// Notes its session. Its `sub` may be anything that the client's claim map makes of a user.
    pub(crate) fn note_session(&self, record: &RequestRecord) {
        if let Some(sid) = self.text("sid") {
            record.sid(sid);
        }
    }

    /// What it stands for now; `None` if it is no longer valid.
    async fn live(self, service: &Service, record: &RequestRecord) -> Result<Option<LiveToken>, Error> {
        let now = service.clock.now();
        let client = async {
            match self.client_id().and_then(|id| ClientId::parse(id).ok()) {
                Some(id) => service.clients.find(&id, now).await.map_err(Error::from),
                None => Ok(None),
            }
        };
        let sid = self.text("sid").map(SessionId::from);
        let session = async {
            match &sid {
                Some(sid) => service.sessions.find(sid.clone(), now).await.map_err(Error::from),
                None => Ok(None),
            }
        };
        let (client, revoked, session) = tokio::try_join!(client, self.is_revoked(service), session)?;
        let Some(client) = client.filter(|client| !client.disabled && !revoked) else {
            return Ok(None);
        };
        // The audiences of a login are in its session. Without a session, an `aud` that names the issuer means the
        // issuer itself.
        let is_for_issuer = session.as_ref().is_none_or(|session| session.audiences().is_empty())
            && self.text("aud") == Some(service.issuer.as_str());
        let user = match (&sid, session) {
            (None, _) if self.is_made_for(&client) => None,
            (Some(_), Some(session)) if session.check_client(&client).is_ok() => {
                let Ok(user) = service.sessions.resume(&session).await? else {
                    return Ok(None);
                };
                record.sub(user.subject.as_str());
                record.sid(session.id().as_str());
                Some(user)
            }
            _ => return Ok(None),
        };
        Ok(self.cut(service, &client, user, is_for_issuer))
    }

    /// Whether a token without a session was issued to `client` itself, and not to an earlier client with the same
    /// identifier. A JWT does not say to which of them, but it cannot be older than its client.
    ///
    /// Both times are in seconds, and each comes from the clock of its own machine: docs/security.md says what this
    /// leaves open.
    fn is_made_for(&self, client: &Client) -> bool {
        match &self.form {
            Presented::Opaque { client_incarnation, .. } => *client_incarnation == client.incarnation,
            Presented::Jwt => self.time("iat").is_some_and(|iat| iat >= client.created_at),
        }
    }

    /// Removes what `client` and `user` may no longer have. A token that was issued for resource servers is worth
    /// nothing once it is no longer for any of them.
    fn cut(
        self,
        service: &Service,
        client: &Arc<Client>,
        user: Option<AuthenticatedUser>,
        is_for_issuer: bool,
    ) -> Option<LiveToken> {
        let mut claims = self.claims;
        let granted = Scope::parse_or_empty(claims.get("scope").and_then(Value::as_str).unwrap_or_default()).ok()?;
        let scope = authorize::scope::still_held(&granted, client, user.as_deref(), &service.config.empty_scope);
        claims.insert("scope".to_owned(), scope.to_string().into());
        if !is_for_issuer {
            let granted = audiences(claims.get("aud")?)?;
            let held = authorize::audience::still_held(&granted, &client.audiences)?;
            claims.insert("aud".to_owned(), Value::of(&access::OneOrMany::from(held.as_slice())).ok()?);
        }
        Some(LiveToken { claims, scope, user })
    }

    /// Opaque tokens are deleted when they are revoked; for a revoked JWT, a note is stored.
    async fn is_revoked(&self, service: &Service) -> Result<bool, Error> {
        match (&self.form, self.text("jti")) {
            (Presented::Opaque { .. }, _) => Ok(false),
            (Presented::Jwt, Some(jti)) => Ok(service.access_tokens.is_revoked(jti).await?),
            (Presented::Jwt, None) => Ok(true),
        }
    }

    /// Makes the token invalid from now on.
    pub(crate) async fn revoke(&self, service: &Service) -> Result<(), Error> {
        match &self.form {
            Presented::Opaque { digest, .. } => Ok(service.access_tokens.delete(digest).await?),
            Presented::Jwt => {
                let expires_at = self.time("exp").unwrap_or(Timestamp::from_unix(0));
                Ok(service.access_tokens.revoke(self.text("jti").unwrap_or_default(), expires_at).await?)
            }
        }
    }
}

/// The audiences of an `aud` claim: one, or several.
fn audiences(aud: &Value) -> Option<Vec<Audience>> {
    let parse = |text: &Value| Audience::parse(text.as_str()?).ok();
    match aud {
        Value::Array(several) => several.iter().map(parse).collect(),
        one => Some(vec![parse(one)?]),
    }
}
