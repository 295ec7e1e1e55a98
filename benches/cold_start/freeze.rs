//! What a freeze does: the platform stops a function that has nothing to do for as long as it likes, while time goes
//! on.

use std::process::Stdio;
use std::time::Duration;

use tokio::time::sleep;

use crate::platform::{Function, RuntimeApi};
use crate::requests::log_in;
use crate::{Bench, Condition, ROUND_TRIP, milliseconds};

/// Longer than any call may take, including all its attempts.
const FREEZE: Duration = Duration::from_secs(5);

pub(crate) async fn run(bench: &Bench) {
    println!("\nAfter a freeze of {} s, {} ms a round trip, milliseconds\n", FREEZE.as_secs(), ROUND_TRIP.as_millis());
    for condition in [Condition::Plain, Condition::Tls] {
        let before = idle(bench, condition).await;
        println!("{:<28}{:>9.2} and {:.2} after it; {:.2} before", condition.name(), before[1], before[2], before[0]);
    }
    let [first, second] = warming(bench).await;
    println!("{:<28}{first:>9.2} and {second:.2} after it", "while it warms up");
}

/// Requests before a freeze, and two after it, with every connection closed meanwhile.
async fn idle(bench: &Bench, condition: Condition) -> [f64; 3] {
    let surroundings = bench.surroundings(condition, ROUND_TRIP);
    let mut api = RuntimeApi::start().await;
    let function = Function::start(&bench.bootstrap, &api, &surroundings.environment, Stdio::null());
    log_in(&mut api, 0).await;
    let before = log_in(&mut api, 1).await;
    // The answer was its last work: it has polled by then.
    sleep(Duration::from_millis(100)).await;
    function.freeze();
    surroundings.dynamodb.close_connections();
    surroundings.kms.close_connections();
    sleep(FREEZE).await;
    function.thaw();
    let first = log_in(&mut api, 2).await;
    [before, first, log_in(&mut api, 3).await].map(milliseconds)
}

/// Requests after a freeze in the middle of the warm-up, whose calls had not been answered before it.
async fn warming(bench: &Bench) -> [f64; 2] {
    let surroundings = bench.surroundings(Condition::Hanging, ROUND_TRIP);
    let mut api = RuntimeApi::start().await;
    let function = Function::start(&bench.bootstrap, &api, &surroundings.environment, Stdio::null());
    sleep(Duration::from_millis(500)).await;
    function.freeze();
    sleep(FREEZE).await;
    surroundings.dynamodb.close_connections();
    surroundings.kms.close_connections();
    surroundings.dynamodb.release();
    surroundings.kms.release();
    function.thaw();
    let first = log_in(&mut api, 0).await;
    [first, log_in(&mut api, 1).await].map(milliseconds)
}
