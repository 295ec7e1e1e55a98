//! Keys in AWS KMS: their secret part never leaves it, and their public part is fetched once per instance.

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata as _;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyUsageType, MacAlgorithmSpec, MessageType, SigningAlgorithmSpec};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::aws::{AwsError, Dependency};
use crate::jose::algorithm::Algorithm;
use crate::jose::ecdsa::jose_from_der;
use crate::jose::jwk::{Jwk, PublicKey, UnusableKey};
use crate::signing::error::{MAX_MESSAGE_BYTES, SigningError};
use crate::signing::listed::ListedKey;
use crate::signing::verification_key::VerificationKey;

/// Keeps the digests that name keys distinct from every other digest.
const KEY_ID_DOMAIN: &[u8] = b"passgrant kid of a KMS key\0";

/// A key as it is listed. An alias may stand for another key tomorrow, so nothing is signed with a key before it is
/// pinned.
pub struct KmsKey {
    client: Client,
    listed: ListedKey,
}

impl KmsKey {
    /// The key that is listed as `listed`. KMS is not called yet.
    #[must_use]
    pub fn new(client: Client, listed: ListedKey) -> Self {
        Self { client, listed }
    }

    /// The key as it is listed.
    pub(super) fn listed(&self) -> &ListedKey {
        &self.listed
    }

    /// What verifies the signatures of the key, as KMS says now: for whoever looks at a key without signing.
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not say, or the key is not what it should be.
    #[cfg(feature = "cli")]
    pub async fn verification(&self) -> Result<VerificationKey, SigningError> {
        Ok(self.pin().await?.verification)
    }

    /// The key that the listed name stands for now. For a key pair, one call of `GetPublicKey` returns everything; a
    /// key without a public half is described instead.
    ///
    /// # Errors
    /// [`SigningError`] when KMS does not say, or the key is not what it should be.
    pub(super) async fn pin(&self) -> Result<PinnedKey, SigningError> {
        let answer = match self.client.get_public_key().key_id(&self.listed.name).send().await {
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
        let public = PublicKey::from_spki_der(der.as_ref());
        let jwk = public.and_then(|public| match self.listed.algorithm {
            Some(algorithm) => Jwk::bound(public, algorithm),
            None => Ok(Jwk::new(public)),
        });
        let jwk = jwk.map_err(|problem| self.unusable(&problem.to_string()))?;
        Ok(self.pinned(self.arn(answer.key_id)?, VerificationKey::Public(jwk)))
    }

    /// KMS describes a key in any state, also one that cannot be used.
    async fn describe(&self) -> Result<PinnedKey, SigningError> {
        let answer = self.client.describe_key().key_id(&self.listed.name).send().await;
        let answer = answer.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        let metadata = answer.key_metadata.ok_or_else(|| self.unusable("came without a description"))?;
        if metadata.key_usage != Some(KeyUsageType::GenerateVerifyMac) {
            return Err(self.unusable("is neither for SIGN_VERIFY nor for GENERATE_VERIFY_MAC"));
        }
        if !metadata.enabled {
            return Err(self.unusable("is not enabled"));
        }
        let algorithm = match metadata.key_spec {
            Some(KeySpec::Hmac256) => Algorithm::Hs256,
            Some(KeySpec::Hmac384) => Algorithm::Hs384,
            Some(KeySpec::Hmac512) => Algorithm::Hs512,
            _ => return Err(self.unusable("is not HMAC_256, HMAC_384 or HMAC_512")),
        };
        if let Some(bound) = self.listed.algorithm.filter(|bound| *bound != algorithm) {
            return Err(self.unusable(&UnusableKey::Misfit(bound).to_string()));
        }
        let arn = self.arn(metadata.arn)?;
        let verification = VerificationKey::Secret { key_id: key_id_of_arn(&arn), algorithm };
        Ok(self.pinned(arn, verification))
    }

    fn arn(&self, answered: Option<String>) -> Result<String, SigningError> {
        answered.filter(|arn| arn.starts_with("arn:")).ok_or_else(|| self.unusable("came without its ARN"))
    }

    fn pinned(&self, arn: String, verification: VerificationKey) -> PinnedKey {
        PinnedKey { client: self.client.clone(), listed: self.listed.clone(), arn, verification }
    }

    fn unusable(&self, problem: &str) -> SigningError {
        SigningError::Key { key: self.listed.to_string(), problem: problem.to_owned() }
    }
}

/// The key that a listed name stood for when KMS was asked. It is called by its ARN, whatever becomes of the name, and
/// an answer that names another key is not accepted: a token is signed by the key that its `kid` names.
pub struct PinnedKey {
    client: Client,
    listed: ListedKey,
    arn: String,
    verification: VerificationKey,
}

impl PinnedKey {
    pub(super) fn verification(&self) -> &VerificationKey {
        &self.verification
    }

