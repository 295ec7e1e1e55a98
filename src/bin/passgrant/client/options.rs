//! The options that `client create` and `client update` share.

use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueHint};
use passgrant::audience::{Audience, MalformedAudience};
use passgrant::chain::ChainName;
use passgrant::claims::{ClaimMap, ClaimSource, MalformedClaimMap};
use passgrant::client::keys::ClientKeys;
use passgrant::client::{AccessTokenFormat, AuthMethod, Capability, Client, Grant};
use passgrant::scope::Scope;
use passgrant::signing::Algorithm;

use crate::failure::Failure;
use crate::output::span;
use crate::scope_argument;

pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

const MAX_ACCESS_TOKEN_LIFETIME: u64 = DAY;
const MAX_REFRESH_LIFETIME: u64 = 365 * DAY;
const MAX_REFRESH_GRACE: u64 = 10 * MINUTE;

/// DynamoDB sets no bound below the item's; a token holds them all.
const MAX_AUDIENCES: usize = 16;
/// One more than a key set may have.
const MAX_JWKS_BYTES: u64 = 16 * 1024 + 1;
const MAX_NAME_CHARACTERS: usize = 128;

/// Lists may be given by repeating the option, by parting values with spaces, or both.
#[derive(Args)]
pub(super) struct Options {
    /// What people call it
    #[arg(long, value_parser = parse_name)]
    name: Option<Name>,
    #[arg(long, help = "How it authenticates [default: client_secret_basic]", value_name = "METHOD", value_parser = one_of(AuthMethod::ALL))]
    pub(super) auth_method: Option<AuthMethod>,
    #[arg(long, help = "Its public keys for private_key_jwt: a file with a JSON Web Key Set", value_name = "FILE", value_hint = ValueHint::FilePath)]
    jwks_file: Option<PathBuf>,
    #[arg(long, help = "A grant it may use: password, refresh_token [default: both]", value_name = "GRANT", value_parser = parse_list::<Grant>)]
    grant: Option<Vec<List<Grant>>>,
    #[arg(long, help = "What else it may do: introspect, revoke (also the tokens of other clients)", value_name = "CAPABILITY", value_parser = parse_list::<Capability>)]
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
    #[arg(long, help = "A claim of its tokens; SOURCE is username, sub, client_id, scopes, claims.NAME or literal:VALUE", value_name = "CLAIM=SOURCE", value_parser = parse_mapping)]
    map: Option<Vec<Mapping>>,
    /// Lifetime of its access tokens, 24h at most [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = lifetime::<MAX_ACCESS_TOKEN_LIFETIME>)]
    access_token_lifetime: Option<Duration>,
    /// A session ends when it was not refreshed for so long [default: 14d]
    #[arg(long, value_name = "TIME", value_parser = lifetime::<MAX_REFRESH_LIFETIME>)]
    refresh_idle_lifetime: Option<Duration>,
    /// A session ends so long after the login, 365d at most [default: 90d]
    #[arg(long, value_name = "TIME", value_parser = lifetime::<MAX_REFRESH_LIFETIME>)]
    refresh_lifetime: Option<Duration>,
    /// For so long a refresh token that was just replaced still answers, 10m at most [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = up_to::<MAX_REFRESH_GRACE>)]
    refresh_grace: Option<Duration>,
    /// The algorithm its tokens are signed with [default: the server's]
    #[arg(long, value_name = "ALG", value_parser = parse_algorithm)]
    signing_alg: Option<Choice>,
    #[arg(
        long,
        help = "Whether it gets a refresh token only where offline_access is granted [default: false]",
        value_name = "BOOL"
    )]
    refresh_needs_offline_access: Option<bool>,
    /// A credential-verifier chain it may use, the first one by default [default: the server's alone]
    #[arg(long, value_name = "CHAIN", value_parser = parse_list::<ChainName>)]
    chain: Option<Vec<List<ChainName>>>,
}

/// A client's name; none for the empty one.
#[derive(Clone)]
struct Name(Option<String>);

/// The values of one option.
#[derive(Clone)]
struct List<T>(Vec<T>);

