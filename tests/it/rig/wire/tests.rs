//! The wire between the AWS SDK and an upstream, for both services.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_kms::error::ProvideErrorMetadata;
use bytes::Bytes;
use http::Response;
use http_body_util::Full;

use super::{Exchange, Fault, Matcher, Wire, sequential_rounds};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::loopback::Loopback;
use crate::rig::sdk;

/// How long a call is held where the order of exchanges is looked at.
const HOLD: Fault = Fault::Delay(Duration::from_millis(30));

const REFUSALS: [(Fault, &str, &str); 3] = [
    (Fault::Throttle, "ProvisionedThroughputExceededException", "ThrottlingException"),
    (Fault::ServerError, "InternalServerError", "KMSInternalException"),
    (Fault::ExpiredCredentials, "ExpiredTokenException", "ExpiredTokenException"),
];
const NOT_FORWARDED: [Fault; 3] = [Fault::Unavailable503, Fault::Reset, Fault::Garbage];
const FORWARDED: [Fault; 2] = [Fault::ResetAfter, Fault::Truncate];

/// An upstream that takes any `PutItem`, and how many it took.
fn dynamodb() -> (Loopback, Arc<AtomicUsize>) {
    let puts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&puts);
    let server = Loopback::start(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok(Response::new(Full::new(Bytes::from_static(b"{}")))) }
    });
    (server, puts)
}

async fn put(
    client: &aws_sdk_dynamodb::Client,
) -> Result<(), SdkError<aws_sdk_dynamodb::operation::put_item::PutItemError>> {
    let key = AttributeValue::S("a".to_owned());
    let put = client.put_item().table_name("tokens").item("id", key);
    put.send().await.map(|_| ())
}

struct Kms {
    double: KmsDouble,
    wire: Wire,
    client: aws_sdk_kms::Client,
    arn: String,
}

async fn kms() -> Kms {
    let double = KmsDouble::start().await;
    let wire = Wire::start(&double.endpoint());
    let client = aws_sdk_kms::Client::new(&sdk::config(&wire.endpoint()));
    let arn = double.create_key(KeySpec::EccNistP256);
    Kms { double, wire, client, arn }
}

impl Kms {
    async fn describe(&self) -> Result<(), SdkError<aws_sdk_kms::operation::describe_key::DescribeKeyError>> {
        let answer = self.client.describe_key().key_id(&self.arn).send().await;
        answer.map(|_| ())
    }
}

#[tokio::test]
async fn a_wire_forwards_and_records() {
    let kms = kms().await;
    kms.describe().await.expect("a key");
    let public_key = kms.client.get_public_key().key_id(&kms.arn).send().await;
    assert!(public_key.expect("a key").public_key.is_some());

    let exchanges = kms.wire.take_exchanges();
    let operations: Vec<&str> = exchanges.iter().map(|e| e.operation.as_str()).collect();
    assert_eq!(operations, ["DescribeKey", "GetPublicKey"]);
    assert!(exchanges.iter().all(|e| e.start <= e.end));
    assert_eq!(sequential_rounds(&exchanges), 2);
    assert!(kms.wire.take_exchanges().is_empty());
}

#[tokio::test]
async fn an_exchange_is_forwarded_when_its_hook_is_done() {
    let kms = kms().await;
    let steps = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&steps);
    kms.wire.hook(Matcher::any().nth(2), move || {
        let counted = Arc::clone(&counted);
        Box::pin(async move {
            counted.fetch_add(1, Ordering::SeqCst);
        })
    });
    for expected in [0, 1, 1] {
        kms.describe().await.expect("a key");
        assert_eq!(steps.load(Ordering::SeqCst), expected);
    }
    kms.wire.hook(Matcher::any(), || unreachable!("it was cleared"));
    kms.wire.clear_hooks();
    kms.describe().await.expect("a key");
}

#[tokio::test]
async fn calls_at_once_are_one_round_over_two_wires() {
    let (dynamodb, _) = dynamodb();
    let dynamodb_wire = Wire::start(&dynamodb.endpoint());
    let dynamodb_client = aws_sdk_dynamodb::Client::new(&sdk::config(&dynamodb_wire.endpoint()));
    let kms = kms().await;
    dynamodb_wire.inject(HOLD, Matcher::any());
    kms.wire.inject(HOLD, Matcher::any());

    let (first, second, third) = tokio::join!(put(&dynamodb_client), put(&dynamodb_client), kms.describe());
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    put(&dynamodb_client).await.expect("a put");

    let mut exchanges = dynamodb_wire.take_exchanges();
    exchanges.append(&mut kms.wire.take_exchanges());
    assert_eq!(exchanges.len(), 4);
    assert_eq!(sequential_rounds(&exchanges), 2);
}

#[test]
fn rounds_are_the_longest_chain() {
    let origin = Instant::now();
    let exchange = |start, end| Exchange {
        operation: String::new(),
        start: origin + Duration::from_millis(start),
        end: origin + Duration::from_millis(end),
    };
    assert_eq!(sequential_rounds(&[]), 0);
    assert_eq!(sequential_rounds(&[exchange(0, 9), exchange(1, 2)]), 1);
    // During one long call, three short ones follow each other.
    let during = [exchange(0, 9), exchange(5, 6), exchange(1, 2), exchange(2, 4)];
    assert_eq!(sequential_rounds(&during), 3);
}

