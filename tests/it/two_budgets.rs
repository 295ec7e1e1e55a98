//! The two budgets of a username: strangers cannot exhaust that of the sources it is logged in from, and what they fail at
//! is remembered.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use passgrant::client::{Capability, Client};
use passgrant::store::attempts::{AttemptsKey, Budget, StoredBudget};

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::attempts::{LIMIT, WINDOW, is_locked, retry_after};
use crate::rig::client::{SECRET, client};
use crate::rig::request::{LOGIN, from, token_request};
use crate::rig::user::{PASSWORD, username};

const OFFICE: &str = "198.51.100.1";
const ATTACKER: &str = "203.0.113.66";
const ELSEWHERE: &str = "203.0.113.7";
const DAY: Duration = Duration::from_hours(24);

/// As many attempts as are counted before there is only one in each interval.
const SLOWED_AFTER: usize = 50;

impl TestApp {
    async fn login_from(&self, address: &str) -> Answer {
        self.guess_from(address, "ann", PASSWORD).await
    }

    /// Sends wrong passwords, each a different one, until none is looked at any more. Returns how many were.
    async fn exhaust(&self, address: &str, username: &str) -> usize {
        for number in 0.. {
            let guess = format!("wrong {number} at {} from {address}", self.now().as_unix());
            if is_locked(&self.guess_from(address, username, &guess).await.failed(400, "invalid_grant")) {
                return number;
            }
        }
        unreachable!("there is no limit")
    }

    /// Lets a stranger guess as fast as the limit allows, until there is only one guess in each interval.
    async fn slow_down(&self, address: &str, username: &str) {
        let mut guesses = 0;
        while guesses < SLOWED_AFTER {
            guesses += self.exhaust(address, username).await;
            self.clock.advance(DAY);
        }
        assert_eq!(guesses, SLOWED_AFTER);
    }
}

#[tokio::test]
async fn strangers_do_not_keep_a_user_out_of_a_familiar_place_nor_the_user_clear_what_they_did() {
    let app = TestApp::start().await;
    app.login_from(OFFICE).await.succeeded();
    assert_eq!(app.exhaust(ATTACKER, "ann").await, LIMIT);
    for _ in 0..3 {
        app.login_from(OFFICE).await.succeeded();
        assert!(is_locked(&app.login_from(ATTACKER).await), "even with the right password");
        assert!(is_locked(&app.login_from(ELSEWHERE).await), "strangers share one budget");
    }
}

#[tokio::test]
async fn a_right_password_from_a_new_place_makes_it_familiar_and_takes_back_only_its_own_attempt() {
    let app = TestApp::start().await;
    for number in 1..LIMIT {
        app.guess_from(ATTACKER, "ann", &format!("wrong {number}")).await.failed(400, "invalid_grant");
    }
    for _ in 0..3 {
        app.login_from(OFFICE).await.succeeded();
        app.login_from(ELSEWHERE).await.succeeded();
    }
    app.guess_from(ATTACKER, "ann", "one more").await.failed(400, "invalid_grant");
    assert!(is_locked(&app.login_from(ATTACKER).await), "nine and one are ten");
    app.login_from(OFFICE).await.succeeded();
    app.login_from(ELSEWHERE).await.succeeded();
}

#[tokio::test]
async fn a_familiar_place_has_a_limit_of_its_own_which_the_right_password_clears() {
    let app = TestApp::start().await;
    app.login_from(OFFICE).await.succeeded();
    for round in 0..7 {
        for number in 1..LIMIT {
            app.guess_from(OFFICE, "ann", &format!("typo {round} {number}")).await.failed(400, "invalid_grant");
        }
        app.login_from(OFFICE).await.succeeded();
    }
    assert_eq!(app.exhaust(OFFICE, "ann").await, LIMIT);
    let locked = app.login_from(OFFICE).await;
    assert_eq!(retry_after(&locked), WINDOW);
    app.login_from(ELSEWHERE).await.succeeded();
    let strange = app.guess_from(ATTACKER, "ann", "wrong").await.failed(400, "invalid_grant");
    assert_eq!(strange.body, locked.body);
}

