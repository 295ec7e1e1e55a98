//! Wrapped signing keys: items of the clients table, which the function may read but never write, under keys that
//! cannot be client identifiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::clock::Timestamp;
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Base64Url, PublicKey};
use crate::name::named;
use crate::store::item::{Item, string};
use crate::store::outcome::{Changed, Created, StoreError, held};
use crate::store::pages::Pages;
use crate::store::table::Table;

/// The prefix of the keys of these items. A client identifier has ASCII characters only (RFC 6749, appendix A.1), so no
/// request can name such an item.
pub(super) const PREFIX: &str = "§signing-key/";

/// Text that is not a valid name for a wrapped key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the name of a wrapped key is 1 to {} of a-z, 0-9 and -", KeyName::MAX_BYTES)]
pub struct MalformedKeyName;

/// What an operator calls a wrapped key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct KeyName(Box<str>);

impl KeyName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Parses a name.
    ///
    /// # Errors
    /// [`MalformedKeyName`] when the text is empty, too long, or contains another character.
    pub fn parse(text: &str) -> Result<Self, MalformedKeyName> {
        let plain = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if plain && (1..=Self::MAX_BYTES).contains(&text.len()) { Ok(Self(text.into())) } else { Err(MalformedKeyName) }
    }

    /// The name as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn key(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for KeyName {
    type Err = MalformedKeyName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for KeyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// What a wrapped key is: a key pair of a `DataKeyPairSpec` of KMS, or a secret for one algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// An RSA key of 2048 bits.
    Rsa2048,
    /// An RSA key of 3072 bits.
    Rsa3072,
    /// An RSA key of 4096 bits.
    Rsa4096,
    /// A key on P-256.
    P256,
    /// A key on P-384.
    P384,
    /// A key on P-521.
    P521,
    /// An Ed25519 key.
    Ed25519,
    /// A secret for HS256.
    Hs256,
    /// A secret for HS384.
    Hs384,
    /// A secret for HS512.
    Hs512,
}

impl KeyKind {
    const ALL: [Self; 10] = [
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// Its name; for a key pair, the one that KMS has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA_2048",
            Self::Rsa3072 => "RSA_3072",
            Self::Rsa4096 => "RSA_4096",
            Self::P256 => "ECC_NIST_P256",
            Self::P384 => "ECC_NIST_P384",
            Self::P521 => "ECC_NIST_P521",
            Self::Ed25519 => "ECC_NIST_EDWARDS25519",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The kind of key that signs with `algorithm`; for RSA, the shortest.
    #[must_use]
    pub const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => Self::Rsa2048,
            Algorithm::Es256 => Self::P256,
            Algorithm::Es384 => Self::P384,
            Algorithm::Es512 => Self::P521,
            Algorithm::EdDsa => Self::Ed25519,
            Algorithm::Hs256 => Self::Hs256,
            Algorithm::Hs384 => Self::Hs384,
            Algorithm::Hs512 => Self::Hs512,
        }
    }

    /// The algorithm of a secret; `None` for a key pair.
    #[must_use]
    pub const fn of_secret(self) -> Option<Algorithm> {
        match self {
            Self::Hs256 => Some(Algorithm::Hs256),
            Self::Hs384 => Some(Algorithm::Hs384),
            Self::Hs512 => Some(Algorithm::Hs512),
            _ => None,
        }
    }
}

named!(KeyKind);

/// A wrapped key: only KMS can read its secret half.
#[derive(Clone, Debug)]
pub struct WrappedKey {
    /// Its name.
    pub name: KeyName,
    /// Its kind.
    pub kind: KeyKind,
    /// The public half of a key pair. Anyone who may write to the table may write it: it counts only once the unwrapped
    /// key has proved it.
    pub public_key: Option<PublicKey>,
    /// The `kid` of its tokens.
    pub key_id: String,
    /// The private half, in PKCS#8, or the secret, encrypted by KMS.
    pub wrapped: Vec<u8>,
    /// The ARN of the KMS key that it is wrapped with.
    pub wrapped_by: String,
    /// When it was made or imported.
    pub created_at: Timestamp,
}

/// A wrapped key as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    name: KeyName,
    kind: KeyKind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    public_key: Option<PublicKey>,
    key_id: String,
    wrapped_key: Base64Url,
    wrapped_by: String,
    created_at: Timestamp,
}

impl StoredKey {
    fn new(key: &WrappedKey) -> Self {
        Self {
            name: key.name.clone(),
            kind: key.kind,
            public_key: key.public_key.clone(),
            key_id: key.key_id.clone(),
            wrapped_key: key.wrapped.as_slice().into(),
            wrapped_by: key.wrapped_by.clone(),
            created_at: key.created_at,
        }
    }

    /// What is wrong with it under `key`, if anything.
    fn contradiction(&self, key: &str) -> Option<String> {
        if key != self.name.key() {
            return Some("it is stored under another name than its own".to_owned());
        }
        match &self.public_key {
            None if self.kind.of_secret().is_none() => Some("it is a pair without a public half".to_owned()),
            Some(_) if self.kind.of_secret().is_some() => Some("it is a secret with a public half".to_owned()),
            public_key => public_key.as_ref()?.check().err().map(|problem| format!("its public half {problem}")),
        }
    }
}

