//! The attempt limit: how many passwords can be tried for one username, however many are tried at once.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use passgrant::password::PasswordHash;

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::attempts::{LIMIT, WINDOW, is_locked, retry_after};
use crate::rig::client::{client, scope};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::user::{PASSWORD, username};
use crate::rig::wire::{Fault, Matcher};

impl TestApp {
    /// Tries as many wrong passwords as the limit allows, and returns the last answer.
    async fn lock(&self, username: &str) -> Answer {
        let mut last = None;
        for number in 0..LIMIT {
            let refused = self.guess(username, &format!("wrong {number} at {}", self.now().as_unix())).await;
            let refused = refused.failed(400, "invalid_grant");
            assert!(!is_locked(&refused), "attempt {number}");
            last = Some(refused);
        }
        last.expect("the limit is not zero")
    }
}

#[tokio::test]
async fn five_hundred_guesses_at_once_through_several_instances_verify_at_most_the_limit() {
    let mut app = TestApp::builder().variable("PASSGRANT_CLIENT_CACHE", "60s").start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    for _ in 1..4 {
        app.add_instance();
    }
    for username in ["ann", "nobody"] {
        let app = &app;
        let guesses = (0..500).map(async |number| app.guess_at(number % 4, username, &format!("guess {number}")).await);
        let mut answers = HashMap::new();
        for answer in join_all(guesses).await {
            let kind = match answer.status {
                StatusCode::SERVICE_UNAVAILABLE => "busy",
                _ if is_locked(&answer) => "locked",
                _ => "verified",
            };
            if kind != "busy" {
                answer.failed(400, "invalid_grant");
            }
            *answers.entry(kind).or_insert(0) += 1;
        }
        // There are fewer on a machine so busy that some requests run out of time: their attempts are taken back, and only
        // the rest of the limit is left.
        let mut verified = answers["verified"];
        assert!((1..=LIMIT).contains(&verified), "{username}: {answers:?}");
        app.clock.advance(Duration::from_secs(30));
        while !is_locked(&app.guess(username, &format!("one more, {verified}")).await) {
            verified += 1;
            assert!(verified <= LIMIT, "{username}: {answers:?}");
        }
        assert!(is_locked(&app.guess(username, PASSWORD).await));
    }
}

#[tokio::test]
async fn a_locked_username_known_or_not_is_answered_like_a_wrong_password_with_the_time_to_retry() {
    let app = TestApp::start().await;
    let mut answers = Vec::new();
    for username in ["ann", "nobody"] {
        let wrong = app.lock(username).await;
        let locked = app.guess(username, PASSWORD).await.failed(400, "invalid_grant");
        assert_eq!(locked.body, wrong.body);
        assert_eq!(retry_after(&locked), WINDOW);
        answers.push(locked.whole());
    }
    assert_eq!(answers[0], answers[1]);
    app.clock.advance(Duration::from_secs(899));
    assert_eq!(retry_after(&app.login().await), Duration::from_secs(1));
    app.clock.advance(Duration::from_secs(1));
    app.login().await.succeeded();
}

#[tokio::test]
async fn a_locked_username_costs_no_verification() {
    let app = TestApp::builder().variable("PASSGRANT_ATTEMPTS_LIMIT", "1").start().await;
    app.register(client("app")).await;
    // A hash that cannot be verified: trying to would be a server error.
    app.create_user_with("ann", |user| user.password_hash = Some(unreadable_hash())).await;
    app.guess("ann", "wrong").await.failed(500, "server_error");
    app.store.users.delete(&username("ann")).await.expect("a write");
    app.guess("ann", "wrong").await.failed(400, "invalid_grant");
    app.create_user_with("ann", |user| user.password_hash = Some(unreadable_hash())).await;
    assert!(is_locked(&app.guess("ann", "another").await));
}

#[tokio::test]
async fn the_lock_doubles_each_time_it_is_reached() {
    let app = TestApp::start().await;
    app.login().await.succeeded();
    for minutes in [15, 30, 60, 120] {
        app.lock("ann").await;
        let lock = Duration::from_mins(minutes);
        assert_eq!(retry_after(&app.login().await), lock);
        app.clock.advance(lock);
    }
    app.login().await.succeeded();
    app.lock("ann").await;
    assert_eq!(retry_after(&app.login().await), WINDOW, "success cleared it");
}

