//! What an answer of a delegated verifier that is neither yes nor no costs in attempts.

use std::time::Duration;

use futures_util::future::join_all;
use passgrant::authenticate::lockout::policy::AttemptPolicy;
use serde_json::json;

use crate::rig::app::TestApp;
use crate::rig::attempts::{LIMIT, WINDOW, is_locked};
use crate::rig::chain::{app_of, app_with, login};
use crate::rig::delegate::{Behaviour, Delegate};

fn yes() -> Behaviour {
    Behaviour::json(&json!({"result": "yes", "sub": "1001"}))
}

fn answer(status: u16, body: &str) -> Behaviour {
    Behaviour::Answer(status, body.as_bytes().to_vec())
}

/// Tries a password that the verifier is asked about, and gives no answer to.
async fn unavailable(app: &TestApp, delegate: &Delegate, password: &str) {
    login(app, "zoe", password).await.failed(503, "temporarily_unavailable");
    assert_eq!(delegate.take_calls().len(), 1, "{password}");
}

/// Asserts that the name is locked, and that the verifier is not asked about it.
async fn assert_locked(app: &TestApp, delegate: &Delegate, what: &str) {
    delegate.behave(yes());
    assert!(is_locked(&login(app, "zoe", "the right one").await), "{what}");
    assert!(delegate.take_calls().is_empty(), "{what}");
}

#[tokio::test]
async fn a_verifier_that_says_no_in_an_unspecified_way_allows_no_more_guesses() {
    let delegate = Delegate::start().await;
    let app = app_of(&delegate, "legacy").await;
    for (what, behaviour) in [
        ("400", answer(400, "")),
        ("401", answer(401, r#"{"result":"no"}"#)),
        ("403", answer(403, r#"{"result":"yes","sub":"1001"}"#)),
        ("404", answer(404, "<html>")),
        ("429", answer(429, "")),
        ("201", answer(201, r#"{"result":"yes","sub":"1001"}"#)),
        ("204", answer(204, "")),
        ("redirect", Behaviour::Redirect("http://127.0.0.1:1/".to_owned())),
        ("empty", answer(200, "")),
        ("garbage", answer(200, "<html>no</html>")),
        ("another result", Behaviour::result("maybe")),
        ("oversize", answer(200, &" ".repeat(17 * 1024))),
        ("claims that are refused", answer(200, r#"{"result":"yes","sub":"1","claims":{"":1}}"#)),
    ] {
        delegate.behave(behaviour.clone());
        for number in 0..LIMIT {
            unavailable(&app, &delegate, &format!("{what} {number}")).await;
        }
        assert_locked(&app, &delegate, what).await;
        app.clock.advance(2 * AttemptPolicy::MAX_LOCK);

        // A program that goes on with the same password, right or not, locks nobody out.
        delegate.behave(behaviour);
        for _ in 0..=LIMIT {
            unavailable(&app, &delegate, "the right one").await;
        }
        delegate.behave(yes());
        login(&app, "zoe", "the right one").await.succeeded();
        delegate.take_calls();
    }
}

#[tokio::test]
async fn a_verifier_in_trouble_locks_nobody_out_until_its_own_bound_is_reached() {
    let delegate = Delegate::start().await;
    let app = app_with(&delegate, "legacy", &[("PASSGRANT_ATTEMPTS_LIMIT", "2")]).await;
    let behaviours = [answer(500, r#"{"result":"no"}"#), answer(503, ""), answer(599, ""), Behaviour::Reset];
    let bound = 2 * AttemptPolicy::UNANSWERED_PER_ATTEMPT;
    for window in 0..3 {
        for number in 0..bound + 2 {
            delegate.behave(behaviours[number % behaviours.len()].clone());
            unavailable(&app, &delegate, &format!("guess {number} in {window}")).await;
        }
        // Twenty attempts were taken back, and two stay counted.
        app.clock.advance(Duration::from_secs(30));
        assert_locked(&app, &delegate, "it is as long as any lock").await;
        app.clock.advance(WINDOW * 4);
    }

    // The right password clears this count, too.
    for _ in 0..3 {
        for number in 0..bound {
            delegate.behave(behaviours[number % behaviours.len()].clone());
            unavailable(&app, &delegate, &format!("guess {number}")).await;
        }
        delegate.behave(yes());
        login(&app, "zoe", "the right one").await.succeeded();
        delegate.take_calls();
    }
}

#[tokio::test]
async fn attempts_without_an_answer_are_bounded_in_each_window() {
    let delegate = Delegate::start().await;
    let app = app_with(&delegate, "legacy", &[("PASSGRANT_ATTEMPTS_LIMIT", "1")]).await;
    delegate.behave(answer(500, ""));
    for _ in 0..3 {
        for number in 0..AttemptPolicy::UNANSWERED_PER_ATTEMPT {
            unavailable(&app, &delegate, &format!("guess {number}")).await;
        }
        app.clock.advance(WINDOW);
    }
    delegate.behave(yes());
    login(&app, "zoe", "the right one").await.succeeded();
}

#[tokio::test]
async fn a_refusal_counts_even_if_no_more_verifications_may_wait() {
    const GUESSES: usize = 60;
    let delegate = Delegate::start().await;
    let variables = [
        ("PASSGRANT_ATTEMPTS_LIMIT", "60"),
        // The queue of verifications bounds that of a username, too: neither holds more than this at once.
        ("PASSGRANT_VERIFY_QUEUE", "0"),
        ("PASSGRANT_ARGON2_MEMORY_KIB", "8192"),
    ];
    for behaviour in [Behaviour::result("no"), answer(401, "")] {
        let app = app_with(&delegate, "legacy", &variables).await;
        delegate.behave(behaviour);
        let guesses = (0..GUESSES).map(async |number| login(&app, "zoe", &format!("guess {number}")).await);
        let answers = join_all(guesses).await;
        assert_eq!(delegate.take_calls().len(), GUESSES);
        assert!(answers.iter().any(|answer| answer.status == 503), "some could not be marked");
        app.clock.advance(Duration::from_secs(30));
        assert_locked(&app, &delegate, "each of them counts").await;
    }
}
