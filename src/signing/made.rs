//! Key pairs that the command line and the local server make, by aws-lc-rs.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use zeroize::Zeroizing;

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::PublicKey;
use crate::signing::error::KeyFileError;
use crate::signing::pair::sign_with_rsa;

/// A key pair that was made here, now or when its file was written.
pub(super) enum MadePair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

const CURVES: [&EcdsaSigningAlgorithm; 3] =
    [&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P521_SHA512_FIXED_SIGNING];

impl MadePair {
    pub(super) fn generate(algorithm: Algorithm) -> Result<Self, KeyFileError> {
        let [p256, p384, p521] = CURVES;
        let pair = match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => RsaKeyPair::generate(KeySize::Rsa2048).map(Self::Rsa),
            Algorithm::Es256 => EcdsaKeyPair::generate(p256).map(Self::Ecdsa),
            Algorithm::Es384 => EcdsaKeyPair::generate(p384).map(Self::Ecdsa),
            Algorithm::Es512 => EcdsaKeyPair::generate(p521).map(Self::Ecdsa),
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(Self::Ed25519),
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => return Err(KeyFileError::NoPair(algorithm)),
        };
        pair.map_err(|_| KeyFileError::Generate)
    }

    /// Reads a PKCS#8 document, whose own words say which of these it is: no other reading succeeds.
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa);
        let ecdsa = || CURVES.into_iter().find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok()).map(Self::Ecdsa);
        let ed25519 = || Ed25519KeyPair::from_pkcs8(der).ok().map(Self::Ed25519);
        rsa().or_else(ecdsa).or_else(ed25519)
    }

    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let der = match self {
            Self::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair)?.as_ref().to_vec(),
            Self::Ecdsa(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    pub(super) fn public_key(&self) -> Result<PublicKey, KeyFileError> {
        let der: Result<PublicKeyX509Der<'_>, Unspecified> = match self {
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::Ecdsa(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
        };
        Ok(PublicKey::from_spki_der(der.map_err(|_| KeyFileError::Encoding)?.as_ref())?)
    }

    /// The signature in the form of JOSE; none for an algorithm of another kind of key.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => sign_with_rsa!(aws_lc_rs, pair, pair.public_modulus_len(), algorithm, message),
            Self::Ecdsa(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
        }
    }
}
