//! Signatures of others, verified: by ring, which TLS has brought into the Lambda binary already.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::signing::Algorithm;
use crate::signing::jwk::{PublicKey, UNCOMPRESSED};

impl Algorithm {
    /// The algorithms whose signatures [`PublicKey::verify`] knows: of key pairs alone, and without P-521, which ring
    /// does not have.
    pub const VERIFIED: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];
}

impl PublicKey {
    /// Whether `signature` is this key's, of `message`, by `algorithm` (RFC 7518, section 3; RFC 8037, section 3.1).
    /// It never is where the key does not fit the algorithm.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => rsa(algorithm).is_some_and(|parameters| {
                let key = RsaPublicKeyComponents { n: n.as_bytes(), e: e.as_bytes() };
                key.verify(parameters, message, signature).is_ok()
            }),
            Self::Ec { x, y, .. } => {
                let curve: &'static dyn VerificationAlgorithm = match algorithm {
                    Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
                    Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
                    _ => return false,
                };
                let point = [&[UNCOMPRESSED], x.as_bytes(), y.as_bytes()].concat();
                self.fits(algorithm) && UnparsedPublicKey::new(curve, point).verify(message, signature).is_ok()
            }
            Self::Okp { x, .. } => {
                let key = UnparsedPublicKey::new(&ED25519, x.as_bytes());
                self.fits(algorithm) && key.verify(message, signature).is_ok()
            }
        }
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}
