//! What the double refuses, with the types and messages of the service.

use std::time::{Duration, Instant};

use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyState, MacAlgorithmSpec, MessageType, SigningAlgorithmSpec};

use super::{MESSAGE, client, refusal, refused, sign};
use crate::rig::kms::{Call, KeySpec, KmsDouble};

#[tokio::test]
async fn an_algorithm_of_another_key_spec_is_refused() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    for spec in KeySpec::ALL {
        let arn = kms.create_key(spec);
        for other in KeySpec::ALL {
            for algorithm in other.signing_algorithms() {
                let fits = spec.signing_algorithms();
                if fits.iter().any(|fit| fit.name == algorithm.name) {
                    continue;
                }
                let name = algorithm.name;
                let result = sign(&client, &arn, name, MessageType::Raw, MESSAGE).await;
                let message = if spec.mac_algorithm().is_some() {
                    format!("{arn} key usage is GENERATE_VERIFY_MAC which is not valid for Sign.")
                } else {
                    format!("Algorithm {name} is incompatible with key spec {}.", spec.name())
                };
                let expected = ("InvalidKeyUsageException".to_owned(), message);
                assert_eq!(refused(result), expected);
            }
        }
    }
}

#[tokio::test]
async fn a_mac_needs_an_hmac_key_of_its_length() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    for spec in [KeySpec::EccNistP256, KeySpec::Hmac384] {
        let error = client
            .generate_mac()
            .key_id(kms.create_key(spec))
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(MESSAGE))
            .send()
            .await
            .expect_err("a key that does not fit");
        assert_eq!(error.code(), Some("InvalidKeyUsageException"));
    }
}

#[tokio::test]
async fn a_digest_of_another_length_is_refused() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    for spec in [KeySpec::Rsa2048, KeySpec::EccNistP384, KeySpec::EccNistEdwards25519] {
        let arn = kms.create_key(spec);
        for algorithm in spec.signing_algorithms() {
            if algorithm.name == "ED25519_SHA_512" {
                continue;
            }
            let length = algorithm.hash.output_len();
            for wrong in [1, length - 1, length + 1, 2 * length] {
                let digest = vec![7; wrong];
                let result = sign(&client, &arn, algorithm.name, MessageType::Digest, &digest).await;
                let message = format!("Digest is invalid length for algorithm {}.", algorithm.name);
                let expected = ("ValidationException".to_owned(), message);
                assert_eq!(refused(result), expected);
            }
        }
    }
}

#[tokio::test]
async fn a_message_is_1_to_4096_bytes() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let arn = kms.create_key(KeySpec::EccNistEdwards25519);
    let hmac = kms.create_key(KeySpec::Hmac256);
    for (length, constraint) in [
        (0, Some("Member must have length greater than or equal to 1")),
        (1, None),
        (4096, None),
        (4097, Some("Member must have length less than or equal to 4096")),
    ] {
        let message = vec![b'x'; length];
        let signed = sign(&client, &arn, "ED25519_SHA_512", MessageType::Raw, &message).await;
        let mac = client
            .generate_mac()
            .key_id(&hmac)
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(message))
            .send()
            .await
            .map_err(|error| refusal(&error));
        let expected = constraint.map(|constraint| {
            let message =
                format!("1 validation error detected: Value at 'message' failed to satisfy constraint: {constraint}");
            ("ValidationException".to_owned(), message)
        });
        assert_eq!(signed.err(), expected);
        assert_eq!(mac.err(), expected);
    }
}

