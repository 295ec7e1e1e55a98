//! A bar on a terminal: how far, how fast, and how long it will take.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::output::Output;

const OF_KNOWN_LENGTH: &str = "{bar:30} {percent:>3} %  {msg}  {eta} left";
const OF_UNKNOWN_LENGTH: &str = "{spinner}  {msg}  {elapsed}";
/// How often the bar is drawn, a second.
const FRAMES: u8 = 8;

/// A bar; nothing at all if standard error is not a terminal, or if the results are for programs.
pub(crate) struct Progress {
    bar: ProgressBar,
    began: Instant,
    /// What is counted.
    noun: &'static str,
    done: u64,
    /// Who else wants to know.
    listener: Option<watch::Sender<u64>>,
}

impl Progress {
    /// A bar for users in `bytes` to read, or in nobody knows how many.
    pub(crate) fn new(output: &Output, bytes: Option<u64>) -> Self {
        Self::of("users", output, bytes)
    }

    /// The same, for something else.
    pub(crate) fn of(noun: &'static str, output: &Output, bytes: Option<u64>) -> Self {
        let visible = io::stderr().is_terminal() && output.is_for_people();
        let target = if visible { ProgressDrawTarget::stderr_with_hz(FRAMES) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(bytes, target);
        let template = if bytes.is_some() { OF_KNOWN_LENGTH } else { OF_UNKNOWN_LENGTH };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar, began: Instant::now(), noun, done: 0, listener: output.listener() }
    }

    /// Begins at `bytes`, where the run before ended: that was not this run's work.
    pub(crate) fn resume(&self, bytes: u64) {
        self.bar.set_position(bytes);
        self.bar.reset_eta();
    }

    /// `done` more, up to `bytes`.
    pub(crate) fn add(&mut self, done: u64, bytes: u64) {
        self.done += done;
        self.bar.set_position(bytes);
        if let Some(listener) = &self.listener {
            listener.send_replace(self.done);
        }
        if !self.bar.is_hidden() {
            let seconds = self.began.elapsed().max(Duration::from_millis(1)).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
            let rate = self.done as f64 / seconds;
            self.bar.set_message(format!("{} {}, {rate:.0}/s", HumanCount(self.done), self.noun));
        }
    }

    /// Does what writes to standard error too.
    pub(crate) fn beside<T>(&self, work: impl FnOnce() -> T) -> T {
        self.bar.suspend(work)
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