#[tokio::test]
async fn a_source_is_a_client_and_a_network_and_is_familiar_for_ninety_days() {
    let app = TestApp::start().await;
    app.register(client("other")).await;
    app.login_from("2001:db8:1:2::3").await.succeeded();
    app.exhaust(ATTACKER, "ann").await;
    let by_other = |address| from(address, token_request(Some(("other", SECRET)), &LOGIN));
    assert!(is_locked(&app.send(by_other("2001:db8:1:2::3")).await), "another client");
    assert!(is_locked(&app.login_from("2001:db8:1:3::3").await), "another network");
    app.login_from("2001:db8:1:2:ffff::1").await.succeeded();

    app.clock.advance(Duration::from_secs(90 * 24 * 3600 - 1));
    app.exhaust(ATTACKER, "ann").await;
    app.login_from("2001:db8:1:2::3").await.succeeded();
    app.clock.advance(90 * DAY);
    app.exhaust(ATTACKER, "ann").await;
    assert!(is_locked(&app.login_from("2001:db8:1:2::3").await));
}

#[tokio::test]
async fn sixteen_sources_are_familiar_and_the_least_lately_used_goes_first() {
    let app = TestApp::start().await;
    let address = |number: usize| format!("198.51.100.{number}");
    for number in 0..17 {
        app.login_from(&address(number)).await.succeeded();
        app.clock.advance(Duration::from_secs(1));
        app.login_from(&address(0)).await.succeeded();
        app.clock.advance(Duration::from_secs(1));
    }
    app.exhaust(ATTACKER, "ann").await;
    assert!(is_locked(&app.login_from(&address(1)).await));
    for number in (0..17).filter(|number| *number != 1) {
        app.login_from(&address(number)).await.succeeded();
    }
    let stored = app.store.attempts.get(&AttemptsKey::of(&username("ann"))).await.expect("a read").expect("an item");
    assert_eq!(stored.familiar_sources.len(), 16);
}

#[tokio::test]
async fn paced_guesses_are_remembered_and_slowed_whether_or_not_there_is_such_a_user() {
    let app = TestApp::start().await;
    for name in ["ann", "nobody"] {
        let mut verified = 0;
        // Nine every fifteen minutes never fill a window.
        for _ in 0..96 {
            for _ in 1..LIMIT {
                let guess = format!("guess {verified}");
                if is_locked(&app.guess_from(ATTACKER, name, &guess).await.failed(400, "invalid_grant")) {
                    break;
                }
                verified += 1;
            }
            app.clock.advance(WINDOW);
        }
        assert!((SLOWED_AFTER..SLOWED_AFTER + 25).contains(&verified), "{name}: {verified} a day");
    }
}

#[tokio::test]
async fn the_interval_of_strangers_grows_to_a_day_and_whoever_did_not_guess_last_waits_half_as_long() {
    let app = TestApp::start().await;
    app.login_from(OFFICE).await.succeeded();
    app.slow_down(ATTACKER, "ann").await;
    for (counted, minutes) in (SLOWED_AFTER + 1..).zip([30, 60, 120, 240, 480, 960, 1440, 1440]) {
        assert_eq!(app.exhaust(ATTACKER, "ann").await, 1, "{counted}");
        let interval = Duration::from_mins(minutes);
        assert_eq!(retry_after(&app.login_from(ATTACKER).await), 2 * interval, "{counted}");
        assert_eq!(retry_after(&app.login_from(ELSEWHERE).await), interval, "{counted}");
        app.login_from(OFFICE).await.succeeded();
        app.clock.advance(2 * interval);
    }
    // The attacker is there again at every moment, and still the owner is let in.
    for _ in 0..2 * 24 {
        app.exhaust(ATTACKER, "ann").await;
        app.clock.advance(Duration::from_mins(30));
        if !is_locked(&app.login_from(ELSEWHERE).await) {
            return;
        }
    }
    panic!("the owner is locked out of a new place");
}

#[tokio::test]
async fn an_account_that_is_logged_in_to_all_the_time_gives_strangers_no_fresh_start() {
    let app = TestApp::start().await;
    app.login_from(OFFICE).await.succeeded();
    let mut verified = 0;
    for number in 0..24 * 12 {
        app.login_from(OFFICE).await.succeeded();
        let guess = app.guess_from(ATTACKER, "ann", &format!("guess {number}")).await.failed(400, "invalid_grant");
        verified += usize::from(!is_locked(&guess));
        app.clock.advance(Duration::from_mins(5));
    }
    assert!((40..SLOWED_AFTER + 25).contains(&verified), "{verified} a day");
}

