//! The verification of signatures: by ring, which is in the Lambda binary already because of TLS.

use p521::ecdsa::signature::Verifier as _;
use p521::ecdsa::{Signature, VerifyingKey};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::PublicKey;

impl PublicKey {
    /// Whether `signature` is this key's signature of `message` with `algorithm` (RFC 7518, section 3; RFC 8037,
    /// section 3.1). It never is if the key does not fit the algorithm.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { n, e } => rsa(algorithm).is_some_and(|parameters| {
                let key = RsaPublicKeyComponents { n: n.as_bytes(), e: e.as_bytes() };
                key.verify(parameters, message, signature).is_ok()
            }),
            Self::Ec { .. } => {
                let Some(point) = self.point() else { return false };
                if algorithm == Algorithm::Es512 {
                    return self.fits(algorithm) && p521(&point, message, signature);
                }
                let curve: &'static dyn VerificationAlgorithm = match algorithm {
                    Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
                    Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
                    _ => return false,
                };
                self.fits(algorithm) && UnparsedPublicKey::new(curve, point).verify(message, signature).is_ok()
            }
            Self::Okp { x, .. } => {
                let key = UnparsedPublicKey::new(&ED25519, x.as_bytes());
                self.fits(algorithm) && key.verify(message, signature).is_ok()
            }
        }
    }
}

/// ring does not have this curve.
fn p521(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_sec1_bytes(point);
    let signature = Signature::from_slice(signature);
    matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok())
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// RFC 7515, appendix A.3; RFC 8037, appendix A.4.
    const EXAMPLES: [(Algorithm, &str, &str); 2] = [
        (
            Algorithm::Es256,
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
        (
            Algorithm::EdDsa,
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        ),
    ];

    #[test]
    fn the_examples_of_the_rfcs_verify_with_their_own_algorithm_only() {
        for (own, key, jws) in EXAMPLES {
            let key: PublicKey = serde_json::from_str(key).expect("a key");
            let (signed, signature) = jws.rsplit_once('.').expect("a signature");
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
            for algorithm in Algorithm::ALL {
                let verified = key.verify(algorithm, signed.as_bytes(), &signature);
                assert_eq!(verified, algorithm == own, "{algorithm}");
            }
            assert!(!key.verify(own, &signed.as_bytes()[1..], &signature));
            assert!(!key.verify(own, signed.as_bytes(), &signature[1..]));
        }
    }
}
