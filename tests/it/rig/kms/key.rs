//! Key specs, what each may sign with, and the keys themselves.

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair};
use aws_lc_rs::{hmac, rand};

/// The key specs of KMS that sign, or authenticate, a JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeySpec {
    Rsa2048,
    Rsa3072,
    Rsa4096,
    EccNistP256,
    EccNistP384,
    EccNistP521,
    EccNistEdwards25519,
    Hmac256,
    Hmac384,
    Hmac512,
    /// It wraps, and signs nothing.
    SymmetricDefault,
}

pub(crate) struct SigningAlgorithm {
    pub(crate) name: &'static str,
    pub(crate) hash: &'static digest::Algorithm,
    scheme: Scheme,
}

enum Scheme {
    Rsa(&'static dyn RsaEncoding),
    Ecdsa,
    Ed25519,
    Ed25519ph,
}

/// The `MessageType` that a signing algorithm accepts.
#[derive(PartialEq, Eq)]
pub(crate) enum Accepts {
    RawOrDigest,
    Raw,
    Digest,
}

impl SigningAlgorithm {
    const fn new(name: &'static str, hash: &'static digest::Algorithm, scheme: Scheme) -> SigningAlgorithm {
        SigningAlgorithm { name, hash, scheme }
    }

    pub(crate) fn accepts(&self) -> Accepts {
        match self.scheme {
            Scheme::Rsa(_) | Scheme::Ecdsa => Accepts::RawOrDigest,
            Scheme::Ed25519 => Accepts::Raw,
            Scheme::Ed25519ph => Accepts::Digest,
        }
    }
}

// In the order in which KMS lists them.
static RSA: [SigningAlgorithm; 6] = [
    SigningAlgorithm::new("RSASSA_PKCS1_V1_5_SHA_256", &digest::SHA256, Scheme::Rsa(&signature::RSA_PKCS1_SHA256)),
    SigningAlgorithm::new("RSASSA_PKCS1_V1_5_SHA_384", &digest::SHA384, Scheme::Rsa(&signature::RSA_PKCS1_SHA384)),
    SigningAlgorithm::new("RSASSA_PKCS1_V1_5_SHA_512", &digest::SHA512, Scheme::Rsa(&signature::RSA_PKCS1_SHA512)),
    // The salt is as long as the digest: `RsaPssSaltLength::Digest` is what these encodings use.
    SigningAlgorithm::new("RSASSA_PSS_SHA_256", &digest::SHA256, Scheme::Rsa(&signature::RSA_PSS_SHA256)),
    SigningAlgorithm::new("RSASSA_PSS_SHA_384", &digest::SHA384, Scheme::Rsa(&signature::RSA_PSS_SHA384)),
    SigningAlgorithm::new("RSASSA_PSS_SHA_512", &digest::SHA512, Scheme::Rsa(&signature::RSA_PSS_SHA512)),
];
static P256: [SigningAlgorithm; 1] = [SigningAlgorithm::new("ECDSA_SHA_256", &digest::SHA256, Scheme::Ecdsa)];
static P384: [SigningAlgorithm; 1] = [SigningAlgorithm::new("ECDSA_SHA_384", &digest::SHA384, Scheme::Ecdsa)];
static P521: [SigningAlgorithm; 1] = [SigningAlgorithm::new("ECDSA_SHA_512", &digest::SHA512, Scheme::Ecdsa)];
static EDWARDS25519: [SigningAlgorithm; 2] = [
    SigningAlgorithm::new("ED25519_SHA_512", &digest::SHA512, Scheme::Ed25519),
    SigningAlgorithm::new("ED25519_PH_SHA_512", &digest::SHA512, Scheme::Ed25519ph),
];

impl KeySpec {
    /// Those that sign, or authenticate.
    pub(crate) const ALL: [KeySpec; 10] = [
        KeySpec::Rsa2048,
        KeySpec::Rsa3072,
        KeySpec::Rsa4096,
        KeySpec::EccNistP256,
        KeySpec::EccNistP384,
        KeySpec::EccNistP521,
        KeySpec::EccNistEdwards25519,
        KeySpec::Hmac256,
        KeySpec::Hmac384,
        KeySpec::Hmac512,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            KeySpec::Rsa2048 => "RSA_2048",
            KeySpec::Rsa3072 => "RSA_3072",
            KeySpec::Rsa4096 => "RSA_4096",
            KeySpec::EccNistP256 => "ECC_NIST_P256",
            KeySpec::EccNistP384 => "ECC_NIST_P384",
            KeySpec::EccNistP521 => "ECC_NIST_P521",
            KeySpec::EccNistEdwards25519 => "ECC_NIST_EDWARDS25519",
            KeySpec::Hmac256 => "HMAC_256",
            KeySpec::Hmac384 => "HMAC_384",
            KeySpec::Hmac512 => "HMAC_512",
            KeySpec::SymmetricDefault => "SYMMETRIC_DEFAULT",
        }
    }

    pub(crate) fn key_usage(self) -> &'static str {
        match self.mac_algorithm() {
            Some(_) => "GENERATE_VERIFY_MAC",
            None if self == KeySpec::SymmetricDefault => "ENCRYPT_DECRYPT",
            None => "SIGN_VERIFY",
        }
    }

    /// Empty for an HMAC key.
    pub(crate) fn signing_algorithms(self) -> &'static [SigningAlgorithm] {
        match self {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => &RSA,
            KeySpec::EccNistP256 => &P256,
            KeySpec::EccNistP384 => &P384,
            KeySpec::EccNistP521 => &P521,
            KeySpec::EccNistEdwards25519 => &EDWARDS25519,
            KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 | KeySpec::SymmetricDefault => &[],
        }
    }

    pub(crate) fn mac_algorithm(self) -> Option<&'static str> {
        match self {
            KeySpec::Hmac256 => Some("HMAC_SHA_256"),
            KeySpec::Hmac384 => Some("HMAC_SHA_384"),
            KeySpec::Hmac512 => Some("HMAC_SHA_512"),
            _ => None,
        }
    }
}

