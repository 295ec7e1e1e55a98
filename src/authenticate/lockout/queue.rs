//! Attempts for one name wait for each other in the process, in turn.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::attempts::AttemptsKey;

/// The attempts of this process, name by name. No more of one name are on their way than may be wrong, and the others
/// wait here and in turn, not at DynamoDB: one account that many log in to at once is served as quickly as many are.
pub(super) struct Queues {
    width: usize,
    length: usize,
    names: Arc<Mutex<HashMap<AttemptsKey, Queue>>>,
}

struct Queue {
    turns: Arc<Semaphore>,
    /// How many are on their way, or wait.
    places: usize,
}

impl Queues {
    pub(super) fn new(width: usize, length: usize) -> Self {
        Self { width, length, names: Arc::default() }
    }

    /// Waits for a turn; none where too many wait already.
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

/// The turn of an attempt, or its place in the queue for one. It is given back when dropped, also when the request is
/// cancelled while it waits.
pub(crate) struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    names: Arc<Mutex<HashMap<AttemptsKey, Queue>>>,
    key: AttemptsKey,
}

impl Turn {
    /// The attempts that this one is to be one of.
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
