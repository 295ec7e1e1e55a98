//! Queues: within one process, attempts for the same username take turns.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::attempts::AttemptsKey;

/// The attempts of this process, by username. No more attempts for one username are in progress than may be wrong; the
/// others wait here, in turn, and not at DynamoDB. One account that many clients log in to at once is therefore served
/// as quickly as many accounts are.
pub(super) struct Queues {
    width: usize,
    length: usize,
    names: Arc<Mutex<HashMap<AttemptsKey, Queue>>>,
}

struct Queue {
    turns: Arc<Semaphore>,
    /// How many are in progress or waiting.
    places: usize,
}

impl Queues {
    pub(super) fn new(width: usize, length: usize) -> Self {
        Self { width, length, names: Arc::default() }
    }

    /// Waits for a turn; `None` when too many are waiting already.
    pub(super) async fn wait(&self, key: AttemptsKey) -> Option<Turn> {
        let (turns, mut turn) = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = names.entry(key.clone()).or_insert_with(|| Queue::new(self.width));
            if queue.places >= self.width.saturating_add(self.length) {
                return None;
            }
            queue.places += 1;
            let turn = Turn { permit: None, names: Arc::clone(&self.names), key };
            (Arc::clone(&queue.turns), turn)
        };
        turn.permit = turns.acquire_owned().await.ok();
        Some(turn)
    }
}

impl Queue {
    fn new(width: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(width)), places: 0 }
    }
}

/// The turn of an attempt, or its place in the queue for one. It is given back when dropped, even if the request is
/// cancelled while it waits.
pub(crate) struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    names: Arc<Mutex<HashMap<AttemptsKey, Queue>>>,
    key: AttemptsKey,
}

impl Turn {
    /// The key of the username's attempts, which this one is to join.
    pub(super) fn key(&self) -> &AttemptsKey {
        &self.key
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut queue) = names.entry(self.key.clone()) {
            queue.get_mut().places -= 1;
            if queue.get().places == 0 {
                queue.remove();
            }
        }
    }
}
