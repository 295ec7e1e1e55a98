//! What becomes of a call to DynamoDB.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use crate::aws::{AwsError, Dependency, Outlook};
use crate::error::Error;
use crate::store::item::Item;

/// Why the store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The request to DynamoDB failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// An item is not as this version writes it: it is damaged, or from a newer version.
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
    pub(super) fn from_sdk<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Self::Aws(AwsError::new(Dependency::DynamoDb, error))
    }
}

impl StoreError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Aws(error) if error.outlook() == Outlook::Transient)
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
pub(super) fn held<T, E>(outcome: Result<T, SdkError<E, HttpResponse>>) -> Result<bool, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    Ok(if_held(outcome)?.is_some())
}

/// What a conditional write answered; `None` if its condition did not hold.
pub(super) fn if_held<T, E>(outcome: Result<T, SdkError<E, HttpResponse>>) -> Result<Option<T>, StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match outcome {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(error) => Err(StoreError::from_sdk(error)),
    }
}

/// The item that kept the condition of an update from holding, if there is one and the update asked for it; any other
/// failure is an error.
pub(super) fn in_the_way(error: SdkError<UpdateItemError, HttpResponse>) -> Result<Option<Item>, StoreError> {
    match error {
        SdkError::ServiceError(failed) if failed.err().is_conditional_check_failed_exception() => {
            match failed.into_err() {
                UpdateItemError::ConditionalCheckFailedException(failed) => Ok(failed.item),
                _ => Ok(None),
            }
        }
        error => Err(StoreError::from_sdk(error)),
    }
}

/// What became of a write that must not overwrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was written.
    Written,
    /// The key is taken; nothing was written.
    AlreadyThere,
}

impl Created {
    pub(super) fn held(held: bool) -> Self {
        if held { Self::Written } else { Self::AlreadyThere }
    }
}

/// What became of a write to something that must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was written.
    Written,
    /// There is no such item, or it is not (or no longer) as the write requires; nothing was written.
    Unmet,
}

impl Changed {
    pub(super) fn held(held: bool) -> Self {
        if held { Self::Written } else { Self::Unmet }
    }
}
