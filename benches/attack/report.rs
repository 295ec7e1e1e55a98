//! What was measured, as a table.

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
            taken: daily(tally.taken.len() as u64) + tally.expected / days as f64,
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

/// Two figures of each row in one cell.
type Cell = fn(&Row) -> String;

const TABLES: [(&str, Cell); 3] = [
    ("Accounts taken a day / honest logins refused per million", |row| {
        format!("{} / {}", figure(row.taken), figure(row.refused_per_million))
    }),
    ("Guesses verified a day for each account aimed at / owners locked out", |row| {
        format!("{} / {}", figure(row.verified_per_target), row.locked_out)
    }),
    ("What the attack costs a day: DynamoDB reads + writes / seconds of Argon2", |row| {
        format!("{} + {} / {}", thousands(row.reads), thousands(row.writes), thousands(row.argon2_seconds))
    }),
];

/// Prints a line for each attack and a column for each policy.
pub(crate) fn print(panels: &[Panel]) {
    for (title, cell) in TABLES {
        println!("| {title} | {} |", Kind::ALL.map(Kind::name).join(" | "));
        println!("|---|{}", "---|".repeat(Kind::ALL.len()));
        for panel in panels {
            let of = |kind| panel.rows.iter().find(|row| row.kind == kind).map_or_else(String::new, cell);
            println!("| {} | {} |", panel.name, Kind::ALL.map(of).join(" | "));
        }
        println!();
    }
}

/// What the goal is: that no other policy lets fewer accounts be taken by an attack, and that those under which as few are
/// taken refuse ten times as many honest logins. Returns how it is missed, if it is.
pub(crate) fn missed(panels: &[Panel]) -> Vec<String> {
    panels.iter().flat_map(|panel| panel.missed(panels)).collect()
}

impl Panel {
    /// The attack that says how safe a policy is where nobody guesses: the one that looks the same.
    fn counterpart(&self) -> &'static str {
        match self.key {
            "vandal" => "paced",
            "vandal-botnet" => "rotating",
            "office" => "spray-1",
            key => key,
        }
    }

    fn missed(&self, panels: &[Self]) -> Vec<String> {
        let Some(ours) = self.rows.iter().find(|row| row.kind == Kind::Passgrant) else { return Vec::new() };
        let others = self.rows.iter().filter(|row| !matches!(row.kind, Kind::Passgrant | Kind::WithSketch));
        let mut missed = Vec::new();
        for other in others {
            // A typing error of an owner decides about less.
            let fewer = 0.99 * ours.taken;
            if other.taken < fewer {
                missed.push(format!("{:.2} taken a day, {:.2} with {}", ours.taken, other.taken, other.kind.name()));
            }
            let (few, many) = (ours.refused_per_million, other.refused_per_million);
            if few > 0.0 && many < 10.0 * few && self.is_as_safe(other.kind, panels) {
                missed.push(format!("{few:.0} refused per million, {many:.0} with {}, as safe", other.kind.name()));
            }
        }
        missed.into_iter().map(|missed| format!("{}: {missed}", self.name)).collect()
    }

    /// Whether no more accounts are taken under a policy than under ours, by the attack that counts; without any attack, by
    /// all of them together.
    fn is_as_safe(&self, kind: Kind, panels: &[Self]) -> bool {
        let alone = matches!(self.key, "nothing" | "first-day");
        let counts = |panel: &&Self| alone || panel.key == self.counterpart();
        let taken = |kind: Kind| -> f64 {
            let rows = panels.iter().filter(counts).flat_map(|panel| &panel.rows);
            rows.filter(|row| row.kind == kind).map(|row| row.taken).sum()
        };
        0.99 * taken(kind) <= taken(Kind::Passgrant)
    }
}

/// A figure with as many digits as it needs, and with commas.
fn figure(number: f64) -> String {
    if number > 0.0 && number < 10.0 { format!("{number:.2}") } else { thousands(number) }
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
