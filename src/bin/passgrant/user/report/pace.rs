//! A bound on how fast something is done, by everybody together.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// At most so many a second.
pub(super) struct Pace {
    each: Duration,
    /// When what was done so far may have been done.
    due: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(a_second: u32) -> Self {
        Self { each: Duration::from_secs(1) / a_second.max(1), due: Mutex::new(Instant::now()) }
    }

    /// Waits until `count` more may have been done.
    pub(super) async fn wait(&self, count: usize) {
        let until = {
            let mut due = self.due.lock().await;
            let taken = self.each.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
            *due = (*due).max(Instant::now()) + taken;
            *due
        };
        sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_who_share_a_pace_are_no_faster_together() {
        let (pace, began) = (Pace::new(1000), Instant::now());
        let two = async { tokio::join!(pace.wait(500), pace.wait(500)) };
        two.await;
        assert_eq!(began.elapsed().as_millis(), 1000);
        tokio::time::sleep(Duration::from_secs(5)).await;
        pace.wait(100).await;
        assert_eq!(began.elapsed().as_millis(), 6100, "time that was not used is not made up for");
    }
}
