//! The tables, for as long as a request needs them.
//!
//! Those in AWS stay open. A data folder is opened when the first of the requests at one time needs it, and let go after
//! the last one, so that a server can be started and stopped, and commands can be used, while the page is open.

use std::path::PathBuf;
use std::sync::Arc;

use passgrant::store::{Store, TableNames};
use tokio::sync::Mutex;

use crate::account::Account;
use crate::console::Place;
use crate::database::Database;
use crate::failure::Failure;

pub(super) struct Databases(Arc<Shared>);

struct Shared {
    names: TableNames,
    data: Option<PathBuf>,
    account: Arc<Account>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Database>,
    leases: usize,
}

/// The tables, which are not closed while this is held.
pub(super) struct Lease {
    store: Store,
    shared: Arc<Shared>,
}

impl Databases {
    pub(super) fn of(place: &Place) -> Self {
        let (names, data) = (place.config.tables.clone(), place.data.clone());
        Self(Arc::new(Shared { names, data, account: Arc::clone(&place.account), state: Mutex::default() }))
    }

    pub(super) async fn lease(&self) -> Result<Lease, Failure> {
        let mut state = self.0.state.lock().await;
        let store = if let Some(database) = &state.open {
            database.store.clone()
        } else {
            let Shared { names, data, account, .. } = &*self.0;
            let database = Database::open(data.as_deref(), account, names).await?;
            state.open.insert(database).store.clone()
        };
        state.leases += 1;
        Ok(Lease { store, shared: Arc::clone(&self.0) })
    }

    /// Closes what is open, whoever still uses it.
    pub(super) async fn close(&self) -> Result<(), Failure> {
        match self.0.state.lock().await.open.take() {
            Some(database) => database.close().await,
            None => Ok(()),
        }
    }
}

impl Lease {
    pub(super) fn store(&self) -> &Store {
        &self.store
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let mut state = shared.state.lock().await;
            state.leases = state.leases.saturating_sub(1);
            if state.leases > 0 || shared.data.is_none() {
                return;
            }
            if let Some(database) = state.open.take()
                && let Err(failure) = database.close().await
            {
                tracing::error!(reason = failure.reason(), "the data folder could not be closed");
            }
        });
    }
}
