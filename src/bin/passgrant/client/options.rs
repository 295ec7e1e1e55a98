//! The options that `client create` and `client update` share.

use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};
use passgrant::audience::{Audience, MalformedAudience};
use passgrant::chain::name::ChainName;
use passgrant::client::authentication::{AuthMethod, ClientAuthentication, Contradiction};
use passgrant::client::claim_map::{ClaimMap, ClaimSource, MalformedClaimMap};
use passgrant::client::keys::ClientKeys;
use passgrant::client::rules::{self, RefusedClient};
use passgrant::client::secret::StoredSecret;
use passgrant::client::{AccessTokenFormat, Capability, Client, Grant, RefreshPolicy};
use passgrant::clock::{Span, Timestamp};
use passgrant::jose::algorithm::Algorithm;
use passgrant::scope::Scope;
use zeroize::Zeroizing;

use crate::Context;
use crate::client::grant_end::{self, Until};
use crate::failure::Failure;
use crate::output::warn;
use crate::scope_argument;

/// Lists may be given by repeating the option, by separating values with spaces, or both.
#[derive(Args)]
pub(super) struct Options {
    /// A name for people to read
    #[arg(long, value_parser = parse_name)]
    name: Option<Name>,
    #[arg(long, help = "How it authenticates [default: client_secret_basic]", value_name = "METHOD", value_parser = one_of(AuthMethod::ALL))]
    pub(super) auth_method: Option<AuthMethod>,
    #[arg(long, help = "Its public keys for private_key_jwt: a file with a JSON Web Key Set; - is standard input", value_name = "FILE", value_hint = ValueHint::FilePath)]
    jwks_file: Option<PathBuf>,
    #[arg(long, help = "A grant it may use: password, refresh_token [default: both]", value_name = "GRANT", value_parser = parse_list::<Grant>)]
    grant: Option<Vec<List<Grant>>>,
    #[arg(long, help = "From then on it may not use the password grant, while its sessions go on: a date or a time by UTC, or 'now' [default: no end]", value_name = "DATE", value_parser = grant_end::parse)]
    password_grant_until: Option<Until>,
    #[arg(long, help = "What else it may do, if it is not public: introspect, revoke (also the tokens of other clients), end-user-address (say in the header Forwarded where its users are)", value_name = "CAPABILITY", value_parser = parse_list::<Capability>)]
    capability: Option<Vec<List<Capability>>>,
    /// A scope it may have
    #[arg(long, value_parser = scope_argument::parse)]
    scope: Option<Vec<Scope>>,
    /// A scope it gets when a request names none
    #[arg(long, value_name = "SCOPE", value_parser = scope_argument::parse)]
    default_scope: Option<Vec<Scope>>,
    /// A resource server its access tokens are meant for [default: the issuer]
    #[arg(long, value_name = "URI", value_parser = parse_audiences)]
    audience: Option<Vec<List<Audience>>>,
    #[arg(long, help = "What its access tokens are: jwt, opaque [default: jwt]", value_name = "FORMAT", value_parser = str::parse::<AccessTokenFormat>)]
    access_token_format: Option<AccessTokenFormat>,
    #[arg(long, help = "A claim in its tokens; SOURCE is username, sub, client_id, scopes, claims.NAME or literal:VALUE", value_name = "CLAIM=SOURCE", value_parser = parse_mapping)]
    map: Option<Vec<Mapping>>,
    /// Lifetime of its access tokens, at most 24h [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = lifetime(Client::MAX_ACCESS_TOKEN_LIFETIME))]
    access_token_lifetime: Option<Duration>,
    /// A session ends when it has not been refreshed for this long [default: 14d]
    #[arg(long, value_name = "TIME", value_parser = lifetime(RefreshPolicy::MAX_LIFETIME))]
    refresh_idle_lifetime: Option<Duration>,
    /// A session ends this long after the login, at most 365d [default: 90d]
    #[arg(long, value_name = "TIME", value_parser = lifetime(RefreshPolicy::MAX_LIFETIME))]
    refresh_lifetime: Option<Duration>,
    /// How long a refresh token is still accepted after it has been replaced, at most 10m [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = up_to(RefreshPolicy::MAX_GRACE))]
    refresh_grace: Option<Duration>,
    /// The algorithm its tokens are signed with [default: the server's]
    #[arg(long, value_name = "ALG", value_parser = parse_algorithm)]
    signing_alg: Option<Choice>,
    #[arg(
        long,
        help = "Whether it gets a refresh token only if offline_access is granted [default: false]",
        value_name = "BOOL"
    )]
    refresh_needs_offline_access: Option<bool>,
    /// A credential-verifier chain it may use, the first one by default [default: only the server's]
    #[arg(long, value_name = "CHAIN", value_parser = parse_list::<ChainName>)]
    chain: Option<Vec<List<ChainName>>>,
}

