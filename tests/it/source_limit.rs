//! The limit on one source: for how many usernames it may send wrong passwords.

use std::time::Duration;

use crate::rig::app::TestApp;
use crate::rig::attempts::{is_locked, retry_after};
use crate::rig::client::{SECRET, client};
use crate::rig::request::{from, token_request};
use crate::rig::user::PASSWORD;
use crate::rig::wire::{Fault, Matcher};

const ATTACKER: &str = "203.0.113.66";
const ELSEWHERE: &str = "198.51.100.1";
const HOUR: Duration = Duration::from_hours(1);

async fn app(names: &'static str) -> TestApp {
    let app = TestApp::builder()
        .variable("PASSGRANT_ATTEMPTS_SOURCE_NAMES", names)
        .variable("PASSGRANT_ATTEMPTS_SPARED_NETWORKS", "192.0.2.128/25,2001:db8:5::/48")
        .start()
        .await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app
}

impl TestApp {
    /// Sends the same wrong password for one username after another, until it is not looked at. Returns for how many it
    /// was.
    async fn spray(&self, address: &str, most: usize) -> usize {
        let password = format!("Winter2026! {}", self.now().as_unix());
        for number in 0..most {
            let name = format!("name-{number}");
            if is_locked(&self.guess_from(address, &name, &password).await.failed(400, "invalid_grant")) {
                return number;
            }
        }
        most
    }
}

#[tokio::test]
async fn a_source_that_fails_at_too_many_usernames_is_answered_like_a_wrong_password_for_an_hour() {
    let app = app("5").await;
    let wrong = app.guess_from(ELSEWHERE, "ann", "wrong").await.failed(400, "invalid_grant");
    assert_eq!(app.spray(ATTACKER, 10).await, 5);
    app.clock.advance(Duration::from_mins(10));
    let refused = app.guess_from(ATTACKER, "ann", PASSWORD).await.failed(400, "invalid_grant");
    assert_eq!(refused.body, wrong.body);
    assert_eq!(retry_after(&refused), Duration::from_mins(50));
    app.guess_from(ELSEWHERE, "ann", PASSWORD).await.succeeded();
    app.clock.advance(Duration::from_mins(50));
    app.guess_from(ATTACKER, "ann", PASSWORD).await.succeeded();
    assert!(app.spray(ATTACKER, 10).await > 0, "another hour begins");
}

#[tokio::test]
async fn a_source_that_was_exhausted_may_fail_at_a_quarter_as_many_usernames_until_it_was_quiet_for_a_day() {
    let app = app("20").await;
    for most in [20, 5, 1, 1] {
        assert_eq!(app.spray(ATTACKER, 30).await, most);
        app.clock.advance(HOUR);
    }
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(app.spray(ATTACKER, 30).await, 20);
}

#[tokio::test]
async fn a_source_that_was_exhausted_recovers_in_a_day_although_people_mistype_there() {
    let app = app("20").await;
    for most in [20, 5, 1] {
        assert_eq!(app.spray(ATTACKER, 30).await, most);
        app.clock.advance(HOUR);
    }
    for hour in 0..24 {
        app.guess_from(ATTACKER, &format!("newcomer-{hour}"), "a typo").await.failed(400, "invalid_grant");
        app.clock.advance(HOUR);
    }
    assert_eq!(app.spray(ATTACKER, 30).await, 20);
}

#[tokio::test]
async fn whoever_mistypes_and_then_logs_in_does_not_count() {
    let app = app("3").await;
    for user in ["bob", "cleo", "dan", "eve", "fay"] {
        app.create_user(user).await;
        app.guess_from(ATTACKER, user, "a typo").await.failed(400, "invalid_grant");
        app.guess_from(ATTACKER, user, PASSWORD).await.succeeded();
    }
    assert_eq!(app.spray(ATTACKER, 10).await, 3);
}

#[tokio::test]
async fn an_exhausted_source_costs_no_verification_and_counts_for_no_username() {
    let app = app("2").await;
    app.spray(ATTACKER, 3).await;
    // A hash that cannot be verified: trying to would be a server error.
    let unreadable = serde_json::from_str("\"$2b$12$abcdefghijklmnopqrstuu\"").expect("text");
    app.create_user_with("bob", |user| user.password_hash = Some(unreadable)).await;
    for number in 0..20 {
        assert!(is_locked(&app.guess_from(ATTACKER, "bob", &format!("guess {number}")).await));
        assert!(is_locked(&app.guess_from(ATTACKER, "ann", &format!("guess {number}")).await));
    }
    app.guess_from(ELSEWHERE, "ann", PASSWORD).await.succeeded();
}

