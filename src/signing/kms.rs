//! Keys in AWS KMS: what is secret of them never leaves it, what is public is fetched once an instance.

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata as _;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MacAlgorithmSpec, MessageType, SigningAlgorithmSpec};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use tokio::sync::OnceCell;

use crate::aws::{AwsError, Dependency};
use crate::signing::ecdsa::jose_from_der;
use crate::signing::jwk::{Jwk, PublicKey};
use crate::signing::{Algorithm, SigningError, VerificationKey};

/// The longest message that KMS signs as it is, in bytes: with `EdDSA`, and with a MAC.
pub const MAX_MESSAGE_BYTES: usize = 4096;

/// Keeps the digests that name keys apart from every other digest.
const KEY_ID_DOMAIN: &[u8] = b"passgrant kid of a KMS key\0";

/// A signing key in KMS.
pub struct KmsKey {
    client: Client,
    /// A key id, key ARN, alias name or alias ARN.
    key: String,
    verification: OnceCell<VerificationKey>,
}

impl KmsKey {
    /// The key that KMS knows as `key`. Nothing is asked of KMS yet.
    #[must_use]
    pub fn new(client: Client, key: String) -> Self {
        Self { client, key, verification: OnceCell::new() }
    }

    /// What is known of the key; fetched at the first call, and again after a call that failed.
    pub(super) async fn verification(&self) -> Result<&VerificationKey, SigningError> {
        self.verification.get_or_try_init(|| self.fetch()).await
    }

    /// `GetPublicKey` tells all of a key pair in one call. A key that has no public half is described instead.
    async fn fetch(&self) -> Result<VerificationKey, SigningError> {
        let answer = match self.client.get_public_key().key_id(&self.key).send().await {
            Ok(answer) => answer,
            Err(error)
                if matches!(error.code(), Some("UnsupportedOperationException" | "InvalidKeyUsageException")) =>
            {
                return self.describe().await;
            }
            Err(error) => return Err(AwsError::new(Dependency::Kms, error).into()),
        };
        if answer.key_usage != Some(KeyUsageType::SignVerify) {
            return Err(self.unusable("is not for SIGN_VERIFY"));
        }
        let der = answer.public_key.ok_or_else(|| self.unusable("came without a public key"))?;
        let public = PublicKey::from_spki_der(der.as_ref()).map_err(|problem| self.unusable(&problem.to_string()))?;
        Ok(VerificationKey::Public(Jwk::new(public)))
    }

    async fn describe(&self) -> Result<VerificationKey, SigningError> {
        let answer = self.client.describe_key().key_id(&self.key).send().await;
        let answer = answer.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        let metadata = answer.key_metadata.ok_or_else(|| self.unusable("came without a description"))?;
        if metadata.key_usage != Some(KeyUsageType::GenerateVerifyMac) {
            return Err(self.unusable("is neither for SIGN_VERIFY nor for GENERATE_VERIFY_MAC"));
        }
        let algorithm = match metadata.key_spec {
            Some(KeySpec::Hmac256) => Algorithm::Hs256,
            Some(KeySpec::Hmac384) => Algorithm::Hs384,
            Some(KeySpec::Hmac512) => Algorithm::Hs512,
            _ => return Err(self.unusable("is not HMAC_256, HMAC_384 or HMAC_512")),
        };
        let arn = metadata.arn.ok_or_else(|| self.unusable("came without its ARN"))?;
        Ok(VerificationKey::Secret { key_id: key_id_of_arn(&arn), algorithm })
    }

    pub(super) async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match Request::new(algorithm) {
            Request::SignDigest(name, hash) => self.ask_to_sign(name, MessageType::Digest, hash(message)).await,
            Request::SignDigestEcdsa(name, hash, width) => {
                let der = self.ask_to_sign(name, MessageType::Digest, hash(message)).await?;
                jose_from_der(&der, width).ok_or_else(|| self.unusable("gave a signature that is not ECDSA's"))
            }
            Request::SignMessage(name) => {
                self.ask_to_sign(name, MessageType::Raw, bounded(algorithm, message)?.to_vec()).await
            }
            Request::Mac(name) => self.ask_for_mac(name, bounded(algorithm, message)?).await,
        }
    }

    async fn ask_to_sign(
        &self,
        algorithm: SigningAlgorithmSpec,
        message_type: MessageType,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, SigningError> {
        let request = self.client.sign().key_id(&self.key).signing_algorithm(algorithm);
        let answer = request.message_type(message_type).message(Blob::new(message)).send().await;
        let answer = answer.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        Ok(answer.signature.ok_or_else(|| self.unusable("gave no signature"))?.into_inner())
    }

    async fn ask_for_mac(&self, algorithm: MacAlgorithmSpec, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let request = self.client.generate_mac().key_id(&self.key).mac_algorithm(algorithm);
        let answer = request.message(Blob::new(message)).send().await;
        let answer = answer.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        Ok(answer.mac.ok_or_else(|| self.unusable("gave no MAC"))?.into_inner())
    }

    fn unusable(&self, problem: &str) -> SigningError {
        SigningError::Key { key: self.key.clone(), problem: problem.to_owned() }
    }
}

