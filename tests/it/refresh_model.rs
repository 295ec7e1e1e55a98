//! Refresh under contention, compared with a model: whatever is refreshed, retried and revoked at once, whatever the
//! clock does and whatever breaks, the answers are those of one session whose requests came one after another.
//!
//! So there are never two live successors, nobody honest is signed out inside the grace period, and a replaced token
//! outside it always ends the session. `PROPTEST_CASES` sets how many histories are tried.

#![expect(clippy::expect_used, reason = "a history without its app has failed")]

use std::time::Duration;

use futures_util::future::{self, join_all};
use passgrant::client::{Client, RefreshPolicy};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::client::{SECRET, client};
use crate::rig::request::token_request;
use crate::rig::user::PASSWORD;
use crate::rig::wire::{Fault, Matcher};

const GRACE: u64 = 30;
const IDLE: u64 = 600;
const LIFETIME: u64 = 3600;

/// What is asked at one moment. A token is named by how many others of the session are newer.
#[derive(Clone, Debug)]
enum Request {
    Refresh(usize),
    Revoke(usize),
}

#[derive(Clone, Debug)]
struct Step {
    /// By how many seconds the clock moves before the requests, back or forth.
    clock: i64,
    fault: Option<(Fault, Broken)>,
    /// Before which call the clock moves while the requests are served, and by how many seconds, back or forth.
    meanwhile: Option<(usize, i64)>,
    /// Sent at once, in turn through two instances.
    requests: Vec<Request>,
}

/// Which calls of a step break.
#[derive(Clone, Copy, Debug)]
enum Broken {
    One(usize),
    From(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let token = || prop_oneof![6 => Just(0_usize), 4 => Just(1), 1 => 2..4_usize];
    let request = prop_oneof![12 => token().prop_map(Request::Refresh), 1 => token().prop_map(Request::Revoke)];
    let clock =
        prop_oneof![4 => Just(0_i64), 4 => 1..29_i64, 2 => Just(30), 2 => Just(31), 1 => 32..900_i64, 1 => -40..0_i64];
    let fault = prop_oneof![
        Just(Fault::Throttle),
        Just(Fault::Unavailable503),
        Just(Fault::Reset),
        Just(Fault::ResetAfter),
        Just(Fault::Truncate),
        Just(Fault::Garbage),
    ];
    let broken = prop_oneof![3 => (1..9_usize).prop_map(Broken::One), 1 => (1..9_usize).prop_map(Broken::From)];
    let fault = prop_oneof![3 => Just(None), 1 => (fault, broken).prop_map(Some)];
    let by = prop_oneof![4 => Just(1_i64), 2 => 2..60_i64, 1 => 60..900_i64, 1 => -40..0_i64];
    let meanwhile = prop_oneof![2 => Just(None), 1 => (1..9_usize, by).prop_map(Some)];
    let step = (clock, fault, meanwhile, prop::collection::vec(request, 1..4));
    let step = step.prop_map(|(clock, fault, meanwhile, requests)| Step { clock, fault, meanwhile, requests });
    prop::collection::vec(step, 1..12)
}

/// A session as it may be, given what was answered so far.
#[derive(Clone, Debug, PartialEq)]
struct Model {
    alive: bool,
    /// How many rotations there were; the live token is the last one's.
    live: usize,
    rotated_at: u64,
    expires_at: u64,
    not_after: u64,
}

/// What a request is answered: a refresh with the token of so many rotations.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Token(usize),
    Refused,
    Revoked,
}

impl Model {
    fn begun(now: u64) -> Self {
        Self { alive: true, live: 0, rotated_at: now, expires_at: now + IDLE, not_after: now + LIFETIME }
    }

    fn refresh(&mut self, rotation: usize, Times { came, rotated }: Times) -> Outcome {
        if !self.alive || came >= self.expires_at {
            return Outcome::Refused;
        }
        if rotation == self.live {
            self.live += 1;
            self.rotated_at = rotated;
            self.expires_at = self.not_after.min(rotated + IDLE);
            return Outcome::Token(self.live);
        }
        if rotation + 1 == self.live && came.saturating_sub(self.rotated_at) <= GRACE {
            return Outcome::Token(self.live);
        }
        self.alive = false;
        Outcome::Refused
    }

