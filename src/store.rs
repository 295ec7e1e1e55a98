//! The three DynamoDB tables. Conditional writes carry every invariant; every read is strongly consistent.

pub mod attempts;
pub mod changes;
mod claims;
pub mod clients;
pub(crate) mod item;
pub(crate) mod key;
pub mod outcome;
pub mod tokens;
pub mod users;

#[cfg(feature = "cli")]
pub mod embedded;
#[cfg(feature = "cli")]
pub mod schema;

use aws_sdk_dynamodb::Client;

use crate::store::attempts::Attempts;
use crate::store::changes::Changes;
use crate::store::clients::Clients;
use crate::store::tokens::Tokens;
use crate::store::users::Users;

/// What the tables are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableNames {
    /// The clients table.
    pub clients: String,
    /// The users table.
    pub users: String,
    /// The table of sessions, and of everything else that is disposable.
    pub tokens: String,
}

/// The tables.
#[derive(Clone, Debug)]
pub struct Store {
    /// Clients by identifier.
    pub clients: Clients,
    /// Users by prepared username.
    pub users: Users,
    /// Sessions.
    pub tokens: Tokens,
    /// Attempts, in the same table as sessions.
    pub attempts: Attempts,
}

impl Store {
    /// The tables called `names`, reached through `client`.
    #[must_use]
    pub fn new(client: &Client, names: &TableNames) -> Self {
        Self::whose_changes_are_counted(client, names, Changes::default())
    }

    /// The same, where every change of a client is counted in `changes` before it is answered.
    pub(crate) fn whose_changes_are_counted(client: &Client, names: &TableNames, changes: Changes) -> Self {
        Self {
            clients: Clients::new(client.clone(), names.clients.clone(), changes),
            users: Users::new(client.clone(), names.users.clone()),
            tokens: Tokens::new(client.clone(), names.tokens.clone()),
            attempts: Attempts::new(client.clone(), names.tokens.clone()),
        }
    }
}
