//! Configuration: the environment, read once. A bad value stops the start with its name and the reason.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;
use thiserror::Error;
use tracing::level_filters::LevelFilter;
use url::Url;
use zeroize::Zeroizing;

use crate::authenticate::leaks::LeakPolicy;
use crate::authenticate::lockout::policy::AttemptPolicy;
use crate::authenticate::lockout::sources::SourcePolicy;
use crate::chain::Chains;
use crate::chain::delegation::{Delegation, DelegationSettings};
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::origin::OriginSecrets;
use crate::password::Argon2Policy;
use crate::password::range::RangeUrl;
use crate::scope::Scope;
use crate::signing::listed::ListedKey;
use crate::source::TrustedHops;
use crate::store::TableNames;
use crate::user::UsernameProfile;

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
        $(const $ident: Variable = Variable { name: $name, default: $default, description: $description };)*

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
    LOG = "PASSGRANT_LOG", Some("info"), "What is logged: `error`, `warn`, `info` or `debug`.";
}

/// A variable that keeps the service from starting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name}: {reason}")]
pub struct ConfigError {
    name: &'static str,
    reason: String,
}

/// What the environment tells the service, and the command line.
#[derive(Clone, Debug)]
pub struct Config {
    /// The issuer, if one is given.
    pub issuer: Option<Issuer>,
    /// What shows that a request came through the component in front.
    pub origin_secrets: OriginSecrets,
    /// The tables.
    pub tables: TableNames,
    /// The keys in KMS and in envelopes, in order; empty if none are given.
    pub signing_keys: Vec<ListedKey>,
    /// The KMS key that wraps those in envelopes, if it is given.
    pub wrapping_key: Option<String>,
    /// The algorithm of clients without one.
    pub signing_algorithm: Algorithm,
    /// The scope of requests without one.
    pub default_scope: Scope,
    /// The scope that is granted when nothing else is.
    pub empty_scope: Scope,
    /// The origins of browser applications that may call.
    pub cors_origins: Vec<HeaderValue>,
    /// How usernames are prepared.
    pub username_profile: UsernameProfile,
    /// The shortest password that can be set, in code points.
    pub password_min_length: usize,
    /// The file of passwords that must not be set, if there is one.
    pub password_blocklist: Option<PathBuf>,
    /// The range service of leaked passwords, if there is one.
    pub password_range_url: Option<RangeUrl>,
    /// What is done at a login about a password that has leaked.
    pub password_range_at_login: LeakPolicy,
    /// Whether the password grant is on.
    pub password_grant: bool,
    /// The credential-verifier chains.
    pub chains: Chains,
    /// How many passwords may be tried.
    pub attempts: AttemptPolicy,
    /// How many usernames a source may guess at.
    pub attempt_sources: SourcePolicy,
    /// How many proxies stand before the front door.
    pub trusted_hops: TrustedHops,
    /// Whether errors are described.
    pub detailed_errors: bool,
    /// How long clients are kept in memory; `None` if that is not given.
    pub client_cache: Option<Duration>,
    /// The parameters of new password hashes.
    pub argon2: Argon2Policy,
    /// How many verifications may wait.
    pub verify_queue: usize,
    /// What is logged.
    pub log: LevelFilter,
}

impl Config {
    /// How long clients are kept in memory unless something else is configured.
    pub const DEFAULT_CLIENT_CACHE: Duration = Duration::from_mins(1);
    /// The longest time that clients may be kept in memory.
    const MAX_CLIENT_CACHE: Duration = Duration::from_hours(1);

