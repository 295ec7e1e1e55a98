//! Wrapping and unwrapping against the AWS SDK, and how strict KMS is about it.

use std::collections::HashMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeyPairSpec;

use super::{client, refusal, refused};
use crate::rig::kms::{KeySpec, KmsDouble};

type Refusal = (String, String);

fn context(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn encrypt(client: &Client, key: &str, plaintext: &[u8], pairs: &[(&str, &str)]) -> Result<Vec<u8>, Refusal> {
    let request =
        client.encrypt().key_id(key).plaintext(Blob::new(plaintext)).set_encryption_context(Some(context(pairs)));
    let answer = request.send().await.map_err(|error| refusal(&error))?;
    Ok(answer.ciphertext_blob.expect("a ciphertext").into_inner())
}

async fn decrypt(
    client: &Client,
    key: Option<&str>,
    wrapped: &[u8],
    pairs: &[(&str, &str)],
) -> Result<Vec<u8>, Refusal> {
    let request = client.decrypt().set_key_id(key.map(str::to_owned)).ciphertext_blob(Blob::new(wrapped));
    let answer = request.set_encryption_context(Some(context(pairs))).send().await.map_err(|error| refusal(&error))?;
    Ok(answer.plaintext.expect("a plaintext").into_inner())
}

fn code(outcome: Result<Vec<u8>, Refusal>) -> String {
    refused(outcome).0
}

#[tokio::test]
async fn what_was_encrypted_is_decrypted_in_the_same_context_by_the_same_key_only() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let (key, other) = (kms.create_key(KeySpec::SymmetricDefault), kms.create_key(KeySpec::SymmetricDefault));
    kms.create_alias("alias/wrapping", &key);
    let own = [("issuer", "https://id.example.com"), ("name", "main")];
    let wrapped = encrypt(&client, "alias/wrapping", b"secret", &own).await.expect("a ciphertext");
    let reordered = [own[1], own[0]];
    for named in [Some(key.as_str()), Some("alias/wrapping"), None] {
        assert_eq!(decrypt(&client, named, &wrapped, &reordered).await.as_deref(), Ok(&b"secret"[..]));
    }
    let foreign = [("issuer", "https://id.example.com"), ("name", "other")];
    for pairs in [&own[..1], &[], &foreign, &[own[0], own[1], ("more", "")]] {
        assert_eq!(code(decrypt(&client, Some(&key), &wrapped, pairs).await), "InvalidCiphertextException");
    }
    for index in [40, wrapped.len() - 1] {
        let mut tampered = wrapped.clone();
        tampered[index] ^= 1;
        assert_eq!(code(decrypt(&client, Some(&key), &tampered, &own).await), "InvalidCiphertextException");
    }
    // As long as the name of a key that a ciphertext begins with.
    kms.create_alias("alias/that-is-as-long-as-a-key-id-is", &key);
    let of_no_key = [b"0".repeat(36).as_slice(), &wrapped[36..]].concat();
    for garbage in [&wrapped[..30], b"x", &[0xff; 64], &of_no_key, b"alias/that-is-as-long-as-a-key-id-is and more"] {
        for named in [Some(key.as_str()), None] {
            let refused = code(decrypt(&client, named, garbage, &own).await);
            assert_eq!(refused, "InvalidCiphertextException", "{named:?}: {garbage:?}");
        }
    }
    assert_eq!(code(decrypt(&client, Some(&other), &wrapped, &own).await), "IncorrectKeyException");
}

#[tokio::test]
async fn a_key_that_signs_or_is_disabled_or_denied_wraps_nothing() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let key = kms.create_key(KeySpec::SymmetricDefault);
    let wrapped = encrypt(&client, &key, b"secret", &[]).await.expect("a ciphertext");
    for spec in [KeySpec::EccNistP256, KeySpec::Hmac256] {
        let signing = kms.create_key(spec);
        assert_eq!(code(encrypt(&client, &signing, b"secret", &[]).await), "InvalidKeyUsageException");
        assert_eq!(code(decrypt(&client, Some(&signing), &wrapped, &[]).await), "InvalidKeyUsageException");
        assert_eq!(code(pair(&client, &signing, "ECC_NIST_P256").await), "InvalidKeyUsageException");
    }
    assert_eq!(code(encrypt(&client, &key, b"", &[]).await), "ValidationException");
    assert_eq!(code(encrypt(&client, &key, &[0; 4097], &[]).await), "ValidationException");
    assert_eq!(code(pair(&client, &key, "RSA_1024").await), "ValidationException");
    kms.deny(&key, "Decrypt");
    assert_eq!(code(decrypt(&client, Some(&key), &wrapped, &[]).await), "AccessDeniedException");
    kms.allow_all();
    kms.disable(&key);
    for outcome in [
        encrypt(&client, &key, b"secret", &[]).await,
        decrypt(&client, Some(&key), &wrapped, &[]).await,
        pair(&client, &key, "ECC_NIST_P256").await,
    ] {
        assert_eq!(code(outcome), "DisabledException");
    }
    let signed = super::sign(&client, &key, "ECDSA_SHA_256", aws_sdk_kms::types::MessageType::Raw, b"x").await;
    assert_eq!(code(signed), "DisabledException");
}

/// The wrapped private half of a pair.
async fn pair(client: &Client, key: &str, spec: &str) -> Result<Vec<u8>, Refusal> {
    let request = client.generate_data_key_pair_without_plaintext().key_id(key);
    let request =
        request.key_pair_spec(DataKeyPairSpec::from(spec)).set_encryption_context(Some(context(&[("name", "a")])));
    let answer = request.send().await.map_err(|error| refusal(&error))?;
    assert!(answer.public_key.is_some(), "the public half is not wrapped");
    Ok(answer.private_key_ciphertext_blob.expect("a wrapped key").into_inner())
}

#[tokio::test]
async fn a_pair_is_made_and_only_its_private_half_is_wrapped() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let key = kms.create_key(KeySpec::SymmetricDefault);
    for spec in ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_NIST_EDWARDS25519"] {
        let (one, other) = (pair(&client, &key, spec).await, pair(&client, &key, spec).await);
        let private = decrypt(&client, Some(&key), &one.expect("a pair"), &[("name", "a")]).await.expect("a key");
        let second = decrypt(&client, Some(&key), &other.expect("a pair"), &[("name", "a")]).await.expect("a key");
        assert!(private[0] == 0x30 && private != second, "{spec}: PKCS#8, and each time another");
    }
}
