//! Signatures and MACs, verified by libraries that did not make them.

use aws_lc_rs::signature::{ECDSA_P521_SHA512_ASN1, UnparsedPublicKey};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MacAlgorithmSpec, MessageType, SigningAlgorithmSpec};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{MESSAGE, client, refused, sign};
use crate::rig::kms::{KeySpec, KmsDouble};

#[tokio::test]
async fn every_signing_algorithm_of_every_key_spec_verifies() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    for spec in KeySpec::ALL {
        let arn = kms.create_key(spec);
        if spec.mac_algorithm().is_some() {
            continue;
        }
        let answer = client.get_public_key().key_id(&arn).send().await;
        let answer = answer.expect("a public key");
        let offered: Vec<_> = answer.signing_algorithms().iter().map(SigningAlgorithmSpec::as_str).collect();
        assert_eq!(answer.key_id(), Some(arn.as_str()));
        assert_eq!(answer.key_spec().expect("a key spec").as_str(), spec.name());
        let public_key = answer.public_key.as_ref().expect("a public key").as_ref();

        for algorithm in offered {
            let raw = sign(&client, &arn, algorithm, MessageType::Raw, MESSAGE).await;
            let hashed = digest(algorithm, MESSAGE);
            let digest = sign(&client, &arn, algorithm, MessageType::Digest, &hashed).await;
            if algorithm == "ED25519_PH_SHA_512" {
                assert_eq!(refused(raw).0, "ValidationException");
                assert_eq!(refused(digest).0, "UnsupportedOperationException");
                continue;
            }
            let raw = raw.expect("a signature of the message");
            assert!(verifies(algorithm, public_key, &raw), "{spec:?} {algorithm} RAW");
            if algorithm == "ED25519_SHA_512" {
                assert_eq!(refused(digest).0, "ValidationException");
                continue;
            }
            let digest = digest.expect("a signature of the digest");
            assert!(verifies(algorithm, public_key, &digest), "{spec:?} {algorithm} DIGEST");
        }
    }
}

#[tokio::test]
async fn every_mac_verifies() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    for (spec, algorithm) in [
        (KeySpec::Hmac256, Algorithm::HS256),
        (KeySpec::Hmac384, Algorithm::HS384),
        (KeySpec::Hmac512, Algorithm::HS512),
    ] {
        let arn = kms.create_key(spec);
        let name = spec.mac_algorithm().expect("a MAC algorithm");
        let answer = client
            .generate_mac()
            .key_id(&arn)
            .mac_algorithm(MacAlgorithmSpec::from(name))
            .message(Blob::new(MESSAGE))
            .send()
            .await
            .expect("a MAC");
        let mac = BASE64_URL_SAFE_NO_PAD.encode(answer.mac.expect("a MAC"));
        let key = DecodingKey::from_secret(&kms.hmac_secret(&arn));
        assert!(jsonwebtoken::crypto::verify(&mac, MESSAGE, &key, algorithm).expect("a usable key"));
    }
}

#[tokio::test]
async fn two_keys_of_one_spec_are_distinct() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let mut public_keys = Vec::new();
    for arn in [kms.create_key(KeySpec::Rsa2048), kms.create_key(KeySpec::Rsa2048)] {
        let answer = client.get_public_key().key_id(arn).send().await;
        public_keys.push(answer.expect("a key").public_key);
    }
    assert_ne!(public_keys[0], public_keys[1]);
}

fn digest(algorithm: &str, message: &[u8]) -> Vec<u8> {
    match algorithm.rsplit_once('_').expect("an algorithm name").1 {
        "256" => Sha256::digest(message).to_vec(),
        "384" => Sha384::digest(message).to_vec(),
        _ => Sha512::digest(message).to_vec(),
    }
}

/// Verifies `MESSAGE` with `jsonwebtoken`; with aws-lc-rs where that has no algorithm, which is ES512.
fn verifies(algorithm: &str, public_key: &[u8], signature: &[u8]) -> bool {
    let last = |length| &public_key[public_key.len() - length..];
    // An RSA SubjectPublicKeyInfo is 24 bytes and then the RSAPublicKey.
    let rsa = || DecodingKey::from_rsa_der(&public_key[24..]);
    let (algorithm, key, signature) = match algorithm {
        "RSASSA_PKCS1_V1_5_SHA_256" => (Algorithm::RS256, rsa(), signature.to_vec()),
        "RSASSA_PKCS1_V1_5_SHA_384" => (Algorithm::RS384, rsa(), signature.to_vec()),
        "RSASSA_PKCS1_V1_5_SHA_512" => (Algorithm::RS512, rsa(), signature.to_vec()),
        "RSASSA_PSS_SHA_256" => (Algorithm::PS256, rsa(), signature.to_vec()),
        "RSASSA_PSS_SHA_384" => (Algorithm::PS384, rsa(), signature.to_vec()),
        "RSASSA_PSS_SHA_512" => (Algorithm::PS512, rsa(), signature.to_vec()),
        "ECDSA_SHA_256" => (Algorithm::ES256, DecodingKey::from_ec_der(last(65)), jose(signature, 32)),
        "ECDSA_SHA_384" => (Algorithm::ES384, DecodingKey::from_ec_der(last(97)), jose(signature, 48)),
        "ED25519_SHA_512" => (Algorithm::EdDSA, DecodingKey::from_ed_der(last(32)), signature.to_vec()),
        "ECDSA_SHA_512" => {
            return UnparsedPublicKey::new(&ECDSA_P521_SHA512_ASN1, public_key).verify(MESSAGE, signature).is_ok();
        }
        _ => panic!("no verifier for {algorithm}"),
    };
    let signature = BASE64_URL_SAFE_NO_PAD.encode(signature);
    jsonwebtoken::crypto::verify(&signature, MESSAGE, &key, algorithm).expect("a usable key")
}

/// A DER ECDSA signature with lengths in one byte, as the two integers that JOSE puts side by side.
fn jose(der: &[u8], size: usize) -> Vec<u8> {
    let (&[0x30, length, 0x02, r_length], rest) = der.split_first_chunk().expect("a sequence") else {
        panic!("not a sequence of integers");
    };
    assert_eq!(usize::from(length), der.len() - 2);
    let (r, rest) = rest.split_at(usize::from(r_length));
    let (&[0x02, s_length], s) = rest.split_first_chunk().expect("a second integer") else {
        panic!("not an integer");
    };
    assert_eq!(usize::from(s_length), s.len());
    let mut pair = Vec::with_capacity(2 * size);
    for integer in [r, s] {
        let magnitude = integer.strip_prefix(&[0]).unwrap_or(integer);
        pair.resize(pair.len() + size - magnitude.len(), 0);
        pair.extend_from_slice(magnitude);
    }
    pair
}
