//! Passwords: prepared, hashed with Argon2id, verified at one cost whoever the user is.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::PrecisFastInvocation as _;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::random::{Random, RandomFailed};

/// Text that the `OpaqueString` profile or the length limit refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a password has no control characters, and at most {} bytes", Password::MAX_BYTES)]
pub struct RefusedPassword;

/// A password prepared with PRECIS `OpaqueString` (RFC 8265, section 4.2). It cannot be printed or compared,
/// and is wiped when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The longest password, in bytes, before and after preparation. Nothing is ever truncated.
    pub const MAX_BYTES: usize = 1024;

    /// Prepares a password. Text over the limit is refused before any work is spent on it.
    ///
    /// # Errors
    /// [`RefusedPassword`] when the text is empty, too long, or holds a character the profile refuses.
    pub fn prepare(text: &str) -> Result<Self, RefusedPassword> {
        if text.len() > Self::MAX_BYTES {
            return Err(RefusedPassword);
        }
        let prepared = OpaqueString::enforce(text).map_err(|_| RefusedPassword)?;
        let prepared = Zeroizing::new(prepared.into_owned());
        if prepared.len() > Self::MAX_BYTES {
            return Err(RefusedPassword);
        }
        Ok(Self(prepared))
    }

    /// The password's length in code points, as a minimum length counts it (NIST SP 800-63B).
    #[must_use]
    pub fn code_points(&self) -> usize {
        self.0.chars().count()
    }
}

/// A password hash as a PHC string. It prints nothing of itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// The PHC string, for the store alone.
    pub(crate) fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(..)")
    }
}

/// Argon2 parameters that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Argon2 takes 8 KiB per lane to 1 GiB of memory, 1 to 64 iterations and 1 to 16 lanes")]
pub struct RefusedPolicy;

/// The Argon2id parameters (RFC 9106) that new passwords are hashed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argon2Policy(Params);

impl Argon2Policy {
    const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    const MAX_ITERATIONS: u32 = 64;
    const MAX_PARALLELISM: u32 = 16;
    const OUTPUT_BYTES: usize = 32;

    /// A policy of `memory_kib` KiB, `iterations` passes and `parallelism` lanes.
    ///
    /// # Errors
    /// [`RefusedPolicy`] when a value is beyond what RFC 9106 or this service allows.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, RefusedPolicy> {
        let params = Params::new(memory_kib, iterations, parallelism, Some(Self::OUTPUT_BYTES));
        params.ok().filter(is_bounded).map(Self).ok_or(RefusedPolicy)
    }

    /// Hashes a password under a fresh salt. It works for tens of milliseconds: not for a thread that serves others.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn hash(&self, password: &Password, random: &dyn Random) -> Result<PasswordHash, RandomFailed> {
        Ok(self.salted(random.bytes::<16>()?.to_vec()).hash(password, &mut Vec::new()))
    }

    fn salted(&self, salt: Vec<u8>) -> Expected {
        Expected { version: Version::V0x13, params: self.0.clone(), salt, output: Vec::new() }
    }
}

fn is_bounded(params: &Params) -> bool {
    params.m_cost() <= Argon2Policy::MAX_MEMORY_KIB
        && params.t_cost() <= Argon2Policy::MAX_ITERATIONS
        && params.p_cost() <= Argon2Policy::MAX_PARALLELISM
}

/// A stored hash, taken apart.
struct Expected {
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// A stored hash that cannot be read, or asks for more work than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stored password hash cannot be read")]
pub struct UnreadableHash;

impl Expected {
    fn parse(hash: &PasswordHash) -> Result<Self, UnreadableHash> {
        let hash = phc::PasswordHash::new(&hash.0).map_err(|_| UnreadableHash)?;
        if hash.algorithm != argon2::ARGON2ID_IDENT {
            return Err(UnreadableHash);
        }
        let version = hash.version.unwrap_or(0x13).try_into().map_err(|_| UnreadableHash)?;
        let params = Params::try_from(&hash).map_err(|_| UnreadableHash)?;
        let (Some(salt), Some(output)) = (hash.salt, hash.hash) else {
            return Err(UnreadableHash);
        };
        if !is_bounded(&params) {
            return Err(UnreadableHash);
        }
        Ok(Self { version, params, salt: salt.to_vec(), output: output.as_bytes().to_vec() })
    }

