//! Keys in AWS KMS: the private half never leaves it, the public half is fetched once an instance.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyUsageType, MessageType, SigningAlgorithmSpec};
use tokio::sync::OnceCell;

use crate::aws::{AwsError, Dependency};
use crate::signing::jwk::PublicKey;
use crate::signing::{Algorithm, SigningError};

/// A signing key in KMS.
pub struct KmsKey {
    client: Client,
    /// A key id, key ARN, alias name or alias ARN.
    key: String,
    public: OnceCell<PublicKey>,
}

impl KmsKey {
    /// The key that KMS knows as `key`. Nothing is asked of KMS yet.
    #[must_use]
    pub fn new(client: Client, key: String) -> Self {
        Self { client, key, public: OnceCell::new() }
    }

    /// The public half; fetched at the first call, and again after a call that failed.
    pub(super) async fn public(&self) -> Result<&PublicKey, SigningError> {
        self.public.get_or_try_init(|| self.fetch_public()).await
    }

    async fn fetch_public(&self) -> Result<PublicKey, SigningError> {
        let answer = self.client.get_public_key().key_id(&self.key).send().await;
        let answer = answer.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        if answer.key_usage != Some(KeyUsageType::SignVerify) {
            return Err(self.unusable("is not for SIGN_VERIFY"));
        }
        let der = answer.public_key.ok_or_else(|| self.unusable("came without a public key"))?;
        PublicKey::from_spki_der(der.as_ref()).map_err(|problem| self.unusable(&problem.to_string()))
    }

    pub(super) async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let request = self.client.sign().key_id(&self.key).signing_algorithm(kms_name(algorithm));
        let request = request.message_type(MessageType::Digest).message(Blob::new(algorithm.digest(message)));
        let answer = request.send().await.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        let signature = answer.signature.ok_or_else(|| self.unusable("gave no signature"))?;
        Ok(signature.into_inner())
    }

    fn unusable(&self, problem: &str) -> SigningError {
        SigningError::Key { key: self.key.clone(), problem: problem.to_owned() }
    }
}

fn kms_name(algorithm: Algorithm) -> SigningAlgorithmSpec {
    match algorithm {
        Algorithm::Rs256 => SigningAlgorithmSpec::RsassaPkcs1V15Sha256,
        Algorithm::Rs384 => SigningAlgorithmSpec::RsassaPkcs1V15Sha384,
        Algorithm::Rs512 => SigningAlgorithmSpec::RsassaPkcs1V15Sha512,
        Algorithm::Ps256 => SigningAlgorithmSpec::RsassaPssSha256,
        Algorithm::Ps384 => SigningAlgorithmSpec::RsassaPssSha384,
        Algorithm::Ps512 => SigningAlgorithmSpec::RsassaPssSha512,
    }
}