    /// Reads the configuration from this process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] for the first variable whose value cannot be used.
    #[expect(clippy::disallowed_methods, reason = "the one place the environment is read")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads the configuration through `lookup`.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let source = Source { lookup };
        Ok(Self {
            issuer: source.optional(ISSUER)?.map(|text| source.parsed(ISSUER, Issuer::parse(&text))).transpose()?,
            origin_secrets: source.origin_secrets()?,
            tables: TableNames {
                clients: source.table(CLIENTS_TABLE)?,
                users: source.table(USERS_TABLE)?,
                tokens: source.table(TOKENS_TABLE)?,
            },
            signing_keys: source.parsed(SIGNING_KEYS, ListedKey::list(&source.text(SIGNING_KEYS)?))?,
            wrapping_key: source.wrapping_key()?,
            signing_algorithm: source.parse(SIGNING_ALGORITHM)?,
            default_scope: source.parsed(DEFAULT_SCOPE, Scope::parse_or_empty(&source.text(DEFAULT_SCOPE)?))?,
            empty_scope: source.parsed(EMPTY_SCOPE, Scope::parse_or_empty(&source.text(EMPTY_SCOPE)?))?,
            cors_origins: source.origins(CORS_ORIGINS)?,
            username_profile: source.parse(USERNAME_PROFILE)?,
            password_min_length: source.number(PASSWORD_MIN_LENGTH, 1, 64)?,
            password_blocklist: source.optional(PASSWORD_BLOCKLIST)?.map(PathBuf::from),
            password_range_url: source.range_url()?,
            password_range_at_login: source.range_at_login()?,
            password_grant: source.switch(PASSWORD_GRANT)?,
            chains: source.chains()?,
            attempts: source.attempts()?,
            attempt_sources: source.attempt_sources()?,
            trusted_hops: source.trusted_hops()?,
            detailed_errors: source.switch(DETAILED_ERRORS)?,
            client_cache: source.optional_duration(CLIENT_CACHE, Self::MAX_CLIENT_CACHE)?,
            argon2: source.argon2()?,
            verify_queue: source.number(VERIFY_QUEUE, 0, 100_000)?,
            log: source.level(LOG)?,
        })
    }

    /// The issuer, which must be given.
    ///
    /// # Errors
    /// [`ConfigError`] when it is not.
    pub fn required_issuer(&self) -> Result<Issuer, ConfigError> {
        self.issuer.clone().ok_or_else(|| missing(ISSUER))
    }

    /// The signing keys, of which there must be at least one.
    ///
    /// # Errors
    /// [`ConfigError`] when there is none, or one that is wrapped with a key that is not given.
    pub fn required_signing_keys(&self) -> Result<&[ListedKey], ConfigError> {
        if self.signing_keys.is_empty() {
            return Err(missing(SIGNING_KEYS));
        }
        if self.wrapping_key.is_none() && self.signing_keys.iter().any(|key| key.envelope().is_some()) {
            return Err(missing(WRAPPING_KEY));
        }
        Ok(&self.signing_keys)
    }
}

fn missing(variable: Variable) -> ConfigError {
    ConfigError { name: variable.name, reason: "it must be set".to_owned() }
}

