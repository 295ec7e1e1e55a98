//! Making and importing keys: the operator's side.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_kms::config::Builder;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeyPairSpec, EncryptionAlgorithmSpec};
use thiserror::Error;

use crate::aws::{AwsError, Dependency};
use crate::clock::Timestamp;
use crate::jose::jwk::{PublicKey, UnusableKey};
use crate::signing::envelope::Envelopes;
use crate::signing::secret::SharedSecret;
use crate::store::outcome::{Created, StoreError};
use crate::store::signing_keys::{KeyKind, KeyName, WrappedKey};

/// Why a key was not wrapped and stored.
#[derive(Debug, Error)]
pub enum NotWrapped {
    /// KMS did not do its part.
    #[error(transparent)]
    Kms(#[from] AwsError),
    /// DynamoDB did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The name is taken.
    #[error("there is a key {0} already")]
    AlreadyThere(KeyName),
    /// No key to wrap with is configured.
    #[error("no wrapping key is named")]
    NoWrappingKey,
    /// The public half is not a key that this service signs with.
    #[error("the key that KMS made {0}")]
    Unusable(#[from] UnusableKey),
    /// Part of the answer of KMS is missing.
    #[error("KMS gave no {0}")]
    Incomplete(&'static str),
}

/// KMS takes much longer to make an RSA key than a request may wait for anything.
fn patient() -> TimeoutConfig {
    const ATTEMPT: Duration = Duration::from_secs(30);
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(ATTEMPT * 3).build()
}

impl Envelopes {
    /// Has KMS make a key pair of `kind`, and stores it as `name`. Until it is wrapped, its private half is nowhere but
    /// in KMS.
    ///
    /// # Errors
    /// [`NotWrapped`] when KMS or DynamoDB fails, or the name is taken.
    pub async fn create(&self, name: &KeyName, kind: KeyKind, now: Timestamp) -> Result<WrappedKey, NotWrapped> {
        let wrapping_key = self.wrapping_key.as_deref().ok_or(NotWrapped::NoWrappingKey)?;
        self.is_free(name).await?;
        let request = self.kms.generate_data_key_pair_without_plaintext().key_id(wrapping_key);
        let request = request.key_pair_spec(DataKeyPairSpec::from(kind.as_str()));
        let request = request.set_encryption_context(Some(self.context(name, kind))).customize();
        let answer = request.config_override(Builder::default().timeout_config(patient())).send().await;
        let answer = answer.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        let public_key = answer.public_key.ok_or(NotWrapped::Incomplete("public key"))?;
        let public_key = PublicKey::from_spki_der(public_key.as_ref())?;
        let wrapped = answer.private_key_ciphertext_blob.ok_or(NotWrapped::Incomplete("wrapped private key"))?;
        let key = WrappedKey {
            name: name.clone(),
            kind,
            key_id: public_key.thumbprint(),
            public_key: Some(public_key),
            wrapped: wrapped.into_inner(),
            wrapped_by: answer.key_id.ok_or(NotWrapped::Incomplete("name of the wrapping key"))?,
            created_at: now,
        };
        self.store(key).await
    }

    /// Has KMS wrap a secret that is shared with others, and stores it as `name`.
    ///
    /// # Errors
    /// As [`Envelopes::create`].
    pub async fn import(&self, name: &KeyName, secret: SharedSecret, now: Timestamp) -> Result<WrappedKey, NotWrapped> {
        let wrapping_key = self.wrapping_key.as_deref().ok_or(NotWrapped::NoWrappingKey)?;
        self.is_free(name).await?;
        let kind = KeyKind::of(secret.algorithm());
        let mut request = self.kms.encrypt().key_id(wrapping_key).plaintext(Blob::new(secret.bytes()));
        request = request.encryption_algorithm(EncryptionAlgorithmSpec::SymmetricDefault);
        let answer = request.set_encryption_context(Some(self.context(name, kind))).send().await;
        let answer = answer.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        let wrapped = answer.ciphertext_blob.ok_or(NotWrapped::Incomplete("wrapped secret"))?;
        let key = WrappedKey {
            name: name.clone(),
            kind,
            key_id: secret.key_id(),
            public_key: None,
            wrapped: wrapped.into_inner(),
            wrapped_by: answer.key_id.ok_or(NotWrapped::Incomplete("name of the wrapping key"))?,
            created_at: now,
        };
        self.store(key).await
    }

    /// Checked before KMS is called. A caller that loses a race learns so from the write.
    async fn is_free(&self, name: &KeyName) -> Result<(), NotWrapped> {
        match self.keys.get(name).await? {
            None => Ok(()),
            Some(_) => Err(NotWrapped::AlreadyThere(name.clone())),
        }
    }

    async fn store(&self, key: WrappedKey) -> Result<WrappedKey, NotWrapped> {
        match self.keys.create(&key).await? {
            Created::Written => Ok(key),
            Created::AlreadyThere => Err(NotWrapped::AlreadyThere(key.name)),
        }
    }
}
