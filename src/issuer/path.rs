//! The paths of the endpoints below the issuer.

/// The token endpoint.
pub const TOKEN: &str = "/oauth2/token";
/// Introspection.
pub const INTROSPECT: &str = "/oauth2/introspect";
/// Revocation.
pub const REVOKE: &str = "/oauth2/revoke";
/// Where OpenID Connect has people log in with a browser, which nobody can do here.
pub const AUTHORIZE: &str = "/oauth2/authorize";
/// The claims of the bearer.
pub const USERINFO: &str = "/oauth2/userinfo";
/// The public keys.
pub const JWKS: &str = "/oauth2/jwks";
/// Authorization server metadata (RFC 8414, section 3).
pub const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";
/// The same for clients of OpenID Connect Discovery (section 4).
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
/// Whether this instance can serve.
pub const HEALTH: &str = "/healthz";
