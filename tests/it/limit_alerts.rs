//! What the log says when a limit on guessing is reached.

#![expect(clippy::expect_used, reason = "what a test cannot read has failed it")]

use serde_json::Value;
use tracing::level_filters::LevelFilter;

use crate::rig::app::TestApp;
use crate::rig::client::client;
use crate::rig::log::Captured;
use crate::rig::user::username;

const ATTACKER: &str = "203.0.113.66";
const ELSEWHERE: &str = "198.51.100.1";

/// The alerts that were logged, each with the subject that its line names.
fn alerts(captured: &Captured) -> Vec<(String, Option<String>)> {
    let lines = captured.text();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let text = |line: &Value, name: &str| line[name].as_str().map(str::to_owned);
    lines.filter_map(|line| Some((text(&line, "alert")?, text(&line, "sub")))).collect()
}

async fn subject(app: &TestApp, name: &str) -> Option<String> {
    let user = app.store.users.get(&username(name)).await.expect("a read").expect("a user");
    Some(user.subject.as_str().to_owned())
}

#[tokio::test]
async fn each_limit_is_logged_by_its_alert_with_the_subject_if_there_is_one_and_never_by_username_or_address() {
    let app = TestApp::builder()
        .variable("PASSGRANT_ATTEMPTS_LIMIT", "50")
        .variable("PASSGRANT_ATTEMPTS_SOURCE_NAMES", "2")
        .start()
        .await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.create_user("bob").await;
    let (captured, _guard) = Captured::at(LevelFilter::WARN);

    for number in 0..=50 {
        app.guess_from(ELSEWHERE, "ann", &format!("wrong {number}")).await.failed(400, "invalid_grant");
    }
    for name in ["nobody-of-the-alerts-1", "nobody-of-the-alerts-2", "bob"] {
        app.guess_from(ATTACKER, name, "wrong").await.failed(400, "invalid_grant");
    }

    let (ann, bob) = (subject(&app, "ann").await, subject(&app, "bob").await);
    let expected = [
        ("username_slowed", ann.clone()),
        ("locked_username_tried", ann),
        ("source_exhausted", None),
        ("exhausted_source_tried", bob),
    ];
    assert_eq!(alerts(&captured), expected.map(|(alert, sub)| (alert.to_owned(), sub)));
    for personal in [ATTACKER, ELSEWHERE, "nobody-of-the-alerts"] {
        assert!(!captured.text().contains(personal), "{personal} is in the log:\n{}", captured.text());
    }
}
