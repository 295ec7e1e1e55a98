//! The values of the variables, each read as what it is.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;
use tracing::level_filters::LevelFilter;
use url::Url;
use zeroize::Zeroizing;

use crate::authenticate::leaks::LeakPolicy;
use crate::authenticate::lockout::policy::AttemptPolicy;
use crate::authenticate::lockout::sources::SourcePolicy;
use crate::chain::Chains;
use crate::chain::delegation::{Delegation, DelegationSettings};
use crate::config::variables::{
    ARGON2_ITERATIONS, ARGON2_MEMORY, ARGON2_PARALLELISM, ATTEMPTS_LIMIT, ATTEMPTS_SOURCE_NAMES,
    ATTEMPTS_SPARED_NETWORKS, ATTEMPTS_WINDOW, AUTH_CHAIN, AUTH_CHAINS, ConfigError, DELEGATED_VERIFIERS,
    ORIGIN_SECRETS, OTLP_ENDPOINT, OTLP_RATIO, PASSWORD_RANGE_AT_LOGIN, PASSWORD_RANGE_URL, TRUSTED_HOPS, Variable,
    WRAPPING_KEY,
};
use crate::issuer::Issuer;
use crate::origin::OriginSecrets;
use crate::password::Argon2Policy;
use crate::password::range::RangeUrl;
use crate::source::TrustedHops;
use crate::telemetry::traces::settings::{CollectorUrl, Host, TraceSettings};

