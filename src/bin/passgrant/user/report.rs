//! `passgrant user report`: what the users' passwords are hashed with, and when users last logged in.

mod chart;
mod tally;

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueHint};
use futures_util::future::try_join_all;
use passgrant::user::User;

use crate::Context;
use crate::failure::Failure;
use crate::pace::Pace;
use crate::patience::patiently;
use crate::progress::Progress;
use crate::user::report::chart::draw;
use crate::user::report::tally::{Summary, Tally};

pub(super) const EXAMPLES: &str = "\
Examples:
  passgrant user report
  passgrant user report --chart users.svg --rate 1000
  passgrant user report --output json | jq '.last_login.never'";

/// The most segments that a table is read in.
const MOST_SEGMENTS: i64 = 64;

#[derive(Args)]
pub(crate) struct Report {
    /// Draw a chart too, into this SVG file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    chart: Option<PathBuf>,
    /// How many parts of the table are read at the same time [default: 4; locally 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=MOST_SEGMENTS))]
    segments: Option<u32>,
    /// At most how many users are read in a second: reading costs capacity that logins need too
    #[arg(long, value_name = "USERS", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

impl Report {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let users = &context.database().await?.store.users;
        let (pace, counted) = (Pace::new(self.rate), Mutex::new(Counted::new(context)));
        // The database of a local server does one thing at a time, and for a page of a part it reads the rest of the table.
        let count = self.segments.unwrap_or(if context.data.is_some() { 1 } else { 4 });
        let segments = (0..count).map(async |segment| {
            let mut pages = if count == 1 { users.list() } else { users.segment(segment, count) };
            while let Some(page) = patiently(&mut pages).await? {
                pace.wait(page.len()).await;
                counted.lock().unwrap_or_else(PoisonError::into_inner).add(&page);
            }
            Ok::<(), Failure>(())
        });
        try_join_all(segments).await?;
        let summary = counted.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
        if let Some(path) = &self.chart {
            let problem = |error: &dyn std::fmt::Display| Failure::refused(format!("{}: {error}", path.display()));
            let svg = draw(&summary).map_err(|error| problem(&error))?;
            fs::write(path, svg).map_err(|error| problem(&error))?;
        }
        context.output.print(&summary, || summary.text())
    }
}

/// What has been counted, and the bar that shows it.
struct Counted {
    tally: Tally,
    bar: Progress,
}

impl Counted {
    fn new(context: &Context) -> Self {
        Self { tally: Tally::default(), bar: Progress::new(&context.output, None) }
    }

    fn add(&mut self, page: &[User]) {
        for user in page {
            self.tally.add(user);
        }
        self.bar.add(page.len() as u64, self.tally.users());
    }

    fn finish(self) -> Summary {
        self.bar.finish();
        self.tally.summary()
    }
}
