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
    goes_on: bool,
}

impl Scan {
    /// Gives every page of a table to `take`, in no particular order. `pages` are those of one of so many parts, and
    /// `noun` is what they are full of.
    pub(crate) async fn read<'s, T>(
        &self,
        context: &Context,
        noun: &'static str,
        pages: impl Fn(u32, u32) -> Pages<'s, T>,
        mut take: impl FnMut(Vec<T>),
    ) -> Result<(), Failure> {
        let take = |page| {
            take(page);
            true
        };
        self.read_while(context, noun, pages, take).await.map(|_complete| ())
    }

    /// The same, until `take` says that it needs no more. Whether everything was read.
    pub(crate) async fn read_while<'s, T>(
        &self,
        context: &Context,
        noun: &'static str,
        pages: impl Fn(u32, u32) -> Pages<'s, T>,
        take: impl FnMut(Vec<T>) -> bool,
    ) -> Result<bool, Failure> {
        let pace = Pace::new(self.rate);
        let reading =
            Mutex::new(Reading { take, bar: Progress::of(noun, &context.output, None), read: 0, goes_on: true });
        // The database of a local server does one thing at a time, and for a page of a part it reads the rest of the table.
        let count = self.segments.unwrap_or(if context.data.is_some() { 1 } else { 4 });
        let segments = (0..count).map(async |segment| {
            let mut pages = pages(segment, count);
            while let Some(page) = patiently(&mut pages).await? {
                pace.wait(pages.scanned()).await;
                if !reading.lock().unwrap_or_else(PoisonError::into_inner).add(page, pages.scanned() as u64) {
                    return Ok(pages.is_done());
                }
            }
            Ok::<bool, Failure>(true)
        });
        let ended = try_join_all(segments).await?;
        reading.into_inner().unwrap_or_else(PoisonError::into_inner).bar.finish();
        Ok(ended.into_iter().all(|is_done| is_done))
    }
}

impl<F> Reading<F> {
    /// Whether there is more to read.
    fn add<T>(&mut self, page: Vec<T>, scanned: u64) -> bool
    where
        F: FnMut(Vec<T>) -> bool,
    {
        self.goes_on &= (self.take)(page);
        self.read += scanned;
        self.bar.add(scanned, self.read);
        self.goes_on
    }
}
