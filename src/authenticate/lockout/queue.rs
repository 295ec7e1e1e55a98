//! Queues: within one process, attempts for the same username from the same source take turns.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::source::Network;
use crate::store::attempts::{AttemptsKey, SourceMark};

/// Whose attempts take turns: those for one username from one source, if that is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(super) key: AttemptsKey,
    pub(super) source: Option<SourceMark>,
    pub(super) network: Option<Network>,
}

/// The attempts of this process, by origin. No more attempts of one origin are in progress than may be wrong; the others
/// wait here, in turn, and not at DynamoDB. One account that a client logs in to many times at once is therefore served
/// as quickly as many accounts are.
pub(super) struct Queues {
    width: usize,
    length: usize,
    names: Arc<Mutex<HashMap<Origin, Queue>>>,
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
    pub(super) async fn wait(&self, origin: Origin) -> Option<Turn> {
        let (turns, mut turn) = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = names.entry(origin.clone()).or_insert_with(|| Queue::new(self.width));
            if queue.places >= self.width.saturating_add(self.length) {
                return None;
            }
            queue.places += 1;
            let turn = Turn { permit: None, names: Arc::clone(&self.names), origin };
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
pub struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    names: Arc<Mutex<HashMap<Origin, Queue>>>,
    origin: Origin,
}

impl Turn {
    /// Whose attempt it is.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut queue) = names.entry(self.origin.clone()) {
            queue.get_mut().places -= 1;
            if queue.get().places == 0 {
                queue.remove();
            }
        }
    }
}
