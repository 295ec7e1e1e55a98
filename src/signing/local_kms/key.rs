//! The secret part of a key, and what is made with it.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use aws_lc_rs::{constant_time, hmac};
use uuid::{Builder, Uuid};
use zeroize::Zeroizing;

use crate::jose::algorithm::Algorithm;
use crate::signing::error::KeyFileError;
use crate::signing::in_process::InProcessKey;
use crate::signing::key_file;
use crate::signing::local_kms::key_spec::{KeySpec, Scheme, SigningAlgorithm};
use crate::signing::verification_key::VerificationKey;

/// Keeps the digests that name keys distinct from every other digest.
const KEY_ID_DOMAIN: &[u8] = b"passgrant key id of a local KMS\0";

/// The curves of ECDSA, with the signatures in DER, as KMS gives them.
const CURVES: [(KeySpec, &EcdsaSigningAlgorithm); 3] = [
    (KeySpec::EccNistP256, &ECDSA_P256_SHA256_ASN1_SIGNING),
    (KeySpec::EccNistP384, &ECDSA_P384_SHA384_ASN1_SIGNING),
    (KeySpec::EccNistP521, &ECDSA_P521_SHA512_ASN1_SIGNING),
];

/// The secret part of a key of a KMS. A clone is the same key.
#[derive(Clone)]
pub struct KeyMaterial {
    spec: KeySpec,
    secret: Arc<Secret>,
}

enum Secret {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    /// Of an HMAC key, or of one that wraps.
    Symmetric(Zeroizing<Vec<u8>>),
}

