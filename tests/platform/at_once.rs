//! One environment, and one request or several at the same time.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::canned::user_name;
use crate::platform::{Answer, succeeded};
use crate::surroundings::{Surroundings, USERS, login};

#[tokio::test]
async fn requests_at_the_same_time_are_handled_at_the_same_time_and_each_gets_its_own_answer() {
    let mut surroundings = Surroundings::start().await;
    let _function = surroundings.function(&[("AWS_LAMBDA_MAX_CONCURRENCY", &USERS.to_string())]);
    // The client is in memory from here on: the reads that follow are of users.
    succeeded(&surroundings.log_in(0).await);
    let mut polls = Vec::new();
    for _ in 0..USERS {
        polls.push(surroundings.api.poll().await);
    }
    surroundings.dynamodb.hold();
    for (number, poll) in polls.into_iter().enumerate() {
        poll.invoke(&user_name(number), login(number));
    }
    // Three at the start, two for the first login.
    surroundings.dynamodb.asked("GetItem", 5 + USERS).await;
    surroundings.dynamodb.release();

    let mut subjects = BTreeMap::new();
    for _ in 0..USERS {
        let answer = surroundings.api.answer().await;
        assert_eq!(answer.body["headers"]["x-request-id"], answer.request_id, "{}", answer.body);
        subjects.insert(answer.request_id.clone(), subject(&answer));
    }
    let expected = (0..USERS).map(user_name).map(|user| (user.clone(), surroundings.canned.subject(&user)));
    assert_eq!(subjects, expected.collect());

    let log = surroundings.log();
    for (request_id, subject) in subjects {
        let lines: Vec<&Value> = log.iter().filter(|line| line["span"]["request_id"] == request_id).collect();
        let [line] = lines[..] else { panic!("one line for {request_id}, not {lines:?}") };
        assert_eq!(line["sub"], subject, "{line}");
    }
}

#[tokio::test]
async fn requests_are_handled_one_after_the_other_unless_the_platform_says_otherwise() {
    for variables in [&[][..], &[("AWS_LAMBDA_MAX_CONCURRENCY", "1")]] {
        let mut surroundings = Surroundings::start().await;
        let _function = surroundings.function(variables);
        succeeded(&surroundings.log_in(0).await);
        let poll = surroundings.api.poll().await;
        surroundings.dynamodb.hold();
        poll.invoke("first", login(1));
        surroundings.dynamodb.asked("GetItem", 6).await;
        assert!(!surroundings.api.is_polled(), "{variables:?}");
        surroundings.dynamodb.release();
        assert_eq!(surroundings.api.answer().await.request_id, "first");
        drop(surroundings.api.poll().await);
    }
}

/// The `sub` of the access token that was answered.
fn subject(answer: &Answer) -> String {
    let members = succeeded(answer);
    let token = members["access_token"].as_str().expect("a token");
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("claims")).expect("base64url");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    claims["sub"].as_str().expect("a subject").to_owned()
}
