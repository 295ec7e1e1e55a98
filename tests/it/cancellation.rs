//! What becomes of the attempts of requests that end early, because their time is over or nobody waits for them any more.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use passgrant::router::{self, RequestId};
use passgrant::service::Service;
use tokio::runtime;
use tokio::task::{spawn_blocking, yield_now};

use crate::rig::app::TestApp;
use crate::rig::attempts::{LIMIT, is_locked};
use crate::rig::chain;
use crate::rig::client::{SECRET, client};
use crate::rig::delegate::{Behaviour, Delegate};
use crate::rig::request::token_request;
use crate::rig::user::PASSWORD;
use crate::rig::wire::{Fault, Matcher};

/// Sends a login, and drops it as soon as it is `far_enough`, as a server does when its client has gone.
async fn give_up(app: &TestApp, username: &str, password: &str, far_enough: impl Fn() -> bool) {
    let login = [("grant_type", "password"), ("username", username), ("password", password)];
    let (service, id) = (app.service(), RequestId::of_platform("given-up"));
    let request = token_request(Some(("app", SECRET)), &login);
    let handled = pin!(router::handle(&service, request, id, Duration::from_secs(29)));
    let until = async {
        while !far_enough() {
            yield_now().await;
        }
    };
    tokio::select! {
        () = until => {}
        response = handled => panic!("answered before it was given up: {response:?}"),
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_before_a_verdict_leaves_no_attempt_counted() {
    let app = TestApp::start().await;
    for number in 0..=LIMIT {
        // The first read is of the client.
        app.dynamodb_wire.inject(Fault::Hang, Matcher::operation("GetItem").nth(2));
        app.dynamodb_wire.take_exchanges();
        let counted = Cell::new(false);
        let far_enough = || {
            let exchanges = app.dynamodb_wire.take_exchanges();
            counted.set(counted.get() || exchanges.iter().any(|exchange| exchange.operation == "UpdateItem"));
            counted.get() && app.dynamodb_wire.hung("GetItem") > number
        };
        give_up(&app, "ann", &format!("guess {number}"), far_enough).await;
        app.dynamodb_wire.clear_faults();
    }
    for number in 1..LIMIT {
        app.guess("ann", &format!("wrong {number}")).await.failed(400, "invalid_grant");
    }
    app.login().await.succeeded();
}

#[tokio::test]
async fn a_request_that_is_given_up_while_its_attempt_is_being_counted_leaves_no_attempt_counted() {
    let app = TestApp::builder().variable("PASSGRANT_ATTEMPTS_LIMIT", "1").start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.dynamodb_wire.inject(Fault::HangAfter, Matcher::operation("UpdateItem").nth(2));
    give_up(&app, "ann", PASSWORD, || app.dynamodb_wire.hung("UpdateItem") > 0).await;
    app.login().await.succeeded();
}

#[tokio::test]
async fn an_attempt_that_may_or_may_not_have_been_counted_is_taken_back() {
    let app = TestApp::start().await;
    app.login().await.succeeded();
    for _ in 0..=LIMIT {
        // It is counted, and each answer that says so is lost.
        app.dynamodb_wire.inject(Fault::ResetAfter, Matcher::operation("UpdateItem").next(3));
        app.login().await.failed(503, "temporarily_unavailable");
        app.dynamodb_wire.clear_faults();
    }
    app.login().await.succeeded();
}

#[tokio::test]
async fn a_right_password_whose_request_is_given_up_while_tokens_are_made_clears_the_count() {
    let app = TestApp::start().await;
    // The first login of the day makes another PutItem, which notes the day.
    app.login().await.succeeded();
    for round in 0..3 {
        for number in 1..LIMIT {
            app.guess("ann", &format!("wrong {round} {number}")).await.failed(400, "invalid_grant");
        }
        app.dynamodb_wire.inject(Fault::Hang, Matcher::operation("PutItem"));
        give_up(&app, "ann", PASSWORD, || app.dynamodb_wire.hung("PutItem") > round).await;
        app.dynamodb_wire.clear_faults();
    }
    app.login().await.succeeded();
}

#[tokio::test]
async fn a_wrong_password_whose_request_is_given_up_stays_counted_and_is_marked() {
    let app = TestApp::builder().with_timeouts().start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    app.login().await.succeeded();
    for number in 0..LIMIT {
        // This is the mark: a later attempt of the same call writes it, when nobody waits for it any more.
        app.dynamodb_wire.inject(Fault::Hang, Matcher::operation("UpdateItem").nth(2));
        give_up(&app, "ann", &format!("guess {number}"), || app.dynamodb_wire.hung("UpdateItem") > number).await;
        app.dynamodb_wire.clear_faults();
    }
    assert!(is_locked(&app.login().await.failed(400, "invalid_grant")));
}

#[tokio::test]
async fn requests_that_are_given_up_while_a_verifier_is_asked_are_bounded() {
    let delegate = Delegate::start().await;
    let app = chain::app_with(&delegate, "legacy", &[("PASSGRANT_ATTEMPTS_LIMIT", "1")]).await;
    // If a verifier is slow to say no and quick to say yes, anyone who does not wait can tell the two apart.
    delegate.behave(Behaviour::Hang);
    let calls = Cell::new(0);
    let asked = |times| {
        calls.set(calls.get() + delegate.take_calls().len());
        calls.get() == times
    };
    for number in 1..=10 {
        give_up(&app, "zoe", &format!("guess {number}"), || asked(number)).await;
    }
    give_up(&app, "zoe", "the eleventh stays counted", || asked(11)).await;
    app.clock.advance(Duration::from_secs(30));
    assert!(is_locked(&chain::login(&app, "zoe", "another").await));
    assert!(asked(11), "no further question was asked");
}

/// As in Lambda: after the answer the process does not run, and may never run again.
#[tokio::test]
async fn a_request_whose_time_is_over_takes_its_attempt_back_before_it_is_answered() {
    const TIME: Duration = Duration::from_millis(300);
    let mut app = TestApp::builder().start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    for number in 0..LIMIT + 5 {
        app.add_instance();
        app.dynamodb_wire.inject(Fault::Hang, Matcher::operation("GetItem").nth(2));
        let service: Arc<Service> = app.last_service();
        let password = format!("guess {number}");
        let answered = spawn_blocking(move || {
            let login = [("grant_type", "password"), ("username", "ann"), ("password", &password)];
            let request = token_request(Some(("app", SECRET)), &login);
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(router::handle(&service, request, RequestId::of_platform("x"), TIME)).status()
        });
        assert_eq!(answered.await.expect("no panic"), 503);
        app.dynamodb_wire.clear_faults();
    }
    // On a busy machine one or another of them may not have had the time.
    app.login().await.succeeded();
}