    /// A hash that nothing matches, under the parameters of `policy`: it has no output.
    fn unmatchable(policy: &Argon2Policy) -> Self {
        policy.salted(vec![0; 16])
    }

    fn hash(&self, password: &Password, memory: &mut Vec<Block>) -> PasswordHash {
        let output = self.compute(password, memory);
        PasswordHash(
            format!(
                "$argon2id$v=19$m={},t={},p={}${}${}",
                self.params.m_cost(),
                self.params.t_cost(),
                self.params.p_cost(),
                STANDARD_NO_PAD.encode(&self.salt),
                STANDARD_NO_PAD.encode(&*output),
            )
            .into(),
        )
    }

    fn compute(&self, password: &Password, memory: &mut Vec<Block>) -> Zeroizing<Vec<u8>> {
        let length = self.params.output_len().unwrap_or(Argon2Policy::OUTPUT_BYTES);
        let mut output = Zeroizing::new(vec![0; length]);
        memory.resize(self.params.block_count().max(memory.len()), Block::new());
        let argon2 = Argon2::new(Algorithm::Argon2id, self.version, self.params.clone());
        let computed = argon2.hash_password_into_with_memory(
            password.0.as_bytes(),
            &self.salt,
            &mut output,
            memory.as_mut_slice(),
        );
        if computed.is_err() {
            // Bounded parameters and inputs leave it nothing to refuse; were it to, an empty output matches no hash.
            output.clear();
        }
        output
    }

    fn matches(&self, password: &Password, memory: &mut Vec<Block>) -> bool {
        let computed = self.compute(password, memory);
        !computed.is_empty() && bool::from(computed.ct_eq(&self.output))
    }
}

/// Why a verification could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Too many verifications are waiting already.
    #[error("too many password verifications are waiting")]
    Overloaded,
    /// The user's stored hash is damaged.
    #[error(transparent)]
    Unreadable(#[from] UnreadableHash),
    /// The verification did not come to its end.
    #[error("the password verification was interrupted")]
    Interrupted,
    /// There was no randomness for a salt.
    #[error("the operating system's random source failed")]
    NoRandomness,
}

/// Verifies passwords, so many at once and so many waiting.
///
/// Each verification in progress has its own Argon2 memory, kept for the next one: fresh memory would cost thousands
/// of page faults a login.
pub struct Verifier {
    policy: Argon2Policy,
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    max_waiting: usize,
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Verifier {
    /// A verifier that runs at most `at_once` verifications and lets at most `max_waiting` wait for their turn.
    #[must_use]
    pub fn new(policy: Argon2Policy, at_once: usize, max_waiting: usize) -> Self {
        Self {
            policy,
            running: Arc::new(Semaphore::new(at_once.max(1))),
            waiting: AtomicUsize::new(0),
            max_waiting,
            memory: Arc::default(),
        }
    }

    /// Whether `password` is the one behind `hash`.
    ///
    /// Without a hash, or without a password (one that its profile refused), the answer is no, and the cost is that of
    /// a hash under the live parameters: an unknown user takes as long as a known one.
    ///
    /// # Errors
    /// [`VerifyError`] when no verification was done.
    pub async fn verify(&self, password: Option<Password>, hash: Option<&PasswordHash>) -> Result<bool, VerifyError> {
        let expected = hash.map_or_else(|| Ok(Expected::unmatchable(&self.policy)), Expected::parse)?;
        self.in_turn(move |memory| {
            let refused = password.is_none();
            let password = password.unwrap_or_else(|| Password(Zeroizing::default()));
            expected.matches(&password, memory) && !refused
        })
        .await
    }

    /// Hashes a password that proved right elsewhere. It is the work of a verification, and waits for its turn as one.
    ///
    /// # Errors
    /// [`VerifyError`] when there is no hash.
    pub async fn hash(&self, password: Password, random: &dyn Random) -> Result<PasswordHash, VerifyError> {
        let salt = random.bytes::<16>().map_err(|RandomFailed| VerifyError::NoRandomness)?;
        let salted = self.policy.salted(salt.to_vec());
        self.in_turn(move |memory| salted.hash(&password, memory)).await
    }

    async fn in_turn<T, W>(&self, work: W) -> Result<T, VerifyError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    {
        let permit = {
            let _place = self.take_place()?;
            self.running.clone().acquire_owned().await.map_err(|_| VerifyError::Interrupted)?
        };
        let pool = Arc::clone(&self.memory);
        let verification = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut memory = pool.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let outcome = work(&mut memory);
            pool.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            outcome
        });
        verification.await.map_err(|_| VerifyError::Interrupted)
    }

