//! Reading a whole table: in parts, no faster than it may be, and however busy it is.

use std::sync::{Mutex, PoisonError};

use clap::Args;
use futures_util::future::try_join_all;
use passgrant::store::pages::Pages;

use crate::Context;
use crate::failure::Failure;
use crate::pace::Pace;
use crate::patience::patiently;
use crate::progress::Progress;

/// The most segments that a table is read in.
const MOST_SEGMENTS: i64 = 64;

/// How a whole table is read.
#[derive(Args)]
pub(crate) struct Scan {
    /// How many parts of the table are read at the same time [default: 4; locally 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=MOST_SEGMENTS))]
    segments: Option<u32>,
    /// At most how many items are read in a second: reading costs capacity that logins need too
    #[arg(long, value_name = "ITEMS", default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

/// What takes the pages, and the bar that shows how far it is.
struct Reading<F> {
    take: F,
    bar: Progress,
    read: u64,
}

impl Scan {
    /// Gives every page of a table to `take`, in no particular order. `pages` are those of one of so many parts, and
    /// `noun` is what they are full of.
    pub(crate) async fn read<'s, T>(
        &self,
        context: &Context,
        noun: &'static str,
        pages: impl Fn(u32, u32) -> Pages<'s, T>,
        take: impl FnMut(Vec<T>),
    ) -> Result<(), Failure> {
        let pace = Pace::new(self.rate);
        let reading = Mutex::new(Reading { take, bar: Progress::of(noun, &context.output, None), read: 0 });
        // The database of a local server does one thing at a time, and for a page of a part it reads the rest of the table.
        let count = self.segments.unwrap_or(if context.data.is_some() { 1 } else { 4 });
        let segments = (0..count).map(async |segment| {
            let mut pages = pages(segment, count);
            while let Some(page) = patiently(&mut pages).await? {
                pace.wait(pages.scanned()).await;
                reading.lock().unwrap_or_else(PoisonError::into_inner).add(page, pages.scanned() as u64);
            }
            Ok::<(), Failure>(())
        });
        try_join_all(segments).await?;
        reading.into_inner().unwrap_or_else(PoisonError::into_inner).bar.finish();
        Ok(())
    }
}

impl<F> Reading<F> {
    fn add<T>(&mut self, page: Vec<T>, scanned: u64)
    where
        F: FnMut(Vec<T>),
    {
        (self.take)(page);
        self.read += scanned;
        self.bar.add(scanned, self.read);
    }
}
