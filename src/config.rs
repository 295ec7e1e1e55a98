//! Configuration: the environment, read once. A bad value stops the start with its name and the reason.

#[cfg(feature = "cli")]
pub mod outputs;
mod source;
mod variables;

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use tracing::level_filters::LevelFilter;

use crate::authenticate::leaks::LeakPolicy;
use crate::authenticate::lockout::policy::AttemptPolicy;
use crate::authenticate::lockout::sources::SourcePolicy;
use crate::chain::Chains;
use crate::config::source::{Source, environment};
use crate::config::variables::{
    CLIENT_CACHE, CLIENTS_TABLE, CORS_ORIGINS, DEFAULT_SCOPE, DETAILED_ERRORS, EMPTY_SCOPE, ISSUER, LOG, MTLS_URL,
    PASSWORD_BLOCKLIST, PASSWORD_GRANT, PASSWORD_MIN_LENGTH, SIGNING_ALGORITHM, SIGNING_KEYS, TOKENS_TABLE,
    USERNAME_PROFILE, USERS_TABLE, VERIFY_QUEUE, WRAPPING_KEY,
};
pub use crate::config::variables::{ConfigError, VARIABLES, Variable};
use crate::issuer::Issuer;
use crate::jose::algorithm::Algorithm;
use crate::origin::OriginSecrets;
use crate::password::Argon2Policy;
use crate::password::range::RangeUrl;
use crate::scope::Scope;
use crate::signing::listed::ListedKey;
use crate::source::TrustedHops;
use crate::store::TableNames;
use crate::telemetry::traces::settings::TraceSettings;
use crate::user::UsernameProfile;

/// What the environment tells the service, and the command line.
#[derive(Clone, Debug)]
pub struct Config {
    /// The issuer, if one is given.
    pub issuer: Option<Issuer>,
    /// Where the service is reached by mutual TLS, if anywhere.
    pub mtls_url: Option<Issuer>,
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
    /// How traces are made, if anybody collects them.
    pub traces: Option<TraceSettings>,
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
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&environment)
    }

    /// Reads the configuration through `lookup`.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let source = Source { lookup };
        Ok(Self {
            issuer: source.base_url(ISSUER)?,
            mtls_url: source.base_url(MTLS_URL)?,
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
            traces: source.traces()?,
            log: source.level(LOG)?,
        })
    }

    /// The issuer, which must be given.
    ///
    /// # Errors
    /// [`ConfigError`] when it is not.
    pub fn required_issuer(&self) -> Result<Issuer, ConfigError> {
        self.issuer.clone().ok_or_else(|| ConfigError::missing(ISSUER))
    }

    /// The signing keys, of which there must be at least one.
    ///
    /// # Errors
    /// [`ConfigError`] when there is none, or one that is wrapped with a key that is not given.
    pub fn required_signing_keys(&self) -> Result<&[ListedKey], ConfigError> {
        if self.signing_keys.is_empty() {
            return Err(ConfigError::missing(SIGNING_KEYS));
        }
        if self.wrapping_key.is_none() && self.signing_keys.iter().any(|key| key.envelope().is_some()) {
            return Err(ConfigError::missing(WRAPPING_KEY));
        }
        Ok(&self.signing_keys)
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
            ("PASSGRANT_MTLS_URL", "http://mtls.example.com"),
            ("PASSGRANT_MTLS_URL", "https://MTLS.example.com"),
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
            ("PASSGRANT_OTLP_ENDPOINT", "http://collector.example.com:4318"),
            ("PASSGRANT_OTLP_ENDPOINT", "https://collector.example.com/?key=x"),
            ("PASSGRANT_OTLP_RATIO", "1.1"),
            ("PASSGRANT_OTLP_RATIO", "10%"),
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