impl From<StoredKey> for WrappedKey {
    fn from(stored: StoredKey) -> Self {
        Self {
            name: stored.name,
            kind: stored.kind,
            public_key: stored.public_key,
            key_id: stored.key_id,
            wrapped: stored.wrapped_key.as_bytes().to_vec(),
            wrapped_by: stored.wrapped_by,
            created_at: stored.created_at,
        }
    }
}

/// The wrapped signing keys, in the clients table.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    clients: Table,
}

impl SigningKeys {
    pub(super) fn new(clients: Table) -> Self {
        Self { clients }
    }

    /// The key called `name`.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB does not answer or the item cannot be read.
    pub async fn get(&self, name: &KeyName) -> Result<Option<WrappedKey>, StoreError> {
        let key = name.key();
        let item = self.clients.get(&key).await?;
        item.map(|item| self.read(&key, item)).transpose()
    }

    fn read(&self, key: &str, item: Item) -> Result<WrappedKey, StoreError> {
        let stored: StoredKey = self.clients.stored(key, item)?;
        match stored.contradiction(key) {
            Some(problem) => Err(self.clients.inconsistent(key, problem)),
            None => Ok(stored.into()),
        }
    }

    /// Stores a key; never overwrites one.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB fails.
    pub async fn create(&self, key: &WrappedKey) -> Result<Created, StoreError> {
        self.clients.create(self.clients.item(&key.name.key(), StoredKey::new(key))?).await
    }

    /// Deletes a key for good, if its `kid` is this one.
    ///
    /// # Errors
    /// [`StoreError`] when DynamoDB fails.
    pub async fn delete(&self, name: &KeyName, kid: Option<&str>) -> Result<Changed, StoreError> {
        let request = self.clients.delete(&name.key());
        let request = match kid {
            None => request.condition_expression("attribute_exists(client_id)"),
            Some(kid) => {
                let request = request.condition_expression("key_id = :kid");
                request.expression_attribute_values(":kid", string(kid))
            }
        };
        Ok(Changed::held(held(request.send().await)?))
    }

    /// Every key, found by reading the whole table: for the command line only.
    #[must_use]
    pub fn list(&self) -> Pages<'_, WrappedKey> {
        let request = self.clients.scan().filter_expression("begins_with(client_id, :signing_key)");
        let request = request.expression_attribute_values(":signing_key", string(PREFIX));
        Pages::new(request, |item| self.read(&self.clients.key_of(&item), item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::id::ClientId;

    #[test]
    fn no_client_identifier_is_the_key_of_a_signing_key() {
        let key = KeyName::parse("main-2026").expect("a name").key();
        assert!(key.starts_with(PREFIX) && ClientId::parse(&key).is_err(), "{key}");
        for client_id in [PREFIX.to_owned(), PREFIX.chars().take(1).collect()] {
            assert!(ClientId::parse(&client_id).is_err(), "{client_id}");
        }
        let visible: String = (0x20..=0x7E).map(char::from).collect();
        assert!(!ClientId::parse(&visible).expect("every character of a client id").as_str().starts_with(PREFIX));
    }

    #[test]
    fn the_name_of_a_key_is_plain_and_bounded() {
        assert!(KeyName::parse(&"a".repeat(KeyName::MAX_BYTES)).is_ok());
        for bad in ["", "A", "a b", "a_b", "a/b", "a=b", "a,b", "é", &"a".repeat(KeyName::MAX_BYTES + 1)] {
            assert_eq!(KeyName::parse(bad), Err(MalformedKeyName), "{bad:?}");
        }
    }

    #[test]
    fn what_a_key_is_goes_with_whether_it_has_a_public_half() {
        let stored = |name: &str, kind, public_key: Option<&str>| StoredKey {
            name: KeyName::parse(name).expect("a name"),
            kind,
            public_key: public_key.map(|key| serde_json::from_str(key).expect("a key")),
            key_id: "kid".to_owned(),
            wrapped_key: [1].as_slice().into(),
            wrapped_by: "arn".to_owned(),
            created_at: Timestamp::from_unix(0),
        };
        let key = KeyName::parse("main").expect("a name").key();
        let sound = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let short = r#"{"kty":"OKP","crv":"Ed25519","x":"11qY"}"#;
        assert_eq!(stored("main", KeyKind::Ed25519, Some(sound)).contradiction(&key), None);
        assert_eq!(stored("main", KeyKind::Hs256, None).contradiction(&key), None);
        for contradictory in [
            stored("other", KeyKind::Ed25519, Some(sound)),
            stored("main", KeyKind::Ed25519, None),
            stored("main", KeyKind::Ed25519, Some(short)),
            stored("main", KeyKind::Hs256, Some(sound)),
        ] {
            assert!(contradictory.contradiction(&key).is_some());
        }
    }
}