#[tokio::test]
async fn what_strangers_did_is_forgotten_after_a_quiet_week_and_a_login_or_after_thirty_quiet_days() {
    let app = TestApp::start().await;
    app.login_from(OFFICE).await.succeeded();
    let fast = async || app.exhaust(ATTACKER, "ann").await;
    app.slow_down(ATTACKER, "ann").await;
    app.login_from(OFFICE).await.succeeded();
    assert_eq!(fast().await, 1, "they were not quiet for a week");
    app.clock.advance(7 * DAY);
    assert_eq!(fast().await, 1, "nobody logged in");
    app.clock.advance(7 * DAY);
    app.login_from(OFFICE).await.succeeded();
    assert_eq!(fast().await, LIMIT);

    app.clock.advance(DAY);
    app.slow_down(ATTACKER, "nobody").await;
    app.clock.advance(28 * DAY);
    assert_eq!(app.exhaust(ATTACKER, "nobody").await, 1);
    app.clock.advance(30 * DAY);
    assert_eq!(app.exhaust(ATTACKER, "nobody").await, LIMIT);
}

#[tokio::test]
async fn ten_guesses_every_two_days_are_remembered() {
    let app = TestApp::start().await;
    let mut verified = 0;
    for _ in 0..12 {
        verified += app.exhaust(ATTACKER, "ann").await;
        app.clock.advance(Duration::from_mins(48 * 60 + 20));
    }
    assert_eq!(verified, SLOWED_AFTER + 7, "five times ten, and then one at a time");
}

#[tokio::test]
async fn logins_from_new_places_are_no_failures_that_are_remembered() {
    let app = TestApp::start().await;
    app.login_from(OFFICE).await.succeeded();
    app.slow_down(ATTACKER, "ann").await;
    for day in 1..7 {
        app.login_from(&format!("198.51.100.{}", 10 + day)).await.succeeded();
        app.clock.advance(DAY);
    }
    app.login_from(OFFICE).await.succeeded();
    let stored = app.store.attempts.get(&AttemptsKey::of(&username("ann"))).await.expect("a read").expect("an item");
    let strange = stored.budget(Budget::Strange).expect("a budget");
    assert_eq!((strange.counted(), strange.wrong.len(), strange.known_wrong.len()), (0, 0, 0));
    assert_eq!(app.exhaust(ATTACKER, "ann").await, LIMIT);
}

#[tokio::test]
async fn a_forgotten_program_with_an_old_password_slows_nobody_down_however_long_it_runs() {
    let app = TestApp::start().await;
    for name in ["ann", "nobody"] {
        for _ in 0..3 * SLOWED_AFTER {
            app.guess_from(ELSEWHERE, name, "the old password").await.failed(400, "invalid_grant");
            app.clock.advance(WINDOW);
        }
        let stored = app.store.attempts.get(&AttemptsKey::of(&username(name))).await.expect("a read").expect("an item");
        assert_eq!(stored.budget(Budget::Strange).map(StoredBudget::counted), Some(1), "{name}");
        assert_eq!(app.exhaust(ATTACKER, name).await, LIMIT, "{name}");
    }
}

#[tokio::test]
async fn only_one_of_many_guesses_at_once_gets_past_a_limit_that_has_slowed_down() {
    let mut app = TestApp::start().await;
    app.add_instance();
    app.slow_down(ATTACKER, "ann").await;
    let guess = async |number: usize| {
        let login = [("grant_type", "password"), ("username", "ann"), ("password", &*format!("guess {number}"))];
        app.send_to(number % 2, from(&format!("203.0.113.{number}"), token_request(Some(("app", SECRET)), &login)))
            .await
    };
    let answers = join_all((0..200).map(guess)).await;
    let verified = answers.iter().filter(|answer| answer.status == 400 && !is_locked(answer)).count();
    assert_eq!(verified, 1);
}

