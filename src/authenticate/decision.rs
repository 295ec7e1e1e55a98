//! How a chain decides: its verifiers are asked in order until one of them knows the user.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::authenticate::delegated::{Answer, Delegated, NoAnswer, Question, Vouched};
use crate::authenticate::leaks::LeakChecks;
use crate::authenticate::lockout::{Known, Reservation};
use crate::chain::delegation::Delegation;
use crate::chain::{Chain, CredentialVerifier};
use crate::client::id::ClientId;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::json::Object;
use crate::password::{Argon2Pool, Mark, Password, PasswordHash, Verified, VerifyError};
use crate::random::{Random, RandomFailed};
use crate::store::outcome::{Changed, Created};
use crate::store::users::Users;
use crate::user::{Subject, User, Username};

/// What the verifiers of a chain work with.
pub(super) struct Verifiers {
    /// The users table.
    pub(super) users: Users,
    /// The pool that computes Argon2.
    pub(super) passwords: Argon2Pool,
    /// The HTTP client that asks delegated verifiers.
    pub(super) delegated: Delegated,
    /// What checks whether right passwords have leaked.
    pub(super) leaks: LeakChecks,
    /// For salts, subjects and nonces.
    pub(super) random: Arc<dyn Random>,
}

/// A username and a password that their profiles accept, to be decided on.
pub(super) struct Submission<'a> {
    pub(super) username: Username,
    pub(super) password: Password,
    /// The password as it was sent.
    pub(super) sent_password: &'a str,
    pub(super) client_id: &'a ClientId,
    pub(super) now: Timestamp,
}

/// What a chain decided.
pub(super) enum Decision {
    Accepted(Identity),
    /// One Argon2 verification has been done.
    Refused {
        /// What the request is answered with: the same for every wrong password, whatever reason it carries for the
        /// log.
        error: Error,
        /// Distinguishes the password from others that are tried for the same user.
        mark: Mark,
        /// Whether it was right, and is refused because it has leaked.
        leaked: bool,
    },
}

/// The user whom the credentials proved.
pub(super) struct Identity {
    pub(super) user: User,
    /// What a delegated verifier says about the user, in addition to what the users table holds.
    pub(super) asserted: Object,
    /// Whether the user is in the users table.
    pub(super) stored: bool,
    /// Whether the users table has the hash of the password that was right.
    pub(super) hashed: bool,
}

impl Identity {
    /// A user whose hash the password fits.
    fn of_hash(user: User, asserted: Object) -> Self {
        Self { user, asserted, stored: true, hashed: true }
    }

    /// A user of the table whose password a delegated verifier knows.
    pub(super) fn of_verifier(user: User, asserted: Object) -> Self {
        Self { user, asserted, stored: true, hashed: false }
    }
}

/// Decides whether `submission` is the password of its user, who is `stored` in the users table or not.
///
/// A disabled user is refused before any verifier is asked. The first verifier that knows the user decides, and every
/// no costs one Argon2 verification, whichever verifier said it. An answer of a delegated verifier that is neither yes
/// nor no is [`Error::unavailable`], and counts as a no: anyone who could make it give such answers to wrong passwords
/// could otherwise try any number of them.
///
/// Whatever becomes of the request, `attempt` records how far it got.
pub(super) async fn decide(
    verifiers: &Verifiers,
    chain: &Chain,
    submission: &Submission<'_>,
    stored: Option<User>,
    attempt: &mut Reservation,
) -> Result<Decision, Error> {
    let deciding = Deciding { submission, verifiers };
    if let Some(user) = stored.as_ref().filter(|user| user.disabled) {
        return deciding.refuse_after(Some(user), wrong("disabled user")).await;
    }
    for verifier in chain.verifiers() {
        match verifier {
            CredentialVerifier::Directory => match stored {
                Some(user) if user.password_hash.is_some() => return deciding.of_directory(user).await,
                Some(_) | None => {}
            },
            CredentialVerifier::Delegated(delegation) => {
                attempt.note(Known::Asked);
                let refusal = match deciding.ask(delegation).await? {
                    Ok(Answer::Vouched(vouched)) => {
                        attempt.note(Known::Nothing);
                        return deciding.accept(delegation, vouched, stored).await;
                    }
                    Ok(Answer::UnknownUser) => {
                        attempt.note(Known::Nothing);
                        continue;
                    }
                    Ok(Answer::WrongPassword) => wrong(&format!("refused by {}", delegation.name)),
                    Err(problem) => {
                        let told = Error::unavailable().because(format!("the verifier {}: {problem}", delegation.name));
                        if problem.is_unavailability() {
                            return Err(told);
                        }
                        told
                    }
                };
                attempt.note(Known::Wrong);
                return deciding.refuse_after(None, refusal).await;
            }
        }
    }
    let reason = match stored {
        Some(user) if user.password_hash.is_none() => "user without a password",
        Some(_) => "user unknown to the chain",
        None => "unknown user",
    };
    deciding.refuse_after(None, wrong(reason)).await
}