pub(crate) enum KeyMaterial {
    Rsa(Arc<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac { algorithm: hmac::Algorithm, secret: Vec<u8> },
    Symmetric(Vec<u8>),
}

/// What `Sign` is given: the message, or its digest.
pub(crate) enum Message<'a> {
    Raw(&'a [u8]),
    Digest(&'a [u8]),
}

impl KeyMaterial {
    /// Generates a key. An RSA key is taken from [`rsa_key`], by how many of its spec came before it.
    pub(crate) fn generate(spec: KeySpec, before: usize) -> Self {
        match spec {
            KeySpec::Rsa2048 => Self::Rsa(rsa_key(&RSA_2048, KeySize::Rsa2048, before)),
            KeySpec::Rsa3072 => Self::Rsa(rsa_key(&RSA_3072, KeySize::Rsa3072, before)),
            KeySpec::Rsa4096 => Self::Rsa(rsa_key(&RSA_4096, KeySize::Rsa4096, before)),
            KeySpec::EccNistP256 => Self::ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
            KeySpec::EccNistP384 => Self::ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
            KeySpec::EccNistP521 => Self::ecdsa(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
            KeySpec::EccNistEdwards25519 => Self::Ed25519(Ed25519KeyPair::generate().expect("an Ed25519 key")),
            KeySpec::Hmac256 => Self::hmac(hmac::HMAC_SHA256),
            KeySpec::Hmac384 => Self::hmac(hmac::HMAC_SHA384),
            KeySpec::Hmac512 => Self::hmac(hmac::HMAC_SHA512),
            KeySpec::SymmetricDefault => Self::Symmetric(random(32)),
        }
    }

    fn ecdsa(algorithm: &'static signature::EcdsaSigningAlgorithm) -> Self {
        Self::Ecdsa(EcdsaKeyPair::generate(algorithm).expect("an ECDSA key"))
    }

    fn hmac(algorithm: hmac::Algorithm) -> Self {
        Self::Hmac { algorithm, secret: random(algorithm.digest_algorithm().output_len()) }
    }

    /// The DER `SubjectPublicKeyInfo`; `None` for an HMAC key.
    pub(crate) fn public_key(&self) -> Option<Vec<u8>> {
        let der: Result<PublicKeyX509Der<'_>, Unspecified> = match self {
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::Ecdsa(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
            Self::Hmac { .. } | Self::Symmetric(_) => return None,
        };
        Some(der.expect("a public key in DER").as_ref().to_vec())
    }

    /// Signs; `None` for Ed25519ph, the only algorithm for which this double has no signer.
    pub(crate) fn sign(&self, algorithm: &SigningAlgorithm, message: &Message<'_>) -> Option<Vec<u8>> {
        let signed = match (self, &algorithm.scheme, message) {
            (Self::Rsa(pair), Scheme::Rsa(encoding), message) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(*encoding, &message.digest(algorithm.hash), &mut signature).map(|()| signature)
            }
            (Self::Ecdsa(pair), Scheme::Ecdsa, message) => {
                pair.sign_digest(&message.digest(algorithm.hash)).map(|signature| signature.as_ref().to_vec())
            }
            (Self::Ed25519(pair), Scheme::Ed25519, Message::Raw(message)) => {
                pair.try_sign(message).map(|signature| signature.as_ref().to_vec())
            }
            _ => return None,
        };
        Some(signed.expect("a signature"))
    }

    /// `None` for a key that is not HMAC.
    pub(crate) fn mac(&self, message: &[u8]) -> Option<Vec<u8>> {
        let Self::Hmac { algorithm, secret } = self else {
            return None;
        };
        let key = hmac::Key::new(*algorithm, secret);
        Some(hmac::sign(&key, message).as_ref().to_vec())
    }
}

impl Message<'_> {
    /// A digest is taken as it is: hashing it again is the classic fault of KMS imitations.
    fn digest(&self, hash: &'static digest::Algorithm) -> Digest {
        match self {
            Self::Raw(message) => digest::digest(hash, message),
            Self::Digest(digest) => Digest::import_less_safe(digest, hash).expect("the length was checked"),
        }
    }
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).expect("random bytes");
    bytes
}

type RsaKeys = Mutex<Vec<Arc<RsaKeyPair>>>;
static RSA_2048: RsaKeys = Mutex::new(Vec::new());
static RSA_3072: RsaKeys = Mutex::new(Vec::new());
static RSA_4096: RsaKeys = Mutex::new(Vec::new());

/// RSA keys are slow to generate, so the process keeps them: the n-th key of a spec is the same key pair
/// in every double, under another key id. Two keys of one double are always distinct.
fn rsa_key(keys: &RsaKeys, size: KeySize, index: usize) -> Arc<RsaKeyPair> {
    let mut keys = keys.lock().expect("key generation does not panic");
    while keys.len() <= index {
        keys.push(Arc::new(RsaKeyPair::generate(size).expect("an RSA key")));
    }
    Arc::clone(&keys[index])
}
