//! A key in this process, for the local server: a PKCS#8 file in its data folder.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use zeroize::Zeroizing;

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Jwk, PublicKey};
use crate::signing::error::{KeyFileError, SigningError};
use crate::signing::verification_key::VerificationKey;

/// A key pair in memory.
pub struct InProcessKey {
    pair: Pair,
    verification: VerificationKey,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

const CURVES: [&EcdsaSigningAlgorithm; 3] =
    [&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P521_SHA512_FIXED_SIGNING];

impl Pair {
    fn generate(algorithm: Algorithm) -> Result<Self, KeyFileError> {
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
    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa);
        let ecdsa = || CURVES.into_iter().find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok()).map(Self::Ecdsa);
        let ed25519 = || Ed25519KeyPair::from_pkcs8(der).ok().map(Self::Ed25519);
        rsa().or_else(ecdsa).or_else(ed25519)
    }

    fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let der = match self {
            Self::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair)?.as_ref().to_vec(),
            Self::Ecdsa(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    fn public_key(&self) -> Result<PublicKey, KeyFileError> {
        let der: Result<PublicKeyX509Der<'_>, Unspecified> = match self {
            Self::Rsa(pair) => pair.public_key().as_der(),
            Self::Ecdsa(pair) => pair.public_key().as_der(),
            Self::Ed25519(pair) => pair.public_key().as_der(),
        };
        Ok(PublicKey::from_spki_der(der.map_err(|_| KeyFileError::Encoding)?.as_ref())?)
    }

    /// The signature in the form of JOSE; none for an algorithm of another kind of key.
    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => {
                let encoding: &dyn RsaEncoding = match algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_SHA256,
                    Algorithm::Rs384 => &RSA_PKCS1_SHA384,
                    Algorithm::Rs512 => &RSA_PKCS1_SHA512,
                    Algorithm::Ps256 => &RSA_PSS_SHA256,
                    Algorithm::Ps384 => &RSA_PSS_SHA384,
                    Algorithm::Ps512 => &RSA_PSS_SHA512,
                    _ => return None,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ecdsa(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
        }
    }
}

impl InProcessKey {
    /// A fresh key that fits `algorithm`; an RSA key has 2048 bits.
    ///
    /// # Errors
    /// [`KeyFileError`] when the cryptographic library cannot make one, or the algorithm is one of shared secrets.
    pub fn generate_for(algorithm: Algorithm) -> Result<Self, KeyFileError> {
        Self::from_pair(Pair::generate(algorithm)?)
    }

    /// Reads the key in `path`, or where there is no such file makes one that fits `algorithm` and writes it there, for its
    /// owner's eyes only.
    ///
    /// # Errors
    /// [`KeyFileError`] when the file cannot be read, written or understood.
    pub fn load_or_generate(path: &Path, algorithm: Algorithm) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate_for(algorithm)?;
                key.write(path)?;
                Ok(key)
            }
            outcome => outcome,
        }
    }

    /// Reads the key in `path`.
    ///
    /// # Errors
    /// [`KeyFileError`] when the file cannot be read or understood.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let der = Zeroizing::new(fs::read(path)?);
        Self::from_pair(Pair::from_pkcs8(&der).ok_or(KeyFileError::Encoding)?)
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyFileError> {
        let jwk = Jwk::new(pair.public_key()?);
        Ok(Self { pair, verification: VerificationKey::Public(jwk) })
    }

    /// The same key, for `algorithm` only.
    ///
    /// # Errors
    /// [`KeyFileError::Key`] when the algorithm does not fit the key.
    pub fn bound_to(self, algorithm: Algorithm) -> Result<Self, KeyFileError> {
        let jwk = Jwk::bound(self.pair.public_key()?, algorithm)?;
        Ok(Self { verification: VerificationKey::Public(jwk), ..self })
    }

    /// Whole or not at all, whenever the process is killed: written beside, synced, then renamed into place.
    fn write(&self, path: &Path) -> Result<(), KeyFileError> {
        let der = self.pair.to_pkcs8().map_err(|_| KeyFileError::Generate)?;
        let beside = path.with_extension("new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&der)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    pub(super) fn verification(&self) -> &VerificationKey {
        &self.verification
    }

    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.pair.sign(algorithm, message).ok_or_else(|| SigningError::Key {
            key: self.verification.key_id().to_owned(),
            problem: "did not sign".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_every_kind_is_the_same_after_a_restart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa] {
            let path = folder.path().join(algorithm.as_str());
            let key = InProcessKey::generate_for(algorithm).expect("a key");
            key.write(&path).expect("a file");
            let again = InProcessKey::load_or_generate(&path, algorithm).expect("the key");
            assert_eq!(again.verification.key_id(), key.verification.key_id(), "{algorithm}");
            assert!(again.verification.fits(algorithm), "{algorithm}");
        }
    }

    #[test]
    fn a_file_without_a_key_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key.der");
        fs::write(&path, "not a key").expect("a file");
        assert!(matches!(InProcessKey::load_or_generate(&path, Algorithm::Rs256), Err(KeyFileError::Encoding)));
        assert_eq!(fs::read(&path).expect("a file"), b"not a key");
        assert!(matches!(InProcessKey::generate_for(Algorithm::Hs256), Err(KeyFileError::NoPair(_))));
    }
}
