//! The three DynamoDB tables. Conditional writes carry every invariant; every read is strongly consistent.

pub mod attempts;
mod claims;
pub mod clients;
pub(crate) mod item;
pub mod tokens;
pub mod users;

#[cfg(feature = "cli")]
pub mod embedded;
#[cfg(feature = "cli")]
pub mod schema;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::aws::{AwsError, Dependency};
use crate::error::Error;
use crate::store::attempts::Attempts;
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
        Self {
            clients: Clients::new(client.clone(), names.clients.clone()),
            users: Users::new(client.clone(), names.users.clone()),
            tokens: Tokens::new(client.clone(), names.tokens.clone()),
            attempts: Attempts::new(client.clone(), names.tokens.clone()),
        }
    }
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// An item is not what was written there: damage, or a newer version's.
    #[error("the item {key} in {table} is inconsistent: {problem}")]
    Inconsistent {
        /// The table's name.
        table: String,
        /// The item's key.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

impl StoreError {
    fn from_sdk<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Self::Aws(AwsError::new(Dependency::DynamoDb, error))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Aws(error) => error.into(),
            StoreError::Inconsistent { .. } => Self::server_error().because(error),
        }
    }
}

/// Whether the condition of a conditional write held; any other failure is an error.
fn held<T, E>(outcome: Result<T, SdkError<E, HttpResponse>>) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match outcome {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(StoreError::from_sdk(error)),
    }
}

/// What became of a write that must not overwrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was written.
    Yes,
    /// The key is taken; nothing was written.
    AlreadyThere,
}

impl Created {
    fn held(held: bool) -> Self {
        if held { Self::Yes } else { Self::AlreadyThere }
    }
}

/// What became of a write to something that must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was written.
    Yes,
    /// There is no such item, or it changed meanwhile; nothing was written.
    No,
}

impl Changed {
    fn held(held: bool) -> Self {
        if held { Self::Yes } else { Self::No }
    }
}
