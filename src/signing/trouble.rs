//! What is wrong with a key, and for how long that is believed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::aws::Outlook;
use crate::clock::Timestamp;
use crate::signing::error::SigningError;
use crate::store::outcome::StoreError;

/// How long a key is believed to be unusable before it is tried again.
pub const RETRY_AFTER: Duration = Duration::from_secs(30);

/// What is wrong with a key for one of its uses, if anything is.
#[derive(Default)]
pub(super) struct Trouble(Mutex<Option<Problem>>);

struct Problem {
    since: Timestamp,
    text: String,
}

impl Trouble {
    /// Notes and logs an error that `key` is to blame for, once for as long as it is believed.
    pub(super) fn note(&self, key: impl FnOnce() -> String, error: &SigningError, now: Timestamp) {
        if !error.blames_the_key() || self.lasts(now) {
            return;
        }
        let text = match error {
            SigningError::Key { problem, .. } => problem.clone(),
            error => format!("cannot be used: {error}"),
        };
        tracing::error!(key = key(), problem = text, "a signing key is left out");
        *self.problem() = Some(Problem { since: now, text });
    }

    /// Whether what was noted is still believed. The clock may have been set back.
    pub(super) fn lasts(&self, now: Timestamp) -> bool {
        let near = |since: Timestamp| now.since(since) < RETRY_AFTER && since.since(now) < RETRY_AFTER;
        self.problem().as_ref().is_some_and(|problem| near(problem.since))
    }

    /// What was noted about `key`, as an error.
    pub(super) fn error(&self, key: impl FnOnce() -> String) -> Option<SigningError> {
        let problem = self.problem().as_ref()?.text.clone();
        Some(SigningError::Key { key: key(), problem })
    }

    /// Nothing is wrong any more.
    pub(super) fn clear(&self) {
        *self.problem() = None;
    }

    fn problem(&self) -> MutexGuard<'_, Option<Problem>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SigningError {
    /// Whether the error passes by itself: DynamoDB or KMS is throttling, slow or unreachable.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Kms(error) | Self::Store(StoreError::Aws(error)) => error.outlook() == Outlook::Transient,
            _ => false,
        }
    }

    /// Whether an operator must look after the key, and another key may serve meanwhile. A passing failure only fails
    /// the request.
    pub(super) fn blames_the_key(&self) -> bool {
        match self {
            Self::Kms(error) | Self::Store(StoreError::Aws(error)) => error.outlook() == Outlook::Permanent,
            Self::Store(StoreError::Inconsistent { .. }) | Self::Key { .. } => true,
            _ => false,
        }
    }
}
