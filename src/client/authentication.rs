//! How a client authenticates, and what that is checked against (RFC 6749, section 2.3).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::time::Duration;

use thiserror::Error;

use crate::client::keys::ClientKeys;
use crate::client::secret::{SecretCount, Secrets, StoredSecret};
use crate::clock::Timestamp;
use crate::name::named;

/// How a client authenticates at the token endpoint (RFC 7591, section 2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// `client_secret_basic`: HTTP Basic.
    ClientSecretBasic,
    /// `client_secret_post`: `client_id` and `client_secret` in the body.
    ClientSecretPost,
    /// `private_key_jwt`: an assertion signed with the client's key (RFC 7523).
    PrivateKeyJwt,
    /// `none`: a public client, which sends only `client_id`.
    None,
}

impl AuthMethod {
    /// Every method, as metadata lists them.
    pub const ALL: [Self; 4] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt, Self::None];

    /// The methods of confidential clients. Only these clients may introspect.
    pub const CONFIDENTIAL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt];

    /// The registered name of the method.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }

    /// Whether a client with this method holds secrets.
    #[must_use]
    pub const fn has_secret(self) -> bool {
        match self {
            Self::ClientSecretBasic | Self::ClientSecretPost => true,
            Self::PrivateKeyJwt | Self::None => false,
        }
    }

    /// Whether a client with this method registers public keys.
    #[must_use]
    pub const fn has_keys(self) -> bool {
        match self {
            Self::PrivateKeyJwt => true,
            Self::ClientSecretBasic | Self::ClientSecretPost | Self::None => false,
        }
    }
}

named!(AuthMethod);

/// A method, with what a client that uses it must have.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// `client_secret_basic`, with one of these secrets.
    SecretBasic(Secrets),
    /// `client_secret_post`, with one of these secrets.
    SecretPost(Secrets),
    /// `private_key_jwt`, with an assertion that one of these keys verifies.
    PrivateKeyJwt(ClientKeys),
    /// `none`: a public client, which proves nothing.
    None,
}

/// A method, secrets and keys that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Contradiction {
    /// There are secrets for a method that uses none.
    #[error("the method {0} has no secrets")]
    StraySecrets(AuthMethod),
    /// There is a key set for a method that uses none.
    #[error("the method {0} has no keys")]
    StrayKeys(AuthMethod),
    /// The method needs a key set, and there is none.
    #[error("the method {0} needs a key set")]
    NoKeys(AuthMethod),
    /// The method needs secrets, but not this many.
    #[error("the method {method}: {problem}")]
    Secrets {
        /// The method.
        method: AuthMethod,
        /// What is wrong with the secrets.
        problem: SecretCount,
    },
}

/// There is no secret to rotate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the method {0} has no secrets")]
pub struct NoSecrets(pub AuthMethod);

impl ClientAuthentication {
    /// The method `method` with `secrets` or `keys`.
    ///
    /// # Errors
    /// [`Contradiction`] when the method needs what is not there, or has no use for what is.
    pub fn new(
        method: AuthMethod,
        secrets: Vec<StoredSecret>,
        keys: Option<ClientKeys>,
    ) -> Result<Self, Contradiction> {
        if !method.has_secret() && !secrets.is_empty() {
            return Err(Contradiction::StraySecrets(method));
        }
        if !method.has_keys() && keys.is_some() {
            return Err(Contradiction::StrayKeys(method));
        }
        let secrets = || Secrets::new(secrets).map_err(|problem| Contradiction::Secrets { method, problem });
        Ok(match method {
            AuthMethod::ClientSecretBasic => Self::SecretBasic(secrets()?),
            AuthMethod::ClientSecretPost => Self::SecretPost(secrets()?),
            AuthMethod::PrivateKeyJwt => Self::PrivateKeyJwt(keys.ok_or(Contradiction::NoKeys(method))?),
            AuthMethod::None => Self::None,
        })
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> AuthMethod {
        match self {
            Self::SecretBasic(_) => AuthMethod::ClientSecretBasic,
            Self::SecretPost(_) => AuthMethod::ClientSecretPost,
            Self::PrivateKeyJwt(_) => AuthMethod::PrivateKeyJwt,
            Self::None => AuthMethod::None,
        }
    }

    /// Whether anybody can claim to be the client (RFC 6749, section 2.1).
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The secrets of a method that uses them; empty for any other.
    #[must_use]
    pub fn secrets(&self) -> &[StoredSecret] {
        match self {
            Self::SecretBasic(secrets) | Self::SecretPost(secrets) => secrets.as_slice(),
            Self::PrivateKeyJwt(_) | Self::None => &[],
        }
    }

    /// The keys of a method that uses them.
    #[must_use]
    pub const fn keys(&self) -> Option<&ClientKeys> {
        match self {
            Self::PrivateKeyJwt(keys) => Some(keys),
            Self::SecretBasic(_) | Self::SecretPost(_) | Self::None => None,
        }
    }

    /// The same method with a new secret: see [`Secrets::rotated`].
    ///
    /// # Errors
    /// [`NoSecrets`] when the method uses none.
    pub fn rotated(&self, new: StoredSecret, now: Timestamp, overlap: Duration) -> Result<Self, NoSecrets> {
        match self {
            Self::SecretBasic(secrets) => Ok(Self::SecretBasic(secrets.rotated(new, now, overlap))),
            Self::SecretPost(secrets) => Ok(Self::SecretPost(secrets.rotated(new, now, overlap))),
            Self::PrivateKeyJwt(_) | Self::None => Err(NoSecrets(self.method())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::secret::ClientSecret;
    use crate::random::OsRandom;

    fn secrets(count: usize) -> Vec<StoredSecret> {
        let secret = || {
            let secret = ClientSecret::generate(&OsRandom).expect("randomness");
            StoredSecret::new(&secret, Timestamp::from_unix(0), &OsRandom).expect("randomness")
        };
        (0..count).map(|_| secret()).collect()
    }

    /// RFC 8037, appendix A.2.
    fn keys() -> ClientKeys {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        ClientKeys::parse(&format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#)).expect("a key set")
    }

    #[test]
    fn a_method_has_what_it_needs_and_nothing_else() {
        for method in AuthMethod::ALL {
            for (count, with_keys) in [(0, false), (1, false), (2, false), (3, false), (0, true), (1, true)] {
                let keys = with_keys.then(keys);
                let made = ClientAuthentication::new(method, secrets(count), keys);
                let right = match method {
                    AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => {
                        (1..=Secrets::MAX).contains(&count) && !with_keys
                    }
                    AuthMethod::PrivateKeyJwt => count == 0 && with_keys,
                    AuthMethod::None => count == 0 && !with_keys,
                };
                assert_eq!(made.is_ok(), right, "{method}, {count} secrets, keys: {with_keys}");
                if let Ok(made) = made {
                    let parts = (made.method(), made.secrets().len(), made.keys().is_some());
                    assert_eq!(parts, (method, count, with_keys));
                }
            }
        }
    }

    #[test]
    fn a_method_without_secrets_has_none_to_rotate_and_says_which_it_is() {
        for (authentication, method) in [
            (ClientAuthentication::PrivateKeyJwt(keys()), AuthMethod::PrivateKeyJwt),
            (ClientAuthentication::None, AuthMethod::None),
        ] {
            let new = secrets(1).remove(0);
            let rotated = authentication.rotated(new, Timestamp::from_unix(0), Duration::ZERO);
            assert_eq!(rotated.expect_err("no secrets"), NoSecrets(method));
        }
    }
}