/// The option that names a key set.
const JWKS_FILE: &str = "jwks-file";

/// A client's name; `None` for empty text.
#[derive(Clone)]
struct Name(Option<String>);

/// The values of one option.
#[derive(Clone)]
struct List<T>(Vec<T>);

/// One claim and its source; `None` for the empty value, which clears the map.
#[derive(Clone)]
struct Mapping(Option<(String, ClaimSource)>);

/// A signing algorithm, or the server's.
#[derive(Clone, Copy)]
struct Choice(Option<Algorithm>);

impl Options {
    /// Whether no option is given.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            name: None,
            auth_method: None,
            grant: None,
            password_grant_until: None,
            scope: None,
            default_scope: None,
            audience: None,
            access_token_lifetime: None,
            refresh_idle_lifetime: None,
            refresh_lifetime: None,
            refresh_grace: None,
            chain: None,
            jwks_file: None,
            signing_alg: None,
            refresh_needs_offline_access: None,
            capability: None,
            access_token_format: None,
            map: None,
        } = self
        else {
            return false;
        };
        true
    }

    /// The key set in the given file, if one is given. Warns about keys that are left out.
    pub(super) fn keys(&self, context: &Context) -> Result<Option<ClientKeys>, Failure> {
        self.jwks_file.as_deref().map(|path| read_keys(path, context)).transpose()
    }

    /// Whether the key set is on standard input.
    pub(super) fn reads_standard_input(&self) -> bool {
        self.jwks_file.as_deref().is_some_and(is_standard_input)
    }

    /// How a client that authenticated as `before` does so after the change, with what else that may need: a key set, or
    /// a first secret.
    pub(super) fn authentication(
        &self,
        before: &ClientAuthentication,
        keys: Option<ClientKeys>,
        first_secret: impl FnOnce() -> Result<StoredSecret, Failure>,
    ) -> Result<ClientAuthentication, Failure> {
        let method = self.auth_method.unwrap_or(before.method());
        let secrets = match before.secrets() {
            _ if !method.has_secret() => Vec::new(),
            [] => vec![first_secret()?],
            kept => kept.to_vec(),
        };
        let keys = keys.or_else(|| before.keys().filter(|_| method.has_keys()).cloned());
        authentication(method, secrets, keys)
    }

    /// Changes `client` at `now` as the given options say, except for its authentication.
    pub(super) fn apply(&self, client: &mut Client, now: Timestamp) -> Result<(), Failure> {
        if let Some(Name(name)) = &self.name {
            client.name.clone_from(name);
        }
        if let Some(lists) = &self.grant {
            client.grants = distinct(lists);
        }
        if let Some(until) = self.password_grant_until {
            until.apply(client, now)?;
        }
        if let Some(scopes) = &self.scope {
            client.scopes = joined("scope", scopes)?;
        }
        if let Some(scopes) = &self.default_scope {
            client.default_scopes = joined("default-scope", scopes)?;
        }
        if let Some(lists) = &self.audience {
            client.audiences = distinct(lists);
        }
        if let Some(Choice(algorithm)) = self.signing_alg {
            client.signing_algorithm = algorithm;
        }
        if let Some(lists) = &self.capability {
            client.capabilities = distinct(lists);
        }
        if let Some(lists) = &self.chain {
            client.chains = distinct(lists);
        }
        if let Some(mappings) = &self.map {
            client.claim_map = ClaimMap::new(mappings.iter().filter_map(|Mapping(mapping)| mapping.clone()))?;
        }
        set(&mut client.access_token_format, self.access_token_format);
        set(&mut client.refresh.needs_offline_access, self.refresh_needs_offline_access);
        set(&mut client.access_token_lifetime, self.access_token_lifetime);
        set(&mut client.refresh.idle_lifetime, self.refresh_idle_lifetime);
        set(&mut client.refresh.lifetime, self.refresh_lifetime);
        set(&mut client.refresh.grace, self.refresh_grace);
        Ok(())
    }
}

