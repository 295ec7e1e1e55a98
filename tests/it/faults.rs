//! DynamoDB or KMS throttled, slow or gone: 503, and the same request again finishes the work.

#![expect(clippy::expect_used, reason = "an app without its wires has failed")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use passgrant::client::{AccessTokenFormat, Client};
use passgrant::jose::algorithm::Algorithm;
use passgrant::router::{self, RequestId};

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client, scope};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::request::{introspection, token_request};
use crate::rig::user::{PASSWORD, username};
use crate::rig::wire::{Fault, Matcher};

/// `app` for the grants, `opaque` whose access tokens are opaque, `mac` whose tokens have a MAC, `api` which may introspect.
async fn app() -> TestApp {
    let double = KmsDouble::start().await;
    let keys = [double.create_key(KeySpec::Rsa2048), double.create_key(KeySpec::Hmac256)];
    let app = TestApp::builder().kms(double, &keys).with_timeouts().start().await;
    app.register(Client { scopes: scope("read openid"), ..client("app") }).await;
    app.register(Client { access_token_format: AccessTokenFormat::Opaque, ..client("opaque") }).await;
    app.register(Client { signing_algorithm: Some(Algorithm::Hs256), ..client("mac") }).await;
    app.register_api().await;
    app.create_user("ann").await;
    // What only the first requests of an instance do is done here.
    app.login().await.succeeded();
    app.get("/oauth2/jwks").await.succeeded();
    app
}

const FAULTS: [Fault; 8] = [
    Fault::Throttle,
    Fault::ServerError,
    Fault::Unavailable503,
    Fault::Reset,
    Fault::ResetAfter,
    Fault::Truncate,
    Fault::Garbage,
    Fault::ExpiredCredentials,
];

/// The faults after which the SDK tries again by itself.
const RETRIED: [Fault; 5] =
    [Fault::Throttle, Fault::ServerError, Fault::Unavailable503, Fault::Reset, Fault::ResetAfter];

/// Walks through every call that the request of `ask` makes: breaks it with every fault, once and from then on.
///
/// `prepare` makes what the request works on, anew each time: it must have no part in what broke before. Whatever
/// happens, the answer is the one without a fault or 503; and the same request, sent again, finishes the work.
async fn walk<P>(
    prepare: impl AsyncFn(&TestApp) -> P,
    ask: impl AsyncFn(&TestApp, &P) -> Answer,
    finished: impl AsyncFn(&TestApp, P, Answer),
) {
    // Each fault has an app of its own, and all run at once: most of the time is spent between the SDK's attempts.
    join_all(FAULTS.map(|fault| walk_with(fault, &prepare, &ask, &finished))).await;
}

async fn walk_with<P>(
    fault: Fault,
    prepare: &impl AsyncFn(&TestApp) -> P,
    ask: &impl AsyncFn(&TestApp, &P) -> Answer,
    finished: &impl AsyncFn(&TestApp, P, Answer),
) {
    let app = app().await;
    let wires = [&app.dynamodb_wire, app.kms_wire.as_ref().expect("a wire")];
    let prepared = prepare(&app).await;
    for wire in wires {
        wire.take_exchanges();
    }
    ask(&app, &prepared).await.succeeded();
    let calls = wires.map(|wire| wire.take_exchanges().len());
    assert!(calls[0] > 1, "the walk has somewhere to go");

    for (wire, calls) in wires.into_iter().zip(calls) {
        for nth in 1..=calls {
            for (matcher, once) in [(Matcher::any().nth(nth), true), (Matcher::any().from(nth), false)] {
                let place =
                    format!("{fault:?} of call {nth} of {calls}, {}", if once { "once" } else { "from then on" });
                let prepared = prepare(&app).await;
                wire.inject(fault, matcher);
                let broken = ask(&app, &prepared).await;
                wire.clear_faults();
                if broken.status != StatusCode::OK {
                    assert!(!(once && RETRIED.contains(&fault)), "{place}: {broken:?}");
                    let unavailable = (503, "temporarily_unavailable");
                    assert_eq!((broken.status.as_u16(), broken.error().as_str()), unavailable, "{place}");
                    assert!(broken.headers.contains_key("retry-after"), "{place}");
                }
                let again = ask(&app, &prepared).await;
                assert_eq!(again.status, StatusCode::OK, "{place}, sent again: {again:?}");
                finished(&app, prepared, again).await;
            }
        }
    }
}

#[tokio::test]
async fn a_login_survives_every_fault_of_every_call() {
    let ask = async |app: &TestApp, (): &()| app.login().await;
    let finished = async |app: &TestApp, (), answer: Answer| {
        app.refresh(&answer.text("refresh_token")).await.succeeded();
    };
    walk(async |_| (), ask, finished).await;
}

#[tokio::test]
async fn a_login_from_a_new_place_survives_every_fault_of_every_call() {
    let forget = async |app: &TestApp| app.store.attempts.clear(&username("ann")).await.expect("a write");
    walk(forget, async |app, (): &()| app.login().await, async |_, (), _| ()).await;
}

#[tokio::test]
async fn a_login_with_an_id_token_and_an_opaque_access_token_survives_every_fault_of_every_call() {
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    let openid = [login.as_slice(), &[("scope", "openid")]].concat();
    walk(async |_| (), async |app, (): &()| app.token(&openid).await, async |_, (), _| ()).await;
    let opaque = async |app: &TestApp, (): &()| app.send(token_request(Some(("opaque", SECRET)), &login)).await;
    let finished = async |app: &TestApp, (), answer: Answer| {
        assert_eq!(app.introspect(&answer.text("access_token")).await["active"], true);
    };
    walk(async |_| (), opaque, finished).await;
}

