//! The three DynamoDB tables. Conditional writes uphold every invariant; every read is strongly consistent.

pub mod access_tokens;
pub mod assertions;
pub mod attempts;
mod claims;
pub mod client_uses;
pub mod clients;
mod item;
mod key;
pub(crate) mod memory;
pub mod outcome;
pub mod pages;
pub mod sessions;
pub mod signing_keys;
pub mod sources;
mod table;
pub mod users;

#[cfg(feature = "cli")]
pub mod backoff;
#[cfg(feature = "cli")]
pub mod embedded;
#[cfg(feature = "cli")]
pub mod restoration;
#[cfg(feature = "cli")]
pub mod schema;

use aws_sdk_dynamodb::Client;

use crate::store::access_tokens::AccessTokens;
use crate::store::assertions::UsedAssertions;
use crate::store::attempts::Attempts;
use crate::store::client_uses::ClientUses;
use crate::store::clients::Clients;
use crate::store::sessions::StoredSessions;
use crate::store::signing_keys::SigningKeys;
use crate::store::sources::Sources;
use crate::store::table::Table;
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

impl TableNames {
    /// The tables, and the attribute that is the key of each.
    #[cfg(feature = "cli")]
    fn keys(&self) -> [(&str, &'static str); 3] {
        [(&self.clients, key::CLIENTS), (&self.users, key::USERS), (&self.tokens, key::TOKENS)]
    }
}

/// The tables.
#[derive(Clone, Debug)]
pub struct Store {
    /// Clients by identifier.
    pub clients: Clients,
    /// Wrapped signing keys, in the same table as clients.
    pub signing_keys: SigningKeys,
    /// Users by prepared username.
    pub users: Users,
    /// Sessions; they are in the tokens table, like everything below.
    pub sessions: StoredSessions,
    /// Opaque access tokens, and which JWTs were revoked.
    pub access_tokens: AccessTokens,
    /// Client assertions that have been used.
    pub assertions: UsedAssertions,
    /// Attempts to guess a password.
    pub attempts: Attempts,
    /// Sources that guess.
    pub sources: Sources,
    /// When each client last used the password grant.
    pub client_uses: ClientUses,
}

impl Store {
    /// The tables called `names`, reached through `client`.
    #[must_use]
    pub fn new(client: &Client, names: &TableNames) -> Self {
        Self::of(names, |name, key| Table::new(client, name, key))
    }

    /// The tables called `names`, each made by `table` of its name and the attribute that is its key.
    fn of(names: &TableNames, table: impl Fn(&str, &'static str) -> Table) -> Self {
        let clients = table(&names.clients, key::CLIENTS);
        let tokens = table(&names.tokens, key::TOKENS);
        Self {
            signing_keys: SigningKeys::new(clients.clone()),
            clients: Clients::new(clients),
            users: Users::new(table(&names.users, key::USERS)),
            sessions: StoredSessions::new(tokens.clone()),
            access_tokens: AccessTokens::new(tokens.clone()),
            assertions: UsedAssertions::new(tokens.clone()),
            attempts: Attempts::new(tokens.clone()),
            sources: Sources::new(tokens.clone()),
            client_uses: ClientUses::new(tokens),
        }
    }
}