#[expect(clippy::disallowed_methods, reason = "the one place the environment is read")]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Where the values of the variables come from, which it reads each as what it is.
pub(super) struct Source<'a> {
    pub(super) lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Source<'_> {
    /// The value, if one is given; an empty one counts as not given.
    pub(super) fn optional(&self, variable: Variable) -> Result<Option<String>, ConfigError> {
        let value = (self.lookup)(variable.name).filter(|value| !value.is_empty());
        if value.as_ref().is_some_and(|value| value.contains('\u{fffd}')) {
            return Err(ConfigError::new(variable, "it is not UTF-8"));
        }
        Ok(value)
    }

    pub(super) fn text(&self, variable: Variable) -> Result<String, ConfigError> {
        Ok(self.optional(variable)?.unwrap_or_else(|| variable.default.unwrap_or_default().to_owned()))
    }

    #[expect(clippy::unused_self, reason = "it is called as its siblings are, which read")]
    pub(super) fn parsed<T, E: Display>(&self, variable: Variable, parsed: Result<T, E>) -> Result<T, ConfigError> {
        parsed.map_err(|reason| ConfigError::new(variable, reason))
    }

    pub(super) fn parse<T>(&self, variable: Variable) -> Result<T, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.parsed(variable, self.text(variable)?.parse())
    }

    pub(super) fn number(&self, variable: Variable, least: usize, most: usize) -> Result<usize, ConfigError> {
        let number = self.text(variable)?.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| ConfigError::new(variable, format!("it must be a whole number from {least} to {most}")))
    }

    pub(super) fn switch(&self, variable: Variable) -> Result<bool, ConfigError> {
        match self.text(variable)?.as_str() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(ConfigError::new(variable, "it must be on or off")),
        }
    }

    pub(super) fn optional_duration(
        &self,
        variable: Variable,
        most: Duration,
    ) -> Result<Option<Duration>, ConfigError> {
        self.optional(variable)?.map(|text| Self::duration(variable, &text, most)).transpose()
    }

    fn duration(variable: Variable, text: &str, most: Duration) -> Result<Duration, ConfigError> {
        let duration = humantime::parse_duration(text).ok().filter(|duration| *duration <= most);
        let most = humantime::format_duration(most);
        duration.ok_or_else(|| ConfigError::new(variable, format!("it must be a time such as 60s, and at most {most}")))
    }

    pub(super) fn base_url(&self, variable: Variable) -> Result<Option<Issuer>, ConfigError> {
        self.optional(variable)?.map(|text| self.parsed(variable, Issuer::parse(&text))).transpose()
    }

    pub(super) fn origin_secrets(&self) -> Result<OriginSecrets, ConfigError> {
        let secrets = self.optional(ORIGIN_SECRETS)?.map(Zeroizing::new);
        let secrets = secrets.map(|text| self.parsed(ORIGIN_SECRETS, OriginSecrets::parse(&text))).transpose()?;
        Ok(secrets.unwrap_or_default())
    }

    pub(super) fn range_url(&self) -> Result<Option<RangeUrl>, ConfigError> {
        let url = self.optional(PASSWORD_RANGE_URL)?;
        url.map(|text| self.parsed(PASSWORD_RANGE_URL, RangeUrl::parse(&text))).transpose()
    }

    pub(super) fn range_at_login(&self) -> Result<LeakPolicy, ConfigError> {
        let policy = self.parse(PASSWORD_RANGE_AT_LOGIN)?;
        if policy != LeakPolicy::Off && self.optional(PASSWORD_RANGE_URL)?.is_none() {
            return Err(ConfigError::missing(PASSWORD_RANGE_URL));
        }
        Ok(policy)
    }

    pub(super) fn attempts(&self) -> Result<AttemptPolicy, ConfigError> {
        let limit = self.number(ATTEMPTS_LIMIT, 1, AttemptPolicy::MAX_LIMIT)?;
        let window = Self::duration(ATTEMPTS_WINDOW, &self.text(ATTEMPTS_WINDOW)?, AttemptPolicy::MAX_LOCK)?;
        self.parsed(ATTEMPTS_WINDOW, AttemptPolicy::new(limit, window))
    }

    pub(super) fn attempt_sources(&self) -> Result<SourcePolicy, ConfigError> {
        let names = self.number(ATTEMPTS_SOURCE_NAMES, 0, SourcePolicy::MOST_NAMES)?;
        let networks = self.list(ATTEMPTS_SPARED_NETWORKS)?;
        let spared = networks.iter().map(|network| network.parse::<IpNet>()).collect::<Result<_, _>>();
        let spared =
            spared.map_err(|_| ConfigError::new(ATTEMPTS_SPARED_NETWORKS, "a network is written as 192.0.2.0/24"))?;
        self.parsed(ATTEMPTS_SOURCE_NAMES, SourcePolicy::new(names, spared))
    }

    pub(super) fn trusted_hops(&self) -> Result<TrustedHops, ConfigError> {
        let most = TrustedHops::MOST;
        let hops = TrustedHops::new(self.number(TRUSTED_HOPS, 0, most)?);
        let hops = hops.ok_or_else(|| ConfigError::new(TRUSTED_HOPS, format!("it must be at most {most}")))?;
        if hops != TrustedHops::default() && self.optional(ORIGIN_SECRETS)?.is_none() {
            return Err(ConfigError::new(ORIGIN_SECRETS, "it must be set, since PASSGRANT_TRUSTED_HOPS needs it"));
        }
        Ok(hops)
    }

    pub(super) fn table(&self, variable: Variable) -> Result<String, ConfigError> {
        let name = self.text(variable)?;
        let allowed =
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/'));
        if allowed && (3..=1024).contains(&name.len()) {
            return Ok(name);
        }
        Err(ConfigError::new(variable, "it must be the name or ARN of a DynamoDB table"))
    }

    pub(super) fn wrapping_key(&self) -> Result<Option<String>, ConfigError> {
        let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b',' | b'='));
        match self.optional(WRAPPING_KEY)? {
            Some(name) if !plain(&name) => Err(ConfigError::new(WRAPPING_KEY, "it must name one KMS key")),
            name => Ok(name),
        }
    }

    fn list(&self, variable: Variable) -> Result<Vec<String>, ConfigError> {
        let text = self.text(variable)?;
        let entries: Vec<String> =
            text.split(',').map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect();
        Ok(entries)
    }

    pub(super) fn origins(&self, variable: Variable) -> Result<Vec<HeaderValue>, ConfigError> {
        let origin = |text: String| {
            let is_origin = Url::parse(&text).is_ok_and(|url| url.origin().ascii_serialization() == text);
            HeaderValue::from_str(&text).ok().filter(|_| is_origin)
        };
        let origins = self.list(variable)?.into_iter().map(origin).collect::<Option<_>>();
        origins.ok_or_else(|| {
            ConfigError::new(variable, "an origin is a scheme, a host and, unless it is the default one, a port")
        })
    }

    pub(super) fn chains(&self) -> Result<Chains, ConfigError> {
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

    pub(super) fn argon2(&self) -> Result<Argon2Policy, ConfigError> {
        let memory_kib = self.parse(ARGON2_MEMORY)?;
        let policy = Argon2Policy::new(memory_kib, self.parse(ARGON2_ITERATIONS)?, self.parse(ARGON2_PARALLELISM)?);
        self.parsed(ARGON2_MEMORY, policy)
    }

    pub(super) fn traces(&self) -> Result<Option<TraceSettings>, ConfigError> {
        let ratio = self.parse(OTLP_RATIO)?;
        let Some(url) = self.optional(OTLP_ENDPOINT)? else { return Ok(None) };
        let url = self.parsed(OTLP_ENDPOINT, CollectorUrl::parse(&url))?;
        Ok(Some(TraceSettings { url, ratio, host: Host::read(self.lookup) }))
    }

    pub(super) fn level(&self, variable: Variable) -> Result<LevelFilter, ConfigError> {
        match self.text(variable)?.as_str() {
            "error" => Ok(LevelFilter::ERROR),
            "warn" => Ok(LevelFilter::WARN),
            "info" => Ok(LevelFilter::INFO),
            "debug" => Ok(LevelFilter::DEBUG),
            _ => Err(ConfigError::new(variable, "it must be error, warn, info or debug")),
        }
    }
}
