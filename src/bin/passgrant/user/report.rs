//! `passgrant user report`: what the users' passwords are hashed with, and when users last logged in.

mod chart;
mod tally;

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::Context;
use crate::failure::Failure;
use crate::scan::Scan;
use crate::user::report::chart::draw;
use crate::user::report::tally::Tally;

pub(super) const EXAMPLES: &str = "\
Examples:
  passgrant user report
  passgrant user report --chart users.svg --rate 1000
  passgrant user report --output json | jq '.last_login.never'";

#[derive(Args)]
pub(crate) struct Report {
    /// Draw a chart too, into this SVG file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    chart: Option<PathBuf>,
    #[command(flatten)]
    scan: Scan,
}

impl Report {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let users = &context.database().await?.store.users;
        let mut tally = Tally::default();
        let pages = |segment, segments| users.segment(segment, segments);
        self.scan.read(context, "users", pages, |page| page.iter().for_each(|user| tally.add(user))).await?;
        let summary = tally.summary();
        if let Some(path) = &self.chart {
            let problem = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", path.display()));
            let svg = draw(&summary).map_err(|error| problem(&error))?;
            fs::write(path, svg).map_err(|error| problem(&error))?;
        }
        context.output.print(&summary, || summary.text())
    }
}
