//! What the tokens of a login would hold. Nobody is authenticated for it, and nothing is signed: it is for an operator who
//! decides what a client is to get.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use thiserror::Error;

use crate::authorize::audience;
use crate::authorize::scope::{BeyondGrant, RequestedScope};
use crate::client::claim_map::NoSubject;
use crate::client::{AccessTokenFormat, Client, Grant};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::jose::jws::{self, Header, Unsignable};
use crate::random::{Random, RandomFailed};
use crate::scope::{OPENID, Scope};
use crate::session::refresh_token::SessionId;
use crate::token::about::About;
use crate::token::access::{self, AccessToken};
use crate::token::id::{self, IdToken};

use crate::user::User;

/// A key that is not known, in a header.
const UNKNOWN_KEY: &str = "the key's identifier";

/// A login that is imagined.
#[derive(Clone, Copy)]
pub struct Imagined<'a> {
    /// The client, which need not be saved.
    pub client: &'a Client,
    /// The user, who need not exist.
    pub user: &'a User,
    /// The scope that the request names, if it names one.
    pub scope: Option<&'a Scope>,
    /// What the service is set to.
    pub config: &'a Config,
    /// Its issuer.
    pub issuer: &'a Issuer,
    /// When the login is.
    pub now: Timestamp,
}

/// What a login would get.
#[derive(Debug)]
pub struct Preview {
    /// The scope that it is granted.
    pub scope: Scope,
    /// The access token. An opaque one has no header, and its claims are what introspection tells of it.
    pub access_token: Unsigned,
    /// The ID token, if `openid` is granted.
    pub id_token: Option<Unsigned>,
    /// Whether there is a refresh token.
    pub has_refresh_token: bool,
}

/// A token without its signature, as JSON for people to read. Its `jti`, `sid` and `at_hash` are examples.
#[derive(Debug)]
pub struct Unsigned {
    /// The header.
    pub header: Option<String>,
    /// The claims.
    pub claims: String,
}

