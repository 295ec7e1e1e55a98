//! The keys and aliases of one AWS account in one region, and how a request's `KeyId` finds them.

use std::cell::RefCell;
use std::collections::HashMap;

use aws_lc_rs::rand;

use super::error::KmsError;
use super::key::{KeyMaterial, KeySpec};
use super::operation::Operation;

pub(crate) const ACCOUNT_ID: &str = "111122223333";
pub(crate) const REGION: &str = "eu-central-1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion,
}

pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) spec: KeySpec,
    pub(crate) state: KeyState,
    pub(crate) material: KeyMaterial,
}

impl Key {
    pub(crate) fn arn(&self) -> String {
        arn(&format!("key/{}", self.id))
    }

    pub(crate) fn usable(&self) -> Result<(), KmsError> {
        match self.state {
            KeyState::Enabled => Ok(()),
            KeyState::Disabled => Err(KmsError::new("DisabledException", format!("{} is disabled.", self.arn()))),
            KeyState::PendingDeletion => {
                Err(KmsError::new("KMSInvalidStateException", format!("{} is pending deletion.", self.arn())))
            }
        }
    }
}

#[derive(Default)]
pub(crate) struct Account {
    keys: Vec<Key>,
    /// The specs of the data key pairs that were made.
    pairs: RefCell<Vec<KeySpec>>,
    aliases: HashMap<String, String>,
    /// What policies deny to everybody: a key's id, and the operation's name.
    denied: Vec<(String, String)>,
}

impl Account {
    pub(crate) fn create_key(&mut self, spec: KeySpec) -> String {
        let before = self.before(spec);
        let key =
            Key { id: random_uuid(), spec, state: KeyState::Enabled, material: KeyMaterial::generate(spec, before) };
        let arn = key.arn();
        self.keys.push(key);
        arn
    }

    /// How many pairs of a spec there are already, of KMS's keys and of data keys; one more from now on.
    pub(super) fn pairs_made(&self, spec: KeySpec) -> usize {
        let before = self.before(spec);
        self.pairs.borrow_mut().push(spec);
        before
    }

    fn before(&self, spec: KeySpec) -> usize {
        let keys = self.keys.iter().filter(|key| key.spec == spec).count();
        keys + self.pairs.borrow().iter().filter(|made| **made == spec).count()
    }

    pub(crate) fn create_alias(&mut self, name: &str, key_id: &str) {
        assert!(name.starts_with("alias/"), "{name} is not an alias name");
        let id = self.key(key_id).expect("an existing key").id.clone();
        self.aliases.insert(name.to_owned(), id);
    }

    pub(crate) fn set_state(&mut self, key_id: &str, state: KeyState) {
        let id = self.key(key_id).expect("an existing key").id.clone();
        for key in self.keys.iter_mut().filter(|key| key.id == id) {
            key.state = state;
        }
    }

    pub(crate) fn deny(&mut self, key_id: &str, operation: &str) {
        let id = self.key(key_id).expect("an existing key").id.clone();
        self.denied.push((id, operation.to_owned()));
    }

    pub(crate) fn allow_all(&mut self) {
        self.denied.clear();
    }

    /// The key of a request for an operation, if the policies allow that.
    pub(crate) fn key_for(&self, operation: Operation, key_id: &str) -> Result<&Key, KmsError> {
        let key = self.key(key_id)?;
        let name = operation.name();
        if !self.denied.iter().any(|(id, denied)| *id == key.id && denied == name) {
            return Ok(key);
        }
        let arn = key.arn();
        Err(KmsError::new(
            "AccessDeniedException",
            format!(
                "User: arn:aws:sts::{ACCOUNT_ID}:assumed-role/function/function is not authorized to perform: kms:{name} \
                 on resource: {arn} because no resource-based policy allows the kms:{name} action"
            ),
        ))
    }

    /// The key with this key id, key ARN, alias name or alias ARN.
    pub(crate) fn key(&self, key_id: &str) -> Result<&Key, KmsError> {
        if let Some(qualified) = key_id.strip_prefix("arn:") {
            let mut parts = qualified.splitn(5, ':');
            let (partition, service) = (parts.next(), parts.next());
            let (region, account, resource) = (parts.next(), parts.next(), parts.next());
            let (Some("aws"), Some("kms"), Some(region), Some(account), Some(resource)) =
                (partition, service, region, account, resource)
            else {
                return Err(not_found(format!("Invalid arn {key_id}")));
            };
            if region != REGION {
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
        let arn = arn(&format!("key/{id}"));
        found.ok_or_else(|| not_found(format!("Key '{arn}' does not exist")))
    }

    fn by_alias(&self, name: &str) -> Result<&Key, KmsError> {
        match self.aliases.get(name) {
            Some(id) => self.by_id(id),
            None => Err(not_found(format!("Alias {} is not found.", arn(name)))),
        }
    }
}

fn arn(resource: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT_ID}:{resource}")
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
pub(crate) fn random_uuid() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("random bytes");
    let random = u128::from_be_bytes(bytes);
    let versioned = random & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
    let hex = format!("{versioned:032x}");
    let (a, b, c) = (&hex[..8], &hex[8..12], &hex[12..16]);
    format!("{a}-{b}-{c}-{}-{}", &hex[16..20], &hex[20..])
}