    pub(super) async fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let digest = |message| algorithm.hash().digest(message);
        match Request::new(algorithm) {
            Request::SignDigest(name) => self.ask_to_sign(name, MessageType::Digest, digest(message)).await,
            Request::SignDigestEcdsa(name, width) => {
                let der = self.ask_to_sign(name, MessageType::Digest, digest(message)).await?;
                jose_from_der(&der, width).ok_or_else(|| self.faulty("gave a signature that is not ECDSA's"))
            }
            Request::SignMessage(name) => {
                self.ask_to_sign(name, MessageType::Raw, bounded(algorithm, message)?.to_vec()).await
            }
            Request::Mac(name) => self.ask_for_mac(name, bounded(algorithm, message)?).await,
        }
    }

    /// Whether `mac` is the MAC of `message` under this key. One that cannot be is refused before KMS is called.
    pub(super) async fn verify_mac(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        mac: &[u8],
    ) -> Result<bool, SigningError> {
        let Request::Mac(name) = Request::new(algorithm) else {
            return Ok(false);
        };
        if mac.len() != algorithm.hash().length() || bounded(algorithm, message).is_err() {
            return Ok(false);
        }
        let request = self.client.verify_mac().key_id(&self.arn).mac_algorithm(name);
        match request.message(Blob::new(message)).mac(Blob::new(mac)).send().await {
            Ok(answer) => self.own(answer.key_id.as_deref()).map(|()| answer.mac_valid),
            Err(error) if error.code() == Some("KMSInvalidMacException") => Ok(false),
            Err(error) => Err(AwsError::new(Dependency::Kms, error).into()),
        }
    }

    async fn ask_to_sign(
        &self,
        algorithm: SigningAlgorithmSpec,
        message_type: MessageType,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, SigningError> {
        let request = self.client.sign().key_id(&self.arn).signing_algorithm(algorithm);
        let answer = request.message_type(message_type).message(Blob::new(message)).send().await;
        let answer = answer.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        self.own(answer.key_id.as_deref())?;
        Ok(answer.signature.ok_or_else(|| self.faulty("gave no signature"))?.into_inner())
    }

    async fn ask_for_mac(&self, algorithm: MacAlgorithmSpec, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let request = self.client.generate_mac().key_id(&self.arn).mac_algorithm(algorithm);
        let answer = request.message(Blob::new(message)).send().await;
        let answer = answer.map_err(|error| AwsError::new(Dependency::Kms, error))?;
        self.own(answer.key_id.as_deref())?;
        Ok(answer.mac.ok_or_else(|| self.faulty("gave no MAC"))?.into_inner())
    }

    /// Refuses an answer that does not name this key.
    fn own(&self, answered: Option<&str>) -> Result<(), SigningError> {
        if answered == Some(&self.arn) { Ok(()) } else { Err(self.faulty("was asked, and another key answered")) }
    }

    fn faulty(&self, problem: &str) -> SigningError {
        SigningError::Key { key: self.listed.to_string(), problem: problem.to_owned() }
    }
}

/// A digest of a key's ARN: the key has the same name whichever way it is configured, and the name reveals neither the
/// account nor the key.
fn key_id_of_arn(arn: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::new().chain_update(KEY_ID_DOMAIN).chain_update(arn).finalize())
}

/// KMS refuses a longer message too, but only after a call, and as a malformed request.
fn bounded(algorithm: Algorithm, message: &[u8]) -> Result<&[u8], SigningError> {
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(SigningError::TooLong { algorithm, bytes: message.len() });
    }
    Ok(message)
}

/// What KMS is asked for to get a signature.
enum Request {
    /// To sign the digest of the message.
    SignDigest(SigningAlgorithmSpec),
    /// The same with ECDSA, whose signature consists of two numbers of this many bytes.
    SignDigestEcdsa(SigningAlgorithmSpec, usize),
    /// To sign the message.
    SignMessage(SigningAlgorithmSpec),
    /// To make a MAC of the message.
    Mac(MacAlgorithmSpec),
}

impl Request {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rs256 => Self::SignDigest(SigningAlgorithmSpec::RsassaPkcs1V15Sha256),
            Algorithm::Rs384 => Self::SignDigest(SigningAlgorithmSpec::RsassaPkcs1V15Sha384),
            Algorithm::Rs512 => Self::SignDigest(SigningAlgorithmSpec::RsassaPkcs1V15Sha512),
            Algorithm::Ps256 => Self::SignDigest(SigningAlgorithmSpec::RsassaPssSha256),
            Algorithm::Ps384 => Self::SignDigest(SigningAlgorithmSpec::RsassaPssSha384),
            Algorithm::Ps512 => Self::SignDigest(SigningAlgorithmSpec::RsassaPssSha512),
            Algorithm::Es256 => Self::SignDigestEcdsa(SigningAlgorithmSpec::EcdsaSha256, 32),
            Algorithm::Es384 => Self::SignDigestEcdsa(SigningAlgorithmSpec::EcdsaSha384, 48),
            Algorithm::Es512 => Self::SignDigestEcdsa(SigningAlgorithmSpec::EcdsaSha512, 66),
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