/// A digest of a key's ARN: whichever way the key is configured it has one name, and who knows the name knows neither
/// the account nor the key.
fn key_id_of_arn(arn: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::new().chain_update(KEY_ID_DOMAIN).chain_update(arn).finalize())
}

/// KMS refuses a longer message too, but after a call, and as a malformed request.
fn bounded(algorithm: Algorithm, message: &[u8]) -> Result<&[u8], SigningError> {
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(SigningError::TooLong { algorithm, bytes: message.len() });
    }
    Ok(message)
}

type Hash = fn(&[u8]) -> Vec<u8>;

/// What is asked of KMS for a signature.
enum Request {
    /// To sign the digest of the message.
    SignDigest(SigningAlgorithmSpec, Hash),
    /// The same with ECDSA, whose answer is two numbers of this many bytes.
    SignDigestEcdsa(SigningAlgorithmSpec, Hash, usize),
    /// To sign the message.
    SignMessage(SigningAlgorithmSpec),
    /// To make a MAC of the message.
    Mac(MacAlgorithmSpec),
}

impl Request {
    fn new(algorithm: Algorithm) -> Self {
        const SHA_256: Hash = |message| Sha256::digest(message).to_vec();
        const SHA_384: Hash = |message| Sha384::digest(message).to_vec();
        const SHA_512: Hash = |message| Sha512::digest(message).to_vec();
        match algorithm {
            Algorithm::Rs256 => Self::SignDigest(SigningAlgorithmSpec::RsassaPkcs1V15Sha256, SHA_256),
            Algorithm::Rs384 => Self::SignDigest(SigningAlgorithmSpec::RsassaPkcs1V15Sha384, SHA_384),
            Algorithm::Rs512 => Self::SignDigest(SigningAlgorithmSpec::RsassaPkcs1V15Sha512, SHA_512),
            Algorithm::Ps256 => Self::SignDigest(SigningAlgorithmSpec::RsassaPssSha256, SHA_256),
            Algorithm::Ps384 => Self::SignDigest(SigningAlgorithmSpec::RsassaPssSha384, SHA_384),
            Algorithm::Ps512 => Self::SignDigest(SigningAlgorithmSpec::RsassaPssSha512, SHA_512),
            Algorithm::Es256 => Self::SignDigestEcdsa(SigningAlgorithmSpec::EcdsaSha256, SHA_256, 32),
            Algorithm::Es384 => Self::SignDigestEcdsa(SigningAlgorithmSpec::EcdsaSha384, SHA_384, 48),
            Algorithm::Es512 => Self::SignDigestEcdsa(SigningAlgorithmSpec::EcdsaSha512, SHA_512, 66),
            Algorithm::EdDsa => Self::SignMessage(SigningAlgorithmSpec::Ed25519Sha512),
            Algorithm::Hs256 => Self::Mac(MacAlgorithmSpec::HmacSha256),
            Algorithm::Hs384 => Self::Mac(MacAlgorithmSpec::HmacSha384),
            Algorithm::Hs512 => Self::Mac(MacAlgorithmSpec::HmacSha512),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_secret_key_is_a_digest_of_its_own_kind() {
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let id = key_id_of_arn(arn);
        assert_eq!(id.len(), 43);
        assert_ne!(id, URL_SAFE_NO_PAD.encode(Sha256::digest(arn)));
        assert_ne!(id, key_id_of_arn(&arn.replace("ab", "ac")));
    }

    #[test]
    fn a_message_is_signed_as_it_is_up_to_the_limit() {
        assert!(bounded(Algorithm::EdDsa, &[0; MAX_MESSAGE_BYTES]).is_ok());
        let refused = bounded(Algorithm::Hs256, &[0; MAX_MESSAGE_BYTES + 1]).expect_err("too long");
        let text = "a token of 4097 bytes is to be signed with HS256, for which KMS takes 4096 at most";
        assert_eq!(refused.to_string(), text);
    }
}