#[tokio::test]
async fn every_fault_is_an_error_of_dynamodb() {
    let (upstream, puts) = dynamodb();
    let wire = Wire::start(&upstream.endpoint());
    let client = aws_sdk_dynamodb::Client::new(&sdk::config(&wire.endpoint()));
    for (fault, code, _) in REFUSALS {
        wire.inject(fault, Matcher::operation("PutItem"));
        let error = put(&client).await.expect_err("a fault");
        assert_eq!(error.code(), Some(code));
        wire.clear_faults();
    }
    for fault in NOT_FORWARDED {
        wire.inject(fault, Matcher::operation("PutItem"));
        assert!(put(&client).await.is_err(), "{fault:?}");
        wire.clear_faults();
    }
    assert_eq!(puts.load(Ordering::Relaxed), 0);
    for fault in FORWARDED {
        wire.inject(fault, Matcher::operation("PutItem"));
        assert!(put(&client).await.is_err(), "{fault:?}");
        wire.clear_faults();
    }
    assert_eq!(puts.load(Ordering::Relaxed), FORWARDED.len());
    put(&client).await.expect("no fault");
    let faults = REFUSALS.len() + NOT_FORWARDED.len() + FORWARDED.len();
    assert_eq!(wire.take_exchanges().len(), faults + 1);
}

#[tokio::test]
async fn every_fault_is_an_error_of_kms() {
    let kms = kms().await;
    for (fault, _, code) in REFUSALS {
        kms.wire.inject(fault, Matcher::any());
        let error = kms.describe().await.expect_err("a fault");
        assert_eq!(error.code(), Some(code));
        kms.wire.clear_faults();
    }
    for fault in NOT_FORWARDED {
        kms.wire.inject(fault, Matcher::any());
        assert!(kms.describe().await.is_err(), "{fault:?}");
        kms.wire.clear_faults();
    }
    assert!(kms.double.calls().is_empty());
    for fault in FORWARDED {
        kms.wire.inject(fault, Matcher::any());
        assert!(kms.describe().await.is_err(), "{fault:?}");
        kms.wire.clear_faults();
    }
    assert_eq!(kms.double.calls().len(), FORWARDED.len());
    kms.describe().await.expect("no fault");
}

#[tokio::test]
async fn a_lost_answer_makes_the_sdk_apply_twice() {
    let (upstream, puts) = dynamodb();
    let wire = Wire::start(&upstream.endpoint());
    let config = sdk::config(&wire.endpoint())
        .into_builder()
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        .build();
    wire.inject(Fault::ResetAfter, Matcher::operation("PutItem").next(1));
    put(&aws_sdk_dynamodb::Client::new(&config)).await.expect("the second attempt");
    assert_eq!(puts.load(Ordering::Relaxed), 2);
    assert_eq!(wire.take_exchanges().len(), 2);
}

#[tokio::test]
async fn a_matcher_selects_by_operation_and_count() {
    let kms = kms().await;
    let unavailable = Fault::Unavailable503;
    kms.wire.inject(unavailable, Matcher::operation("Sign"));
    kms.wire.inject(unavailable, Matcher::operation("DescribeKey").nth(2));
    let mut answered = Vec::new();
    for _ in 0..3 {
        answered.push(kms.describe().await.is_ok());
    }
    assert_eq!(answered, [true, false, true]);

    kms.wire.clear_faults();
    kms.wire.inject(unavailable, Matcher::any().from(2));
    let answered = [kms.describe().await.is_ok(), kms.describe().await.is_ok(), kms.describe().await.is_ok()];
    assert_eq!(answered, [true, false, false]);

    kms.wire.clear_faults();
    // Both count, and the first to select decides.
    kms.wire.inject(unavailable, Matcher::any().next(1));
    kms.wire.inject(Fault::Throttle, Matcher::any().next(2));
    assert_eq!(kms.describe().await.expect_err("a fault").code(), None);
    let second = kms.describe().await.expect_err("a fault");
    assert_eq!(second.code(), Some("ThrottlingException"));
    kms.describe().await.expect("no fault");
}

#[tokio::test]
async fn a_hanging_exchange_ends_with_the_client_or_the_wire() {
    let kms = kms().await;
    let config = sdk::config(&kms.wire.endpoint())
        .into_builder()
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_millis(50)).build())
        .build();
    kms.wire.inject(Fault::Hang, Matcher::any());
    let impatient = aws_sdk_kms::Client::new(&config);
    let error = impatient.describe_key().key_id(&kms.arn).send().await;
    assert!(matches!(error, Err(SdkError::TimeoutError(_))));

    let address = kms.wire.endpoint().replace("http://", "");
    let describe = kms.client.describe_key().key_id(&kms.arn);
    let hanging = tokio::spawn(describe.send());
    let given_up = async {
        while kms.wire.take_exchanges().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let given_up = tokio::time::timeout(Duration::from_secs(5), given_up).await;
    given_up.expect("the exchange that the client gave up");
    drop(kms.wire);
    let hanging = tokio::time::timeout(Duration::from_secs(5), hanging).await;
    let answer = hanging.expect("the end of the exchange").expect("no panic");
    assert!(answer.is_err());
    assert!(TcpStream::connect(address).is_err());
    assert!(kms.double.calls().is_empty());
}

#[tokio::test]
async fn an_exchange_that_hangs_is_seen_and_was_applied_or_not() {
    let kms = kms().await;
    for (hung, (fault, applied)) in [(Fault::Hang, 0), (Fault::HangAfter, 1)].into_iter().enumerate() {
        kms.wire.clear_faults();
        kms.wire.inject(fault, Matcher::operation("DescribeKey"));
        assert_eq!(kms.wire.hung("DescribeKey"), hung);
        let hanging = tokio::spawn(kms.client.describe_key().key_id(&kms.arn).send());
        while kms.wire.hung("DescribeKey") == hung {
            tokio::task::yield_now().await;
        }
        assert_eq!(kms.double.calls().len(), applied, "{fault:?}");
        hanging.abort();
    }
    assert_eq!(kms.wire.hung("Sign"), 0);
}
