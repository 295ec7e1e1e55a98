//! What a request costs: instructions and allocations, counted by callgrind and compared with
//! `benches/instructions.baseline`, and microseconds of CPU time.
//!
//! `cargo bench --bench instructions`; needs valgrind. It fails when a count differs more from the baseline than
//! callgrind's own variation explains. With `-- --write`, it writes the baseline instead.
//!
//! DynamoDB and KMS answer inside the process. A request's calls of the SDK are also counted separately, so that the
//! rest is the work of this service. Argon2 runs on another thread, and KMS signs: neither is counted.

#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "a program of its own, which prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "the arguments name what is measured")]

mod baseline;
mod callgrind;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../stand_ins/canned.rs"]
mod canned;
mod in_process;
mod subject;

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

use passgrant::password::Argon2Policy;

use crate::baseline::Count;
use crate::canned::Canned;
use crate::subject::{Subject, repeat};

/// How many repetitions are counted; the counts are divided by it.
const REPETITIONS: u32 = 50;
/// How many repetitions are timed.
const TIMED: u32 = 2_000;

/// What one repetition costs.
struct Cost {
    count: Count,
    /// CPU time of its thread, in microseconds.
    microseconds: f64,
    /// The calls of the SDK that it makes, by operation.
    calls: BTreeMap<String, f64>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [mode, subject, answers] = &arguments[..]
        && mode == "repeat"
    {
        let times = callgrind::repetitions().unwrap_or(TIMED);
        print!("{}", repeat(subject.parse().expect("a subject"), times, Canned::load(Path::new(answers))));
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let answers = folder.path().join("answers.json");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(Canned::prepare(1, &Argon2Policy::new(64, 1, 1).expect("a policy"))).save(&answers);

    let costs: BTreeMap<Subject, Cost> =
        Subject::ALL.into_iter().map(|subject| (subject, cost(subject, &answers, folder.path()))).collect();
    print_table(&costs);
    let counts = costs.into_iter().map(|(subject, cost)| (subject.to_string(), cost.count)).collect();
    if arguments.iter().any(|argument| argument == "--write") {
        baseline::write(&counts);
        return ExitCode::SUCCESS;
    }
    if baseline::holds(&counts) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cost(subject: Subject, answers: &Path, folder: &Path) -> Cost {
    let own = env::current_exe().expect("a path");
    let arguments = ["repeat".to_owned(), subject.to_string(), answers.display().to_string()];
    let output = Command::new(&own).args(&arguments).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = String::from_utf8(output.stdout).expect("text");
    let mut figures = output.lines().map(|line| line.split_once(' ').expect("a name and a number"));
    let number = |text: &str| text.parse::<f64>().expect("a number") / f64::from(TIMED);
    let (_, nanoseconds) = figures.next().expect("a time");
    let calls = figures.map(|(operation, times)| (operation.to_owned(), number(times))).collect();
    let count = callgrind::count(&own, &arguments, &folder.join("callgrind.out"), REPETITIONS);
    Cost { count, microseconds: number(nanoseconds) / 1e3, calls }
}

fn print_table(costs: &BTreeMap<Subject, Cost>) {
    println!("{:<16}{:>14}{:>14}{:>14}", "", "instructions", "allocations", "microseconds");
    for (subject, Cost { count, microseconds, .. }) in costs {
        println!("{:<16}{:>14}{:>14}{microseconds:>14.1}", subject.to_string(), count.instructions, count.allocations);
    }
    println!("\nOutside the calls of the SDK, which are");
    for (subject, cost) in costs.iter().filter(|(subject, _)| !subject.is_call()) {
        let mut left = (f64::from(cost.count.instructions), f64::from(cost.count.allocations), cost.microseconds);
        for (operation, times) in &cost.calls {
            let call = &costs[&operation.parse().expect("a call that is measured")];
            left.0 -= f64::from(call.count.instructions) * times;
            left.1 -= f64::from(call.count.allocations) * times;
            left.2 -= call.microseconds * times;
        }
        println!("{:<16}{:>14.0}{:>14.0}{:>14.1}    {:?}", subject.to_string(), left.0, left.1, left.2, cost.calls);
    }
}
