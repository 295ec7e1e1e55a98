//! From `exec` to the first poll.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::platform::{Function, RuntimeApi};
use crate::{Bench, Condition, median, milliseconds};

pub(crate) async fn run(bench: &Bench, runs: usize) {
    println!("From exec to the first poll, {runs} runs, milliseconds\n");
    println!("{:<28}{:>9}{:>9}{:>9}{:>9}{:>9}", "DynamoDB and KMS", "empty", "p90", "median", "p90", "ratio");
    for condition in Condition::ALL {
        let surroundings = bench.surroundings(condition, Duration::ZERO);
        let (mut empty, mut bootstrap) = (Vec::new(), Vec::new());
        for run in 1..=runs {
            empty.push(start(&bench.empty, &surroundings.environment).await);
            bootstrap.push(start(&bench.bootstrap, &surroundings.environment).await);
            if !matches!(condition, Condition::Down | Condition::Hanging) {
                surroundings.kms.answered("GetPublicKey", run).await;
                surroundings.dynamodb.answered("GetItem", run).await;
            }
        }
        let (least, most) = (median(&mut empty), median(&mut bootstrap));
        let p90 = |times: &[Duration]| milliseconds(times[times.len() * 9 / 10]);
        println!(
            "{:<28}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>9.2}",
            condition.name(),
            milliseconds(least),
            p90(&empty),
            milliseconds(most),
            p90(&bootstrap),
            most.as_secs_f64() / least.as_secs_f64(),
        );
    }
}

async fn start(program: &Path, environment: &[(String, String)]) -> Duration {
    let mut api = RuntimeApi::start().await;
    let function = Function::start(program, &api, environment, Stdio::null());
    let poll = api.poll().await;
    poll.at.saturating_duration_since(function.started)
}
