//! The tables, wherever they are: in AWS, behind a running local server, or in a data folder that nobody uses.

use std::path::Path;

use aws_sdk_dynamodb::Client as DynamoDb;
use passgrant::clock::SystemClock;
use passgrant::store::embedded::{self, EmbeddedDynamoDb};
use passgrant::store::{Store, TableNames};

use crate::account::Account;
use crate::data_folder::{Access, DataFolder};
use crate::failure::Failure;

/// The tables, and what must stay open for them.
pub(crate) struct Database {
    pub(crate) store: Store,
    opened: Option<(EmbeddedDynamoDb, DataFolder)>,
}

impl Database {
    /// The tables of the data folder `data`, or without one those in AWS that `account` opens.
    pub(crate) async fn open(data: Option<&Path>, account: &Account, names: &TableNames) -> Result<Self, Failure> {
        let Some(path) = data else {
            let store = Store::new(&DynamoDb::new(account.config().await), names);
            return Ok(Self { store, opened: None });
        };
        let (store, opened) = match DataFolder::access(path).await? {
            Access::Served(endpoint) => (Store::new(&DynamoDb::new(&embedded::sdk_config(&endpoint)), names), None),
            Access::Own(folder) => {
                let running = EmbeddedDynamoDb::start(Some(&folder.database()), names, Box::new(SystemClock)).await?;
                (running.store(names), Some((running, folder)))
            }
        };
        Ok(Self { store, opened })
    }

    /// The tables of a `store` that somebody else opened, and closes.
    pub(crate) fn lent(store: Store) -> Self {
        Self { store, opened: None }
    }

    /// Closes what was opened.
    pub(crate) async fn close(self) -> Result<(), Failure> {
        drop(self.store);
        if let Some((running, _folder)) = self.opened {
            running.stop().await?;
        }
        Ok(())
    }
}
