//! Changes under way: each goes on to its end in a task of its own, even when the browser has gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::RwLock;
use tokio::time::timeout;

use crate::failure::Failure;

/// How long the console waits for them when it ends.
const CLOSING_TIME: Duration = Duration::from_secs(10);

/// Whoever makes a change holds a share of it.
#[derive(Default)]
pub(super) struct Changes(Arc<RwLock<()>>);

impl Changes {
    /// What `change` comes to. If nobody waits for that any more, it is still made.
    pub(super) async fn finished<T: Send + 'static>(
        &self,
        change: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Failure> {
        let share = Arc::clone(&self.0).read_owned().await;
        let task = tokio::spawn(async move {
            let outcome = change.await;
            drop(share);
            outcome
        });
        task.await.map_err(|_| Failure::Failed("the change broke off: look at what has become of it".to_owned()))
    }

    /// Waits for all of them, but not for long.
    pub(super) async fn settle(&self) {
        if timeout(CLOSING_TIME, self.0.write()).await.is_err() {
            tracing::error!("the console has ended in the middle of a change");
        }
    }
}