#[tokio::test]
async fn each_budget_holds_against_guesses_at_once() {
    let mut app = TestApp::start().await;
    app.add_instance();
    app.login_from(OFFICE).await.succeeded();
    let guess = async |number: usize| {
        let address = if number % 4 < 2 { OFFICE } else { ATTACKER };
        let login = [("grant_type", "password"), ("username", "ann"), ("password", &*format!("guess {number}"))];
        (address, app.send_to(number % 2, from(address, token_request(Some(("app", SECRET)), &login))).await)
    };
    let answers = join_all((0..400).map(guess)).await;
    for address in [OFFICE, ATTACKER] {
        let own = answers.iter().filter(|(from, answer)| *from == address && answer.status == 400);
        let verified = own.filter(|(_, answer)| !is_locked(answer)).count();
        assert!((1..=LIMIT).contains(&verified), "{address}: {verified}");
    }
}

#[tokio::test]
async fn without_an_address_everybody_is_a_stranger() {
    let app = TestApp::start().await;
    let login = || {
        let mut request = token_request(Some(("app", SECRET)), &LOGIN);
        request.extensions_mut().clear();
        request
    };
    for _ in 0..=LIMIT {
        app.send(login()).await.succeeded();
    }
    app.exhaust(ATTACKER, "ann").await;
    assert!(is_locked(&app.send(login()).await));
    let stored = app.store.attempts.get(&AttemptsKey::of(&username("ann"))).await.expect("a read").expect("an item");
    assert!(stored.familiar_sources.is_empty());
}

#[tokio::test]
async fn a_client_that_may_says_where_its_users_are() {
    let app = TestApp::start().await;
    app.register(Client { capabilities: vec![Capability::EndUserAddress], ..client("portal") }).await;
    let login = async |id, forwarded: &str, password: &str| {
        let parameters = [("grant_type", "password"), ("username", "ann"), ("password", password)];
        let mut request = token_request(Some((id, SECRET)), &parameters);
        request.headers_mut().insert("forwarded", forwarded.parse().expect("a header"));
        app.send(request).await
    };
    login("portal", "for=198.51.100.1", PASSWORD).await.succeeded();
    login("app", "for=198.51.100.1", PASSWORD).await.succeeded();
    for number in 0..LIMIT {
        login("portal", "for=203.0.113.66", &format!("wrong {number}")).await.failed(400, "invalid_grant");
    }
    assert!(is_locked(&login("portal", "for=203.0.113.66", PASSWORD).await));
    assert!(is_locked(&login("portal", "for=_hidden", PASSWORD).await), "who is hidden is a stranger");
    login("portal", "for=\"198.51.100.1:4711\"", PASSWORD).await.succeeded();
    login("app", "for=203.0.113.66", PASSWORD).await.succeeded();
}

#[tokio::test]
async fn the_version_before_can_read_every_item_that_this_one_writes() {
    let app = TestApp::start().await;
    let ann = username("ann");
    let keys = async || {
        let request = app.dynamodb().scan().table_name(&app.config.tables.tokens);
        let items = request.send().await.expect("a scan").items.unwrap_or_default();
        let mut attempts = items
            .into_iter()
            .filter(|item| item.get("id").and_then(|id| id.as_s().ok()).is_some_and(|id| id.starts_with("t#")));
        let item = attempts.next().expect("an item");
        assert!(item.values().all(|value| !matches!(value, AttributeValue::Null(_))));
        item.into_keys().collect::<BTreeSet<_>>()
    };
    let needed = ["id", "schema", "wrong", "window_until", "last_at", "locked_times", "expires_at"].map(str::to_owned);
    let holds = async |when: &str| {
        let keys = keys().await;
        assert!(needed.iter().all(|name| keys.contains(name)), "{when}: {keys:?}");
    };
    app.login_from(OFFICE).await.succeeded();
    holds("after a login").await;
    app.guess_from(OFFICE, "ann", "wrong").await;
    holds("after a typo").await;
    app.login_from(OFFICE).await.succeeded();
    app.exhaust(ATTACKER, "ann").await;
    holds("after an attack").await;
    app.store.attempts.forget(&ann).await.expect("a write");
    holds("after it was forgotten").await;
    app.login_from(OFFICE).await.succeeded();
    holds("after a login again").await;
}
