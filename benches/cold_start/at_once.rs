//! Several requests at the same time in one environment, as Lambda Managed Instances send them.

use std::collections::HashMap;
use std::num::NonZero;
use std::process::Stdio;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use crate::canned::{PASSWORD, user_name};
use crate::platform::{Function, RuntimeApi, succeeded, token_request};
use crate::requests::log_in;
use crate::{AT_ONCE, Bench, Condition, median, milliseconds};

pub(crate) async fn run(bench: &Bench, runs: usize) {
    let slots = available_parallelism().map_or(1, NonZero::get);
    let mut surroundings = bench.surroundings(Condition::Plain, Duration::ZERO);
    surroundings.environment.push(("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), AT_ONCE.to_string()));
    let mut api = RuntimeApi::start().await;
    let _function = Function::start(&bench.bootstrap, &api, &surroundings.environment, Stdio::null());
    let (mut single, mut together) = (Vec::new(), Vec::new());
    for _ in 0..runs.max(2) {
        single.push(log_in(&mut api, 0).await);
        together.push(all(&mut api).await);
    }
    let (single, together) = (median(&mut single), median(&mut together));
    println!("\n{AT_ONCE} password grants at once, {slots} processors, medians in milliseconds\n");
    println!("{:<28}{:>9.2}", "one by itself", milliseconds(single));
    println!("{:<28}{:>9.2}", "all of them", milliseconds(together));
    let turns = u32::try_from(AT_ONCE.div_ceil(slots)).expect("a few");
    println!("{:<28}{:>9.2}", "one by itself, in turns", milliseconds(single * turns));
}

/// How long it takes until the last of the requests is answered. Each must get its own answer.
async fn all(api: &mut RuntimeApi) -> Duration {
    let mut polls = Vec::new();
    for _ in 0..AT_ONCE {
        polls.push(api.poll().await);
    }
    let started = Instant::now();
    for (number, poll) in polls.into_iter().enumerate() {
        let user = user_name(number);
        let event = token_request(&[("grant_type", "password"), ("username", &user), ("password", PASSWORD)]);
        poll.invoke(&user, event);
    }
    let mut answers = HashMap::new();
    let mut last = started;
    for _ in 0..AT_ONCE {
        let answer = api.answer().await;
        succeeded(&answer);
        last = last.max(answer.at);
        answers.insert(answer.request_id.clone(), answer.at);
    }
    assert_eq!(answers.len(), AT_ONCE, "each is answered");
    last.saturating_duration_since(started)
}
