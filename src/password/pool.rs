//! The verification of passwords: a bounded number at once, a bounded number waiting, each at the cost of the live
//! policy.

mod queue;

use std::time::{Duration, Instant};

use thiserror::Error;

use crate::password::Password;
use crate::password::argon2;
use crate::password::hash::{Argon2Policy, Computation, PasswordHash, UnreadableHash};
use crate::password::pool::queue::{NoTurn, Queue};
use crate::password::verification::{Verification, Verified};
use crate::random::{Random, RandomFailed};
use crate::telemetry::phase::{self, Phase};
use crate::telemetry::traces::span::{Finished, Kind, number};

/// Why a verification could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Too many verifications are waiting already.
    #[error("too many password verifications are waiting")]
    Overloaded,
    /// The user's stored hash is damaged.
    #[error(transparent)]
    Unreadable(#[from] UnreadableHash),
    /// The verification did not finish.
    #[error("the password verification was interrupted")]
    Interrupted,
    /// There was no randomness for a salt.
    #[error("the operating system's random source failed")]
    NoRandomness,
}

impl From<NoTurn> for VerifyError {
    fn from(error: NoTurn) -> Self {
        match error {
            NoTurn::NoPlace => Self::Overloaded,
            NoTurn::Interrupted => Self::Interrupted,
        }
    }
}

/// Verifies passwords, a bounded number at once, with a bounded number waiting.
///
/// Each verification in progress has its own Argon2 memory, which is kept for the next one, because fresh memory costs
/// page faults. The next one overwrites it; if none is waiting, it is wiped, because anyone who read it could test
/// guesses at a lower cost. The memory that a hash under larger parameters took is not kept.
pub struct Argon2Pool {
    policy: Argon2Policy,
    queue: Queue,
}

impl Argon2Pool {
    /// A pool that runs at most `at_once` verifications, or as many as there are processors, and lets at most `max_waiting` wait
    /// for their turn.
    #[must_use]
    pub fn new(policy: Argon2Policy, at_once: Option<usize>, max_waiting: usize) -> Self {
        argon2::prepare();
        let queue = Queue::new(at_once, max_waiting, policy.memory_kib());
        Self { policy, queue }
    }

    /// Whether `password` is the one behind `hash`, which belongs to the user with the username `name`.
    ///
    /// Without a hash, or without a password (one that its profile refused), the answer is no, and the cost is that of
    /// a hash under the live parameters: an unknown user takes as long as a known one, and so does a user whose hash is
    /// cheaper. A hash that costs more takes longer.
    ///
    /// A password that its preparation changed is verified in both forms, for every user: a hash that was made
    /// elsewhere may be of either.
    ///
    /// # Errors
    /// [`VerifyError`] when no verification was done.
    pub async fn verify(
        &self,
        password: Option<Password>,
        hash: Option<&PasswordHash>,
        name: &str,
    ) -> Result<Verified, VerifyError> {
        let verification = Verification::of(hash, &self.policy, name)?;
        let asked = Instant::now();
        let turn = self.queue.turn(move |memory| (asked.elapsed(), verification.run(password, memory)));
        let (waited, verified) = phase::measured(Phase::Verification, turn).await?;
        phase::traced(|| span(asked, waited));
        Ok(verified)
    }

    /// Has the memory of one verification mapped, so that the first one need not wait for that. Nothing waits for it here.
    pub(crate) fn prepare(&self) {
        let kib = self.policy.memory_kib();
        self.queue.unasked(move |memory| memory.prepare(kib));
    }

    /// Hashes a password that turned out to be right. This is as much work as a verification, and waits for its turn as
    /// one does.
    ///
    /// # Errors
    /// [`VerifyError`] when no hash was made.
    pub async fn hash(&self, password: Password, random: &dyn Random) -> Result<PasswordHash, VerifyError> {
        let salt = random.bytes::<16>().map_err(|RandomFailed| VerifyError::NoRandomness)?;
        let salted: Computation = self.policy.salted(&*salt);
        Ok(self.queue.turn(move |memory| salted.hash(&password, memory)).await?)
    }
}

