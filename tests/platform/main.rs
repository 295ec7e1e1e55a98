//! `bootstrap` as a program: how it starts, what it survives, and how it handles several requests at the same time. The
//! stand-ins for the platform, DynamoDB and KMS are those of the benchmarks.

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
