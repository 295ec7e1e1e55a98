//! The double against the AWS SDK.

mod refusals;
mod requests;
mod signatures;
mod wrapping;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};

use super::KmsDouble;
use crate::rig::sdk;

const MESSAGE: &[u8] = b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqb2huIn0";

fn client(kms: &KmsDouble) -> Client {
    Client::new(&sdk::config(&kms.endpoint()))
}

async fn sign(
    client: &Client,
    key_id: &str,
    algorithm: &str,
    message_type: MessageType,
    message: &[u8],
) -> Result<Vec<u8>, (String, String)> {
    let answer = client
        .sign()
        .key_id(key_id)
        .signing_algorithm(SigningAlgorithmSpec::from(algorithm))
        .message_type(message_type)
        .message(Blob::new(message))
        .send()
        .await
        .map_err(|error| refusal(&error))?;
    assert_eq!(answer.signing_algorithm().map(SigningAlgorithmSpec::as_str), Some(algorithm));
    Ok(answer.signature.expect("a signature").into_inner())
}

fn refusal(error: &impl ProvideErrorMetadata) -> (String, String) {
    (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
}

fn refused<T>(result: Result<T, (String, String)>) -> (String, String) {
    result.err().expect("a refusal")
}
