//! Key specs, and what a key of each may sign with.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, RsaEncoding};

/// The key specs of KMS that sign, or authenticate, a JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySpec {
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
    /// ECDSA on P-256.
    EccNistP256,
    /// ECDSA on P-384.
    EccNistP384,
    /// ECDSA on P-521.
    EccNistP521,
    /// Ed25519.
    EccNistEdwards25519,
    /// HMAC with SHA-256.
    Hmac256,
    /// HMAC with SHA-384.
    Hmac384,
    /// HMAC with SHA-512.
    Hmac512,
    /// It wraps, and signs nothing.
    SymmetricDefault,
}

/// What a key signs with.
pub struct SigningAlgorithm {
    /// Its name, as in `ECDSA_SHA_256`.
    pub name: &'static str,
    /// The hash whose digest it signs.
    pub hash: &'static digest::Algorithm,
    pub(super) scheme: Scheme,
}

pub(super) enum Scheme {
    Rsa(&'static dyn RsaEncoding),
    Ecdsa,
    Ed25519,
    Ed25519ph,
}

/// The `MessageType` that a signing algorithm accepts.
#[derive(PartialEq, Eq)]
pub(super) enum Accepts {
    RawOrDigest,
    Raw,
    Digest,
}

impl SigningAlgorithm {
    const fn new(name: &'static str, hash: &'static digest::Algorithm, scheme: Scheme) -> SigningAlgorithm {
        SigningAlgorithm { name, hash, scheme }
    }

    pub(super) fn accepts(&self) -> Accepts {
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
    pub const ALL: [KeySpec; 10] = [
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

    /// Its name, as in `RSA_2048`.
    #[must_use]
    pub fn name(self) -> &'static str {
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

    /// What its keys are for, as in `SIGN_VERIFY`.
    pub(super) fn key_usage(self) -> &'static str {
        match self.mac_algorithm() {
            Some(_) => "GENERATE_VERIFY_MAC",
            None if self == KeySpec::SymmetricDefault => "ENCRYPT_DECRYPT",
            None => "SIGN_VERIFY",
        }
    }

    /// What its keys sign with, in the order in which KMS lists them; nothing for a spec of secrets.
    #[must_use]
    pub fn signing_algorithms(self) -> &'static [SigningAlgorithm] {
        match self {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => &RSA,
            KeySpec::EccNistP256 => &P256,
            KeySpec::EccNistP384 => &P384,
            KeySpec::EccNistP521 => &P521,
            KeySpec::EccNistEdwards25519 => &EDWARDS25519,
            KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 | KeySpec::SymmetricDefault => &[],
        }
    }

    /// What its keys make MACs with, if they are HMAC keys.
    #[must_use]
    pub fn mac_algorithm(self) -> Option<&'static str> {
        match self {
            KeySpec::Hmac256 => Some("HMAC_SHA_256"),
            KeySpec::Hmac384 => Some("HMAC_SHA_384"),
            KeySpec::Hmac512 => Some("HMAC_SHA_512"),
            _ => None,
        }
    }
}