#[tokio::test]
async fn how_often_a_username_was_locked_is_forgotten_two_quiet_days_after_the_last_attempt() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.lock("ann").await;
        assert_eq!(retry_after(&app.login().await), WINDOW);
        app.clock.advance(Duration::from_hours(48));
    }
}

#[tokio::test]
async fn the_right_password_clears_the_count() {
    let app = TestApp::start().await;
    for round in 0..3 {
        for number in 1..LIMIT {
            app.guess("ann", &format!("wrong {round} {number}")).await.failed(400, "invalid_grant");
        }
        app.login().await.succeeded();
    }
}

#[tokio::test]
async fn the_right_password_clears_the_count_even_if_the_scope_is_refused() {
    let app = TestApp::start().await;
    app.create_user_with("bob", |user| user.allowed_scopes = Some(scope("write"))).await;
    let login = [("grant_type", "password"), ("username", "bob"), ("password", PASSWORD), ("scope", "read")];
    for _ in 0..=LIMIT {
        app.token(&login).await.failed(400, "invalid_scope");
    }
}

#[tokio::test]
async fn the_same_wrong_password_counts_once() {
    let mut app = TestApp::start().await;
    app.add_instance();
    for username in ["ann", "nobody"] {
        for number in 0..3 * LIMIT {
            let refused = app.guess(username, "an old password").await.failed(400, "invalid_grant");
            assert!(!is_locked(&refused), "{username}, {number}");
        }
        let app = &app;
        let at_once = join_all((0..40).map(async |number| app.guess_at(number % 2, username, "another old one").await));
        assert!(at_once.await.iter().all(|answer| !is_locked(answer)), "{username}");
        for number in 2..LIMIT {
            app.guess(username, &format!("wrong {number}")).await.failed(400, "invalid_grant");
        }
        assert!(is_locked(&app.guess(username, PASSWORD).await), "{username}: two and eight are ten");
    }
}

#[tokio::test]
async fn invalid_passwords_count_as_one_attempt() {
    let app = TestApp::start().await;
    let too_long = "x".repeat(1025);
    for username in ["ann", "nobody"] {
        for invalid in [too_long.as_str(), "nul\0", "bell\u{7}"] {
            app.guess(username, invalid).await.failed(400, "invalid_grant");
        }
        for number in 1..LIMIT {
            assert!(!is_locked(&app.guess(username, &format!("wrong {number}")).await));
        }
        assert!(is_locked(&app.guess(username, PASSWORD).await), "the three of them counted as one");
    }
}

#[tokio::test]
async fn attempts_of_an_earlier_window_no_longer_count() {
    let app = TestApp::start().await;
    for round in 0..4 {
        for number in 1..LIMIT {
            app.guess("ann", &format!("wrong {round} {number}")).await.failed(400, "invalid_grant");
        }
        app.clock.advance(WINDOW);
    }
    app.login().await.succeeded();
}

#[tokio::test]
async fn a_clock_set_back_makes_no_lock_longer() {
    let app = TestApp::start().await;
    app.lock("ann").await;
    app.clock.set_back(Duration::from_hours(100));
    assert_eq!(retry_after(&app.login().await), WINDOW);
}

#[tokio::test]
async fn one_account_that_many_log_in_to_at_once_is_not_locked() {
    let mut app = TestApp::start().await;
    for answer in join_all((0..60).map(async |_| app.guess("ann", PASSWORD).await)).await {
        answer.succeeded();
    }

    // What one instance counts must not make the other wait longer than it may.
    app.add_instance();
    for answer in join_all((0..60).map(async |number| app.guess_at(number % 2, "ann", PASSWORD).await)).await {
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(retry_after(&answer), Duration::from_secs(1));
        } else {
            answer.succeeded();
        }
    }
    app.login().await.succeeded();
}

#[tokio::test]
async fn an_attempt_without_a_verdict_is_taken_back() {
    let double = KmsDouble::start().await;
    let key = double.create_key(KeySpec::Rsa2048);
    let app = TestApp::builder().kms(double, &[key]).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.login().await.succeeded();

    let kms = app.kms_wire.as_ref().expect("a wire");
    kms.inject(Fault::ServerError, Matcher::operation("Sign"));
    for _ in 0..=LIMIT {
        app.login().await.failed(503, "temporarily_unavailable");
    }
    kms.clear_faults();

    for _ in 0..=LIMIT {
        // The first read is of the client.
        app.dynamodb_wire.inject(Fault::Garbage, Matcher::operation("GetItem").nth(2));
        app.login().await.failed(503, "temporarily_unavailable");
        app.dynamodb_wire.clear_faults();
    }
    app.login().await.succeeded();
}

