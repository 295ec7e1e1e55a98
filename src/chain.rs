//! Chains: ordered lists of the verifiers that decide whether a username and a password are right.

pub mod delegation;
pub mod name;

use std::collections::HashSet;
use std::sync::Arc;

use thiserror::Error;

use crate::chain::delegation::Delegation;
use crate::chain::name::{ChainName, DIRECTORY, MalformedName, VerifierName};

/// One verifier of a chain.
#[derive(Clone, Debug)]
pub enum CredentialVerifier {
    /// The users table.
    Directory,
    /// Another service, asked over HTTPS.
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

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &ChainName {
        &self.name
    }

    /// Its verifiers, in the order in which they are asked.
    #[must_use]
    pub fn verifiers(&self) -> &[CredentialVerifier] {
        &self.verifiers
    }
}

/// Why chains cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RefusedChains {
    /// The text does not have the form.
    #[error("it must be chains such as name=verifier,verifier, separated by semicolons")]
    Form,
    /// A name is malformed.
    #[error(transparent)]
    Name(#[from] MalformedName),
    /// Two chains have the same name, or one has the name of the chain that is always there.
    #[error("the chain {0} is defined twice, or has the name of the one that is always there")]
    Twice(ChainName),
    /// A chain names a verifier twice, or names too many of them.
    #[error("the chain {0} must have 1 to {max} verifiers, each only once", max = Chain::MAX_VERIFIERS)]
    Verifiers(ChainName),
    /// A chain names a verifier that does not exist.
    #[error("the chain {0} names a verifier that does not exist: {1}")]
    NoVerifier(ChainName, VerifierName),
    /// There is no such chain.
    #[error("there is no chain {0}")]
    NoChain(ChainName),
}

/// Why no chain was selected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotSelected {
    /// The request names one that does not exist, or that the client may not use.
    #[error("the chain is unknown, or not one of the client's")]
    NotAllowed,
    /// The client is registered with one that this deployment does not have.
    #[error("the client's chain {0} is not configured")]
    Unconfigured(ChainName),
}

/// The chains of a deployment. The chain of only the users table is always among them.
#[derive(Clone, Debug)]
pub struct Chains {
    chains: Vec<Chain>,
    default: ChainName,
}

impl Chains {
    /// Parses chains of `delegations` and the users table: `name=verifier,verifier;name=verifier`. The default is the
    /// chain of only the users table.
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
    /// default. A client without chains of its own may use only the default.
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

    /// Whether any chain has a delegated verifier.
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
    use crate::chain::delegation::tests::{SECRET, delegations};

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
    fn chains_print_no_secret() {
        let printed = format!("{:?}", Chains::parse("c=v", &named(&["v"])));
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