    fn take_place(&self) -> Result<Place<'_>, VerifyError> {
        let place = Place(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max_waiting + self.running.available_permits() {
            return Err(VerifyError::Overloaded);
        }
        Ok(place)
    }
}

/// A place in the queue, given back when dropped, also when the request is cancelled while it waits.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    fn policy() -> Argon2Policy {
        Argon2Policy::new(64, 1, 1).expect("within bounds")
    }

    fn password(text: &str) -> Password {
        Password::prepare(text).expect("acceptable")
    }

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_alone() {
        let verifier = Verifier::new(policy(), 1, 8);
        let hash = policy().hash(&password("correct horse"), &OsRandom).expect("randomness");
        assert_eq!(verifier.verify(Some(password("correct horse")), Some(&hash)).await, Ok(true));
        assert_eq!(
            verifier.verify(Some(password("correct horse ")), Some(&hash)).await,
            Ok(false),
            "nothing is trimmed"
        );
        assert_eq!(verifier.verify(None, Some(&hash)).await, Ok(false));
        assert_eq!(verifier.verify(Some(password("correct horse")), None).await, Ok(false));
        assert_eq!(verifier.verify(None, None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_hash_made_in_turn_is_one_of_the_policy() {
        let verifier = Verifier::new(policy(), 1, 8);
        let hash = verifier.hash(password("correct horse"), &OsRandom).await.expect("a hash");
        assert!(hash.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_eq!(verifier.verify(Some(password("correct horse")), Some(&hash)).await, Ok(true));
        assert_eq!(verifier.verify(Some(password("another")), Some(&hash)).await, Ok(false));
    }

    /// Made by the reference implementation: `argon2 somesalt -id -t 2 -k 65536 -p 1`, in its own test suite.
    #[tokio::test]
    async fn the_reference_implementations_hash_verifies() {
        let reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let verifier = Verifier::new(policy(), 1, 8);
        let hash = PasswordHash(reference.into());
        assert_eq!(verifier.verify(Some(password("password")), Some(&hash)).await, Ok(true));
        assert_eq!(verifier.verify(Some(password("differentpassword")), Some(&hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_damaged_or_exorbitant_hash_is_an_error_and_never_a_match() {
        let verifier = Verifier::new(policy(), 1, 8);
        for damaged in [
            "",
            "x",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=64,t=4000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$2b$12$abcdefghijklmnopqrstuu",
        ] {
            let outcome = verifier.verify(Some(password("password")), Some(&PasswordHash(damaged.into()))).await;
            assert_eq!(outcome, Err(VerifyError::Unreadable(UnreadableHash)), "{damaged}");
        }
    }

    #[test]
    fn a_password_is_prepared_as_rfc_8265_says_and_never_cut() {
        let prepared = |text: &str| Password::prepare(text).map(|password| password.0.to_string());
        assert_eq!(prepared("e\u{301}").as_deref(), Ok("\u{e9}"), "NFC");
        assert_eq!(prepared("\u{fb01}").as_deref(), Ok("\u{fb01}"), "never NFKC");
        assert_eq!(prepared("a\u{2003}b").as_deref(), Ok("a b"), "a non-ASCII space becomes U+0020");
        assert_eq!(prepared(" A b ").as_deref(), Ok(" A b "), "no trimming, no folding");
        for refused in ["", "a\0", "a\n", "a\u{7f}"] {
            assert_eq!(prepared(refused), Err(RefusedPassword), "{refused:?}");
        }
        assert!(prepared(&"\u{1f511}".repeat(64)).is_ok(), "64 code points of any kind");
        assert!(prepared(&"a".repeat(Password::MAX_BYTES)).is_ok());
        assert!(prepared(&"a".repeat(Password::MAX_BYTES + 1)).is_err());
    }

    #[tokio::test]
    async fn past_its_queue_the_verifier_says_that_it_is_overloaded() {
        let verifier = Verifier::new(policy(), 1, 0);
        let held = verifier.running.clone().acquire_owned().await.expect("open");
        assert_eq!(verifier.verify(None, None).await, Err(VerifyError::Overloaded));
        drop(held);
        assert_eq!(verifier.verify(None, None).await, Ok(false));
    }
}
