//! Chains: ordered lists of the verifiers that decide whether a username and a password are right.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;
use url::Url;
use zeroize::Zeroizing;

/// The name of the verifier that every deployment has, and of the chain of it alone.
const DIRECTORY: &str = "directory";

/// Text that cannot name a chain or a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a name is 1 to {} of a-z, 0-9, _ and -", ChainName::MAX_BYTES)]
pub struct MalformedName;

macro_rules! names {
    ($($(#[$doc:meta])* $type:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $type(Box<str>);

        impl $type {
            /// The longest name, in bytes.
            pub const MAX_BYTES: usize = 64;

            /// Parses a name: `[a-z0-9_-]{1,64}`.
            ///
            /// # Errors
            /// [`MalformedName`] for any other text.
            pub fn parse(text: &str) -> Result<Self, MalformedName> {
                let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
                if text.is_empty() || text.len() > Self::MAX_BYTES || !text.bytes().all(allowed) {
                    return Err(MalformedName);
                }
                Ok(Self(text.into()))
            }

            /// The name as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = MalformedName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    )*};
}

names! {
    /// The name of a chain.
    ChainName;
    /// The name of a delegated verifier.
    VerifierName;
}

/// Why a delegated verifier cannot be used. It quotes neither a URL nor a secret: both may hold what nobody should read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RefusedDelegation {
    /// The name is that of the users table.
    #[error("no delegated verifier may be called {DIRECTORY}")]
    Reserved,
    /// Two have the same name.
    #[error("the verifier {0} is given twice")]
    Twice(VerifierName),
    /// The URL is not one that a password may be sent to.
    #[error("the url of {0} must be https (http for loopback hosts alone), without a user and a fragment")]
    Url(VerifierName),
    /// The variable is not one of this service.
    #[error("the secret_env of {0} must name a variable: PASSGRANT_ and more of A-Z, 0-9 and _")]
    SecretName(VerifierName),
    /// The variable does not hold a secret.
    #[error("the secret of {0}, in {1}, must be {min} to {max} visible ASCII characters", min = SharedSecret::MIN_BYTES, max = SharedSecret::MAX_BYTES)]
    Secret(VerifierName, String),
}

/// A delegated verifier as its operator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelegationSettings {
    name: VerifierName,
    url: String,
    secret_env: String,
    #[serde(default)]
    import: bool,
}

/// The secret that signs the calls of a delegated verifier. It cannot be printed, and is wiped when dropped.
#[derive(Clone)]
pub struct SharedSecret(Zeroizing<String>);

impl SharedSecret {
    /// The shortest secret, in bytes.
    pub const MIN_BYTES: usize = 32;
    /// The longest secret, in bytes.
    pub const MAX_BYTES: usize = 512;

    fn new(text: Zeroizing<String>) -> Option<Self> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        ((Self::MIN_BYTES..=Self::MAX_BYTES).contains(&text.len()) && visible).then_some(Self(text))
    }

    /// The secret itself, for the one place that signs with it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A delegated verifier: whom to ask, and what to make of a yes.
pub struct Delegation {
    /// Its name.
    pub name: VerifierName,
    /// Where it is asked.
    pub url: Uri,
    /// What its calls are signed with.
    pub secret: SharedSecret,
    /// Whether a yes writes the password's hash to the users table.
    pub import: bool,
}

impl Delegation {
    /// Makes usable verifiers of what an operator wrote; `lookup` reads the variables that hold the secrets.
    ///
    /// # Errors
    /// [`RefusedDelegation`] for the first that cannot be used.
    pub fn all(
        settings: Vec<DelegationSettings>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<Arc<Self>>, RefusedDelegation> {
        let mut names = HashSet::new();
        settings
            .into_iter()
            .map(|settings| {
                if !names.insert(settings.name.clone()) {
                    return Err(RefusedDelegation::Twice(settings.name));
                }
                Self::new(settings, lookup).map(Arc::new)
            })
            .collect()
    }

    fn new(settings: DelegationSettings, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, RefusedDelegation> {
        let DelegationSettings { name, url, secret_env, import } = settings;
        if name.as_str() == DIRECTORY {
            return Err(RefusedDelegation::Reserved);
        }
        let Some(url) = confidential(&url) else {
            return Err(RefusedDelegation::Url(name));
        };
        let of_this_service = secret_env.strip_prefix("PASSGRANT_").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
        });
        if !of_this_service {
            return Err(RefusedDelegation::SecretName(name));
        }
        match lookup(&secret_env).and_then(|secret| SharedSecret::new(Zeroizing::new(secret))) {
            Some(secret) => Ok(Self { name, url, secret, import }),
            None => Err(RefusedDelegation::Secret(name, secret_env)),
        }
    }
}

/// The URL, if a password may be sent there: encrypted, or not off this machine.
fn confidential(text: &str) -> Option<Uri> {
    let url = Url::parse(text).ok()?;
    let encrypted = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let bare = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if encrypted && bare { url.as_str().parse().ok() } else { None }
}

/// Whether the URL's host is this machine.
#[must_use]
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(domain)) => domain == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Debug for Delegation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Delegation").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One verifier of a chain.
#[derive(Clone, Debug)]
pub enum CredentialVerifier {
    /// The users table.
    Directory,
    /// Somebody else's service.
    Delegated(Arc<Delegation>),
}

/// An ordered list of verifiers.
#[derive(Clone, Debug)]
pub struct Chain {
    name: ChainName,
    verifiers: Vec<CredentialVerifier>,
}

impl Chain {
    /// The most verifiers of one chain, so that a request which asks all of them ends before its front door gives up.
    pub const MAX_VERIFIERS: usize = 3;

    /// Its verifiers, in the order in which they are asked.
    #[must_use]
    pub fn verifiers(&self) -> &[CredentialVerifier] {
        &self.verifiers
    }
}

/// Why chains cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RefusedChains {
    /// The text is not of the form.
    #[error("it must be chains such as name=verifier,verifier, parted by semicolons")]
    Form,
    /// A name is none.
    #[error(transparent)]
    Name(#[from] MalformedName),
    /// Two chains have the same name, or one has that of the chain that is always there.
    #[error("the chain {0} is given twice, or is the one that is always there")]
    Twice(ChainName),
    /// A chain names a verifier twice, or too many of them.
    #[error("the chain {0} must have 1 to {max} verifiers, each once", max = Chain::MAX_VERIFIERS)]
    Verifiers(ChainName),
    /// A chain names a verifier that is not there.
    #[error("the chain {0} has a verifier that is not there: {1}")]
    NoVerifier(ChainName, VerifierName),
    /// There is no such chain.
    #[error("there is no chain {0}")]
    NoChain(ChainName),
}

/// Why no chain was selected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotSelected {
    /// The request names one that is not there, or that the client may not use.
    #[error("the chain is unknown, or not one of the client's")]
    NotAllowed,
    /// The client is registered with one that this deployment does not have.
    #[error("the client's chain {0} is not configured")]
    Unconfigured(ChainName),
}