#[tokio::test]
async fn a_wrong_mac_is_refused_and_never_answered_as_invalid() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let arn = kms.create_key(KeySpec::Hmac256);
    let generated = client.generate_mac().key_id(&arn).mac_algorithm(MacAlgorithmSpec::HmacSha256);
    let mac = generated.message(Blob::new(MESSAGE)).send().await.expect("a MAC").mac.expect("a MAC").into_inner();
    let verify = async |algorithm, message: &[u8], mac: Vec<u8>| {
        let request = client.verify_mac().key_id(&arn).mac_algorithm(algorithm);
        let answer = request.message(Blob::new(message)).mac(Blob::new(mac)).send().await;
        answer.map(|answer| (answer.mac_valid, answer.key_id)).map_err(|error| refusal(&error))
    };
    let own = MacAlgorithmSpec::HmacSha256;
    assert_eq!(verify(own.clone(), MESSAGE, mac.clone()).await, Ok((true, Some(arn.clone()))));
    let mut other = mac.clone();
    other[0] ^= 1;
    for (message, wrong) in [(MESSAGE, other), (MESSAGE, mac[1..].to_vec()), (&MESSAGE[1..], mac.clone())] {
        assert_eq!(refused(verify(own.clone(), message, wrong).await).0, "KMSInvalidMacException");
    }
    for wrong in [vec![], vec![7; 6145]] {
        assert_eq!(refused(verify(own.clone(), MESSAGE, wrong).await).0, "ValidationException");
    }
    let other = verify(MacAlgorithmSpec::HmacSha384, MESSAGE, mac.clone()).await;
    assert_eq!(refused(other).0, "InvalidKeyUsageException");
    kms.disable(&arn);
    assert_eq!(refused(verify(own, MESSAGE, mac).await).0, "DisabledException");
}

#[tokio::test]
async fn what_the_policies_do_not_allow_is_denied_before_the_keys_state_is_revealed() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let arn = kms.create_key(KeySpec::EccNistP256);
    kms.deny(&arn, "Sign");
    kms.disable(&arn);
    let sign = async || sign(&client, &arn, "ECDSA_SHA_256", MessageType::Raw, MESSAGE).await;
    let (code, message) = refused(sign().await);
    assert_eq!(code, "AccessDeniedException");
    assert!(message.contains("is not authorized to perform: kms:Sign on resource: arn:aws:kms:"), "{message}");
    kms.allow_all();
    assert_eq!(refused(sign().await).0, "DisabledException");
}

#[tokio::test]
async fn an_alias_that_is_moved_is_another_key() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let keys = [kms.create_key(KeySpec::EccNistP256), kms.create_key(KeySpec::EccNistP256)];
    for key in &keys {
        kms.create_alias("alias/moving", key);
        let answer = client.get_public_key().key_id("alias/moving").send().await;
        assert_eq!(answer.expect("a key").key_id(), Some(key.as_str()));
    }
}

#[tokio::test]
async fn members_are_checked_together_before_the_key() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let message_type = MessageType::from("FOO");
    let result = sign(&client, "alias/none", "BAR", message_type, MESSAGE).await;
    let (code, message) = refused(result);
    assert_eq!(code, "ValidationException");
    assert!(message.starts_with(
        "2 validation errors detected: Value 'FOO' at 'messageType' failed to satisfy constraint: \
         Member must satisfy enum value set: [RAW, DIGEST, EXTERNAL_MU]; Value 'BAR' at 'signingAlgorithm' \
         failed to satisfy constraint: Member must satisfy enum value set: [RSASSA_PSS_SHA_256, "
    ));

    let arn = kms.create_key(KeySpec::EccNistP256);
    let result = sign(&client, &arn, "ECDSA_SHA_256", MessageType::ExternalMu, MESSAGE).await;
    assert_eq!(refused(result).0, "ValidationException");
}

