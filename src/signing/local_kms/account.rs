//! The keys and aliases of one AWS account in one region, and how a request's `KeyId` finds them.

use std::collections::HashMap;

use aws_lc_rs::rand;
use uuid::Builder;

use crate::signing::error::KeyFileError;
use crate::signing::local_kms::error::KmsError;
use crate::signing::local_kms::key::KeyMaterial;
use crate::signing::local_kms::key_spec::KeySpec;
use crate::signing::local_kms::operation::Operation;

pub(super) const ACCOUNT_ID: &str = "111122223333";

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It can be used.
    Enabled,
    /// It cannot be used until it is enabled.
    Disabled,
    /// It cannot be used unless its deletion is cancelled.
    PendingDeletion,
}

pub(super) struct Key {
    pub(super) id: String,
    arn: String,
    pub(super) state: KeyState,
    pub(super) material: KeyMaterial,
}

impl Key {
    pub(super) fn arn(&self) -> &str {
        &self.arn
    }

    pub(super) fn spec(&self) -> KeySpec {
        self.material.spec()
    }

    pub(super) fn usable(&self) -> Result<(), KmsError> {
        match self.state {
            KeyState::Enabled => Ok(()),
            KeyState::Disabled => Err(KmsError::new("DisabledException", format!("{} is disabled.", self.arn))),
            KeyState::PendingDeletion => {
                Err(KmsError::new("KMSInvalidStateException", format!("{} is pending deletion.", self.arn)))
            }
        }
    }
}

/// What is allowed by the key policies: whether an operation may use the key with an ARN.
pub type Policies = dyn Fn(Operation, &str) -> bool + Send + Sync;

/// Where data key pairs come from.
pub type Pairs = dyn Fn(KeySpec) -> Result<KeyMaterial, KeyFileError> + Send + Sync;

/// An account as the caller of an operation meets it.
pub(super) struct Access<'a> {
    pub(super) account: &'a Account,
    pub(super) policies: &'a Policies,
    pub(super) pairs: &'a Pairs,
}

impl<'a> Access<'a> {
    /// The key of a request for an operation, if the policies allow that.
    pub(super) fn key_for(&self, operation: Operation, key_id: &str) -> Result<&'a Key, KmsError> {
        let key = self.account.key(key_id)?;
        let (name, arn) = (operation.name(), key.arn());
        if (self.policies)(operation, arn) {
            return Ok(key);
        }
        Err(KmsError::new(
            "AccessDeniedException",
            format!(
                "User: arn:aws:sts::{ACCOUNT_ID}:assumed-role/function/function is not authorized to perform: kms:{name} \
                 on resource: {arn} because no resource-based policy allows the kms:{name} action"
            ),
        ))
    }
}

pub(super) struct Account {
    region: &'static str,
    keys: Vec<Key>,
    aliases: HashMap<String, String>,
}

impl Account {
    pub(super) fn new(region: &'static str) -> Self {
        Self { region, keys: Vec::new(), aliases: HashMap::new() }
    }

    /// Adds a key, unless there is one with this id.
    pub(super) fn add(&mut self, id: String, material: KeyMaterial) -> String {
        let arn = self.arn(&format!("key/{id}"));
        if self.by_id(&id).is_err() {
            self.keys.push(Key { id, arn: arn.clone(), state: KeyState::Enabled, material });
        }
        arn
    }

    pub(super) fn set_alias(&mut self, name: &str, key_id: &str) -> Result<(), KmsError> {
        let id = self.key(key_id)?.id.clone();
        self.aliases.insert(name.to_owned(), id);
        Ok(())
    }

    pub(super) fn set_state(&mut self, key_id: &str, state: KeyState) -> Result<(), KmsError> {
        let id = self.key(key_id)?.id.clone();
        for key in self.keys.iter_mut().filter(|key| key.id == id) {
            key.state = state;
        }
        Ok(())
    }

    /// The key with this key id, key ARN, alias name or alias ARN.
    pub(super) fn key(&self, key_id: &str) -> Result<&Key, KmsError> {
        if let Some(qualified) = key_id.strip_prefix("arn:") {
            let mut parts = qualified.splitn(5, ':');
            let (partition, service) = (parts.next(), parts.next());
            let (region, account, resource) = (parts.next(), parts.next(), parts.next());
            let (Some("aws"), Some("kms"), Some(region), Some(account), Some(resource)) =
                (partition, service, region, account, resource)
            else {
                return Err(not_found(format!("Invalid arn {key_id}")));
            };
            if region != self.region {
                return Err(not_found(format!("Invalid arn {region}")));
            }
            if account != ACCOUNT_ID {
                return Err(not_found(format!("Key '{key_id}' does not exist")));
            }
            return match resource.strip_prefix("key/") {
                Some(id) if is_key_id(id) => self.by_id(id),
                Some(id) => Err(not_found(format!("Invalid keyId {id}"))),
                None => self.by_alias(resource),
            };
        }
        if key_id.starts_with("alias/") {
            return self.by_alias(key_id);
        }
        if is_key_id(key_id) {
            return self.by_id(key_id);
        }
        Err(not_found(format!("Invalid keyId '{key_id}'")))
    }

    fn by_id(&self, id: &str) -> Result<&Key, KmsError> {
        let found = self.keys.iter().find(|key| key.id == id);
        let arn = self.arn(&format!("key/{id}"));
        found.ok_or_else(|| not_found(format!("Key '{arn}' does not exist")))
    }

    fn by_alias(&self, name: &str) -> Result<&Key, KmsError> {
        match self.aliases.get(name) {
            Some(id) => self.by_id(id),
            None => Err(not_found(format!("Alias {} is not found.", self.arn(name)))),
        }
    }

    fn arn(&self, resource: &str) -> String {
        format!("arn:aws:kms:{}:{ACCOUNT_ID}:{resource}", self.region)
    }
}

fn not_found(message: String) -> KmsError {
    KmsError::new("NotFoundException", message)
}

fn is_key_id(id: &str) -> bool {
    id.len() == 36
        && id.char_indices().all(|(index, char)| match index {
            8 | 13 | 18 | 23 => char == '-',
            _ => char.is_ascii_hexdigit(),
        })
}

/// A version 4 UUID, as key ids and request ids are.
pub(super) fn random_id() -> Result<String, KmsError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| KmsError::internal())?;
    Ok(Builder::from_random_bytes(bytes).into_uuid().to_string())
}