#[tokio::test]
async fn an_attempt_whose_answer_was_lost_counts_exactly_once() {
    // The attempt is counted and its password marked, and the first answer of each call is lost.
    for (familiar, lost) in [(true, [1, 3]), (false, [2, 4])] {
        let app = app_of_one_budget(familiar).await;
        for number in 0..LIMIT {
            for nth in lost {
                app.dynamodb_wire.inject(Fault::ResetAfter, Matcher::operation("UpdateItem").nth(nth));
            }
            assert!(!is_locked(&app.guess("ann", &format!("wrong {number}")).await.failed(400, "invalid_grant")));
            app.dynamodb_wire.clear_faults();
        }
        assert!(is_locked(&app.login().await), "familiar: {familiar}");
    }
}

#[tokio::test]
async fn a_new_window_whose_answer_was_lost_begins_only_once() {
    // The window is over, which the reservation finds; then a new one is opened, and the answer to that is lost.
    for (familiar, lost) in [(true, 2), (false, 2)] {
        let app = app_of_one_budget(familiar).await;
        app.guess("ann", "wrong in the first window").await.failed(400, "invalid_grant");
        app.clock.advance(WINDOW);
        app.dynamodb_wire.inject(Fault::ResetAfter, Matcher::operation("UpdateItem").nth(lost));
        app.guess("ann", "wrong 0").await.failed(400, "invalid_grant");
        app.dynamodb_wire.clear_faults();
        for number in 1..LIMIT {
            let refused = app.guess("ann", &format!("wrong {number}")).await.failed(400, "invalid_grant");
            assert!(!is_locked(&refused), "familiar: {familiar}, {number}");
        }
        assert!(is_locked(&app.login().await), "familiar: {familiar}");
    }
}

/// The usual app, where requests come from a familiar source or from a strange one that has no limit of its own.
async fn app_of_one_budget(familiar: bool) -> TestApp {
    let app = TestApp::builder().variable("PASSGRANT_ATTEMPTS_SOURCE_NAMES", "0").start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    if familiar {
        app.login().await.succeeded();
    }
    app
}

#[tokio::test]
async fn an_attempt_that_cannot_be_marked_or_taken_back_stays_counted() {
    for (familiar, mark) in [(true, 2), (false, 3)] {
        let app = app_of_one_budget(familiar).await;
        for number in 0..LIMIT {
            app.dynamodb_wire.inject(Fault::Garbage, Matcher::operation("UpdateItem").nth(mark));
            app.guess("ann", &format!("wrong {number}")).await.failed(400, "invalid_grant");
            app.dynamodb_wire.clear_faults();
        }
        app.login().await.failed(503, "temporarily_unavailable");
        app.clock.advance(Duration::from_secs(30));
        assert_eq!(retry_after(&app.login().await), Duration::from_secs(870), "no guess can be right any more");
    }
}

#[tokio::test]
async fn no_password_is_verified_unless_its_attempt_was_counted() {
    let app = TestApp::start().await;
    app.dynamodb_wire.inject(Fault::ServerError, Matcher::operation("UpdateItem"));
    app.login().await.failed(503, "temporarily_unavailable");
    app.guess("ann", "wrong").await.failed(503, "temporarily_unavailable");
}

#[tokio::test]
async fn usernames_that_are_prepared_alike_count_as_one() {
    let app = TestApp::builder().variable("PASSGRANT_ATTEMPTS_LIMIT", "3").start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    for name in ["ann", "Ann", "\u{ff21}NN"] {
        app.guess(name, &format!("wrong for {name}")).await.failed(400, "invalid_grant");
    }
    assert!(is_locked(&app.login().await));
}

/// A hash of an algorithm that this service does not have.
fn unreadable_hash() -> PasswordHash {
    serde_json::from_str("\"$2b$12$abcdefghijklmnopqrstuu\"").expect("text")
}
