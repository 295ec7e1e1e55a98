//! Key pairs that the command line and the local server make, with aws-lc-rs.

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

/// A key pair that was made here, just now or when its file was written.
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

    /// Reads a PKCS#8 document. The document itself says which of these kinds it is, so only one of the readings can
    /// succeed.
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

    /// The signature in the form that JOSE uses; `None` for an algorithm that needs another kind of key.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => sign_with_rsa!(aws_lc_rs, pair, pair.public_modulus_len(), algorithm, message),
            Self::Ecdsa(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};

    use super::*;
    use crate::signing::pair::KeyPair;

    /// A value in DER, shorter than 128 bytes.
    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let value = parts.concat();
        [&[tag, u8::try_from(value.len()).expect("short")][..], &value].concat()
    }

    #[test]
    fn a_private_key_is_read_with_its_public_half_inside_or_without_it() {
        let made = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let scalar: EcPrivateKeyBin<'_> = made.private_key().as_be_bytes().expect("a scalar");
        let with = made.to_pkcs8v1().expect("PKCS#8");
        let public = MadePair::Ecdsa(made).public_key().expect("a public key");
        // id-ecPublicKey and prime256v1 (RFC 5480, section 2.1.1).
        let p256 =
            der(0x30, &[&[6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1], &[6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7]]);
        let private = der(0x30, &[&[2, 1, 1], &der(4, &[scalar.as_ref()])]);
        let without = der(0x30, &[&[2, 1, 0], &p256, &der(4, &[&private])]);
        for pkcs8 in [with.as_ref(), &without] {
            let pair = KeyPair::new(pkcs8, &public).expect("a pair");
            let signature = pair.sign(Algorithm::Es256, b"message").expect("a signature");
            assert!(public.verify(Algorithm::Es256, b"message", &signature));
        }
    }

    #[test]
    fn an_ed25519_key_is_read_in_either_version_of_pkcs8() {
        let made = Ed25519KeyPair::generate().expect("a key");
        let (first, second) = (made.to_pkcs8v1().expect("PKCS#8"), made.to_pkcs8().expect("PKCS#8"));
        let public = MadePair::Ed25519(made).public_key().expect("a public key");
        for pkcs8 in [first.as_ref(), second.as_ref()] {
            assert!(KeyPair::new(pkcs8, &public).is_some());
        }
    }

    #[test]
    fn a_pair_has_two_halves_of_one_key_and_signs_with_its_own_algorithms_only() {
        let made = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa];
        let made = made.map(|algorithm| MadePair::generate(algorithm).expect("a key"));
        let other = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa];
        let other = other.map(|algorithm| MadePair::generate(algorithm).expect("a key"));
        for (index, pair) in made.iter().enumerate() {
            let (pkcs8, public) = (pair.to_pkcs8().expect("PKCS#8"), pair.public_key().expect("a public key"));
            for stranger in made.iter().chain(&other) {
                let half = stranger.public_key().expect("a public key");
                assert_eq!(KeyPair::new(&pkcs8, &half).is_some(), half == public, "{index}");
            }
            let own = KeyPair::new(&pkcs8, &public).expect("a pair");
            for algorithm in Algorithm::ALL {
                let signed = own.sign(algorithm, b"message");
                let verified = signed.is_some_and(|signature| public.verify(algorithm, b"message", &signature));
                assert_eq!(verified, public.fits(algorithm), "{algorithm}");
            }
            for bytes in [&pkcs8[..pkcs8.len() - 1], &pkcs8[1..], &[], &[0x30, 0], b"garbage"] {
                assert!(KeyPair::new(bytes, &public).is_none());
            }
        }
    }
}
