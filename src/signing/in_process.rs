//! A key in this process, for the local server: a PKCS#8 file in its data folder.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding,
};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::signing::jwk::{PublicKey, UnusableKey};
use crate::signing::{Algorithm, SigningError};

/// Why a key file could not be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The file could not be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
    /// The file holds no RSA key in PKCS#8.
    #[error("it holds no RSA private key in PKCS#8 (DER)")]
    Encoding,
    /// The key is too weak, or of the wrong kind.
    #[error("its key {0}")]
    Key(#[from] UnusableKey),
    /// A key could not be generated.
    #[error("a key could not be generated")]
    Generate,
}

/// An RSA key pair in memory.
pub struct InProcessKey {
    pair: KeyPair,
    public: PublicKey,
}

impl InProcessKey {
    /// A fresh RSA key of 2048 bits.
    ///
    /// # Errors
    /// [`KeyFileError::Generate`] when the cryptographic library cannot make one.
    pub fn generate() -> Result<Self, KeyFileError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyFileError::Generate)?;
        Self::from_pair(pair)
    }

    /// Reads the key in `path`, or where there is no such file makes a key and writes it there, for its owner's eyes alone.
    ///
    /// # Errors
    /// [`KeyFileError`] when the file cannot be read, written or understood.
    pub fn load_or_generate(path: &Path) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::File(error)) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate()?;
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
        Self::from_pair(KeyPair::from_pkcs8(&der).map_err(|_| KeyFileError::Encoding)?)
    }

    fn from_pair(pair: KeyPair) -> Result<Self, KeyFileError> {
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| KeyFileError::Encoding)?;
        let public = PublicKey::from_spki_der(der.as_ref())?;
        Ok(Self { pair, public })
    }

    /// Whole or not at all, whenever the process is killed: written beside, synced, then renamed into place.
    fn write(&self, path: &Path) -> Result<(), KeyFileError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyFileError::Generate)?;
        let beside = path.with_extension("new");
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(der.as_ref())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let encoding: &dyn RsaEncoding = match algorithm {
            Algorithm::Rs256 => &RSA_PKCS1_SHA256,
            Algorithm::Rs384 => &RSA_PKCS1_SHA384,
            Algorithm::Rs512 => &RSA_PKCS1_SHA512,
            Algorithm::Ps256 => &RSA_PSS_SHA256,
            Algorithm::Ps384 => &RSA_PSS_SHA384,
            Algorithm::Ps512 => &RSA_PSS_SHA512,
        };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(encoding, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|_| SigningError::Key {
            key: self.public.key_id().to_owned(),
            problem: "did not sign".to_owned(),
        })?;
        Ok(signature)
    }
}
