//! `POST /oauth2/token`: the token request (RFC 6749, sections 4.3 and 6).

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Serialize;

use crate::audience::Audience;
use crate::authenticate::client::AuthenticatedClient;
use crate::authenticate::user::{self, AuthenticatedUser, Login};
use crate::authorize;
use crate::authorize::scope::{GrantedScope, RequestedScope};
use crate::chain::{Chain, NotSelected};
use crate::client::{AccessTokenFormat, Grant};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::form::Form;
use crate::response::{self, Caching};
use crate::scope::{OPENID, Scope};
use crate::service::Service;
use crate::session::refresh_token::RefreshToken;
use crate::session::{NewSession, OpenSession};
use crate::telemetry::record::RequestRecord;
use crate::token::Authorization;
use crate::token::access::{self, AccessToken};
use crate::token::id::{self, IdToken};
use crate::token::opaque::OpaqueToken;

const BEYOND_GRANT: Error = Error::invalid_scope("The scope is beyond what may be granted.");
const UNKNOWN_CHAIN: Error = Error::invalid_request("The auth_chain is unknown, or not one of the client's.");
const INVALID_TARGET: Error = Error::invalid_target("The resource is malformed, or not one of the client's.");

/// Answers a token request.
///
/// # Errors
/// Those of RFC 6749, section 5.2 and RFC 8707, section 2; [`Error::unavailable`], [`Error::server_error`].
pub async fn respond(
    service: &Service,
    request: &Request<Bytes>,
    record: &RequestRecord,
) -> Result<Response<Bytes>, Error> {
    let came = service.clock.now();
    let form = Form::parse(request.headers(), request.body())?;
    let token_request = TokenRequest::read(&form)?;
    record.grant(token_request.grant().as_str());
    let client = service.authenticate_client(request.headers(), &form, record).await?;
    if !client.may_use(token_request.grant()) {
        return Err(Error::unauthorized_client("The client may not use this grant."));
    }
    let answer = match token_request {
        TokenRequest::Password(request) => Box::pin(request.answer(service, &client, record)).await?,
        TokenRequest::Refresh(request) => request.answer(service, &client, came, record).await?,
    };
    response::json(StatusCode::OK, &answer, Caching::Forbidden)
}

/// A successful answer (RFC 6749, section 5.1).
#[derive(Serialize)]
struct TokenResponse {
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
    fn new(
        client: &AuthenticatedClient,
        minted: Minted,
        scope: &GrantedScope,
        refresh_token: Option<&RefreshToken>,
    ) -> Self {
        Self {
            access_token: minted.access_token,
            token_type: "Bearer",
            expires_in: client.access_token_lifetime.as_secs(),
            scope: scope.as_scope().clone(),
            refresh_token: refresh_token.map(|token| token.expose().to_string()),
            id_token: minted.id_token,
        }
    }
}

/// A token request, its parameters read and nothing checked that needs the client.
enum TokenRequest<'a> {
    Password(PasswordRequest<'a>),
    Refresh(RefreshRequest<'a>),
}

/// RFC 6749, section 4.3.2.
struct PasswordRequest<'a> {
    username: &'a str,
    password: &'a str,
    auth_chain: Option<&'a str>,
    scope: Option<Scope>,
    resources: Vec<&'a str>,
}

/// RFC 6749, section 6.
struct RefreshRequest<'a> {
    refresh_token: &'a str,
    scope: Option<Scope>,
    resources: Vec<&'a str>,
}

impl<'a> TokenRequest<'a> {
    fn read(form: &'a Form) -> Result<Self, Error> {
        const NO_GRANT: Error = Error::invalid_request("The grant_type parameter is missing.");
        const NO_CREDENTIALS: Error = Error::invalid_request("The username or password parameter is missing.");
        const NO_TOKEN: Error = Error::invalid_request("The refresh_token parameter is missing.");
        const UNKNOWN_GRANT: Error = Error::unsupported_grant_type("The grant is not supported.");
        const MALFORMED_SCOPE: Error = Error::invalid_scope("The scope is malformed.");

        let grant = form.value("grant_type").ok_or(NO_GRANT)?;
        let grant = grant.parse::<Grant>().map_err(|_| UNKNOWN_GRANT)?;
        let scope = || form.value("scope").map(Scope::parse_requested).transpose().map_err(|_| MALFORMED_SCOPE);
        let resources = form.values("resource").collect();
        Ok(match grant {
            Grant::Password => Self::Password(PasswordRequest {
                username: form.value("username").ok_or(NO_CREDENTIALS)?,
                password: form.value("password").ok_or(NO_CREDENTIALS)?,
                auth_chain: form.value("auth_chain"),
                scope: scope()?,
                resources,
            }),
            Grant::RefreshToken => Self::Refresh(RefreshRequest {
                refresh_token: form.value("refresh_token").ok_or(NO_TOKEN)?,
                scope: scope()?,
                resources,
            }),
        })
    }

    fn grant(&self) -> Grant {
        match self {
            Self::Password(_) => Grant::Password,
            Self::Refresh(_) => Grant::RefreshToken,
        }
    }
}