/// The chains of a deployment. The one of the users table alone is always among them.
#[derive(Clone, Debug)]
pub struct Chains {
    chains: Vec<Chain>,
    default: ChainName,
}

impl Chains {
    /// Parses chains of `delegations` and the users table: `name=verifier,verifier;name=verifier`.
    /// The default is the users table alone.
    ///
    /// # Errors
    /// [`RefusedChains`] for the first chain that cannot be used.
    pub fn parse(text: &str, delegations: &[Arc<Delegation>]) -> Result<Self, RefusedChains> {
        let directory = ChainName(DIRECTORY.into());
        let alone = Chain { name: directory.clone(), verifiers: vec![CredentialVerifier::Directory] };
        let mut chains = Self { chains: vec![alone], default: directory };
        if text.is_empty() {
            return Ok(chains);
        }
        for chain in text.split(';') {
            let (name, verifiers) = chain.split_once('=').ok_or(RefusedChains::Form)?;
            let chain = Self::parse_one(ChainName::parse(name.trim())?, verifiers, delegations)?;
            if chains.find(chain.name.as_str()).is_some() {
                return Err(RefusedChains::Twice(chain.name));
            }
            chains.chains.push(chain);
        }
        Ok(chains)
    }

    fn parse_one(name: ChainName, verifiers: &str, delegations: &[Arc<Delegation>]) -> Result<Chain, RefusedChains> {
        let names: Vec<VerifierName> =
            verifiers.split(',').map(|name| VerifierName::parse(name.trim())).collect::<Result<_, _>>()?;
        let each_once = names.iter().collect::<HashSet<_>>().len() == names.len();
        if !each_once || names.len() > Chain::MAX_VERIFIERS {
            return Err(RefusedChains::Verifiers(name));
        }
        let verifier = |wanted: VerifierName| {
            if wanted.as_str() == DIRECTORY {
                return Ok::<_, RefusedChains>(CredentialVerifier::Directory);
            }
            let found = delegations.iter().find(|delegation| delegation.name == wanted);
            let found = found.ok_or_else(|| RefusedChains::NoVerifier(name.clone(), wanted))?;
            Ok(CredentialVerifier::Delegated(Arc::clone(found)))
        };
        let verifiers = names.into_iter().map(verifier).collect::<Result<_, _>>()?;
        Ok(Chain { name, verifiers })
    }