#[tokio::test]
async fn a_refused_login_is_refused_or_unavailable_whatever_breaks() {
    let walk_with = async |(fault, place): (Fault, &str)| {
        let app = app().await;
        app.dynamodb_wire.take_exchanges();
        app.guess_from(place, "ann", "wrong").await.failed(400, "invalid_grant");
        let calls = app.dynamodb_wire.take_exchanges().len();
        for nth in 1..=calls {
            for matcher in [Matcher::any().nth(nth), Matcher::any().from(nth)] {
                app.dynamodb_wire.inject(fault, matcher);
                let answer = app.guess_from(place, "ann", "wrong").await;
                app.dynamodb_wire.clear_faults();
                assert!(matches!(answer.status.as_u16(), 400 | 503), "{fault:?} of call {nth}, {place}: {answer:?}");
                app.login().await.succeeded();
            }
        }
    };
    // The first is where ann logs in from.
    let places = ["192.0.2.1", "203.0.113.66"];
    join_all(FAULTS.into_iter().flat_map(|fault| places.map(|place| walk_with((fault, place))))).await;
}

#[tokio::test]
async fn a_refresh_survives_every_fault_of_every_call_and_keeps_its_session() {
    let prepare = async |app: &TestApp| app.login().await.succeeded().text("refresh_token");
    let ask = async |app: &TestApp, token: &String| app.refresh(token).await;
    let finished = async |app: &TestApp, token: String, answer: Answer| {
        let successor = answer.text("refresh_token");
        assert_eq!(app.refresh(&token).await.succeeded().text("refresh_token"), successor, "one line of descent");
        app.refresh(&successor).await.succeeded();
    };
    walk(prepare, ask, finished).await;
}

#[tokio::test]
async fn an_introspection_survives_every_fault_of_every_call() {
    for client_id in ["app", "opaque", "mac"] {
        let prepare = async |app: &TestApp| {
            let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
            app.send(token_request(Some((client_id, SECRET)), &login)).await.succeeded().text("access_token")
        };
        let ask = async |app: &TestApp, token: &String| app.send(introspection(token)).await;
        let finished = async |_: &TestApp, _, answer: Answer| assert_eq!(answer.json()["active"], true);
        walk(prepare, ask, finished).await;
    }
}

#[tokio::test]
async fn a_revocation_survives_every_fault_of_every_call_and_is_done_when_it_says_so() {
    for member in ["access_token", "refresh_token"] {
        let prepare = async |app: &TestApp| app.login().await.succeeded();
        let ask = async |app: &TestApp, tokens: &Answer| app.revoke(&tokens.text(member)).await;
        let finished = async |app: &TestApp, tokens: Answer, _| {
            assert_eq!(app.introspect(&tokens.text("access_token")).await["active"], false);
        };
        walk(prepare, ask, finished).await;
    }
}

#[tokio::test]
async fn userinfo_survives_every_fault_of_every_call() {
    let prepare = async |app: &TestApp| {
        let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD), ("scope", "openid")];
        app.token(&login).await.succeeded().text("access_token")
    };
    walk(prepare, async |app: &TestApp, token: &String| app.userinfo(token).await, async |_, _, _| ()).await;
}

#[tokio::test]
async fn one_fault_is_retried_within_the_request() {
    let app = app().await;
    for fault in RETRIED {
        app.dynamodb_wire.inject(fault, Matcher::operation("PutItem").next(1));
        let token = app.login().await.succeeded().text("refresh_token");
        app.refresh(&token).await.succeeded();
        app.dynamodb_wire.clear_faults();
    }
}

#[tokio::test]
async fn a_call_that_never_answers_is_given_up_wherever_it_is() {
    /// Well within the 29 seconds of API Gateway.
    const TIME: Duration = Duration::from_secs(20);
    let hang_from = |nth| async move {
        let app = app().await;
        let token = app.login().await.succeeded().text("refresh_token");
        for refreshes in [false, true] {
            let ask = async || if refreshes { app.refresh(&token).await } else { app.login().await };
            app.dynamodb_wire.inject(Fault::Hang, Matcher::any().from(nth));
            let started = Instant::now();
            let broken = ask().await;
            app.dynamodb_wire.clear_faults();
            assert!(matches!(broken.status.as_u16(), 200 | 503), "from call {nth} on: {broken:?}");
            assert!(started.elapsed() < TIME, "from call {nth} on: {:?}", started.elapsed());
            ask().await.succeeded();
        }
    };
    // The five calls of a login, of which a refresh has four.
    join_all((1..=5).map(hang_from)).await;
}

#[tokio::test]
async fn a_dependency_that_never_answers_is_given_up_in_time() {
    let app = app().await;
    app.dynamodb_wire.inject(Fault::Hang, Matcher::any());
    let started = Instant::now();
    app.login().await.failed(503, "temporarily_unavailable");
    assert!(started.elapsed() < Duration::from_secs(10), "one call and its attempts, far below the gateway's limit");

    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    let request = token_request(Some(("app", SECRET)), &login);
    let started = Instant::now();
    let time = Duration::from_millis(100);
    let response = router::handle(&app.service(), request, RequestId::of_platform("x"), time).await;
    assert_eq!(response.status(), 503);
    assert!(started.elapsed() < Duration::from_secs(1), "the deadline of the invocation comes first");
}
