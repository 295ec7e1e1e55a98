//! Rounds of AWS calls: which calls were made, and how many of them waited for one another.

#![expect(clippy::expect_used, reason = "rounds are counted only where KMS has a wire")]

use std::time::Duration;

use crate::rig::app::TestApp;
use crate::rig::wire::{Exchange, Fault, Matcher, Wire, sequential_rounds};

fn wires(app: &TestApp) -> [&Wire; 2] {
    [&app.dynamodb_wire, app.kms_wire.as_ref().expect("a wire")]
}

/// Delays every call for so long that simultaneous calls are certain to overlap, and begins to count.
pub(crate) fn delay_calls(app: &TestApp) {
    for wire in wires(app) {
        wire.inject(Fault::Delay(Duration::from_millis(150)), Matcher::any());
        wire.take_exchanges();
    }
}

/// The calls since the last count, sorted by name, and the sequential rounds they took.
pub(crate) fn count(app: &TestApp) -> (Vec<String>, usize) {
    let exchanges: Vec<Exchange> = wires(app).into_iter().flat_map(Wire::take_exchanges).collect();
    let rounds = sequential_rounds(&exchanges);
    let mut calls: Vec<_> = exchanges.into_iter().map(|exchange| exchange.operation).collect();
    calls.sort();
    (calls, rounds)
}

/// The names of calls, as a count has them.
pub(crate) fn calls(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
