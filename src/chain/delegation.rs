//! The delegated verifiers that are configured: other services that say whether a password is right.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use http::Uri;
use serde::Deserialize;
use thiserror::Error;
use url::Url;
use zeroize::Zeroizing;

use crate::chain::name::{DIRECTORY, VerifierName};
use crate::issuer::is_confidential;

/// Why a delegated verifier cannot be used. It quotes neither a URL nor a secret: both may hold what nobody should read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RefusedDelegation {
    /// The name is that of the users table.
    #[error("no delegated verifier may be called {DIRECTORY}")]
    Reserved,
    /// Two have the same name.
    #[error("the verifier {0} is defined twice")]
    Twice(VerifierName),
    /// The URL is not one that a password may be sent to.
    #[error("the url of {0} must be https (http for loopback hosts only), without user information or a fragment")]
    Url(VerifierName),
    /// The variable is not one of this service's.
    #[error("the secret_env of {0} must name a variable: PASSGRANT_ followed by characters of A-Z, 0-9 and _")]
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
    /// The URL at which it is asked.
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

/// The URL, if a password may be sent there: encrypted, or without leaving this machine.
fn confidential(text: &str) -> Option<Uri> {
    let url = Url::parse(text).ok()?;
    let bare = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if is_confidential(&url) && bare { url.as_str().parse().ok() } else { None }
}

impl fmt::Debug for Delegation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Delegation").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

    /// Delegated verifiers; the variable `PASSGRANT_S` holds a secret.
    pub(crate) fn delegations(json: &str) -> Result<Vec<Arc<Delegation>>, RefusedDelegation> {
        let settings = serde_json::from_str(json).expect("settings");
        Delegation::all(settings, &|name| (name == "PASSGRANT_S").then(|| SECRET.to_owned()))
    }

    #[test]
    fn a_password_is_sent_encrypted_or_does_not_leave_this_machine() {
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
        let json = r#"[{"name":"v","url":"https://a.example","secret_env":"PASSGRANT_S"}]"#;
        let printed = format!("{:?}", delegations(json).expect("sound"));
        assert!(!printed.contains(SECRET) && !printed.contains("a.example"), "{printed}");
    }
}