struct Source<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Source<'_> {
    /// The value, if one is given; an empty one counts as not given.
    fn optional(&self, variable: Variable) -> Result<Option<String>, ConfigError> {
        let value = (self.lookup)(variable.name).filter(|value| !value.is_empty());
        if value.as_ref().is_some_and(|value| value.contains('\u{fffd}')) {
            return Err(Self::refuse(variable, "it is not UTF-8"));
        }
        Ok(value)
    }

    fn text(&self, variable: Variable) -> Result<String, ConfigError> {
        Ok(self.optional(variable)?.unwrap_or_else(|| variable.default.unwrap_or_default().to_owned()))
    }

    #[expect(clippy::unused_self, reason = "it is called as its siblings are, which read")]
    fn parsed<T, E: Display>(&self, variable: Variable, parsed: Result<T, E>) -> Result<T, ConfigError> {
        parsed.map_err(|reason| Self::refuse(variable, reason))
    }

    fn parse<T>(&self, variable: Variable) -> Result<T, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.parsed(variable, self.text(variable)?.parse())
    }

    fn number(&self, variable: Variable, least: usize, most: usize) -> Result<usize, ConfigError> {
        let number = self.text(variable)?.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| Self::refuse(variable, format!("it must be a whole number from {least} to {most}")))
    }

    fn switch(&self, variable: Variable) -> Result<bool, ConfigError> {
        match self.text(variable)?.as_str() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(Self::refuse(variable, "it must be on or off")),
        }
    }

    fn optional_duration(&self, variable: Variable, most: Duration) -> Result<Option<Duration>, ConfigError> {
        self.optional(variable)?.map(|text| Self::duration(variable, &text, most)).transpose()
    }

    fn duration(variable: Variable, text: &str, most: Duration) -> Result<Duration, ConfigError> {
        let duration = humantime::parse_duration(text).ok().filter(|duration| *duration <= most);
        let most = humantime::format_duration(most);
        duration.ok_or_else(|| Self::refuse(variable, format!("it must be a time such as 60s, and at most {most}")))
    }

    fn origin_secrets(&self) -> Result<OriginSecrets, ConfigError> {
        let secrets = self.optional(ORIGIN_SECRETS)?.map(Zeroizing::new);
        let secrets = secrets.map(|text| self.parsed(ORIGIN_SECRETS, OriginSecrets::parse(&text))).transpose()?;
        Ok(secrets.unwrap_or_default())
    }

    fn range_url(&self) -> Result<Option<RangeUrl>, ConfigError> {
        let url = self.optional(PASSWORD_RANGE_URL)?;
        url.map(|text| self.parsed(PASSWORD_RANGE_URL, RangeUrl::parse(&text))).transpose()
    }

    fn range_at_login(&self) -> Result<LeakPolicy, ConfigError> {
        let policy = self.parse(PASSWORD_RANGE_AT_LOGIN)?;
        if policy != LeakPolicy::Off && self.optional(PASSWORD_RANGE_URL)?.is_none() {
            return Err(missing(PASSWORD_RANGE_URL));
        }
        Ok(policy)
    }

    fn attempts(&self) -> Result<AttemptPolicy, ConfigError> {
        let limit = self.number(ATTEMPTS_LIMIT, 1, AttemptPolicy::MAX_LIMIT)?;
        let window = Self::duration(ATTEMPTS_WINDOW, &self.text(ATTEMPTS_WINDOW)?, AttemptPolicy::MAX_LOCK)?;
        self.parsed(ATTEMPTS_WINDOW, AttemptPolicy::new(limit, window))
    }

    fn attempt_sources(&self) -> Result<SourcePolicy, ConfigError> {
        let names = self.number(ATTEMPTS_SOURCE_NAMES, 0, SourcePolicy::MOST_NAMES)?;
        let networks = self.list(ATTEMPTS_SPARED_NETWORKS)?;
        let spared = networks.iter().map(|network| network.parse::<IpNet>()).collect::<Result<_, _>>();
        let spared =
            spared.map_err(|_| Self::refuse(ATTEMPTS_SPARED_NETWORKS, "a network is written as 192.0.2.0/24"))?;
        self.parsed(ATTEMPTS_SOURCE_NAMES, SourcePolicy::new(names, spared))
    }

    fn trusted_hops(&self) -> Result<TrustedHops, ConfigError> {
        let most = TrustedHops::MOST;
        let hops = TrustedHops::new(self.number(TRUSTED_HOPS, 0, most)?);
        let hops = hops.ok_or_else(|| Self::refuse(TRUSTED_HOPS, format!("it must be at most {most}")))?;
        if hops != TrustedHops::default() && self.optional(ORIGIN_SECRETS)?.is_none() {
            return Err(Self::refuse(ORIGIN_SECRETS, "it must be set, since PASSGRANT_TRUSTED_HOPS needs it"));
        }
        Ok(hops)
    }

    fn table(&self, variable: Variable) -> Result<String, ConfigError> {
        let name = self.text(variable)?;
        let allowed =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/'));
        if allowed && (3..=1024).contains(&name.len()) {
            return Ok(name);
        }
        Err(Self::refuse(variable, "it must be the name or ARN of a DynamoDB table"))
    }

    fn wrapping_key(&self) -> Result<Option<String>, ConfigError> {
        let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b',' | b'='));
        match self.optional(WRAPPING_KEY)? {
            Some(name) if !plain(&name) => Err(Self::refuse(WRAPPING_KEY, "it must name one KMS key")),
            name => Ok(name),
        }
    }

    fn list(&self, variable: Variable) -> Result<Vec<String>, ConfigError> {
        let text = self.text(variable)?;
        let entries: Vec<String> =
            text.split(',').map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect();
        Ok(entries)
    }

    fn origins(&self, variable: Variable) -> Result<Vec<HeaderValue>, ConfigError> {
        let origin = |text: String| {
            let is_origin = Url::parse(&text).is_ok_and(|url| url.origin().ascii_serialization() == text);
            HeaderValue::from_str(&text).ok().filter(|_| is_origin)
        };
        let origins = self.list(variable)?.into_iter().map(origin).collect::<Option<_>>();
        origins.ok_or_else(|| {
            Self::refuse(variable, "an origin is a scheme, a host and, unless it is the default one, a port")
        })
    }

    fn chains(&self) -> Result<Chains, ConfigError> {
        let delegations = self.parsed(DELEGATED_VERIFIERS, Delegation::all(self.delegations()?, self.lookup))?;
        let chains = self.parsed(AUTH_CHAINS, Chains::parse(&self.text(AUTH_CHAINS)?, &delegations))?;
        self.parsed(AUTH_CHAIN, chains.with_default(self.parse(AUTH_CHAIN)?))
    }

    fn delegations(&self) -> Result<Vec<DelegationSettings>, ConfigError> {
        let Some(text) = self.optional(DELEGATED_VERIFIERS)? else {
            return Ok(Vec::new());
        };
        // The parser's own message may quote the value, which may be a secret in the wrong place.
        let place = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            format!("it must be a JSON array of name, url, secret_env and import; see line {line}, column {column}")
        };
        self.parsed(DELEGATED_VERIFIERS, serde_json::from_str(&text).map_err(place))
    }

    fn argon2(&self) -> Result<Argon2Policy, ConfigError> {
        let memory_kib = self.parse(ARGON2_MEMORY)?;
        let policy = Argon2Policy::new(memory_kib, self.parse(ARGON2_ITERATIONS)?, self.parse(ARGON2_PARALLELISM)?);
        self.parsed(ARGON2_MEMORY, policy)
    }

    fn level(&self, variable: Variable) -> Result<LevelFilter, ConfigError> {
        match self.text(variable)?.as_str() {
            "error" => Ok(LevelFilter::ERROR),
            "warn" => Ok(LevelFilter::WARN),
            "info" => Ok(LevelFilter::INFO),
            "debug" => Ok(LevelFilter::DEBUG),
            _ => Err(Self::refuse(variable, "it must be error, warn, info or debug")),
        }
    }

    fn refuse(variable: Variable, reason: impl Display) -> ConfigError {
        ConfigError { name: variable.name, reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn without_any_variable_the_defaults_hold() {
        let config = read(&[]).expect("the defaults are sound");
        assert_eq!(config.tables.clients, "passgrant-clients");
        assert_eq!(config.signing_algorithm, Algorithm::Rs256);
        assert_eq!(config.argon2, Argon2Policy::new(19456, 2, 1).expect("OWASP's"));
        assert!(config.password_grant && config.detailed_errors);
        assert!(config.required_issuer().is_err() && config.required_signing_keys().is_err());
    }

    #[test]
    fn a_bad_value_is_refused_by_its_name() {
        for (name, value) in [
            ("PASSGRANT_ISSUER", "http://example.com"),
            ("PASSGRANT_ISSUER", "https://example.com/?x"),
            ("PASSGRANT_ISSUER", "https://EXAMPLE.com"),
            ("PASSGRANT_ORIGIN_SECRETS", "hunter2"),
            ("PASSGRANT_CLIENTS_TABLE", "x"),
            ("PASSGRANT_SIGNING_KEYS", "alias/a=none"),
            ("PASSGRANT_SIGNING_KEYS", "=RS256"),
            ("PASSGRANT_SIGNING_KEYS", "alias/a=RS256,alias/a=PS256"),
            ("PASSGRANT_SIGNING_KEYS", "envelope:Main"),
            ("PASSGRANT_WRAPPING_KEY", "alias/a,alias/b"),
            ("PASSGRANT_WRAPPING_KEY", "alias/a b"),
            ("PASSGRANT_WRAPPING_KEY", "alias/a=RS256"),
            ("PASSGRANT_SIGNING_ALGORITHM", "none"),
            ("PASSGRANT_DEFAULT_SCOPE", "a  b"),
            ("PASSGRANT_EMPTY_SCOPE", "\""),
            ("PASSGRANT_CORS_ORIGINS", "https://app.example.com/"),
            ("PASSGRANT_CORS_ORIGINS", "https://app.example.com,*"),
            ("PASSGRANT_CORS_ORIGINS", "null"),
            ("PASSGRANT_USERNAME_PROFILE", "nickname"),
            ("PASSGRANT_PASSWORD_MIN_LENGTH", "0"),
            ("PASSGRANT_PASSWORD_RANGE_URL", "http://ranges.example.com/"),
            ("PASSGRANT_PASSWORD_RANGE_URL", "https://ranges.example.com/range"),
            ("PASSGRANT_PASSWORD_RANGE_AT_LOGIN", "on"),
            ("PASSGRANT_PASSWORD_GRANT", "yes"),
            ("PASSGRANT_ATTEMPTS_LIMIT", "0"),
            ("PASSGRANT_ATTEMPTS_LIMIT", "101"),
            ("PASSGRANT_ATTEMPTS_WINDOW", "15"),
            ("PASSGRANT_ATTEMPTS_WINDOW", "0s"),
            ("PASSGRANT_ATTEMPTS_WINDOW", "25h"),
            ("PASSGRANT_ATTEMPTS_SOURCE_NAMES", "10001"),
            ("PASSGRANT_ATTEMPTS_SPARED_NETWORKS", "192.0.2.1"),
            ("PASSGRANT_ATTEMPTS_SPARED_NETWORKS", "192.0.2.0/33"),
            ("PASSGRANT_TRUSTED_HOPS", "6"),
            ("PASSGRANT_TRUSTED_HOPS", "-1"),
            ("PASSGRANT_CLIENT_CACHE", "2h"),
            ("PASSGRANT_CLIENT_CACHE", "60"),
            ("PASSGRANT_ARGON2_MEMORY_KIB", "1"),
            ("PASSGRANT_ARGON2_ITERATIONS", "x"),
            ("PASSGRANT_AUTH_CHAIN", "unknown"),
            ("PASSGRANT_AUTH_CHAIN", "Directory"),
            ("PASSGRANT_AUTH_CHAINS", "x"),
            ("PASSGRANT_AUTH_CHAINS", "x=unknown"),
            ("PASSGRANT_DELEGATED_VERIFIERS", "legacy"),
            ("PASSGRANT_DELEGATED_VERIFIERS", "{}"),
            ("PASSGRANT_DELEGATED_VERIFIERS", r#"[{"name":"legacy"}]"#),
            (
                "PASSGRANT_DELEGATED_VERIFIERS",
                r#"[{"name":"legacy","url":"https://a.example","secret_env":"PASSGRANT_UNSET"}]"#,
            ),
            ("PASSGRANT_LOG", "trace"),
        ] {
            let error = read(&[(name, value)]).expect_err(value);
            assert_eq!(error.name, name, "{value}");
        }
    }

    #[test]
    fn proxies_are_trusted_only_if_nobody_can_go_past_them() {
        let hops = ("PASSGRANT_TRUSTED_HOPS", "1");
        assert_eq!(read(&[hops]).expect_err("no secret").name, "PASSGRANT_ORIGIN_SECRETS");
        let secret = ("PASSGRANT_ORIGIN_SECRETS", "a-secret-of-thirty-two-characters");
        assert_eq!(read(&[hops, secret]).expect("sound").trusted_hops, TrustedHops::new(1).expect("few"));
    }

    #[test]
    fn nothing_is_asked_at_logins_unless_there_is_a_range_service() {
        let url = ("PASSGRANT_PASSWORD_RANGE_URL", "https://ranges.example.com/");
        for policy in ["log", "refuse"] {
            let at_login = ("PASSGRANT_PASSWORD_RANGE_AT_LOGIN", policy);
            let error = read(&[at_login]).expect_err("no service");
            assert_eq!(error.name, "PASSGRANT_PASSWORD_RANGE_URL");
            assert_eq!(read(&[at_login, url]).expect("sound").password_range_at_login.as_str(), policy);
        }
        assert_eq!(read(&[url]).expect("sound").password_range_at_login, LeakPolicy::Off);
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_quoted() {
        for verifiers in [
            r#"[{"name":"legacy","url":"https://a.example","secret_env":"hunter2"}]"#,
            r#"[{"name":"legacy","url":"https://u:hunter2@a.example","secret_env":"PASSGRANT_X"}]"#,
            r#"[{"name":"legacy","url":"https://a.example","secret_env":"PASSGRANT_X","import":"hunter2"}]"#,
            r#"[{"name":"legacy","url":"https://a.example","secret":"hunter2"}]"#,
            r#"[{"name":"HUNTER2 hunter2","url":"https://a.example","secret_env":"PASSGRANT_X"}]"#,
        ] {
            let variables = [("PASSGRANT_DELEGATED_VERIFIERS", verifiers), ("PASSGRANT_X", "hunter2")];
            let error = read(&variables).expect_err(verifiers).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = read(&[("PASSGRANT_ORIGIN_SECRETS", "hunter2")]).expect_err("too short").to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn chains_are_made_of_the_delegated_verifiers_and_their_secrets() {
        let config = read(&[
            ("PASSGRANT_AUTH_CHAIN", "migrating"),
            ("PASSGRANT_AUTH_CHAINS", "migrating=directory,legacy;partner=partner"),
            (
                "PASSGRANT_DELEGATED_VERIFIERS",
                r#"[{"name":"legacy","url":"https://a.example","secret_env":"PASSGRANT_LEGACY_SECRET","import":true},
                    {"name":"partner","url":"https://b.example","secret_env":"PASSGRANT_LEGACY_SECRET"}]"#,
            ),
            ("PASSGRANT_LEGACY_SECRET", "secret-of-32-characters-and-some"),
        ])
        .expect("sound");
        assert_eq!(config.chains.select(None, &[]).map(|chain| chain.verifiers().len()), Ok(2));
        assert!(!format!("{config:?}").contains("secret-of-32"));
    }

    #[test]
    fn signing_keys_are_a_list() {
        let config = read(&[("PASSGRANT_SIGNING_KEYS", "alias/new, alias/old=PS256,")]).expect("sound");
        let keys: Vec<_> = config.signing_keys.iter().map(ToString::to_string).collect();
        assert_eq!(keys, ["alias/new", "alias/old=PS256"]);
    }

    #[test]
    fn a_wrapped_key_needs_the_key_that_wraps_it() {
        let keys = ("PASSGRANT_SIGNING_KEYS", "alias/a,envelope:main");
        let error = read(&[keys]).expect("sound").required_signing_keys().expect_err("no wrapping key");
        assert_eq!(error.name, "PASSGRANT_WRAPPING_KEY");
        let config = read(&[keys, ("PASSGRANT_WRAPPING_KEY", "alias/wrapping")]).expect("sound");
        assert_eq!(config.required_signing_keys().map(<[_]>::len), Ok(2));
    }
}