/// Why a login would get no tokens.
#[derive(Debug, Error)]
pub enum NoTokens {
    /// The service has the grant switched off.
    #[error("the password grant is switched off at the server")]
    SwitchedOff,
    /// The client is disabled.
    #[error("the client is disabled")]
    ClientDisabled,
    /// The client is not registered for the grant.
    #[error("the client may not use the password grant")]
    Grant,
    /// The grant has ended for the client.
    #[error("the password grant has ended for the client")]
    Ended,
    /// The request names scopes that the client may not have.
    #[error("the client may not have the scope {0}")]
    BeyondClient(Scope),
    /// The user is disabled.
    #[error("the user is disabled")]
    UserDisabled,
    /// The request names scopes that the user may not grant.
    #[error("the user may not grant the scope {0}")]
    BeyondUser(Scope),
    /// The user has no value for the client's `sub`.
    #[error(transparent)]
    Subject(#[from] NoSubject),
    /// The token would be too long.
    #[error(transparent)]
    Unsignable(#[from] Unsignable),
    /// There is no randomness.
    #[error(transparent)]
    Random(#[from] RandomFailed),
    /// Anything else that a login would be refused for.
    #[error("{0}")]
    Other(Error),
}

impl Imagined<'_> {
    /// The tokens, or why there are none, if client and user prove who they are.
    ///
    /// # Errors
    /// [`NoTokens`], in the order in which a request is looked at.
    pub fn preview(&self, random: &dyn Random) -> Result<Preview, NoTokens> {
        let Self { client, user, config, now, .. } = *self;
        self.check_client()?;
        let requested = RequestedScope::of_client(self.scope.cloned(), client, &config.default_scope)
            .map_err(|BeyondGrant| NoTokens::BeyondClient(self.beyond(&client.scopes)))?;
        let audiences = audience::granted(&[], &client.audiences).map_err(|error| NoTokens::Other(error.into()))?;
        if user.disabled {
            return Err(NoTokens::UserDisabled);
        }
        let allowed = user.allowed_scopes.clone().unwrap_or_default();
        let granted = requested.grant(user, &config.empty_scope);
        let granted = granted.map_err(|BeyondGrant| NoTokens::BeyondUser(self.beyond(&allowed)))?;
        let subject = client.claim_map.subject(&client.id, user)?;
        let scope = granted.as_scope();
        let about = About { client, user, auth_time: now, subject: &subject, scope, audiences: &audiences };
        self.tokens(about, random)
    }

    fn check_client(&self) -> Result<(), NoTokens> {
        let client = self.client;
        match () {
            () if !self.config.password_grant => Err(NoTokens::SwitchedOff),
            () if client.disabled => Err(NoTokens::ClientDisabled),
            () if !client.may_use(Grant::Password) => Err(NoTokens::Grant),
            () if !client.may_use_at(Grant::Password, self.now) => Err(NoTokens::Ended),
            () => Ok(()),
        }
    }

    /// What the request names beyond `allowed`.
    fn beyond(&self, allowed: &Scope) -> Scope {
        let named = self.scope.into_iter().flat_map(Scope::iter);
        named.filter(|token| !allowed.contains(token)).cloned().collect()
    }

    fn tokens(&self, about: About<'_>, random: &dyn Random) -> Result<Preview, NoTokens> {
        let algorithm = about.client.signing_algorithm.unwrap_or(self.config.signing_algorithm);
        let has_refresh_token = about.client.is_given_refresh_token(about.scope);
        let session = has_refresh_token.then(|| random.bytes::<32>()).transpose()?;
        let session = session.map(|bytes| SessionId::from(URL_SAFE_NO_PAD.encode(*bytes).as_str()));
        let claims =
            AccessToken::about(self.issuer, about, session.as_ref(), self.now, random).map_err(NoTokens::Other)?;
        let (signed, jwt) = unsigned(access::TYPE, algorithm, &claims)?;
        let access_token = match about.client.access_token_format {
            AccessTokenFormat::Jwt => jwt,
            AccessTokenFormat::Opaque => Unsigned { header: None, ..jwt },
        };
        let id_token = about.scope.names(OPENID).then(|| {
            let id_token = IdToken::about(self.issuer, about, session.as_ref(), &signed, algorithm, self.now, random);
            let (_, id_token) = unsigned(id::TYPE, algorithm, &id_token.map_err(NoTokens::Other)?)?;
            Ok::<_, NoTokens>(id_token)
        });
        let id_token = id_token.transpose()?;
        Ok(Preview { scope: about.scope.clone(), access_token, id_token, has_refresh_token })
    }
}

/// What would be signed, and the same for people to read.
fn unsigned<C: Serialize>(typ: &str, algorithm: Algorithm, claims: &C) -> Result<(String, Unsigned), Unsignable> {
    let signed = jws::to_sign(typ, algorithm, UNKNOWN_KEY, &serde_json::to_vec(claims)?)?;
    let header = Header { typ, alg: algorithm, kid: UNKNOWN_KEY };
    let (header, claims) = (serde_json::to_string_pretty(&header)?, serde_json::to_string_pretty(claims)?);
    let shown = Unsigned { header: Some(header), claims };
    Ok((signed, shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::authentication::ClientAuthentication;
    use crate::client::claim_map::ClaimMap;
    use crate::client::id::{ClientId, Incarnation};
    use crate::random::OsRandom;
    use crate::user::{Subject, Username, UsernameProfile};
    use serde_json::Value;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn client() -> Client {
        let id = ClientId::parse("web").expect("an identifier");
        let incarnation = Incarnation::generate(&OsRandom).expect("randomness");
        let map = [("role", "claims.role"), ("idp", "literal:local")];
        let map = map.map(|(claim, source)| (claim.to_owned(), source.parse().expect("a source")));
        Client {
            scopes: Scope::parse("openid profile orders").expect("a scope"),
            claim_map: ClaimMap::new(map).expect("a map"),
            ..Client::new(id, incarnation, ClientAuthentication::None, NOW)
        }
    }

    fn user() -> User {
        let name = Username::prepare("ann", UsernameProfile::CaseMapped).expect("a name");
        let mut user = User::new(name, Subject::given("1001").expect("a subject"), NOW);
        user.claims.insert("role".to_owned(), "clerk".into());
        user.claims.insert("name".to_owned(), "Ann".into());
        user
    }

    fn preview(client: &Client, user: &User, scope: Option<&str>) -> Result<Preview, NoTokens> {
        let config = Config::read(&|_| None).expect("a configuration");
        let issuer = Issuer::parse("https://id.example").expect("an issuer");
        let scope = scope.map(|scope| Scope::parse(scope).expect("a scope"));
        let imagined = Imagined { client, user, scope: scope.as_ref(), config: &config, issuer: &issuer, now: NOW };
        imagined.preview(&OsRandom)
    }

    #[test]
    fn a_preview_has_the_claims_that_a_login_would_get() {
        let shown = preview(&client(), &user(), Some("openid profile")).expect("tokens");
        let access: Value = serde_json::from_str(&shown.access_token.claims).expect("JSON");
        let members = ["iss", "sub", "aud", "scope", "role", "idp"].map(|claim| access[claim].as_str());
        let issuer = Some("https://id.example");
        assert_eq!(members, [issuer, Some("1001"), issuer, Some("openid profile"), Some("clerk"), Some("local")]);
        assert_eq!(access["exp"].as_u64(), Some(1_800_003_600));
        let header: Value =
            serde_json::from_str(shown.access_token.header.as_deref().expect("a header")).expect("JSON");
        assert_eq!((&header["typ"], &header["alg"]), (&"at+jwt".into(), &"RS256".into()));
        let id: Value = serde_json::from_str(&shown.id_token.expect("an ID token").claims).expect("JSON");
        assert_eq!((&id["name"], &id["aud"], id["sid"] == access["sid"]), (&"Ann".into(), &"web".into(), true));
        assert!(shown.has_refresh_token);

        let opaque = Client { access_token_format: AccessTokenFormat::Opaque, ..client() };
        let shown = preview(&opaque, &user(), Some("orders")).expect("tokens");
        assert!(shown.access_token.header.is_none() && shown.id_token.is_none());
    }

    #[test]
    fn a_preview_says_why_there_would_be_no_tokens() {
        let reason = |client: &Client, user: &User, scope| {
            preview(client, user, scope).map(|_| ()).map_err(|reason| reason.to_string())
        };
        let refused = |reason: &str| Err(reason.to_owned());
        let (client, user) = (client(), user());
        assert_eq!(reason(&client, &user, Some("orders admin")), refused("the client may not have the scope admin"));
        let limited = User { allowed_scopes: Some(Scope::parse("profile").expect("a scope")), ..user.clone() };
        assert_eq!(
            reason(&client, &limited, Some("profile orders")),
            refused("the user may not grant the scope orders")
        );
        assert_eq!(reason(&client, &limited, None), Ok(()));
        let disabled = User { disabled: true, ..user.clone() };
        assert_eq!(reason(&client, &disabled, None), refused("the user is disabled"));
        let ended = Client { grants: vec![Grant::RefreshToken], ..client.clone() };
        assert_eq!(reason(&ended, &user, None), refused("the client may not use the password grant"));
        let disabled = Client { disabled: true, ..client };
        assert_eq!(reason(&disabled, &user, None), refused("the client is disabled"));
    }
}
