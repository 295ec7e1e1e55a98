//! A bound on how fast something is done, by everybody together.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// At most so many a second.
pub(crate) struct Pace {
    each: Duration,
    /// When what was done so far may have been done.
    due: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new(a_second: u32) -> Self {
        Self { each: Duration::from_secs(1) / a_second.max(1), due: Mutex::new(Instant::now()) }
    }

    /// Waits until `count` more may have been done.
    pub(crate) async fn wait(&self, count: usize) {
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

    #[tokio::test]
    async fn those_who_share_a_pace_are_no_faster_together_and_do_not_make_up_for_a_pause() {
        let (pace, began) = (Pace::new(1000), Instant::now());
        tokio::join!(pace.wait(50), pace.wait(50));
        assert!(began.elapsed() >= Duration::from_millis(100));
        tokio::time::sleep(Duration::from_millis(200)).await;
        let resumed = Instant::now();
        pace.wait(50).await;
        assert!(resumed.elapsed() >= Duration::from_millis(50));
    }
}
