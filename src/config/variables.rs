//! The variables: their names, what they are without a value, and what they mean, as help and documentation print it.

use std::fmt::Display;

use thiserror::Error;

/// One environment variable.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The value it has when it is unset or empty; `None`: see the description.
    pub default: Option<&'static str>,
    /// What it means, with its unit.
    pub description: &'static str,
}

macro_rules! variables {
    ($($ident:ident = $name:literal, $default:expr, $description:literal;)*) => {
        $(pub(super) const $ident: Variable = Variable { name: $name, default: $default, description: $description };)*

        /// Every variable this service reads, in the order the documentation lists them. AWS region, credentials and
        /// endpoints are the SDK's own variables.
        pub const VARIABLES: &[Variable] = &[$($ident),*];
    };
}

variables! {
    ISSUER = "PASSGRANT_ISSUER", None,
        "The issuer: the https URL that clients reach the service by (http for loopback hosts only). It appears in every token exactly as it is written here. Required in AWS; `passgrant serve` derives it from its address.";
    ORIGIN_SECRETS = "PASSGRANT_ORIGIN_SECRETS", None,
        "The secret that the component in front of the gateway adds to each request as the header `X-Passgrant-Origin`, or two separated by a comma, of which either is accepted: 32 to 512 visible ASCII characters each, without commas. A request without it gets 403 and nothing else, except at `/healthz`. Unset: every request is let in.";
    MTLS_URL = "PASSGRANT_MTLS_URL", None,
        "The https URL under which the service is reached by mutual TLS, such as `https://mtls.example.com`, if there is one in addition to the issuer. Metadata then names its endpoints (RFC 8705, section 5). What checks the certificates is the gateway.";
    CLIENTS_TABLE = "PASSGRANT_CLIENTS_TABLE", Some("passgrant-clients"), "The DynamoDB table of clients.";
    USERS_TABLE = "PASSGRANT_USERS_TABLE", Some("passgrant-users"), "The DynamoDB table of users.";
    TOKENS_TABLE = "PASSGRANT_TOKENS_TABLE", Some("passgrant-tokens"), "The DynamoDB table of sessions, with TTL on `expires_at`.";
    SIGNING_KEYS = "PASSGRANT_SIGNING_KEYS", None,
        "The signing keys, separated by commas: of KMS by key id, key ARN, alias name or alias ARN, and wrapped ones (`passgrant key create`) as `envelope:NAME`. `KEY=RS256` binds a key to that algorithm: it signs with no other and is published with it. The first usable one that fits an algorithm signs, all usable ones are published. Required in AWS; `passgrant serve` makes keys of its own, one for each algorithm.";
    WRAPPING_KEY = "PASSGRANT_WRAPPING_KEY", None,
        "The symmetric KMS key that wraps the keys listed as `envelope:NAME`: a key id, key ARN, alias name or alias ARN. KMS unwraps none that is wrapped with another. Required where such a key is listed.";
    SIGNING_ALGORITHM = "PASSGRANT_SIGNING_ALGORITHM", Some("RS256"),
        "The algorithm of clients that have none of their own: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384 or HS512. A signing key must fit it.";
    DEFAULT_SCOPE = "PASSGRANT_DEFAULT_SCOPE", Some(""),
        "The scope of a request that names none, from a client without a default of its own: tokens separated by spaces, cut to what the client may have.";
    EMPTY_SCOPE = "PASSGRANT_EMPTY_SCOPE", Some(""),
        "The scope that is granted when nothing else is: the request names none and there is no default, or the user may grant nothing of the default.";
    CORS_ORIGINS = "PASSGRANT_CORS_ORIGINS", Some(""),
        "The origins of browser applications that may call the service, separated by commas, such as `https://app.example.com`. Exact, and without credentials.";
    USERNAME_PROFILE = "PASSGRANT_USERNAME_PROFILE", Some("case_mapped"),
        "How usernames are prepared (RFC 8265): `case_mapped` or `case_preserved`. It must not be changed once there are users.";
    PASSWORD_MIN_LENGTH = "PASSGRANT_PASSWORD_MIN_LENGTH", Some("8"),
        "The least number of code points of a password, checked when one is set. 1 to 64.";
    PASSWORD_BLOCKLIST = "PASSGRANT_PASSWORD_BLOCKLIST", None,
        "A file of passwords that must not be set, in addition to the list of the command line: one on a line, or its SHA-1 digest in hexadecimal digits with or without a colon and a count. A file of more than 64 MiB that begins with a digest must be sorted by digest.";
    PASSWORD_RANGE_URL = "PASSGRANT_PASSWORD_RANGE_URL", None,
        "The URL of a range service of leaked passwords, such as `https://api.pwnedpasswords.com/range/`: https (http for loopback hosts only), ending in a slash. The first five digits of a password's SHA-1 digest are appended to it, and nothing else about the password is sent. It is asked when a password is set.";
    PASSWORD_RANGE_AT_LOGIN = "PASSGRANT_PASSWORD_RANGE_AT_LOGIN", Some("off"),
        "Whether the range service is also asked at logins, after the password was found right, and at most once in 30 days for a password that is kept here: `off`; `log`, which logs that it has leaked; `refuse`, which also refuses it from the next login on, as if it were wrong, until another is set. Needs `PASSGRANT_PASSWORD_RANGE_URL`.";
    PASSWORD_GRANT = "PASSGRANT_PASSWORD_GRANT", Some("on"),
        "`off` answers every password request with `unsupported_grant_type`; sessions go on.";
    AUTH_CHAIN = "PASSGRANT_AUTH_CHAIN", Some("directory"),
        "The credential-verifier chain of clients that have none of their own. `directory`, which is only the users table, is always there.";
    AUTH_CHAINS = "PASSGRANT_AUTH_CHAINS", Some(""),
        "More chains: `name=verifier,verifier`, separated by semicolons. A verifier is `directory` or a delegated one; a chain asks 1 to 3 of them, in this order. A name is 1 to 64 characters of a-z, 0-9, _ and -.";
    DELEGATED_VERIFIERS = "PASSGRANT_DELEGATED_VERIFIERS", Some(""),
        "The delegated verifiers, a JSON array of `{\"name\", \"url\", \"secret_env\", \"import\"}`: an https URL (http for loopback hosts only); the variable, `PASSGRANT_` and more, that holds the secret which signs the calls (32 to 512 visible ASCII characters); whether a yes writes the password's hash to the users table (default false).";
    ATTEMPTS_LIMIT = "PASSGRANT_ATTEMPTS_LIMIT", Some("10"),
        "How many wrong passwords lock a username, known or not: for the clients and networks that it was lately logged in from, and separately for all others. The same one counts only once. 1 to 100.";
    ATTEMPTS_WINDOW = "PASSGRANT_ATTEMPTS_WINDOW", Some("15m"),
        "The time they are counted in, and how long a username is locked for the first time; each lock after it is twice as long, up to a day. 1s to 24h.";
    ATTEMPTS_SOURCE_NAMES = "PASSGRANT_ATTEMPTS_SOURCE_NAMES", Some("100"),
        "For how many usernames one source, an IPv4 address or the first 64 bits of an IPv6 address, may send wrong passwords within an hour. Usernames that it has logged in within 90 days neither count nor have to wait. `0` is no limit. 0 to 10000.";
    ATTEMPTS_SPARED_NETWORKS = "PASSGRANT_ATTEMPTS_SPARED_NETWORKS", Some(""),
        "The networks that this limit spares, separated by commas, such as `192.0.2.0/24,2001:db8::/32`: those of servers through which many users log in.";
    TRUSTED_HOPS = "PASSGRANT_TRUSTED_HOPS", Some("0"),
        "How many proxies stand before the front door and append the address that they were called from to `X-Forwarded-For`: 1 for CloudFront before API Gateway. Requests that came through fewer have no source. It must not be more than there are, and needs `PASSGRANT_ORIGIN_SECRETS`, without which callers could go past the proxies and write that header themselves. 0 to 5.";
    DETAILED_ERRORS = "PASSGRANT_DETAILED_ERRORS", Some("on"), "`off` leaves `error_description` out of every answer.";
    CLIENT_CACHE = "PASSGRANT_CLIENT_CACHE", Some("60s"),
        "How long an instance keeps a client in memory, and so how late it may see that one was disabled. `0s` keeps none. `passgrant serve` sees every change at once, whatever this says.";
    ARGON2_MEMORY = "PASSGRANT_ARGON2_MEMORY_KIB", Some("19456"), "Argon2id memory of new password hashes, in KiB. 8 to 1048576.";
    ARGON2_ITERATIONS = "PASSGRANT_ARGON2_ITERATIONS", Some("2"), "Argon2id passes of new password hashes. 1 to 64.";
    ARGON2_PARALLELISM = "PASSGRANT_ARGON2_PARALLELISM", Some("1"), "Argon2id lanes of new password hashes. 1 to 16.";
    VERIFY_QUEUE = "PASSGRANT_VERIFY_QUEUE", Some("128"),
        "How many password verifications may wait for a core in one process before the next is answered with 503.";
    OTLP_ENDPOINT = "PASSGRANT_OTLP_ENDPOINT", None,
        "The collector that traces are sent to by OTLP over HTTP, such as `http://127.0.0.1:4318`, where one listens that runs as an extension of the function: https (http for loopback hosts only). `/v1/traces` is appended to it. Unset: nothing is traced.";
    OTLP_RATIO = "PASSGRANT_OTLP_RATIO", Some("1"),
        "The share of requests that are traced, from 0 to 1. Chance decides for each request; what its client says does not.";
    LOG = "PASSGRANT_LOG", Some("info"), "What is logged: `error`, `warn`, `info` or `debug`.";
}

/// A variable that keeps the service from starting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name}: {reason}")]
pub struct ConfigError {
    pub(super) name: &'static str,
    reason: String,
}

impl ConfigError {
    /// `variable` cannot be used for this reason.
    pub(super) fn new(variable: Variable, reason: impl Display) -> Self {
        Self::named(variable.name, reason.to_string())
    }

    /// The same of the variable that is called `name`.
    pub(super) const fn named(name: &'static str, reason: String) -> Self {
        Self { name, reason }
    }

    /// `variable` has no value, and needs one.
    pub(super) fn missing(variable: Variable) -> Self {
        Self::new(variable, "it must be set")
    }
}