    /// The same chains with another default.
    ///
    /// # Errors
    /// [`RefusedChains::NoChain`] when it is not one of them.
    pub fn with_default(self, default: ChainName) -> Result<Self, RefusedChains> {
        if self.find(default.as_str()).is_none() {
            return Err(RefusedChains::NoChain(default));
        }
        Ok(Self { default, ..self })
    }

    /// The chain for a request: the one that it names, else the first of those `allowed` to its client, else the
    /// default. A client that is allowed none may use the default alone.
    ///
    /// # Errors
    /// [`NotSelected`], decided without looking at any user.
    pub fn select(&self, requested: Option<&str>, allowed: &[ChainName]) -> Result<&Chain, NotSelected> {
        let allowed = if allowed.is_empty() { std::slice::from_ref(&self.default) } else { allowed };
        match (requested, allowed) {
            (Some(requested), _) => {
                let allowed = allowed.iter().any(|name| name.as_str() == requested);
                self.find(requested).filter(|_| allowed).ok_or(NotSelected::NotAllowed)
            }
            (None, [first, ..]) => self.find(first.as_str()).ok_or_else(|| NotSelected::Unconfigured(first.clone())),
            (None, []) => Err(NotSelected::NotAllowed),
        }
    }

    /// Whether any verifier is somebody else's service.
    #[must_use]
    pub fn delegate(&self) -> bool {
        let verifiers = || self.chains.iter().flat_map(Chain::verifiers);
        verifiers().any(|verifier| matches!(verifier, CredentialVerifier::Delegated(_)))
    }

    fn find(&self, name: &str) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.name.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn delegations(json: &str) -> Result<Vec<Arc<Delegation>>, RefusedDelegation> {
        let settings = serde_json::from_str(json).expect("settings");
        Delegation::all(settings, &|name| (name == "PASSGRANT_S").then(|| SECRET.to_owned()))
    }