/// What a trace says about a verification that is done, which waited for its turn for a while.
fn span(started: Instant, waited: Duration) -> Finished {
    let milliseconds = u32::try_from(waited.as_millis()).unwrap_or(u32::MAX);
    let attributes = vec![number("passgrant.verification.wait_ms", milliseconds)];
    Finished { name: "verify password".to_owned(), kind: Kind::Internal, started, attributes, failed: false }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::random::OsRandom;

    fn policy() -> Argon2Policy {
        Argon2Policy::new(64, 1, 1).expect("within bounds")
    }

    fn password(text: &str) -> Password {
        Password::prepare(text).expect("acceptable")
    }

    async fn matches(pool: &Argon2Pool, text: &str, hash: &PasswordHash) -> bool {
        pool.verify(Some(password(text)), Some(hash), "ann").await.expect("a verification").matches
    }

    #[tokio::test]
    async fn a_hash_verifies_only_its_own_password() {
        let pool = Argon2Pool::new(policy(), Some(1), 8);
        let hash = policy().hash(&password("correct horse"), &OsRandom).expect("randomness");
        assert!(matches(&pool, "correct horse", &hash).await);
        assert!(!matches(&pool, "correct horse ", &hash).await, "nothing is trimmed");
        for (password, hash) in [(None, Some(&hash)), (Some(password("correct horse")), None), (None, None)] {
            assert!(!pool.verify(password, hash, "ann").await.expect("a verification").matches);
        }
    }

    #[tokio::test]
    async fn a_hash_made_in_turn_is_one_of_the_policy() {
        let pool = Argon2Pool::new(policy(), Some(1), 8);
        let hash = pool.hash(password("correct horse"), &OsRandom).await.expect("a hash");
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        let outcome = pool.verify(Some(password("correct horse")), Some(&hash), "ann").await.expect("one");
        assert!(outcome.matches && !outcome.outdated);
        assert!(!matches(&pool, "another", &hash).await);
    }

    /// Made by the reference implementation: `argon2 somesalt -id -t 2 -k 65536 -p 1`, in its own test suite.
    #[tokio::test]
    async fn the_reference_implementations_hash_verifies() {
        let reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let pool = Argon2Pool::new(policy(), Some(1), 8);
        let hash = PasswordHash::of_phc(reference);
        let outcome = pool.verify(Some(password("password")), Some(&hash), "ann").await.expect("one");
        assert!(outcome.matches && outcome.outdated, "the policy is another");
        assert!(!matches(&pool, "differentpassword", &hash).await);
    }

    #[tokio::test]
    async fn a_hash_of_the_unprepared_password_verifies_and_is_outdated() {
        let pool = Argon2Pool::new(policy(), Some(1), 8);
        let sent = "cafe\u{301}";
        let unprepared = Password { prepared: sent.to_owned().into(), raw: None };
        let imported = policy().hash(&unprepared, &OsRandom).expect("randomness");
        let outcome = pool.verify(Some(password(sent)), Some(&imported), "ann").await.expect("one");
        assert!(outcome.matches && outcome.outdated);
        assert!(!matches(&pool, "caf\u{e9}", &imported).await, "the other form is another password to that hash");

        let own = policy().hash(&password(sent), &OsRandom).expect("randomness");
        let outcome = pool.verify(Some(password(sent)), Some(&own), "ann").await.expect("one");
        assert!(outcome.matches && !outcome.outdated);
    }

    #[tokio::test]
    async fn a_mark_is_the_passwords_and_the_users() {
        let pool = Argon2Pool::new(policy(), Some(1), 8);
        let mark =
            async |text: &str, name: &str| pool.verify(Some(password(text)), None, name).await.expect("one").mark;
        assert_eq!(mark("guess", "ann").await, mark("guess", "ann").await);
        assert_ne!(mark("guess", "ann").await, mark("another", "ann").await);
        assert_ne!(mark("guess", "ann").await, mark("guess", "bob").await);
    }

    #[tokio::test]
    async fn a_damaged_or_exorbitant_hash_is_an_error_and_never_a_match() {
        let pool = Argon2Pool::new(policy(), Some(1), 8);
        for damaged in [
            "",
            "x",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=64,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$2b$12$abcdefghijklmnopqrstuu",
        ] {
            let hash = PasswordHash::of_phc(damaged);
            let outcome = pool.verify(Some(password("password")), Some(&hash), "ann").await;
            assert_eq!(outcome, Err(VerifyError::Unreadable(UnreadableHash)), "{damaged}");
        }
    }

    #[tokio::test]
    async fn a_verification_for_which_the_queue_has_no_place_is_refused_as_overload() {
        let pool = Argon2Pool::new(policy(), Some(1), 0);
        let (release, released) = mpsc::channel::<()>();
        let held = pool.queue.turn(move |_| released.recv());
        assert_eq!(pool.verify(None, None, "ann").await, Err(VerifyError::Overloaded));
        drop(release);
        assert!(held.await.is_ok());
        pool.queue.rest().await;
        assert!(pool.verify(None, None, "ann").await.is_ok());
    }

    /// How much is mapped for the next verification, in KiB; all of it is zero.
    async fn kept_kib(pool: &Argon2Pool) -> usize {
        pool.queue.rest().await;
        let kept = pool.queue.turn(|memory| (memory.is_wiped(), memory.mapped_kib()));
        let (is_wiped, kib) = kept.await.expect("a turn");
        assert!(is_wiped, "something is left of a password");
        kib
    }

    #[tokio::test]
    async fn memory_that_was_prepared_is_the_first_verifications() {
        let pool = Argon2Pool::new(policy(), Some(1), 8);
        pool.prepare();
        let prepared = kept_kib(&pool).await;
        assert!(prepared >= 64);
        pool.verify(Some(password("guess")), None, "ann").await.expect("one");
        assert_eq!(kept_kib(&pool).await, prepared);
    }

    #[tokio::test]
    async fn what_is_kept_for_the_next_verification_is_wiped_and_no_more_than_the_policy_takes() {
        let pool = Argon2Pool::new(policy(), Some(1), 8);
        assert_eq!(kept_kib(&pool).await, 0, "mapped when it is needed");
        pool.verify(Some(password("guess")), None, "ann").await.expect("one");
        let usual = kept_kib(&pool).await;
        assert!(usual >= 64);

        let larger = Argon2Policy::new(8192, 1, 1).expect("within bounds").hash(&password("correct"), &OsRandom);
        let larger = larger.expect("randomness");
        assert!(matches(&pool, "correct", &larger).await);
        assert!(!matches(&pool, "guess", &larger).await);
        assert_eq!(kept_kib(&pool).await, 0, "what a larger hash took is given back");

        let guesses = (0..6).map(|_| pool.verify(Some(password("guess")), None, "ann"));
        for outcome in futures_util::future::join_all(guesses).await {
            assert!(!outcome.expect("one").matches);
        }
        assert_eq!(kept_kib(&pool).await, usual);
    }
}
