//! What was measured, as a table.

use std::collections::HashMap;

use crate::policies::Kind;
use crate::simulation::Tally;

/// What one policy did against one attack, for each day.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) taken: f64,
    pub(crate) verified_per_target: f64,
    pub(crate) refused_per_million: f64,
    pub(crate) locked_out: usize,
    pub(crate) reads: f64,
    pub(crate) writes: f64,
    pub(crate) argon2_seconds: f64,
}

impl Row {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    pub(crate) fn new(kind: Kind, tally: &Tally, days: u64, targets: u32, verification: f64) -> Self {
        let daily = |count: u64| count as f64 / days as f64;
        Self {
            kind,
            taken: daily(tally.taken.len() as u64),
            verified_per_target: daily(tally.verified) / f64::from(targets.max(1)),
            refused_per_million: tally.refused as f64 * 1e6 / tally.honest.max(1) as f64,
            locked_out: tally.locked_out.len(),
            reads: daily(tally.calls.reads),
            writes: daily(tally.calls.writes),
            argon2_seconds: daily(tally.verified) * verification / 1e3,
        }
    }
}

/// The rows of one attack.
pub(crate) struct Panel {
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Panel {
    pub(crate) fn print(&self) {
        println!("| **{}** | | | | | | |", self.name);
        for row in &self.rows {
            println!(
                "| {} | {:.1} | {} | {:.0} | {} | {} + {} | {} |",
                row.kind.name(),
                row.taken,
                guesses(row.verified_per_target),
                row.refused_per_million,
                row.locked_out,
                thousands(row.reads),
                thousands(row.writes),
                thousands(row.argon2_seconds),
            );
        }
    }

    /// What the goal is: that no other policy lets fewer accounts be taken, and that those that let as few be taken refuse
    /// ten times as many honest logins. Returns how it is missed, if it is.
    pub(crate) fn missed(&self) -> Vec<String> {
        let rows: HashMap<_, _> = self.rows.iter().map(|row| (row.kind.name(), *row)).collect();
        let Some(ours) = rows.get(Kind::Passgrant.name()) else { return Vec::new() };
        let others = self.rows.iter().filter(|row| !matches!(row.kind, Kind::Passgrant | Kind::WithSketch));
        let mut missed = Vec::new();
        for other in others.clone().filter(|other| other.taken < ours.taken) {
            missed.push(format!("{:.1} taken a day, {:.1} with \"{}\"", ours.taken, other.taken, other.kind.name()));
        }
        for other in others.filter(|other| other.taken <= ours.taken) {
            if ours.refused_per_million > 0.0 && other.refused_per_million < 10.0 * ours.refused_per_million {
                missed.push(format!(
                    "{:.0} refused per million, {:.0} with \"{}\", which is as safe",
                    ours.refused_per_million,
                    other.refused_per_million,
                    other.kind.name()
                ));
            }
        }
        missed
    }
}

pub(crate) fn print_head() {
    println!(
        "| Attack, policy | Accounts taken a day | Guesses verified a day per target | Honest logins refused per million \
         | Owners locked out | DynamoDB reads + writes a day | Argon2 seconds a day |"
    );
    println!("|---|---|---|---|---|---|---|");
}

fn guesses(number: f64) -> String {
    if number < 10.0 { format!("{number:.2}") } else { thousands(number) }
}

/// A whole number, with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
