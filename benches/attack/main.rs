//! What guessing achieves: attacks on 100,000 accounts, under different policies, with people who log in at the same
//! time. Passgrant's policy is the code itself, on a DynamoDB in memory and with a clock of the simulation's; the others are
//! models of what their documentation says.
//!
//! `cargo bench --bench attack [-- OPTIONS]`, where the options are
//!
//! - `--seed N`: 1 by default. A run with the same seed finds the same, up to the order of what happens at once;
//! - `--quick`: a tenth of each attack;
//! - `--only KEY,KEY,..`: some attacks only; their keys are in scenarios.rs;
//! - `--refused N`: nobody has one of the N most frequent passwords, and attackers know;
//! - `--verification MS`: what one Argon2 verification takes, 7 by default;
//! - `--chart PATH`: also draws a chart, as an SVG file.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a program of its own, which prints what it measured")]

mod attack;
mod chance;
mod chart;
mod policies;
mod policy;
mod population;
mod report;
mod scenarios;
mod simulation;
mod zipf;

use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::policies::Kind;
use crate::population::{People, Population};
use crate::report::{Panel, Row, missed};
use crate::scenarios::Scenario;
use crate::simulation::Simulation;
use crate::zipf::Zipf;

const ACCOUNTS: u32 = 100_000;

struct Options {
    seed: u64,
    quick: bool,
    only: Vec<String>,
    refused: u64,
    verification: f64,
    chart: Option<PathBuf>,
}

impl Options {
    fn read() -> Self {
        let mut options = Self { seed: 1, quick: false, only: Vec::new(), refused: 0, verification: 7.0, chart: None };
        // `cargo bench` passes `--bench`.
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(option) = arguments.next() {
            if option == "--quick" {
                options.quick = true;
                continue;
            }
            let value = arguments.next().unwrap_or_else(|| exit(&format!("{option} needs a value")));
            let whole = || value.parse().unwrap_or_else(|_| exit(&format!("{value} is no whole number")));
            match option.as_str() {
                "--seed" => options.seed = whole(),
                "--only" => options.only = value.split(',').map(str::to_owned).collect(),
                "--refused" => options.refused = whole(),
                "--verification" => {
                    options.verification = value.parse().unwrap_or_else(|_| exit(&format!("{value} is no number")));
                }
                "--chart" => options.chart = Some(value.into()),
                _ => exit(&format!("{option} is no option")),
            }
        }
        options
    }

    fn scenarios(&self) -> Vec<Scenario> {
        let mut scenarios = Scenario::all(self.quick);
        scenarios.retain(|scenario| self.only.is_empty() || self.only.iter().any(|key| key == scenario.key));
        scenarios
    }
}

fn exit(reason: &str) -> ! {
    println!("{reason}: see benches/attack/main.rs");
    std::process::exit(2)
}

fn main() {
    let options = Options::read();
    let started = Instant::now();
    let zipf = Zipf::ROCKYOU.without(options.refused);
    let population = Population::new(ACCOUNTS, zipf, options.seed);
    println!(
        "{ACCOUNTS} accounts{}; seed {}{}; a verification: {} ms. The likeliest password is that of {:.1}% of them, the \
         likeliest hundred of {:.1}%, by the CDF-Zipf fit to RockYou (C 0.037433, s 0.187227). Sizes are scaled so that the \
         real code can be driven: people are {} or {}, not all owners, and attacks reach a part of the accounts.\n",
        if options.refused > 0 {
            format!(" without the {} most frequent passwords", options.refused)
        } else {
            String::new()
        },
        options.seed,
        if options.quick { "; a tenth of each attack" } else { "" },
        options.verification,
        100.0 * zipf.share(zipf.first()),
        100.0 * zipf.share(zipf.first() + 99),
        People::FEW.owners,
        People::MANY.owners,
    );
    let panels = run(&options, &population);
    report::print(&panels);
    for missed in missed(&panels) {
        println!("The goal is missed. {missed}");
    }
    println!("{:.0} seconds", started.elapsed().as_secs_f64());
    if let Some(path) = options.chart {
        std::fs::write(path, chart::draw(&panels).expect("a chart")).expect("the chart is written");
    }
}

/// Runs every policy against every attack, on two threads.
fn run(options: &Options, population: &Population) -> Vec<Panel> {
    let scenarios = options.scenarios();
    let jobs = (0..scenarios.len()).flat_map(|at| Kind::ALL.map(|kind| (at, kind)));
    let mut jobs: Vec<_> = jobs.filter(|(at, kind)| *kind != Kind::WithSketch || scenarios[*at].sketch).collect();
    // Models take no time worth mentioning.
    jobs.sort_by_key(|(_, kind)| !matches!(kind, Kind::Passgrant));
    let (jobs, rows) = (Mutex::new(jobs.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((at, kind)) = jobs.lock().expect("no panic").next() else { break };
                    let row = row(options, population, at, kind);
                    rows.lock().expect("no panic").push((at, kind as usize, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().expect("no panic");
    rows.sort_by_key(|(at, kind, _)| (*at, *kind));
    let panel = |(at, scenario): (usize, &Scenario)| {
        let rows = rows.iter().filter(|(of, ..)| *of == at).map(|(.., row)| *row).collect();
        Panel { key: scenario.key, name: scenario.attack.name, rows }
    };
    scenarios.iter().enumerate().map(panel).collect()
}

fn row(options: &Options, population: &Population, at: usize, kind: Kind) -> Row {
    let started = Instant::now();
    let Scenario { key, people, known, attack, .. } = options.scenarios().swap_remove(at);
    let (days, targets) = (attack.days, attack.targets(population));
    let tally = Simulation::new(population, people, kind.start(options.seed), attack, options.seed).run(known);
    eprintln(&format!("{key}, {}: {} sent, {:.1} s", kind.name(), tally.sent, started.elapsed().as_secs_f64()));
    Row::new(kind, &tally, days, targets, options.verification)
}

/// How far it has come, which is not part of the report.
#[expect(clippy::print_stderr, reason = "not part of the report")]
fn eprintln(line: &str) {
    eprintln!("{line}");
}