#[tokio::test]
async fn a_key_must_be_enabled() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let arn = kms.create_key(KeySpec::EccNistP256);
    let state = async || {
        let answer = client.describe_key().key_id(&arn).send().await;
        let metadata = answer.expect("a key").key_metadata.expect("metadata");
        metadata.key_state.expect("a key state")
    };
    // The state comes before the algorithm.
    let sign = async || sign(&client, &arn, "ECDSA_SHA_384", MessageType::Raw, MESSAGE).await;

    kms.disable(&arn);
    assert_eq!(state().await, KeyState::Disabled);
    let disabled = ("DisabledException".to_owned(), format!("{arn} is disabled."));
    assert_eq!(refused(sign().await), disabled);
    let public_key = client.get_public_key().key_id(&arn).send().await;
    assert_eq!(refusal(&public_key.expect_err("a refusal")), disabled);

    kms.schedule_key_deletion(&arn);
    assert_eq!(state().await, KeyState::PendingDeletion);
    assert_eq!(refused(sign().await).0, "KMSInvalidStateException");

    kms.enable(&arn);
    assert_eq!(state().await, KeyState::Enabled);
    assert_eq!(refused(sign().await).0, "InvalidKeyUsageException");
}

#[tokio::test]
async fn a_key_is_found_by_id_arn_and_alias() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let arn = kms.create_key(KeySpec::EccNistP256);
    kms.create_alias("alias/signing", &arn);
    let (prefix, id) = arn.split_once("key/").expect("a key ARN");
    let alias_arn = format!("{prefix}alias/signing");
    let names = [arn.as_str(), id, "alias/signing", &alias_arn];
    for name in names {
        let answer = client.get_public_key().key_id(name).send().await;
        assert_eq!(answer.expect("a key").key_id(), Some(arn.as_str()));
    }
    let calls: Vec<Call> = names.map(|name| Call { operation: "GetPublicKey", key_id: name.to_owned() }).into();
    assert_eq!(kms.calls(), calls);

    let absent = "12345678-1234-1234-1234-123456789012";
    for (name, message) in [
        (absent.to_owned(), format!("Key '{prefix}key/{absent}' does not exist")),
        ("foo".to_owned(), "Invalid keyId 'foo'".to_owned()),
        (format!("{prefix}key/foo"), "Invalid keyId foo".to_owned()),
        ("alias/x".to_owned(), format!("Alias {prefix}alias/x is not found.")),
        (arn.replace("eu-central-1", "eu-west-1"), "Invalid arn eu-west-1".to_owned()),
    ] {
        let error = client.get_public_key().key_id(name).send().await;
        let expected = ("NotFoundException".to_owned(), message);
        assert_eq!(refusal(&error.expect_err("no such key")), expected);
    }
}

#[tokio::test]
async fn an_hmac_key_has_no_public_key() {
    let kms = KmsDouble::start().await;
    let arn = kms.create_key(KeySpec::Hmac256);
    let error = client(&kms).get_public_key().key_id(arn).send().await;
    let error = error.expect_err("no public key");
    assert_eq!(error.code(), Some("UnsupportedOperationException"));
}

#[tokio::test]
async fn a_dry_run_signs_nothing() {
    let kms = KmsDouble::start().await;
    let error = client(&kms)
        .sign()
        .key_id(kms.create_key(KeySpec::EccNistP256))
        .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
        .message(Blob::new(MESSAGE))
        .dry_run(true)
        .send()
        .await
        .expect_err("a dry run");
    assert_eq!(error.code(), Some("DryRunOperationException"));
}

#[tokio::test]
async fn it_throttles_fails_waits_and_names_another_key_on_demand() {
    let kms = KmsDouble::start().await;
    let client = client(&kms);
    let arn = kms.create_key(KeySpec::EccNistP256);
    let sign = async || sign(&client, &arn, "ECDSA_SHA_256", MessageType::Raw, MESSAGE).await;

    kms.throttle_next(2);
    assert_eq!(refused(sign().await).0, "ThrottlingException");
    assert_eq!(refused(sign().await).0, "ThrottlingException");
    kms.fail_next(1);
    assert_eq!(refused(sign().await).0, "KMSInternalException");
    kms.delay(Duration::from_millis(20));
    let start = Instant::now();
    assert!(sign().await.is_ok());
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert_eq!(kms.calls().len(), 4);
    kms.misname("arn:of:another:key");
    let answer = client.get_public_key().key_id(&arn).send().await;
    assert_eq!(answer.expect("a key").key_id(), Some("arn:of:another:key"));
}
