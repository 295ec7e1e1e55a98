//! Keys in envelopes: made or imported by an operator, wrapped by KMS, stored in DynamoDB, and unwrapped once per
//! instance to sign in this process.

#[cfg(feature = "cli")]
mod wrap;

use std::collections::HashMap;

use aws_sdk_kms::Client as Kms;
use aws_sdk_kms::error::ProvideErrorMetadata as _;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::EncryptionAlgorithmSpec;
use zeroize::Zeroizing;

use crate::aws::{AwsError, Dependency};
use crate::issuer::Issuer;
use crate::jose::jwk::Jwk;
#[cfg(feature = "cli")]
pub use crate::signing::envelope::wrap::NotWrapped;
use crate::signing::error::SigningError;
use crate::signing::in_process::InProcessKey;
use crate::signing::listed::ListedKey;
use crate::signing::secret::SharedSecret;
use crate::signing::verification_key::VerificationKey;
use crate::store::signing_keys::{KeyKind, KeyName, SigningKeys, WrappedKey};

/// The purpose that every wrapped signing key states, so that KMS unwraps nothing else as a signing key.
const PURPOSE: &str = "passgrant-signing-key";

/// What envelopes are made and opened with: KMS, the table, and the issuer whose keys they hold.
#[derive(Clone)]
pub struct Envelopes {
    kms: Kms,
    keys: SigningKeys,
    issuer: Issuer,
    wrapping_key: Option<String>,
}

impl Envelopes {
    /// The envelopes of `issuer` in `keys`, whose keys are wrapped with `wrapping_key`, a symmetric key of KMS.
    #[must_use]
    pub fn new(kms: Kms, keys: SigningKeys, issuer: Issuer, wrapping_key: Option<String>) -> Self {
        Self { kms, keys, issuer, wrapping_key }
    }

    /// The KMS behind them, which also signs with keys of its own.
    pub(super) fn kms(&self) -> Kms {
        self.kms.clone()
    }

    /// What KMS is told about a wrapped key when it wraps it, and must be told again to unwrap it (the encryption
    /// context). A wrapped key is useless under another name, for another issuer, or as a key of another kind.
    fn context(&self, name: &KeyName, kind: KeyKind) -> HashMap<String, String> {
        let context =
            [("purpose", PURPOSE), ("issuer", self.issuer.as_str()), ("name", name.as_str()), ("kind", kind.as_str())];
        context.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// The key that is listed as `listed`, unwrapped; an error if it is not an envelope.
    async fn open(&self, listed: &ListedKey) -> Result<InProcessKey, SigningError> {
        let unusable = |problem: &str| SigningError::Key { key: listed.to_string(), problem: problem.to_owned() };
        let name = listed.envelope().ok_or_else(|| unusable("is not an envelope"))?;
        let Some(wrapping_key) = &self.wrapping_key else {
            return Err(unusable("cannot be unwrapped: no wrapping key is configured"));
        };
        let Some(wrapped) = self.keys.get(&name).await? else {
            return Err(unusable("is not in the clients table"));
        };
        let request = self.kms.decrypt().key_id(wrapping_key).ciphertext_blob(Blob::new(wrapped.wrapped.clone()));
        let request = request.set_encryption_context(Some(self.context(&name, wrapped.kind)));
        let answer = request.encryption_algorithm(EncryptionAlgorithmSpec::SymmetricDefault).send().await;
        let answer = answer.map_err(|error| match error.code() {
            Some("InvalidCiphertextException" | "IncorrectKeyException") => unusable(
                "is not unwrapped by KMS: it was changed, or wrapped with another key, for another issuer or under another name",
            ),
            _ => AwsError::new(Dependency::Kms, error).into(),
        })?;
        let plaintext = answer.plaintext.map(Blob::into_inner).map(Zeroizing::new);
        let plaintext = plaintext.ok_or_else(|| unusable("came out of its envelope as nothing"))?;
        let key = unwrapped(&wrapped, plaintext).map_err(|problem| unusable(&problem))?;
        match listed.algorithm {
            Some(algorithm) => key.bound_to(algorithm).map_err(|problem| unusable(&problem.to_string())),
            None => Ok(key),
        }
    }
}

/// The key in an opened envelope. What the table says about the key counts only where the key proves it: write access
/// to the table is not enough to have a key of one's own published.
fn unwrapped(wrapped: &WrappedKey, plaintext: Zeroizing<Vec<u8>>) -> Result<InProcessKey, String> {
    match (wrapped.kind.of_secret(), &wrapped.public_key) {
        (None, Some(public)) => {
            let key = InProcessKey::of_pair(&plaintext, public.clone());
            key.ok_or_else(|| "is not the private half of the public key beside it".to_owned())
        }
        (Some(algorithm), None) => {
            let secret =
                SharedSecret::new(algorithm, plaintext).map_err(|problem| format!("is unusable: {problem}"))?;
            let key = InProcessKey::of_secret(secret);
            let is_named = key.verification().key_id() == wrapped.key_id;
            if is_named { Ok(key) } else { Err("is not the secret that the kid beside it names".to_owned()) }
        }
        _ => Err("is neither a pair nor a secret".to_owned()),
    }
}

/// A key in an envelope, as it is listed.
pub struct EnvelopeKey {
    envelopes: Envelopes,
    listed: ListedKey,
}

impl EnvelopeKey {
    /// The key that is listed as `listed`. Neither DynamoDB nor KMS is called yet.
    #[must_use]
    pub fn new(envelopes: Envelopes, listed: ListedKey) -> Self {
        Self { envelopes, listed }
    }

    /// The key as it is listed.
    pub(super) fn listed(&self) -> &ListedKey {
        &self.listed
    }

    /// The key itself: one `GetItem`, one `Decrypt`.
    ///
    /// # Errors
    /// [`SigningError`] when DynamoDB or KMS fails, or the key is not what it should be.
    pub(super) async fn open(&self) -> Result<InProcessKey, SigningError> {
        self.envelopes.open(&self.listed).await
    }
}

/// What a wrapped key says about itself, for `listed`. Nothing has proved it: this is meant for an operator, who may
/// not be allowed to unwrap the key.
///
/// # Errors
/// [`SigningError`] when the key does not fit the algorithm that it is listed with.
pub fn as_stored(wrapped: &WrappedKey, listed: &ListedKey) -> Result<VerificationKey, SigningError> {
    let misfit = |problem: String| SigningError::Key { key: listed.to_string(), problem };
    match (&wrapped.public_key, wrapped.kind.of_secret(), listed.algorithm) {
        (Some(public), _, None) => Ok(VerificationKey::Public(Jwk::new(public.clone()))),
        (Some(public), _, Some(algorithm)) => {
            let jwk = Jwk::bound(public.clone(), algorithm).map_err(|problem| misfit(problem.to_string()))?;
            Ok(VerificationKey::Public(jwk))
        }
        (None, Some(algorithm), bound) if bound.is_none_or(|bound| bound == algorithm) => {
            Ok(VerificationKey::Secret { key_id: wrapped.key_id.clone(), algorithm })
        }
        _ => Err(misfit("does not fit the algorithm that it is listed with".to_owned())),
    }
}
