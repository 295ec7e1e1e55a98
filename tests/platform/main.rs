//! `bootstrap` as a program: how it starts, what it survives, and what it does with several requests at once. What stands
//! in for the platform, DynamoDB and KMS is the benchmarks'.

#![expect(clippy::expect_used, clippy::panic, reason = "stand-ins that cannot go on fail the test they serve")]
#![expect(clippy::print_stderr, reason = "a stand-in says why TLS failed")]

#[expect(dead_code, reason = "the benchmarks use more of it")]
#[path = "../../benches/stand_ins/aws.rs"]
mod aws;
#[expect(dead_code, reason = "the benchmarks use more of it")]
#[path = "../../benches/stand_ins/canned.rs"]
mod canned;
#[expect(dead_code, reason = "the benchmarks use more of it")]
#[path = "../../benches/stand_ins/platform.rs"]
mod platform;

mod at_once;
mod start;
mod surroundings;
