//! A KMS inside the process, for the local server and the tests: the JSON 1.1 protocol of AWS KMS, real keys, real
//! signatures, and its refusals.
//!
//! A client that gets this one to sign gets KMS to sign. The two known gaps: a request's signature is only looked at,
//! since nobody's secret is known here, and `ED25519_PH_SHA_512` is checked, then refused.

mod account;
mod authorization;
mod error;
mod key;
mod key_spec;
pub mod listener;
mod members;
mod metadata;
mod operation;
mod signatures;
pub mod wire;
mod wrapping;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;

use crate::signing::local_kms::account::{Access, Account, random_id};
pub use crate::signing::local_kms::account::{KeyState, Pairs, Policies};
pub use crate::signing::local_kms::error::KmsError;
pub use crate::signing::local_kms::key::KeyMaterial;
pub use crate::signing::local_kms::key_spec::{KeySpec, SigningAlgorithm};
use crate::signing::local_kms::members::parse;
pub use crate::signing::local_kms::operation::Operation;
use crate::signing::local_kms::wire::Call;

/// The region in the ARNs of a KMS that belongs to none.
const ANY_REGION: &str = "us-east-1";

/// The keys of one account in one region, and what may be done with them.
pub struct LocalKms {
    region: Option<&'static str>,
    account: RwLock<Account>,
    policies: Box<Policies>,
    pairs: Box<Pairs>,
}

impl LocalKms {
    /// One without keys, which answers whatever region a request is signed for.
    #[must_use]
    pub fn new() -> Self {
        Self {
            region: None,
            account: RwLock::new(Account::new(ANY_REGION)),
            policies: Box::new(|_, _| true),
            pairs: Box::new(KeyMaterial::generate),
        }
    }

    /// The KMS of `region`, without keys. It refuses requests that are signed for another one.
    #[must_use]
    pub fn in_region(self, region: &'static str) -> Self {
        Self { region: Some(region), account: RwLock::new(Account::new(region)), ..self }
    }

    /// The same with key policies; without, everything is allowed.
    #[must_use]
    pub fn with_policies(self, policies: Box<Policies>) -> Self {
        Self { policies, ..self }
    }

    /// The same with another source of data key pairs, which are otherwise made when they are asked for.
    #[must_use]
    pub fn with_pairs(self, pairs: Box<Pairs>) -> Self {
        Self { pairs, ..self }
    }

    /// Adds a key, and returns its ARN, which is new.
    ///
    /// # Errors
    /// [`KmsError`] when there is no randomness for the key's id.
    pub fn add_key(&self, material: KeyMaterial) -> Result<String, KmsError> {
        Ok(self.write().add(random_id()?, material))
    }

    /// Adds a key, and returns its ARN, which is the same each time that this key is added to a KMS.
    ///
    /// # Errors
    /// [`KmsError`] when the key's public half cannot be encoded.
    pub fn add_lasting_key(&self, material: KeyMaterial) -> Result<String, KmsError> {
        let id = material.lasting_id().ok_or_else(KmsError::internal)?;
        Ok(self.write().add(id.to_string(), material))
    }

    /// Creates an alias, such as `alias/signing`, or moves an existing one to another key.
    ///
    /// # Errors
    /// [`KmsError`] when there is no such key.
    pub fn set_alias(&self, name: &str, key_id: &str) -> Result<(), KmsError> {
        self.write().set_alias(name, key_id)
    }

    /// Changes the state of a key.
    ///
    /// # Errors
    /// [`KmsError`] when there is no such key.
    pub fn set_state(&self, key_id: &str, state: KeyState) -> Result<(), KmsError> {
        self.write().set_state(key_id, state)
    }

    /// The ARN of a key that is named by its id, its ARN or an alias.
    ///
    /// # Errors
    /// [`KmsError`] when there is no such key.
    pub fn arn(&self, key_id: &str) -> Result<String, KmsError> {
        Ok(self.read().key(key_id)?.arn().to_owned())
    }

    /// The region that requests must be signed for.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region
    }

    /// Does what is asked for. It takes processor time, for a data key pair of RSA even seconds.
    ///
    /// # Errors
    /// [`KmsError`] as KMS refuses.
    pub fn perform(&self, call: Call) -> Result<Value, KmsError> {
        let account = self.read();
        let access = Access { account: &account, policies: &*self.policies, pairs: &*self.pairs };
        let Call { operation, request } = call;
        match operation {
            Operation::Decrypt => wrapping::decrypt(&access, parse(request)?),
            Operation::DescribeKey => metadata::describe_key(&access, parse(request)?),
            Operation::Encrypt => wrapping::encrypt(&access, parse(request)?),
            Operation::GenerateDataKeyPairWithoutPlaintext => wrapping::generate_key_pair(&access, parse(request)?),
            Operation::GenerateMac => signatures::generate_mac(&access, parse(request)?),
            Operation::GetPublicKey => metadata::public_key(&access, parse(request)?),
            Operation::Sign => signatures::sign(&access, parse(request)?),
            Operation::VerifyMac => signatures::verify_mac(&access, parse(request)?),
        }
    }

    /// Nothing panics while it writes.
    fn read(&self) -> RwLockReadGuard<'_, Account> {
        self.account.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Account> {
        self.account.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for LocalKms {
    fn default() -> Self {
        Self::new()
    }
}
