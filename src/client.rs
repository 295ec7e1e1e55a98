//! Clients: the applications that may ask for tokens, and what they may do (RFC 6749, section 2).

pub mod authentication;
pub mod claim_map;
pub mod id;
pub mod keys;
pub mod rules;
pub mod secret;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::audience::Audience;
use crate::chain::name::ChainName;
use crate::client::authentication::ClientAuthentication;
use crate::client::claim_map::ClaimMap;
use crate::client::id::{ClientId, Incarnation};
use crate::clock::Timestamp;
use crate::jose::algorithm::Algorithm;
use crate::name::named;
use crate::scope::{OFFLINE_ACCESS, Scope};

/// A grant type this service knows (RFC 6749, sections 4.3 and 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// `password`: exchanges the resource owner's username and password for tokens.
    Password,
    /// `refresh_token`: exchanges a refresh token for new tokens.
    RefreshToken,
}

impl Grant {
    /// Every grant, as metadata lists them.
    pub const ALL: [Self; 2] = [Self::Password, Self::RefreshToken];

    /// The value of `grant_type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
        }
    }
}

named!(Grant);

/// Something a client may do in addition to asking for tokens, unless it is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// `introspect`: ask about any token of this service (RFC 7662), as resource servers do.
    Introspect,
    /// `revoke`: revoke the tokens of other clients too (RFC 7009). It may always revoke its own.
    Revoke,
    /// `end-user-address`: say in `Forwarded` (RFC 7239) where its users are, all of whom come through it.
    EndUserAddress,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 3] = [Self::Introspect, Self::Revoke, Self::EndUserAddress];

    /// The name of the capability.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::EndUserAddress => "end-user-address",
        }
    }
}

named!(Capability);

/// What a client's access tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTokenFormat {
    /// `jwt`: RFC 9068. Every API can verify it by itself.
    Jwt,
    /// `opaque`: random. Only introspection tells what it stands for, and so whether it has been revoked.
    Opaque,
}

impl AccessTokenFormat {
    /// Both formats.
    pub const ALL: [Self; 2] = [Self::Jwt, Self::Opaque];

    /// The name of the format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }
}

named!(AccessTokenFormat);

/// How long a client's sessions live, and how forgiving their rotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// A session ends when its refresh token has not been used for this long.
    pub idle_lifetime: Duration,
    /// A session ends this long after the login, however often it is refreshed.
    pub lifetime: Duration,
    /// For this long after a rotation, the token that was replaced still works, and gives the same successor.
    pub grace: Duration,
    /// Whether a refresh token is given only where `offline_access` is granted (OpenID Connect Core, section 11).
    pub needs_offline_access: bool,
}

/// The end of the password grant for a client, as it was announced. It concerns logins: a session that began before it
/// goes on until it ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantEnd {
    /// The first moment at which the client may no longer use the grant.
    pub until: Timestamp,
    /// When the end was first announced: since then, the grant is deprecated for the client.
    pub announced_at: Timestamp,
}

impl GrantEnd {
    /// Whether the grant has ended at `now`.
    #[must_use]
    pub fn has_come(self, now: Timestamp) -> bool {
        now >= self.until
    }
}

/// A registered client. The rules that its parts must satisfy together before it is saved are in [`rules`].
#[derive(Clone, Debug)]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// Which registration of that identifier it is; absent for a client registered before there were incarnations.
    pub incarnation: Option<Incarnation>,
    /// What people call it.
    pub name: Option<String>,
    /// A disabled client can no longer authenticate.
    pub disabled: bool,
    /// How it authenticates, and what that is checked against.
    pub authentication: ClientAuthentication,
    /// The grants it may use.
    pub grants: Vec<Grant>,
    /// When the password grant ends for it, if that has been announced.
    pub password_grant_end: Option<GrantEnd>,
    /// What else it may do.
    pub capabilities: Vec<Capability>,
    /// The scope it may have.
    pub scopes: Scope,
    /// The scope it gets when a request names none; empty: the server's default.
    pub default_scopes: Scope,
    /// The resource servers its access tokens are meant for; empty: the issuer itself.
    pub audiences: Vec<Audience>,
    /// What its access tokens are.
    pub access_token_format: AccessTokenFormat,
    /// Which claims its tokens have in addition to those of the protocol.
    pub claim_map: ClaimMap,
    /// The lifetime of its access tokens.
    pub access_token_lifetime: Duration,
    /// How long its sessions live.
    pub refresh: RefreshPolicy,
    /// The algorithm its tokens are signed with; absent: the server's default.
    pub signing_algorithm: Option<Algorithm>,
    /// The chains its requests may name, the first of which is for requests that name none; empty: only the server's
    /// default.
    pub chains: Vec<ChainName>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Client {
    /// The client `id`, registered at `now`, with the defaults of a client: both grants, and no scope yet.
    #[must_use]
    pub fn new(id: ClientId, incarnation: Incarnation, authentication: ClientAuthentication, now: Timestamp) -> Self {
        Self {
            id,
            incarnation: Some(incarnation),
            name: None,
            disabled: false,
            authentication,
            grants: Grant::ALL.to_vec(),
            password_grant_end: None,
            capabilities: Vec::new(),
            scopes: Scope::default(),
            default_scopes: Scope::default(),
            audiences: Vec::new(),
            access_token_format: AccessTokenFormat::Jwt,
            claim_map: ClaimMap::default(),
            access_token_lifetime: Duration::from_hours(1),
            refresh: RefreshPolicy {
                idle_lifetime: Duration::from_hours(14 * 24),
                lifetime: Duration::from_hours(90 * 24),
                grace: Duration::from_secs(30),
                needs_offline_access: false,
            },
            signing_algorithm: None,
            chains: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether it is registered for `grant`, and so may continue what began with it.
    #[must_use]
    pub fn may_use(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
    }

    /// Whether a request that came at `now` may use `grant`: the password grant may have ended for the client.
    #[must_use]
    pub fn may_use_at(&self, grant: Grant, now: Timestamp) -> bool {
        let has_ended = grant == Grant::Password && self.password_grant_end.is_some_and(|end| end.has_come(now));
        self.may_use(grant) && !has_ended
    }

    /// Whether it has `capability`. A public client, which anybody can claim to be, has none, whatever is stored.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        !self.authentication.is_public() && self.capabilities.contains(&capability)
    }

    /// Whether a login with `scope` gives it a refresh token.
    #[must_use]
    pub fn is_given_refresh_token(&self, scope: &Scope) -> bool {
        self.may_use(Grant::RefreshToken) && (!self.refresh.needs_offline_access || scope.names(OFFLINE_ACCESS))
    }
}