    fn revoke(&mut self, Times { came, .. }: Times) -> Outcome {
        self.alive &= came >= self.expires_at;
        Outcome::Revoked
    }
}

/// When a request came, and when it rotated the token.
#[derive(Clone, Copy, Debug)]
struct Times {
    came: u64,
    rotated: u64,
}

impl Times {
    /// The times that each of so many requests may have had while the clock moved once, from `before` to `after`, after the
    /// first of the requests had come.
    fn possible(before: u64, after: u64, requests: usize) -> Vec<Self> {
        let times = |came, rotated| Self { came, rotated };
        let mut possible = vec![times(before, before), times(before, after)];
        if requests > 1 {
            possible.push(times(after, after));
        }
        possible
    }
}

/// What was asked, of which rotation, and what was answered: `None` if the answer reveals nothing.
type Seen = (Request, usize, Option<Outcome>);

/// Every session that may be there after the requests of a step, in any order; one that was unavailable may have been
/// carried out or not.
fn explained(model: &Model, seen: &[Seen], times: &[Times], possible: &mut Vec<Model>) {
    if seen.is_empty() {
        if !possible.contains(model) {
            possible.push(model.clone());
        }
        return;
    }
    for (index, (request, rotation, outcome)) in seen.iter().enumerate() {
        let others: Vec<Seen> =
            seen.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, seen)| seen.clone()).collect();
        let mut tried: Vec<Model> = Vec::new();
        for at in times.iter().copied() {
            let mut next = model.clone();
            let expected = match request {
                Request::Refresh(_) => next.refresh(*rotation, at),
                Request::Revoke(_) => next.revoke(at),
            };
            if outcome.as_ref().is_none_or(|outcome| *outcome == expected) && !tried.contains(&next) {
                tried.push(next);
            }
        }
        if outcome.is_none() && !tried.contains(model) {
            tried.push(model.clone());
        }
        for next in tried {
            explained(&next, &others, times, possible);
        }
    }
}

/// The tokens of a session that a client has seen, by rotation.
struct Tokens(Vec<Option<String>>);

impl Tokens {
    /// The rotation of the token that has so many newer ones, and the token.
    fn newest_but(&self, newer: usize) -> (usize, String) {
        let mut seen: Vec<_> =
            self.0.iter().enumerate().filter_map(|(rotation, token)| Some((rotation, token.clone()?))).collect();
        seen.truncate(seen.len().saturating_sub(newer).max(1));
        seen.pop().expect("the first token is known")
    }

    /// Notes the token of a rotation, of which there is one.
    fn learn(&mut self, rotation: usize, token: &str) {
        self.0.resize(self.0.len().max(rotation + 1), None);
        let known = self.0[rotation].get_or_insert_with(|| token.to_owned());
        assert_eq!(known, token, "two successors of one token");
    }
}

