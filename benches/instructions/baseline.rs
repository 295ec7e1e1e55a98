//! The committed counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.baseline");
/// How far a count may differ from its baseline.
const TOLERANCE: f64 = 0.05;
/// What two runs may differ by in any case: hash maps are seeded anew, and memory lies elsewhere.
const NOISE: f64 = 2_000.0;

#[derive(Clone, Copy)]
pub(crate) struct Count {
    pub(crate) instructions: u32,
    pub(crate) allocations: u32,
}

impl Count {
    pub(crate) const fn less(self, other: Self) -> Self {
        let instructions = self.instructions.saturating_sub(other.instructions);
        Self { instructions, allocations: self.allocations.saturating_sub(other.allocations) }
    }

    pub(crate) const fn divided_by(self, times: u32) -> Self {
        Self { instructions: self.instructions / times, allocations: self.allocations / times }
    }
}

pub(crate) fn write(counts: &BTreeMap<String, Count>) {
    let mut text =
        String::from("# Instructions and allocations, written by `cargo bench --bench instructions -- --write`.\n");
    for (name, count) in counts {
        writeln!(text, "{name} {} {}", count.instructions, count.allocations).expect("a string grows");
    }
    fs::write(PATH, text).expect("the baseline can be written");
}

/// Whether every count is within the tolerance. Panics unless the baseline has the same subjects.
pub(crate) fn holds(counts: &BTreeMap<String, Count>) -> bool {
    let text = fs::read_to_string(PATH).expect("a baseline");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeMap<&str, [f64; 2]> = lines.map(read).collect();
    assert!(counts.keys().eq(known.keys()), "the baseline is of other subjects: write it again");
    let mut holds = true;
    println!();
    for (name, count) in counts {
        let [instructions, allocations] = known[name.as_str()];
        for (what, now, then, noise) in [
            ("instructions", f64::from(count.instructions), instructions, NOISE),
            ("allocations", f64::from(count.allocations), allocations, 0.0),
        ] {
            let change = now / then - 1.0;
            if change.abs() > TOLERANCE && (now - then).abs() > noise {
                println!("{name}: {what} changed by {:+.1} %, from {then} to {now}", change * 1e2);
                holds = false;
            }
        }
    }
    let verdict = if holds { "All within" } else { "Not all within" };
    println!("{verdict} {:.0} % of the baseline", TOLERANCE * 1e2);
    holds
}

fn read(line: &str) -> (&str, [f64; 2]) {
    let parts: Vec<&str> = line.split(' ').collect();
    let [name, instructions, allocations] = parts[..] else { panic!("{line}: not a line of a baseline") };
    (name, [instructions, allocations].map(|number| number.parse().expect("a number")))
}
