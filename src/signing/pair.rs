//! Key pairs that sign in the Lambda function: with ring, which TLS already brings into its binary, and for ES512 with
//! `p521`, which is there to verify it.

use p521::ecdsa::signature::Signer as _;
use p521::ecdsa::{Signature, SigningKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use spki::AlgorithmIdentifierRef;
use spki::der::asn1::OctetStringRef;
use spki::der::{Reader as _, SliceReader};

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::{Curve, PublicKey};

/// A signature by an RSA key of either library: the names are the same, the types are not.
macro_rules! sign_with_rsa {
    ($library:ident, $pair:expr, $length:expr, $algorithm:expr, $message:expr) => {{
        use $library::signature::{
            RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
            RsaEncoding,
        };
        let encoding: Option<&'static dyn RsaEncoding> = match $algorithm {
            Algorithm::Rs256 => Some(&RSA_PKCS1_SHA256),
            Algorithm::Rs384 => Some(&RSA_PKCS1_SHA384),
            Algorithm::Rs512 => Some(&RSA_PKCS1_SHA512),
            Algorithm::Ps256 => Some(&RSA_PSS_SHA256),
            Algorithm::Ps384 => Some(&RSA_PSS_SHA384),
            Algorithm::Ps512 => Some(&RSA_PSS_SHA512),
            _ => None,
        };
        encoding.and_then(|encoding| {
            let mut signature = vec![0; $length];
            let signed = $pair.sign(encoding, &SystemRandom::new(), $message, &mut signature);
            signed.ok().map(|()| signature)
        })
    }};
}
#[cfg(feature = "cli")]
pub(super) use sign_with_rsa;

/// A key pair. When it is dropped, only the scalar of a P-521 key is wiped: ring wipes nothing.
pub(super) enum KeyPair {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
    P521(Box<SigningKey>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl KeyPair {
    /// The key pair whose private half is in `pkcs8` (RFC 5958) and whose public half is `public`; `None` if either is
    /// not valid, or they are not of one pair. Whether the private half contains the public one too is up to the
    /// software that wrote it.
    pub(super) fn new(pkcs8: &[u8], public: &PublicKey) -> Option<Self> {
        let private = private_key(pkcs8)?;
        match public {
            PublicKey::Rsa { .. } => RsaKeyPair::from_der(private).ok().map(|pair| Self::Rsa(Box::new(pair))),
            PublicKey::Ec { crv, .. } => {
                let (scalar, point) = (scalar(private)?, public.point()?);
                let ecdsa = |curve| {
                    let random = SystemRandom::new();
                    let pair = EcdsaKeyPair::from_private_key_and_public_key(curve, scalar, &point, &random);
                    pair.ok().map(|pair| Self::Ecdsa(Box::new(pair)))
                };
                match crv {
                    Curve::P256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
                    Curve::P384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
                    Curve::P521 => SigningKey::from_slice(scalar).ok().map(|key| Self::P521(Box::new(key))),
                }
            }
            PublicKey::Okp { x, .. } => {
                let mut reader = SliceReader::new(private).ok()?;
                let seed: &OctetStringRef = reader.decode().ok()?;
                let pair = Ed25519KeyPair::from_seed_and_public_key(seed.as_bytes(), x.as_bytes());
                pair.ok().map(|pair| Self::Ed25519(Box::new(pair)))
            }
        }
        .filter(|pair| pair.proves(public))
    }

    /// Whether `public` verifies what this key pair signs.
    fn proves(&self, public: &PublicKey) -> bool {
        const PROBE: &[u8] = b"passgrant: is this the other half?";
        let [algorithm, ..] = public.algorithms() else { return false };
        self.sign(*algorithm, PROBE).is_some_and(|signature| public.verify(*algorithm, PROBE, &signature))
    }

    /// The signature in the form that JOSE uses; `None` for an algorithm that needs another kind of key.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => sign_with_rsa!(ring, pair, pair.public().modulus_len(), algorithm, message),
            Self::Ecdsa(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Self::P521(key) => {
                let signature: Signature = key.try_sign(message).ok()?;
                Some(signature.to_bytes().to_vec())
            }
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// The private key in a `OneAsymmetricKey` (RFC 5958, section 2). The public half says of what kind it is.
fn private_key(pkcs8: &[u8]) -> Option<&[u8]> {
    let private = SliceReader::new(pkcs8).ok()?.sequence(|fields| {
        let _version: u8 = fields.decode()?;
        let _algorithm: AlgorithmIdentifierRef<'_> = fields.decode()?;
        let private: &OctetStringRef = fields.decode()?;
        fields.drain(fields.remaining_len())?;
        Ok::<_, spki::der::Error>(private.as_bytes())
    });
    private.ok()
}

/// The scalar of an `ECPrivateKey` (RFC 5915, section 3).
fn scalar(private: &[u8]) -> Option<&[u8]> {
    let scalar = SliceReader::new(private).ok()?.sequence(|fields| {
        let _version: u8 = fields.decode()?;
        let scalar: &OctetStringRef = fields.decode()?;
        fields.drain(fields.remaining_len())?;
        Ok::<_, spki::der::Error>(scalar.as_bytes())
    });
    scalar.ok()
}
