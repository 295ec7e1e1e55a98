//! Starting a function, and stopping and waking it as the platform does.

use crate::aws::Authority;
use crate::platform::succeeded;
use crate::surroundings::Surroundings;

/// Giving up the warm-up would close its connections, and KMS could not send its answer.
#[tokio::test]
async fn the_first_poll_does_not_wait_for_services_that_do_not_answer_and_the_warm_up_goes_on() {
    let mut surroundings = Surroundings::start().await;
    surroundings.dynamodb.hold();
    surroundings.kms.hold();
    let _function = surroundings.function(&[]);
    let poll = surroundings.api.poll().await;
    surroundings.dynamodb.release();
    surroundings.kms.release();
    surroundings.kms.answered("GetPublicKey", 1).await;
    surroundings.dynamodb.answered("GetItem", 1).await;
    drop(poll);
}

#[tokio::test]
async fn an_environment_that_is_started_ahead_has_warmed_up_when_it_polls() {
    let mut surroundings = Surroundings::start().await;
    let _function = surroundings.function(&[("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency")]);
    surroundings.kms.asked("GetPublicKey", 1).await;
    drop(surroundings.api.poll().await);
}

#[tokio::test]
async fn a_start_over_tls_trusts_the_roots_that_ssl_cert_file_names() {
    let authority = Authority::new();
    let roots = tempfile::NamedTempFile::new().expect("a file");
    authority.write_roots("", roots.path());
    let mut surroundings = Surroundings::behind(Some(&authority)).await;
    let _function = surroundings.function(&[("SSL_CERT_FILE", &roots.path().display().to_string())]);
    succeeded(&surroundings.log_in(0).await);
}

#[tokio::test]
async fn after_a_freeze_in_which_every_connection_was_closed_requests_are_answered() {
    let mut surroundings = Surroundings::start().await;
    let function = surroundings.function(&[]);
    succeeded(&surroundings.log_in(0).await);
    let poll = surroundings.api.poll().await;
    function.freeze();
    surroundings.dynamodb.close_connections();
    surroundings.kms.close_connections();
    function.thaw();
    poll.invoke("after", crate::surroundings::login(1));
    succeeded(&surroundings.api.answer().await);
    succeeded(&surroundings.log_in(2).await);
}