fn wrong(reason: &str) -> Error {
    Error::invalid_credentials().because(reason)
}

#[derive(Clone, Copy)]
struct Deciding<'a> {
    submission: &'a Submission<'a>,
    verifiers: &'a Verifiers,
}

impl Deciding<'_> {
    async fn of_directory(self, user: User) -> Result<Decision, Error> {
        let verified = self.verify(Some(&user)).await?;
        if !verified.matches {
            return Ok(Decision::Refused { error: wrong("wrong password"), mark: verified.mark, leaked: false });
        }
        if self.verifiers.leaks.refuse(&user) {
            return Ok(Decision::Refused { error: wrong("leaked password"), mark: verified.mark, leaked: true });
        }
        if verified.outdated {
            self.renew_hash(&user).await;
        }
        Ok(Decision::Accepted(Identity::of_hash(user, Object::new())))
    }

    /// The refusal `error`, after the work of a verification.
    async fn refuse_after(self, user: Option<&User>, error: Error) -> Result<Decision, Error> {
        Ok(Decision::Refused { error, mark: self.verify(user).await?.mark, leaked: false })
    }

    async fn verify(self, user: Option<&User>) -> Result<Verified, Error> {
        let Submission { username, password, .. } = self.submission;
        let hash = user.and_then(|user| user.password_hash.as_ref());
        let outcome = self.verifiers.passwords.verify(Some(password.clone()), hash, username.as_str()).await;
        outcome.map_err(|error| undecided(error, user))
    }

    /// Hashes the right password again, under the live policy. The login does not depend on it: if the hash cannot be
    /// written, a later login will write it.
    async fn renew_hash(self, user: &User) {
        let written: Result<Changed, Error> = async {
            let hash = self.hash().await?;
            Ok(self.verifiers.users.replace_hash(user, &hash, self.submission.now).await?)
        }
        .await;
        match written {
            Ok(Changed::Written) => tracing::info!("a password was hashed under the live parameters"),
            Ok(Changed::Unmet) => tracing::info!("a password changed while it was hashed under the live parameters"),
            Err(error) => tracing::warn!(%error, "a password could not be hashed under the live parameters"),
        }
    }

    async fn ask(self, delegation: &Delegation) -> Result<Result<Answer, NoAnswer>, RandomFailed> {
        let nonce = URL_SAFE_NO_PAD.encode(*self.verifiers.random.bytes::<16>()?);
        let question = Question {
            username: self.submission.username.as_str(),
            password: self.submission.sent_password,
            client_id: self.submission.client_id.as_str(),
            nonce: &nonce,
        };
        Ok(self.verifiers.delegated.ask(delegation, question, self.submission.now).await)
    }

    /// Finds out who the user is that `delegation` said yes to.
    async fn accept(self, delegation: &Delegation, vouched: Vouched, stored: Option<User>) -> Result<Decision, Error> {
        match stored {
            Some(user) if user.password_hash.is_none() && delegation.import => {
                self.import_password(delegation, user, vouched.claims).await
            }
            Some(user) => Ok(Decision::Accepted(Identity::of_verifier(user, vouched.claims))),
            None if delegation.import => self.import_user(delegation, vouched).await,
            None => self.stranger(delegation, vouched),
        }
    }

    /// A user whom only the verifier knows. Nothing in this service distinguishes two logins by one user from logins by
    /// two users, so the verifier must.
    fn stranger(self, delegation: &Delegation, vouched: Vouched) -> Result<Decision, Error> {
        let subject = subject(delegation, &vouched)?
            .ok_or_else(|| unusable(delegation, "gave no sub for a user who is not imported"))?;
        let user = User::new(self.submission.username.clone(), subject, self.submission.now);
        let user = User { claims: vouched.claims, ..user };
        Ok(Decision::Accepted(Identity { user, asserted: Object::new(), stored: false, hashed: false }))
    }

    /// Creates the user, with the subject that the verifier has for the user, or else a fresh one. Without the user there
    /// is no subject, and so no login.
    async fn import_user(self, delegation: &Delegation, vouched: Vouched) -> Result<Decision, Error> {
        let (username, now, random) = (self.submission.username.clone(), self.submission.now, &*self.verifiers.random);
        let user = match subject(delegation, &vouched)? {
            Some(subject) => User::with_known_subject(username, subject, now, random)?,
            None => User::new(username, Subject::generate(random)?, now),
        };
        let user = User { password_hash: Some(self.hash().await?), claims: vouched.claims, ..user };
        match self.verifiers.users.create(&user).await? {
            Created::Written => {
                tracing::info!(verifier = %delegation.name, "a user was imported");
                Ok(Decision::Accepted(Identity::of_hash(user, Object::new())))
            }
            Created::AlreadyThere => self.after_lost_race(Object::new()).await,
        }
    }

    /// Sets the hash of a user who has none. The login does not depend on it: if the hash cannot be written, a later
    /// login will write it.
    async fn import_password(self, delegation: &Delegation, user: User, asserted: Object) -> Result<Decision, Error> {
        let written: Result<Changed, Error> = async {
            let hash = self.hash().await?;
            Ok(self.verifiers.users.import_password(&user, &hash, self.submission.now).await?)
        }
        .await;
        match written {
            Ok(Changed::Written) => {
                tracing::info!(verifier = %delegation.name, "a password was imported");
                return Ok(Decision::Accepted(Identity::of_hash(user, asserted)));
            }
            Ok(Changed::Unmet) => return self.after_lost_race(asserted).await,
            Err(error) => tracing::warn!(verifier = %delegation.name, %error, "a password could not be imported"),
        }
        Ok(Decision::Accepted(Identity::of_verifier(user, asserted)))
    }

    /// Somebody else wrote the user in the meantime: another login that imports the same password, or an administrator,
    /// whose user may be a different person. Only the same password is accepted; for any other, the next request
    /// decides from the start.
    async fn after_lost_race(self, asserted: Object) -> Result<Decision, Error> {
        let changed = || Error::unavailable().because("the user changed while the password was imported");
        let winner = self.verifiers.users.get(&self.submission.username).await?.ok_or_else(changed)?;
        if winner.disabled {
            return self.refuse_after(None, wrong("disabled user")).await;
        }
        if winner.password_hash.is_none() {
            return Ok(Decision::Accepted(Identity::of_verifier(winner, asserted)));
        }
        if !self.verify(Some(&winner)).await?.matches {
            return Err(changed());
        }
        Ok(Decision::Accepted(Identity::of_hash(winner, asserted)))
    }

    async fn hash(self) -> Result<PasswordHash, Error> {
        let hashed = self.verifiers.passwords.hash(self.submission.password.clone(), &*self.verifiers.random).await;
        hashed.map_err(|error| undecided(error, None))
    }
}

/// The subject of the user whom the verifier vouched for, if it has one for its users.
fn subject(delegation: &Delegation, vouched: &Vouched) -> Result<Option<Subject>, Error> {
    let subject = vouched.sub.as_ref().map(|sub| Subject::delegated(&delegation.name, sub)).transpose();
    subject.map_err(|error| unusable(delegation, &error.to_string()))
}

fn unusable(delegation: &Delegation, problem: &str) -> Error {
    Error::server_error().because(format!("the verifier {} said yes, but {problem}", delegation.name))
}

/// The error when there is no verdict. If the user's hash is damaged, the log identifies the user by the subject.
pub(super) fn undecided(error: VerifyError, user: Option<&User>) -> Error {
    match (error, user) {
        (VerifyError::Overloaded, _) => Error::unavailable().because(error),
        (VerifyError::Unreadable(_), Some(user)) => {
            Error::server_error().because(format!("user {}: {error}", user.subject.as_str()))
        }
        (VerifyError::Unreadable(_) | VerifyError::Interrupted | VerifyError::NoRandomness, _) => {
            Error::server_error().because(error)
        }
    }
}