impl PasswordRequest<'_> {
    async fn answer(
        self,
        service: &Service,
        client: &AuthenticatedClient,
        record: &RequestRecord,
    ) -> Result<TokenResponse, Error> {
        if !service.config.password_grant {
            return Err(Error::unsupported_grant_type("The password grant is switched off."));
        }
        let scope =
            RequestedScope::of_client(self.scope, client, &service.config.default_scope).map_err(|_| BEYOND_GRANT)?;
        let audiences = authorize::audience::granted(&self.resources, &client.audiences).map_err(|_| INVALID_TARGET)?;
        let chain = chain(self.auth_chain, service, client)?;
        record.chain(chain.name().as_str());
        let profile = service.config.username_profile;
        let login = Login { username: self.username, password: self.password, profile, client_id: &client.id };
        let (user, attempt) = user::authenticate(login, chain, service.backends(), service.clock.now(), record).await?;
        // Whatever becomes of the request from here, the password was right.
        let (answer, ()) =
            tokio::join!(issue(service, client, user, scope, &audiences, record), service.attempts.right(attempt));
        answer
    }
}

/// Grants the scope, and makes what is answered to a resource owner who proved who they are.
async fn issue(
    service: &Service,
    client: &AuthenticatedClient,
    user: AuthenticatedUser,
    scope: RequestedScope,
    audiences: &[Audience],
    record: &RequestRecord,
) -> Result<TokenResponse, Error> {
    let scope = scope.grant(&user, &service.config.empty_scope).map_err(|_| BEYOND_GRANT)?;
    let subject = client.claim_map.subject(&client.id, &user)?;

    let session = NewSession::begin(client, &user, &scope, audiences, &*service.random)?;
    let session_id = session.as_ref().map(NewSession::id);
    if let Some(sid) = &session_id {
        record.sid(sid.as_str());
    }
    let (user, subject, scope, session_of) = (&user, subject.as_str(), &scope, session_id.as_ref());
    let minted = mint(service, Authorization { client, user, subject, scope, audiences, session: session_of });
    let stored = async {
        match session {
            Some(session) => session.store(&service.tokens).await.map_err(Error::from),
            None => Ok(None),
        }
    };
    let (minted, refresh_token) = tokio::try_join!(minted, stored)?;
    Ok(TokenResponse::new(client, minted, scope, refresh_token.as_ref()))
}

fn chain<'s>(requested: Option<&str>, service: &'s Service, client: &AuthenticatedClient) -> Result<&'s Chain, Error> {
    let selected = service.config.chains.select(requested, &client.chains);
    selected.map_err(|error| match error {
        NotSelected::NotAllowed => UNKNOWN_CHAIN,
        NotSelected::Unconfigured(_) => Error::server_error().because(error),
    })
}

impl RefreshRequest<'_> {
    /// The token is judged by when the request `came`. The rotation comes last: a request that fails before it leaves
    /// the token as it was.
    async fn answer(
        self,
        service: &Service,
        client: &AuthenticatedClient,
        came: Timestamp,
        record: &RequestRecord,
    ) -> Result<TokenResponse, Error> {
        let malformed = |error| Error::invalid_refresh_token().because(error);
        let token = RefreshToken::parse(self.refresh_token).map_err(malformed)?;
        let session = OpenSession::open(token, client, &service.tokens, came, record).await?;
        if !client.may_use(Grant::Password) {
            return Err(Error::invalid_refresh_token().because("the client may not use the password grant any more"));
        }
        let lost = || Error::invalid_refresh_token().because("the client has none of the session's audiences any more");
        let audiences = authorize::audience::still_held(session.audiences(), &client.audiences).ok_or_else(lost)?;
        let audiences = authorize::audience::granted(&self.resources, &audiences).map_err(|_| INVALID_TARGET)?;
        let user = service.users.get(session.username()).await?;
        let user = session.resume(user).map_err(|reason| Error::invalid_refresh_token().because(reason))?;
        let empty = &service.config.empty_scope;
        let scope = GrantedScope::of_session(self.scope, session.scope(), client, &user, empty);
        let scope = scope.map_err(|_| BEYOND_GRANT)?;
        let subject = client.claim_map.subject(&client.id, &user)?;

        let session_id = session.id();
        let (user, subject, scope, session_of) = (&user, subject.as_str(), &scope, Some(&session_id));
        let authorization = Authorization { client, user, subject, scope, audiences: &audiences, session: session_of };
        let minted = mint(service, authorization).await?;
        let refresh_token = session.rotate(client, &service.tokens, service.clock.now(), &*service.random).await?;
        Ok(TokenResponse::new(client, minted, scope, Some(&refresh_token)))
    }
}

/// The tokens of one answer, but for the refresh token.
struct Minted {
    access_token: String,
    id_token: Option<String>,
}

async fn mint(service: &Service, authorization: Authorization<'_>) -> Result<Minted, Error> {
    let client = authorization.client;
    let algorithm = client.signing_algorithm.unwrap_or(service.config.signing_algorithm);
    let now = service.clock.now();
    let claims = AccessToken::new(&service.issuer, authorization, now, &*service.random)?;
    let access_token = match client.access_token_format {
        AccessTokenFormat::Jwt => service.keys.sign(algorithm, access::TYPE, &claims, now).await?,
        AccessTokenFormat::Opaque => {
            let token = OpaqueToken::generate(&*service.random)?;
            let incarnation = client.incarnation.as_ref();
            service.tokens.put_access_token(&token.key(), incarnation, &claims, claims.expires_at()).await?;
            token.expose()
        }
    };
    if !authorization.scope.as_scope().names(OPENID) {
        return Ok(Minted { access_token, id_token: None });
    }
    // It holds a digest of the access token, signature included, and so comes after it.
    let id_token = IdToken::new(&service.issuer, authorization, &access_token, algorithm, now, &*service.random)?;
    let id_token = service.keys.sign(algorithm, id::TYPE, &id_token, now).await?;
    Ok(Minted { access_token, id_token: Some(id_token) })
}
