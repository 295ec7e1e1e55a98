//! Trying again: how long to wait when DynamoDB throttles a long piece of work, and when to give up.

use std::time::Duration;

use crate::random::{Random, RandomFailed};
use crate::store::outcome::StoreError;

/// The longest first wait, before jitter.
const FIRST: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(20);
/// How often a call is made. With these waits, DynamoDB has half a minute to three minutes to recover.
const ATTEMPTS: u32 = 16;

/// The waits between the attempts at one call: exponential, with full jitter, so that the calls that were throttled at
/// the same time do not come back at the same time.
pub struct Backoff<'r> {
    random: &'r dyn Random,
    attempts: u32,
}

impl<'r> Backoff<'r> {
    /// The waits for one call.
    #[must_use]
    pub fn new(random: &'r dyn Random) -> Self {
        Self { random, attempts: 0 }
    }

    /// How long to wait after an attempt that failed, before the next one; `None` if it was the last.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn wait(&mut self) -> Result<Option<Duration>, RandomFailed> {
        self.attempts += 1;
        if self.attempts >= ATTEMPTS {
            return Ok(None);
        }
        let longest = FIRST.saturating_mul(1 << (self.attempts - 1).min(16)).min(LONGEST);
        let share = f64::from(u32::from_be_bytes(*self.random.bytes::<4>()?)) / f64::from(u32::MAX);
        Ok(Some(longest.mul_f64(share)))
    }

    /// Makes `call` until it succeeds, fails for good, or has failed too often; `pause` waits.
    ///
    /// # Errors
    /// The error of the last attempt.
    pub async fn persist<T, P, C>(
        mut self,
        pause: impl Fn(Duration) -> P,
        call: impl Fn() -> C,
    ) -> Result<T, StoreError>
    where
        P: Future<Output = ()>,
        C: Future<Output = Result<T, StoreError>>,
    {
        loop {
            let error = match call().await {
                Err(error) if error.is_transient() => error,
                outcome => return outcome,
            };
            match self.wait() {
                Ok(Some(wait)) => pause(wait).await,
                // Without randomness there is no jitter, and nothing else works either.
                Ok(None) | Err(RandomFailed) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::ready;

    use super::*;
    use crate::aws::{AwsError, Dependency};
    use crate::random::OsRandom;

    fn cancelled(reason: &str) -> StoreError {
        AwsError::cancelled(Dependency::DynamoDb, reason).into()
    }

    async fn persist(failures: u32, reason: &str) -> (Result<u32, StoreError>, Vec<Duration>) {
        let (calls, waits) = (Cell::new(0), RefCell::new(Vec::new()));
        let outcome = Backoff::new(&OsRandom)
            .persist(
                |wait| {
                    waits.borrow_mut().push(wait);
                    ready(())
                },
                || {
                    calls.set(calls.get() + 1);
                    ready(if calls.get() > failures { Ok(calls.get()) } else { Err(cancelled(reason)) })
                },
            )
            .await;
        (outcome, waits.into_inner())
    }

    #[tokio::test]
    async fn a_throttled_call_is_made_again_after_growing_waits_until_it_is_given_up() {
        for reason in ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"] {
            let (outcome, waits) = persist(4, reason).await;
            assert_eq!((outcome.expect("it succeeds"), waits.len()), (5, 4), "{reason}");
        }
        let (outcome, waits) = persist(u32::MAX, "ThrottlingError").await;
        assert_eq!(
            outcome.expect_err("it is given up").to_string(),
            "DynamoDB: a transaction was cancelled: ThrottlingError"
        );
        assert_eq!(waits.len(), 15);
        for (index, wait) in waits.iter().enumerate() {
            assert!(*wait <= FIRST.saturating_mul(1 << index).min(LONGEST), "{index}: {wait:?}");
        }
        assert!(waits.iter().sum::<Duration>() > Duration::from_secs(5), "{waits:?}");
    }

    #[tokio::test]
    async fn a_call_that_is_refused_is_not_made_again() {
        let (outcome, waits) = persist(1, "ValidationError").await;
        assert!(outcome.is_err() && waits.is_empty());
    }
}