    fn named(names: &[&str]) -> Vec<Arc<Delegation>> {
        let one = |name: &&str| format!(r#"{{"name":"{name}","url":"https://a.example","secret_env":"PASSGRANT_S"}}"#);
        delegations(&format!("[{}]", names.iter().map(one).collect::<Vec<_>>().join(","))).expect("sound")
    }

    fn name(text: &str) -> ChainName {
        ChainName::parse(text).expect("a name")
    }

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["a", "0", "_-", "legacy-2_b", &"x".repeat(64)] {
            assert!(ChainName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a b", "a.b", "\u{e9}", "a\n", &"x".repeat(65)] {
            assert_eq!(VerifierName::parse(bad), Err(MalformedName), "{bad:?}");
        }
    }

    #[test]
    fn a_password_is_sent_encrypted_or_not_off_this_machine() {
        for good in [
            "https://login.example.com",
            "https://login.example.com:8443/verify?code=x",
            "https://192.0.2.1/",
            "http://localhost:8080/verify",
            "http://127.0.0.1/",
            "http://[::1]:80/",
        ] {
            assert!(confidential(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "login.example.com",
            "http://login.example.com/",
            "http://localhost.example.com/",
            "http://192.168.0.1/",
            "ftp://localhost/",
            "https://user@login.example.com/",
            "https://:word@login.example.com/",
            "https://login.example.com/#part",
            "https://",
        ] {
            assert!(confidential(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_delegated_verifier_is_refused_for_its_reason_and_quotes_no_secret() {
        let verifier = VerifierName::parse("v").expect("a name");
        let one = |name: &str, url: &str, secret: &str| {
            format!(r#"{{"name":"{name}","url":"{url}","secret_env":"{secret}"}}"#)
        };
        let good = one("v", "https://a.example", "PASSGRANT_S");
        for (json, reason) in [
            (one("directory", "https://a.example", "PASSGRANT_S"), RefusedDelegation::Reserved),
            (one("v", "http://a.example", "PASSGRANT_S"), RefusedDelegation::Url(verifier.clone())),
            (one("v", "https://a.example", SECRET), RefusedDelegation::SecretName(verifier.clone())),
            (one("v", "https://a.example", "PASSGRANT_"), RefusedDelegation::SecretName(verifier.clone())),
            (
                one("v", "https://a.example", "PASSGRANT_T"),
                RefusedDelegation::Secret(verifier.clone(), "PASSGRANT_T".into()),
            ),
            (format!("{good},{good}"), RefusedDelegation::Twice(verifier.clone())),
        ] {
            let refused = delegations(&format!("[{json}]")).expect_err(&json);
            assert_eq!(refused, reason);
            assert!(!refused.to_string().contains(SECRET));
        }
    }

    #[test]
    fn a_secret_has_a_length_and_no_whitespace_and_is_never_printed() {
        let secret = |text: &str| SharedSecret::new(Zeroizing::new(text.to_owned()));
        assert!(secret(&"x".repeat(32)).is_some() && secret(&"x".repeat(512)).is_some());
        for bad in [String::new(), "x".repeat(31), "x".repeat(513), format!("{SECRET}\n"), format!("{SECRET} ")] {
            assert!(secret(&bad).is_none(), "{bad:?}");
        }
        let delegation = &named(&["v"])[0];
        let printed = format!("{delegation:?} {:?}", Chains::parse("c=v", &named(&["v"])));
        assert!(!printed.contains(SECRET) && !printed.contains("a.example"), "{printed}");
    }

    #[test]
    fn chains_are_parsed_strictly() {
        let delegations = named(&["a", "b", "c"]);
        let parse = |text| Chains::parse(text, &delegations);
        let chains = parse("first=directory,a; second = b").expect("sound");
        let kinds: Vec<_> = chains.find("first").expect("there").verifiers().iter().map(kind).collect();
        assert_eq!(kinds, ["directory", "a"]);
        assert!(chains.find("second").is_some() && chains.find("directory").is_some());
        assert!(!parse("").expect("sound").delegate() && chains.delegate());

        let verifier = |text| VerifierName::parse(text).expect("a name");
        for (text, reason) in [
            ("x", RefusedChains::Form),
            ("x=a;", RefusedChains::Form),
            (";", RefusedChains::Form),
            ("x=", RefusedChains::Name(MalformedName)),
            ("x=a,", RefusedChains::Name(MalformedName)),
            ("X=a", RefusedChains::Name(MalformedName)),
            ("x=a=b", RefusedChains::Name(MalformedName)),
            ("x=a;x=b", RefusedChains::Twice(name("x"))),
            ("directory=a", RefusedChains::Twice(name("directory"))),
            ("x=a,a", RefusedChains::Verifiers(name("x"))),
            ("x=a,b,c,directory", RefusedChains::Verifiers(name("x"))),
            ("x=a,d", RefusedChains::NoVerifier(name("x"), verifier("d"))),
        ] {
            assert_eq!(parse(text).expect_err(text), reason, "{text}");
        }
        assert_eq!(chains.with_default(name("third")).expect_err("unknown"), RefusedChains::NoChain(name("third")));
    }

    fn kind(verifier: &CredentialVerifier) -> String {
        match verifier {
            CredentialVerifier::Directory => DIRECTORY.to_owned(),
            CredentialVerifier::Delegated(delegation) => delegation.name.to_string(),
        }
    }

    #[test]
    fn the_request_chooses_then_the_client_then_the_server() {
        let chains = Chains::parse("a=directory;b=directory;c=directory", &[]).expect("sound");
        let chains = chains.with_default(name("a")).expect("one of them");
        let not_allowed = Err(NotSelected::NotAllowed);
        let unconfigured = Err(NotSelected::Unconfigured(name("gone")));
        #[rustfmt::skip]
        let table = [
            (None,              "",       Ok("a")),
            (None,              "b c",    Ok("b")),
            (Some("a"),         "",       Ok("a")),
            (Some("b"),         "",       not_allowed.clone()),
            (Some("directory"), "",       not_allowed.clone()),
            (Some("c"),         "b c",    Ok("c")),
            (Some("a"),         "b c",    not_allowed.clone()),
            (Some("unknown"),   "",       not_allowed.clone()),
            (Some("gone"),      "gone b", not_allowed.clone()),
            (Some("b"),         "gone b", Ok("b")),
            (Some("A"),         "",       not_allowed),
            (None,              "gone b", unconfigured),
        ];
        for (requested, allowed, expected) in table {
            let names: Vec<_> = allowed.split_whitespace().map(name).collect();
            let selected = chains.select(requested, &names).map(|chain| chain.name.as_str());
            assert_eq!(selected, expected, "{requested:?} of {allowed:?}");
        }
    }
}
