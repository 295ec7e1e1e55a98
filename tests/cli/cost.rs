//! `passgrant cost`.

#![expect(clippy::expect_used, reason = "a test without an estimate has failed")]

use serde_json::Value;

use crate::command::{Ran, passgrant, run};

fn cost(arguments: &[&str]) -> Ran {
    run(passgrant().arg("cost").args(arguments))
}

fn estimates(arguments: &[&str]) -> Vec<Value> {
    let report = cost(&[arguments, &["--output", "json"]].concat()).json();
    report["estimates"].as_array().expect("estimates").clone()
}

fn of<'a>(estimates: &'a [Value], architecture: &str, signing: &str) -> &'a Value {
    let wanted = |estimate: &&Value| estimate["architecture"] == architecture && estimate["signing"] == signing;
    estimates.iter().find(wanted).expect("an estimate")
}

#[track_caller]
fn assert_about(found: &Value, expected: f64) {
    let found = found.as_f64().expect("a number");
    assert!((found - expected).abs() < 0.005, "{found}, not {expected}");
}

#[test]
fn an_estimate_is_the_sum_of_the_published_prices() {
    const BARE: [&str; 12] = [
        "--hash-ms",
        "10",
        "--other-ms",
        "0",
        "--dynamodb-ms",
        "0",
        "--kms-ms",
        "0",
        "--memory",
        "1769",
        "--front-door",
        "function-url",
    ];
    let estimates = estimates(&BARE);
    let kms = of(&estimates, "x86_64", "kms");
    // 10 ms of 1769 MB, a request, a read, three writes, 2.3 kB of log, and a signature.
    assert_about(&kms["million_logins"], 17_275.390_625 * 0.000_016_666_7 + 0.20 + 0.125 + 3.0 * 0.625 + 1.15 + 3.0);
    assert_about(&kms["million_refreshes"], 0.20 + 2.0 * 0.125 + 0.625 + 1.15 + 3.0);
    let sum = |estimate: &Value| {
        ["million_logins", "million_refreshes"].map(|name| estimate[name].as_f64().expect("dollars"))
    };
    assert_about(&kms["month"], sum(kms).iter().sum::<f64>() + 1.0);
    let ecc = self::estimates(&[&BARE[..], &["--key", "ecc", "--openid"]].concat());
    let more = sum(of(&ecc, "x86_64", "kms"))[0] - sum(kms)[0];
    assert!((more - 27.0).abs() < 0.005, "two signatures of $15 in place of one of $3: {more}");
}

#[test]
fn half_a_processor_takes_twice_as_long_and_an_envelope_key_saves_the_call_of_kms() {
    let estimates = estimates(&["--memory", "884,1768"]);
    assert_eq!(estimates.len(), 8, "two sizes, two architectures, two ways to sign");
    let (half, whole) = estimates.split_at(4);
    let cpu_ms =
        |estimates: &[Value]| of(estimates, "x86_64", "kms")["login_ms"].as_f64().expect("milliseconds") - 15.0;
    let ratio = cpu_ms(half) / cpu_ms(whole);
    assert!((1.8..2.2).contains(&ratio), "{ratio}");
    for signing in ["million_logins", "million_refreshes"] {
        let dollars = |mode: &str| of(whole, "arm64", mode)[signing].as_f64().expect("dollars");
        assert!(dollars("envelope") < dollars("kms") - 3.0, "{signing}");
    }
}

#[test]
fn what_no_function_can_have_is_misused() {
    for bad in
        [["--memory", "64"], ["--memory", "20000"], ["--hash-ms", "-1"], ["--kms-ms", "NaN"], ["--front-door", "x"]]
    {
        cost(&bad).misused();
    }
}

#[test]
fn the_table_says_what_it_is_for_and_by_which_prices() {
    let table = cost(&["--logins", "5", "--refreshes", "7"]).ok();
    for said in ["us-east-1", "2026-11-26", "5 logins, 7 refreshes", "docs/operations.md", "x86_64", "envelope"] {
        assert!(table.contains(said), "{said}: {table}");
    }
}
