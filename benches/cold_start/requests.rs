//! The first requests after a start, while each answer of DynamoDB and KMS takes its time.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::canned::{PASSWORD, user_name};
use crate::platform::{Function, RuntimeApi, succeeded, token_request};
use crate::{Bench, Condition, ROUND_TRIP, median, milliseconds};

const REQUESTS: usize = 3;

pub(crate) async fn run(bench: &Bench, runs: usize) {
    println!(
        "\nThe first requests, {} ms a round trip, {runs} runs, medians in milliseconds\n",
        ROUND_TRIP.as_millis()
    );
    println!("{:<28}{:>9}{:>9}{:>9}{:>18}", "password grant", "first", "second", "third", "first - second");
    for condition in [Condition::Plain, Condition::Traced, Condition::Tls] {
        let mut times = [const { Vec::new() }; REQUESTS];
        for _ in 0..runs {
            let taken = after_start(bench, condition).await;
            times.iter_mut().zip(taken).for_each(|(times, time)| times.push(time));
        }
        let [first, second, third] = times.map(|mut times| milliseconds(median(&mut times)));
        println!("{:<28}{first:>9.2}{second:>9.2}{third:>9.2}{:>18.2}", condition.name(), first - second);
    }
}

/// How long each of the first requests takes. All are of different users. The client is in memory from the first
/// request on; reading it is the one round trip more that the bound allows the first request.
async fn after_start(bench: &Bench, condition: Condition) -> [Duration; REQUESTS] {
    let surroundings = bench.surroundings(condition, ROUND_TRIP);
    let mut api = RuntimeApi::start().await;
    let _function = Function::start(&bench.bootstrap, &api, &surroundings.environment, Stdio::null());
    let mut times = [Duration::ZERO; REQUESTS];
    for (number, time) in times.iter_mut().enumerate() {
        *time = log_in(&mut api, number).await;
    }
    times
}

/// How long one password grant takes, from the invocation to its answer.
pub(crate) async fn log_in(api: &mut RuntimeApi, number: usize) -> Duration {
    let poll = api.poll().await;
    let user = user_name(number);
    let event = token_request(&[("grant_type", "password"), ("username", &user), ("password", PASSWORD)]);
    let started = Instant::now();
    poll.invoke(&format!("request-{number}"), event);
    let answer = api.answer().await;
    succeeded(&answer);
    answer.at.saturating_duration_since(started)
}