/// What `Sign` is given: the message, or its digest.
pub(super) enum Message<'a> {
    Raw(&'a [u8]),
    Digest(&'a [u8]),
}

impl KeyMaterial {
    /// A fresh key.
    ///
    /// # Errors
    /// [`KeyFileError::Generate`] when the cryptographic library cannot make one.
    pub fn generate(spec: KeySpec) -> Result<Self, KeyFileError> {
        let rsa = |size| RsaKeyPair::generate(size).map(Secret::Rsa);
        let secret = match spec {
            KeySpec::Rsa2048 => rsa(KeySize::Rsa2048),
            KeySpec::Rsa3072 => rsa(KeySize::Rsa3072),
            KeySpec::Rsa4096 => rsa(KeySize::Rsa4096),
            KeySpec::EccNistP256 => EcdsaKeyPair::generate(CURVES[0].1).map(Secret::Ecdsa),
            KeySpec::EccNistP384 => EcdsaKeyPair::generate(CURVES[1].1).map(Secret::Ecdsa),
            KeySpec::EccNistP521 => EcdsaKeyPair::generate(CURVES[2].1).map(Secret::Ecdsa),
            KeySpec::EccNistEdwards25519 => Ed25519KeyPair::generate().map(Secret::Ed25519),
            KeySpec::SymmetricDefault | KeySpec::Hmac256 => random(32),
            KeySpec::Hmac384 => random(48),
            KeySpec::Hmac512 => random(64),
        };
        secret.map(|secret| Self::new(spec, secret)).map_err(|_| KeyFileError::Generate)
    }

    /// The key of a symmetric spec with these bytes; `None` for a spec of key pairs.
    #[must_use]
    pub fn of_secret(spec: KeySpec, secret: Zeroizing<Vec<u8>>) -> Option<Self> {
        let is_symmetric = spec == KeySpec::SymmetricDefault && secret.len() == 32;
        (is_symmetric || spec.mac_algorithm().is_some()).then(|| Self::new(spec, Secret::Symmetric(secret)))
    }

    /// The key of the local server that is also in its KMS; `None` if it has a kind that KMS does not have.
    #[must_use]
    pub fn of_key(key: &InProcessKey) -> Option<Self> {
        let bytes = key.to_file()?;
        match key.verification() {
            VerificationKey::Public(_) => Self::from_pkcs8(&bytes),
            VerificationKey::Secret { algorithm: Algorithm::Hs256, .. } => Self::of_secret(KeySpec::Hmac256, bytes),
            VerificationKey::Secret { algorithm: Algorithm::Hs384, .. } => Self::of_secret(KeySpec::Hmac384, bytes),
            VerificationKey::Secret { .. } => Self::of_secret(KeySpec::Hmac512, bytes),
        }
    }

    /// Reads the wrapping key in the file at `path`; if there is no such file, makes one and writes it there, readable
    /// only by its owner.
    ///
    /// # Errors
    /// [`KeyFileError`] when the file cannot be read, written or understood.
    pub fn load_or_generate_wrapping_key(path: &Path) -> Result<Self, KeyFileError> {
        let make = || {
            let mut secret = Zeroizing::new(vec![0; 32]);
            rand::fill(&mut secret).map_err(|_| KeyFileError::Generate)?;
            Ok(secret)
        };
        let secret = key_file::read_or_write_new(path, make)?;
        Self::of_secret(KeySpec::SymmetricDefault, secret).ok_or(KeyFileError::Encoding)
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
            let spec = match pair.public_modulus_len() {
                256 => KeySpec::Rsa2048,
                384 => KeySpec::Rsa3072,
                512 => KeySpec::Rsa4096,
                _ => return None,
            };
            return Some(Self::new(spec, Secret::Rsa(pair)));
        }
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8(der) {
            return Some(Self::new(KeySpec::EccNistEdwards25519, Secret::Ed25519(pair)));
        }
        let read = |(spec, curve)| Some(Self::new(spec, Secret::Ecdsa(EcdsaKeyPair::from_pkcs8(curve, der).ok()?)));
        CURVES.into_iter().find_map(read)
    }

    fn new(spec: KeySpec, secret: Secret) -> Self {
        Self { spec, secret: Arc::new(secret) }
    }

    /// Its spec.
    #[must_use]
    pub fn spec(&self) -> KeySpec {
        self.spec
    }

    /// An id that this key has whenever it is read from its file, and that reveals nothing of a secret.
    pub(super) fn lasting_id(&self) -> Option<Uuid> {
        let digest = match &*self.secret {
            Secret::Symmetric(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), KEY_ID_DOMAIN).as_ref().to_vec()
            }
            _ => digest::digest(&digest::SHA256, &[KEY_ID_DOMAIN, &self.public_key()?].concat()).as_ref().to_vec(),
        };
        Some(Builder::from_random_bytes(*digest.first_chunk()?).into_uuid())
    }

    /// The DER `SubjectPublicKeyInfo`; `None` for a secret.
    pub(super) fn public_key(&self) -> Option<Vec<u8>> {
        let der: Result<PublicKeyX509Der<'_>, Unspecified> = match &*self.secret {
            Secret::Rsa(pair) => pair.public_key().as_der(),
            Secret::Ecdsa(pair) => pair.public_key().as_der(),
            Secret::Ed25519(pair) => pair.public_key().as_der(),
            Secret::Symmetric(_) => return None,
        };
        Some(der.ok()?.as_ref().to_vec())
    }

    /// The private half in PKCS#8; `None` for a secret.
    pub(super) fn pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        let der = match &*self.secret {
            Secret::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).ok()?.as_ref().to_vec(),
            Secret::Ecdsa(pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Secret::Ed25519(pair) => pair.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Secret::Symmetric(_) => return None,
        };
        Some(Zeroizing::new(der))
    }

    /// Signs; `None` for Ed25519ph, the only algorithm for which there is no signer here.
    pub(super) fn sign(&self, algorithm: &SigningAlgorithm, message: &Message<'_>) -> Option<Vec<u8>> {
        match (&*self.secret, &algorithm.scheme, message) {
            (Secret::Rsa(pair), Scheme::Rsa(encoding), message) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(*encoding, &message.digest(algorithm.hash)?, &mut signature).ok()?;
                Some(signature)
            }
            (Secret::Ecdsa(pair), Scheme::Ecdsa, message) => {
                Some(pair.sign_digest(&message.digest(algorithm.hash)?).ok()?.as_ref().to_vec())
            }
            (Secret::Ed25519(pair), Scheme::Ed25519, Message::Raw(message)) => {
                Some(pair.try_sign(message).ok()?.as_ref().to_vec())
            }
            _ => None,
        }
    }

    /// The MAC of `message`; `None` for a key that is not HMAC.
    pub(super) fn mac(&self, message: &[u8]) -> Option<Vec<u8>> {
        Some(hmac::sign(&self.hmac()?, message).as_ref().to_vec())
    }

    /// Whether `mac` is the MAC of `message`; `None` for a key that is not HMAC.
    pub(super) fn verifies(&self, message: &[u8], mac: &[u8]) -> Option<bool> {
        Some(constant_time::verify_slices_are_equal(&self.mac(message)?, mac).is_ok())
    }

    fn hmac(&self) -> Option<hmac::Key> {
        let algorithm = match self.spec {
            KeySpec::Hmac256 => hmac::HMAC_SHA256,
            KeySpec::Hmac384 => hmac::HMAC_SHA384,
            KeySpec::Hmac512 => hmac::HMAC_SHA512,
            _ => return None,
        };
        let Secret::Symmetric(secret) = &*self.secret else { return None };
        Some(hmac::Key::new(algorithm, secret))
    }

    /// The secret of a key that wraps.
    pub(super) fn wrapping_secret(&self) -> Option<&[u8]> {
        match &*self.secret {
            Secret::Symmetric(secret) if self.spec == KeySpec::SymmetricDefault => Some(secret),
            _ => None,
        }
    }
}

impl Message<'_> {
    /// A digest is taken as it is: hashing it again is the classic fault of KMS imitations.
    fn digest(&self, hash: &'static digest::Algorithm) -> Option<Digest> {
        match self {
            Self::Raw(message) => Some(digest::digest(hash, message)),
            Self::Digest(digest) => Digest::import_less_safe(digest, hash).ok(),
        }
    }
}

fn random(length: usize) -> Result<Secret, Unspecified> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    rand::fill(&mut bytes)?;
    Ok(Secret::Symmetric(bytes))
}