async fn run(app: &TestApp, steps: &[Step]) {
    // The faults and hooks of a history that failed are still there.
    app.dynamodb_wire.clear_faults();
    app.dynamodb_wire.clear_hooks();
    let login = [("grant_type", "password"), ("username", "ann"), ("password", PASSWORD)];
    let first = app.send(token_request(Some(("app", SECRET)), &login)).await.succeeded().text("refresh_token");
    let mut tokens = Tokens(vec![Some(first)]);
    let mut possible = vec![Model::begun(app.now().as_unix())];
    for step in steps {
        app.clock.step(step.clock);
        let before = app.now().as_unix();
        if let Some((call, by)) = step.meanwhile {
            let clock = app.clock.clone();
            app.dynamodb_wire.hook(Matcher::any().nth(call), move || {
                clock.step(by);
                Box::pin(future::ready(()))
            });
        }
        if let Some((fault, broken)) = step.fault {
            let matcher = match broken {
                Broken::One(nth) => Matcher::any().nth(nth),
                Broken::From(nth) => Matcher::any().from(nth),
            };
            app.dynamodb_wire.inject(fault, matcher);
        }
        let asked: Vec<_> = step
            .requests
            .iter()
            .map(|request| {
                let (Request::Refresh(newer) | Request::Revoke(newer)) = request;
                (request.clone(), tokens.newest_but(*newer))
            })
            .collect();
        let answers = join_all(asked.iter().enumerate().map(async |(number, (request, (_, token)))| match request {
            Request::Refresh(_) => {
                let refresh = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
                app.send_to(number % 2, token_request(Some(("app", SECRET)), &refresh)).await
            }
            Request::Revoke(_) => app.revoke(token).await,
        }));
        let answers = answers.await;
        app.dynamodb_wire.clear_faults();
        app.dynamodb_wire.clear_hooks();

        let mut seen = Vec::new();
        for ((request, (rotation, _)), answer) in asked.into_iter().zip(answers) {
            let outcome = outcome(&request, rotation, &answer, &possible, &mut tokens);
            assert!(outcome.is_some() || step.fault.is_some(), "unavailable, and nothing was broken: {answer:?}");
            seen.push((request, rotation, outcome));
        }
        let times = Times::possible(before, app.now().as_unix(), seen.len());
        let mut next = Vec::new();
        for model in &possible {
            explained(model, &seen, &times, &mut next);
        }
        assert!(!next.is_empty(), "at {before} no order of {seen:?} explains the answers, from any of {possible:?}");
        possible = next;
    }
}

/// What an answer says. The successor of a token is of the next rotation, whoever asked for it.
fn outcome(
    request: &Request,
    rotation: usize,
    answer: &Answer,
    possible: &[Model],
    tokens: &mut Tokens,
) -> Option<Outcome> {
    match (request, answer.status.as_u16()) {
        (_, 503) => None,
        (Request::Refresh(_), 200) => {
            tokens.learn(rotation + 1, &answer.text("refresh_token"));
            Some(Outcome::Token(rotation + 1))
        }
        (Request::Refresh(_), 400) => {
            assert_eq!(answer.error(), "invalid_grant");
            Some(Outcome::Refused)
        }
        (Request::Revoke(_), 200) => Some(Outcome::Revoked),
        _ => unreachable!("{answer:?}, from {possible:?}"),
    }
}

/// `instances` makes the two of an app that has one.
fn every_history_is_explained(instances: impl FnOnce(&mut TestApp)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let app = runtime.block_on(async {
        let mut app = TestApp::builder().start().await;
        instances(&mut app);
        // Beyond the machine's own time, by which the embedded DynamoDB deletes what has expired.
        app.clock.advance(Duration::from_hours(100 * 365 * 24));
        let refresh = RefreshPolicy {
            idle_lifetime: Duration::from_secs(IDLE),
            lifetime: Duration::from_secs(LIFETIME),
            grace: Duration::from_secs(GRACE),
            needs_offline_access: false,
        };
        let access_token_lifetime = refresh.idle_lifetime;
        app.register(Client { access_token_lifetime, refresh, ..client("app") }).await;
        app.create_user("ann").await;
        app
    });
    let config = Config { failure_persistence: None, ..Config::default() };
    let history = |steps: Vec<Step>| {
        runtime.block_on(run(&app, &steps));
        Ok(())
    };
    TestRunner::new(config).run(&steps(), history).expect("every history is explained");
}

#[test]
fn any_history_of_refreshes_is_equivalent_to_one_of_requests_that_came_one_after_another() {
    every_history_is_explained(TestApp::add_instance);
}

#[test]
fn so_is_any_history_of_a_local_server_that_remembers_and_of_another_process_beside_it() {
    every_history_is_explained(|app| {
        app.restart_beside_the_database();
        app.add_instance();
    });
}
