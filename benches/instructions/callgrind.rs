//! Counts with callgrind, between the beginning and the end of [`collected`].

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};

use tokio::runtime::Runtime;

use crate::baseline::Count;

/// Set in the process that callgrind runs, to how many repetitions there are to be.
const ABOVE: &str = "PASSGRANT_BENCH_CALLGRIND";
/// The allocating functions of the C library.
const ALLOCATING: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// How many repetitions callgrind is to count, if this process runs under it.
pub(crate) fn repetitions() -> Option<u32> {
    env::var(ABOVE).ok().map(|number| number.parse().expect("a number"))
}

/// What is counted: the work of this thread in here.
#[inline(never)]
pub(crate) fn collected(runtime: &Runtime, work: Pin<Box<dyn Future<Output = ()> + '_>>) {
    runtime.block_on(work);
}

/// Runs a program under callgrind, and returns what one of its repetitions costs. It runs twice, with some repetitions and
/// with twice as many: what is left of the difference is theirs alone. Callgrind counts calls, and with them allocations,
/// also where it does not collect.
pub(crate) fn count(program: &Path, arguments: &[String], out: &Path, repetitions: u32) -> Count {
    let once = run(program, arguments, out, repetitions);
    run(program, arguments, out, 2 * repetitions).less(once).divided_by(repetitions)
}

fn run(program: &Path, arguments: &[String], out: &Path, repetitions: u32) -> Count {
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--toggle-collect=*callgrind*collected*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args(arguments)
        .env(ABOVE, repetitions.to_string())
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("valgrind is installed").success(), "callgrind failed");
    read(&fs::read_to_string(out).expect("callgrind's counts"))
}

/// Reads callgrind's file, in which a name is written once, with a number that stands for it from then on.
fn read(profile: &str) -> Count {
    let mut names: HashMap<&str, bool> = HashMap::new();
    let (mut allocates, mut instructions, mut allocations) = (false, None, 0);
    for line in profile.lines() {
        if let Some(called) = line.strip_prefix("cfn=").or_else(|| line.strip_prefix("fn=")) {
            let (number, name) = called.split_once(' ').map_or((called, None), |(number, name)| (number, Some(name)));
            let known = names.entry(number).or_default();
            if let Some(name) = name {
                *known = ALLOCATING.contains(&name);
            }
            allocates = *known && line.starts_with('c');
        } else if let Some(calls) = line.strip_prefix("calls=")
            && allocates
        {
            let times = calls.split(' ').next().and_then(|times| times.parse::<u32>().ok());
            allocations += times.expect("a number of calls");
        } else if let Some(total) = line.strip_prefix("totals: ") {
            instructions = total.trim().parse().ok();
        }
    }
    Count { instructions: instructions.expect("a total"), allocations }
}