#[tokio::test]
async fn usernames_that_a_network_logs_in_neither_count_nor_wait() {
    let app = app("3").await;
    let users = ["bob", "cleo", "dan", "eve", "fay"];
    for user in users {
        app.create_user(user).await;
        app.guess_from(ATTACKER, user, PASSWORD).await.succeeded();
    }
    for user in users {
        app.guess_from(ATTACKER, user, "a typo").await.failed(400, "invalid_grant");
    }
    assert_eq!(app.spray(ATTACKER, 10).await, 3, "none of the five counted");
    for user in users {
        app.guess_from(ATTACKER, user, PASSWORD).await.succeeded();
    }
    assert!(is_locked(&app.guess_from(ATTACKER, "ann", PASSWORD).await), "who is new there has to wait");
}

#[tokio::test]
async fn the_same_username_counts_once_and_other_instances_see_it() {
    let mut app = app("3").await;
    app.add_instance();
    for number in 0..8 {
        app.guess_from(ATTACKER, "ann", &format!("wrong {number}")).await.failed(400, "invalid_grant");
    }
    for name in ["one", "two"] {
        assert!(!is_locked(&app.guess_from(ATTACKER, name, "wrong").await));
    }
    for instance in 0..2 {
        let login = [("grant_type", "password"), ("username", "three"), ("password", "wrong")];
        let request = from(ATTACKER, token_request(Some(("app", SECRET)), &login));
        assert!(is_locked(&app.send_to(instance, request).await), "instance {instance}");
    }
}

#[tokio::test]
async fn an_old_password_that_a_program_keeps_sending_says_nothing_about_its_source() {
    let app = app("1").await;
    for _ in 0..3 {
        assert!(!is_locked(&app.guess_from(ELSEWHERE, "ann", "the old password").await));
        app.clock.advance(HOUR);
    }
    assert_eq!(app.spray(ELSEWHERE, 3).await, 1, "in later hours, it did not count");
}

#[tokio::test]
async fn an_ipv6_source_is_its_first_64_bits_and_some_networks_are_spared() {
    let app = app("2").await;
    assert_eq!(app.spray("2001:db8:1:2::1", 4).await, 2);
    assert!(is_locked(&app.guess_from("2001:db8:1:2:9::9", "ann", PASSWORD).await));
    assert!(!is_locked(&app.guess_from("2001:db8:1:3::1", "ann", "wrong").await));
    for spared in ["192.0.2.200", "2001:db8:5:77::1"] {
        assert_eq!(app.spray(spared, 6).await, 6, "{spared}");
    }
}

#[tokio::test]
async fn a_high_limit_is_shared_out_and_no_limit_reads_and_writes_nothing() {
    let app = app("250").await;
    let verified = app.spray(ATTACKER, 300).await;
    assert!((84..=252).contains(&verified), "{verified}");

    let app = self::app("0").await;
    app.dynamodb_wire.take_exchanges();
    app.guess_from(ATTACKER, "ann", "wrong").await.failed(400, "invalid_grant");
    let mut made: Vec<_> = app.dynamodb_wire.take_exchanges().into_iter().map(|exchange| exchange.operation).collect();
    made.sort();
    assert_eq!(made, ["GetItem", "GetItem", "UpdateItem", "UpdateItem", "UpdateItem"]);
}

#[tokio::test]
async fn no_password_of_a_stranger_is_verified_unless_its_source_could_be_read() {
    let app = app("100").await;
    // The client, the user, and then the source.
    app.dynamodb_wire.inject(Fault::Garbage, Matcher::operation("GetItem").nth(3));
    app.guess_from(ATTACKER, "ann", PASSWORD).await.failed(503, "temporarily_unavailable");
    app.dynamodb_wire.clear_faults();
    for _ in 0..20 {
        app.guess_from(ATTACKER, "ann", PASSWORD).await.succeeded();
    }
}

#[tokio::test]
async fn a_clock_set_back_makes_nobody_wait_longer_than_an_hour() {
    let app = app("1").await;
    app.spray(ATTACKER, 2).await;
    app.clock.set_back(Duration::from_hours(100));
    assert_eq!(retry_after(&app.guess_from(ATTACKER, "ann", PASSWORD).await), HOUR);
}
