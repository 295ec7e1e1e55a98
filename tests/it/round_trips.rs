//! What a grant asks of AWS: how many calls, and how many of them after one another.

use std::time::Duration;

use passgrant::client::{AccessTokenFormat, Client, Grant};

use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client};
use crate::rig::kms::{KeySpec, KmsDouble};
use crate::rig::request::token_request;
use crate::rig::rounds::{calls, count, delay_calls};
use crate::rig::user::PASSWORD;

/// One more than the limit of attempts.
const WRONG: [&str; 11] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];

async fn app(client_cache: &str) -> TestApp {
    let double = KmsDouble::start().await;
    let key = double.create_key(KeySpec::Rsa2048);
    let app = TestApp::builder().variable("PASSGRANT_CLIENT_CACHE", client_cache).kms(double, &[key]).start().await;
    app.register(client("app")).await;
    app.create_user("ann").await;
    // What only the first request of an instance does is done here.
    app.login().await.succeeded();
    delay_calls(&app);
    app
}

#[tokio::test]
async fn a_password_grant_takes_three_rounds_and_two_when_the_client_is_cached() {
    let uncached = app("0s").await;
    uncached.login().await.succeeded();
    assert_eq!(count(&uncached), (calls(&["GetItem", "GetItem", "PutItem", "Sign", "UpdateItem", "UpdateItem"]), 3));

    let cached = app("60s").await;
    cached.login().await.succeeded();
    assert_eq!(count(&cached), (calls(&["GetItem", "PutItem", "Sign", "UpdateItem", "UpdateItem"]), 2));
}

/// The calls of a login that is not the first of the day, with the client in memory.
const USUAL: [&str; 5] = ["GetItem", "PutItem", "Sign", "UpdateItem", "UpdateItem"];

#[tokio::test]
async fn the_first_login_of_a_day_makes_one_or_two_more_calls_in_no_additional_round_and_later_ones_none() {
    let app = app("1h").await;
    app.create_user("bob").await;
    count(&app);
    let login = async |user| {
        app.token(&[("grant_type", "password"), ("username", user), ("password", PASSWORD)]).await.succeeded();
        count(&app)
    };
    let with = |more: &[&str]| {
        let mut all = calls(&[&USUAL, more].concat());
        all.sort();
        (all, 2)
    };
    assert_eq!(login("ann").await, with(&[]), "the day was noted before");
    let (first, rounds) = login("bob").await;
    assert_eq!(
        (first, rounds - 1),
        with(&["GetItem", "UpdateItem", "UpdateItem"]),
        "the user's, from a strange source"
    );
    assert_eq!(login("bob").await, with(&[]));
    for _ in 0..2 {
        // The client is read again shortly before midnight, and so is in memory after it.
        app.clock.advance(Duration::from_mins(24 * 60 - 15));
        login("ann").await;
        app.clock.advance(Duration::from_mins(15));
        assert_eq!(login("ann").await, with(&["PutItem", "UpdateItem"]), "the first login of client and user");
        assert_eq!(login("bob").await, with(&["UpdateItem"]));
        assert_eq!(login("ann").await, with(&[]));
        assert_eq!(login("bob").await, with(&[]));
    }
}

#[tokio::test]
async fn a_login_from_a_new_place_takes_one_more_round_and_two_more_calls_and_later_ones_none() {
    let app = app("60s").await;
    for place in ["198.51.100.1", "198.51.100.2"] {
        app.guess_from(place, "ann", PASSWORD).await.succeeded();
        // A read of the source, and the reservation by which the place is found to be new.
        let mut strange = calls(&[&USUAL[..], &["GetItem", "UpdateItem"]].concat());
        strange.sort();
        assert_eq!(count(&app), (strange, 3));
        app.guess_from(place, "ann", PASSWORD).await.succeeded();
        assert_eq!(count(&app), (calls(&USUAL), 2));
    }
}

#[tokio::test]
async fn a_password_grant_without_a_refresh_token_takes_as_many_rounds() {
    let app = app("0s").await;
    app.change_client("app", |client| client.grants = vec![Grant::Password]).await;
    count(&app);
    app.login().await.succeeded();
    assert_eq!(count(&app), (calls(&["GetItem", "GetItem", "PutItem", "Sign", "UpdateItem", "UpdateItem"]), 3));
}

#[tokio::test]
async fn introspection_takes_two_rounds_for_a_jwt_and_three_for_an_opaque_token() {
    for (format, extra, rounds) in [(AccessTokenFormat::Jwt, 1, 2), (AccessTokenFormat::Opaque, 1, 3)] {
        let app = app("60s").await;
        app.register_api().await;
        app.register(Client { access_token_format: format, ..client("other") }).await;
        let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
        let login = app.send(token_request(Some(("other", SECRET)), &login)).await.succeeded();
        app.introspect(&login.text("access_token")).await;
        count(&app);
        assert_eq!(app.introspect(&login.text("access_token")).await["active"], true);
        // The session and the user, and in addition the note that a JWT is revoked, or the opaque token.
        assert_eq!(count(&app), (calls(&vec!["GetItem"; 2 + extra]), rounds), "{format}");
    }
}

#[tokio::test]
async fn a_refused_login_costs_as_many_rounds_whether_or_not_its_source_is_familiar_and_a_locked_username_one() {
    let app = app("60s").await;
    // What ann's own source saves at the reservation, it makes up for by a read. For an invalid username no password is
    // tried: ten requests are one attempt, and lock nothing.
    for (username, updates, locked_rounds) in [("ann", 2, 1), ("nobody", 4, 1), ("not a name", 3, 3)] {
        let login = |number: usize| [("grant_type", "password"), ("username", username), ("password", WRONG[number])];
        for number in 0..10 {
            app.token(&login(number)).await.failed(400, "invalid_grant");
            // The first wrong password of an invalid username counts for its source.
            let updates = if username == "not a name" && number == 0 { updates + 1 } else { updates };
            let expected = [vec!["GetItem"; 2], vec!["UpdateItem"; updates]].concat();
            assert_eq!(count(&app), (calls(&expected), 3), "{username}");
        }
        app.token(&login(10)).await.failed(400, "invalid_grant");
        assert_eq!(count(&app).1, locked_rounds, "{username}");
    }
}

#[tokio::test]
async fn a_refresh_takes_four_rounds_when_the_client_is_cached() {
    let app = app("60s").await;
    let token = app.login().await.succeeded().text("refresh_token");
    count(&app);
    app.refresh(&token).await.succeeded();
    assert_eq!(count(&app), (calls(&["GetItem", "GetItem", "Sign", "UpdateItem"]), 4));
    app.refresh(&token).await.succeeded();
    assert_eq!(count(&app), (calls(&["GetItem", "GetItem", "Sign"]), 3), "a repeated one writes nothing");
}

#[tokio::test]
async fn aws_is_not_called_for_a_malformed_request() {
    let app = app("0s").await;
    app.token(&[("grant_type", "password"), ("username", "ann")]).await.failed(400, "invalid_request");
    app.token(&[("grant_type", "nonsense")]).await.failed(400, "unsupported_grant_type");
    assert_eq!(count(&app), (Vec::new(), 0));
}