/// One claim and its source; none for the empty value, which empties the map.
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

    /// Makes `client` what the given options say, secrets aside.
    pub(super) fn apply(&self, client: &mut Client) -> Result<(), Failure> {
        if let Some(Name(name)) = &self.name {
            client.name.clone_from(name);
        }
        if let Some(lists) = &self.grant {
            client.grants = distinct(lists);
        }
        if let Some(scopes) = &self.scope {
            client.scopes = joined(scopes)?;
        }
        if let Some(scopes) = &self.default_scope {
            client.default_scopes = joined(scopes)?;
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
        set(&mut client.auth_method, self.auth_method);
        if let Some(path) = &self.jwks_file {
            client.keys = Some(read_keys(path)?);
        } else if !client.auth_method.has_keys() {
            client.keys = None;
        }
        set(&mut client.access_token_lifetime, self.access_token_lifetime);
        set(&mut client.refresh.idle_lifetime, self.refresh_idle_lifetime);
        set(&mut client.refresh.lifetime, self.refresh_lifetime);
        set(&mut client.refresh.grace, self.refresh_grace);
        check(client)
    }
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

fn joined(scopes: &[Scope]) -> Result<Scope, Failure> {
    let scopes = scopes.iter().filter(|scope| !scope.is_empty()).map(ToString::to_string).collect::<Vec<_>>();
    Ok(Scope::parse_or_empty(&scopes.join(" "))?)
}

/// What no single option can be blamed for.
fn check(client: &Client) -> Result<(), Failure> {
    if let Some(stray) = client.default_scopes.iter().find(|scope| !client.scopes.contains(scope)) {
        return Err(Failure::refused(format!(
            "the default scope {} is not one of the client's scopes",
            stray.as_str()
        )));
    }
    match (client.auth_method.has_keys(), client.keys.is_some()) {
        (true, false) => return Err(Failure::refused(format!("the method {} needs --jwks-file", client.auth_method))),
        (false, true) => return Err(Failure::refused(format!("the method {} has no keys", client.auth_method))),
        _ => {}
    }
    if client.refresh.idle_lifetime > client.refresh.lifetime {
        let idle = span(client.refresh.idle_lifetime);
        let whole = span(client.refresh.lifetime);
        return Err(Failure::refused(format!(
            "the refresh idle lifetime {idle} is longer than the refresh lifetime {whole}"
        )));
    }
    if client.audiences.len() > MAX_AUDIENCES {
        return Err(Failure::refused(format!("a client has at most {MAX_AUDIENCES} audiences")));
    }
    Ok(())
}

fn parse_name(text: &str) -> Result<Name, String> {
    if text.chars().count() > MAX_NAME_CHARACTERS || text.chars().any(char::is_control) {
        return Err(format!("a name has at most {MAX_NAME_CHARACTERS} characters, and no control characters"));
    }
    Ok(Name(Some(text.to_owned()).filter(|name| !name.is_empty())))
}

fn parse_list<T>(text: &str) -> Result<List<T>, String>
where
    T: std::str::FromStr,
    T::Err: Display,
{
    let values = text.split(' ').filter(|value| !value.is_empty()).map(str::parse);
    values.collect::<Result<_, T::Err>>().map(List).map_err(|error| error.to_string())
}

fn read_keys(path: &Path) -> Result<ClientKeys, Failure> {
    let problem = |error: &dyn Display| Failure::refused(format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(|error| problem(&error))?;
    file.take(MAX_JWKS_BYTES).read_to_string(&mut text).map_err(|error| problem(&error))?;
    ClientKeys::parse(&text).map_err(|error| problem(&error))
}

fn parse_mapping(text: &str) -> Result<Mapping, String> {
    if text.is_empty() {
        return Ok(Mapping(None));
    }
    let (claim, source) = text.split_once('=').ok_or("a claim and its source, as in role=claims.roles")?;
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
        .map_err(|error: passgrant::client::UnknownName| error.to_string())
}

fn one_of<const N: usize>(methods: [AuthMethod; N]) -> impl TypedValueParser<Value = AuthMethod> {
    PossibleValuesParser::new(methods.map(AuthMethod::as_str)).try_map(|name| name.parse::<AuthMethod>())
}

/// A time of whole seconds, `MOST` of them at most.
pub(super) fn up_to<const MOST: u64>(text: &str) -> Result<Duration, String> {
    let most = Duration::from_secs(MOST);
    let time = humantime::parse_duration(text).ok().filter(|time| *time <= most && time.subsec_nanos() == 0);
    time.ok_or_else(|| format!("a time in whole seconds, as in 30s, 15m, 1h or 14d, and {} at most", span(most)))
}

/// As [`up_to`], and not nothing.
fn lifetime<const MOST: u64>(text: &str) -> Result<Duration, String> {
    let time = up_to::<MOST>(text)?;
    if time.is_zero() { Err("longer than nothing".to_owned()) } else { Ok(time) }
}