/// Authentication by `method`, with errors in terms of the options.
pub(super) fn authentication(
    method: AuthMethod,
    secrets: Vec<StoredSecret>,
    keys: Option<ClientKeys>,
) -> Result<ClientAuthentication, Failure> {
    ClientAuthentication::new(method, secrets, keys).map_err(|contradiction| match contradiction {
        Contradiction::NoKeys(method) => {
            Failure::RefusedOption(JWKS_FILE, format!("the method {method} needs --jwks-file"))
        }
        Contradiction::StrayKeys(_) => Failure::RefusedOption(JWKS_FILE, contradiction.to_string()),
        Contradiction::StraySecrets(_) | Contradiction::Secrets { .. } => {
            Failure::RefusedOption("auth-method", contradiction.to_string())
        }
    })
}

fn set<T: Copy>(target: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *target = value;
    }
}

fn distinct<T: Clone + PartialEq>(lists: &[List<T>]) -> Vec<T> {
    let mut values = Vec::new();
    for value in lists.iter().flat_map(|List(list)| list) {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    values
}

fn joined(option: &'static str, scopes: &[Scope]) -> Result<Scope, Failure> {
    let scopes = scopes.iter().filter(|scope| !scope.is_empty()).map(ToString::to_string).collect::<Vec<_>>();
    Scope::parse_or_empty(&scopes.join(" ")).map_err(|error| Failure::RefusedOption(option, error.to_string()))
}

fn parse_name(text: &str) -> Result<Name, String> {
    match text {
        "" => Ok(Name(None)),
        name if rules::is_name(name) => Ok(Name(Some(name.to_owned()))),
        _ => Err(RefusedClient::Name.to_string()),
    }
}

fn parse_list<T>(text: &str) -> Result<List<T>, String>
where
    T: std::str::FromStr,
    T::Err: Display,
{
    let values = text.split(' ').filter(|value| !value.is_empty()).map(str::parse);
    values.collect::<Result<_, T::Err>>().map(List).map_err(|error| error.to_string())
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn read_keys(path: &Path, context: &Context) -> Result<ClientKeys, Failure> {
    let is_stdin = is_standard_input(path);
    let shown = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let problem = |error: &dyn Display| Failure::RefusedOption(JWKS_FILE, format!("{shown}: {error}"));
    // One byte more than is allowed shows that there is too much.
    let most = ClientKeys::MAX_BYTES as u64 + 1;
    let text = if is_stdin {
        context.secrets.text(most).map_err(|error| problem(&error))?
    } else {
        let mut text = Zeroizing::new(String::new());
        let file = File::open(path).map_err(|error| problem(&error))?;
        file.take(most).read_to_string(&mut text).map_err(|error| problem(&error))?;
        text
    };
    let (keys, left_out) = ClientKeys::parse_and_tell(&text).map_err(|error| problem(&error))?;
    for key in left_out {
        warn(&format!("{shown}: left out: {key}"));
    }
    Ok(keys)
}

fn parse_mapping(text: &str) -> Result<Mapping, String> {
    if text.is_empty() {
        return Ok(Mapping(None));
    }
    let (claim, source) = text.split_once('=').ok_or("expected a claim and its source, as in role=claims.roles")?;
    let source = source.parse().map_err(|error: MalformedClaimMap| error.to_string())?;
    Ok(Mapping(Some((claim.to_owned(), source))))
}

fn parse_audiences(text: &str) -> Result<List<Audience>, String> {
    let values = text.split(' ').filter(|value| !value.is_empty()).map(Audience::parse);
    values.collect::<Result<_, MalformedAudience>>().map(List).map_err(|error| error.to_string())
}

fn parse_algorithm(text: &str) -> Result<Choice, String> {
    if text.is_empty() {
        return Ok(Choice(None));
    }
    text.parse()
        .map(|algorithm| Choice(Some(algorithm)))
        .map_err(|error: passgrant::name::UnknownName| error.to_string())
}

fn one_of<const N: usize>(methods: [AuthMethod; N]) -> impl TypedValueParser<Value = AuthMethod> {
    PossibleValuesParser::new(methods.map(AuthMethod::as_str)).try_map(|name| name.parse::<AuthMethod>())
}

/// A time in whole seconds, at most `most`.
pub(super) fn up_to(most: Duration) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync {
    move |text| {
        let time = humantime::parse_duration(text).ok().filter(|time| *time <= most && time.subsec_nanos() == 0);
        time.ok_or_else(|| {
            format!("expected a time in whole seconds, as in 30s, 15m, 1h or 14d, and at most {}", Span(most))
        })
    }
}

/// As [`up_to`], and longer than zero.
fn lifetime(most: Duration) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync {
    move |text| {
        let time = up_to(most)(text)?;
        if time.is_zero() { Err("it must be longer than zero".to_owned()) } else { Ok(time) }
    }
}
