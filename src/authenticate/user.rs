//! Resource owner authentication (RFC 6749, section 4.3.2).

use std::ops::Deref;
use std::sync::Arc;

use crate::authenticate::decision::{Decision, Identity, Submission, Verifiers, decide, undecided};
use crate::authenticate::delegated::Delegated;
use crate::authenticate::leaks::LeakChecks;
use crate::authenticate::lockout::{AttemptLimit, Known, NotReserved, Reservation};
use crate::chain::Chain;
use crate::client::id::ClientId;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::json::Object;
use crate::password::{Argon2Pool, Password};
use crate::random::Random;
use crate::source::Network;
use crate::store::users::Users;
use crate::telemetry::record::{Alert, RequestRecord};
use crate::user::{Subject, User, Username, UsernameProfile};

/// A resource owner who proved who they are, now or at the login that began a session.
#[derive(Clone, Debug)]
pub struct AuthenticatedUser {
    user: User,
    asserted_claims: Object,
    stored: bool,
    auth_time: Timestamp,
}

/// What is known about a past login of a user, so that it can count again.
#[derive(Clone, Copy)]
pub struct PastLogin<'a> {
    /// Who logged in.
    pub subject: &'a Subject,
    /// The password generation then.
    pub password_generation: u64,
    /// The session generation then.
    pub session_generation: u64,
    /// What a delegated verifier asserted then.
    pub asserted_claims: &'a Object,
    /// When it was.
    pub auth_time: Timestamp,
}

/// A past login that no longer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the user is gone or disabled, changed the password, or was signed out everywhere")]
pub struct NotResumed;

impl AuthenticatedUser {
    /// What a delegated verifier asserted fills in what the users table leaves open; what the table holds takes
    /// precedence.
    fn new(identity: Identity, auth_time: Timestamp) -> Self {
        let Identity { mut user, asserted, stored, hashed: _ } = identity;
        for (name, value) in &asserted {
            user.claims.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Self { user, asserted_claims: asserted, stored, auth_time }
    }

    /// The user of a past login, if `user` is the same user, may still log in with the same password, and has not been
    /// signed out everywhere since.
    ///
    /// # Errors
    /// [`NotResumed`] when the user is gone, is disabled, is a different one with the same username, or has another
    /// password, or when all of the user's sessions were ended.
    pub fn resume(past: &PastLogin<'_>, user: Option<User>) -> Result<Self, NotResumed> {
        let user = user.ok_or(NotResumed)?;
        let same = user.subject == *past.subject
            && user.password_generation == past.password_generation
            && user.session_generation == past.session_generation;
        if !same || user.disabled {
            return Err(NotResumed);
        }
        let asserted = past.asserted_claims.clone();
        Ok(Self::new(Identity { user, asserted, stored: true, hashed: false }, past.auth_time))
    }

    /// When the password was verified (OpenID Connect Core, section 2, `auth_time`).
    #[must_use]
    pub fn auth_time(&self) -> Timestamp {
        self.auth_time
    }

    /// What a delegated verifier asserted at the login, in addition to what the users table holds.
    #[must_use]
    pub fn asserted_claims(&self) -> &Object {
        &self.asserted_claims
    }

    /// Whether the user is in the users table. Only such a user can be disabled, and so only such a user may have a
    /// session.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.stored
    }
}

impl Deref for AuthenticatedUser {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

/// A username and a password as they were sent, neither of them prepared, and the client that sent them.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The username.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
    /// The client, which has been authenticated.
    pub client_id: &'a ClientId,
    /// Where the user is, as far as that is known.
    pub network: Option<Network>,
}

/// Authenticates resource owners.
pub struct UserAuthenticator {
    verifiers: Verifiers,
    attempts: AttemptLimit,
    profile: UsernameProfile,
}

impl UserAuthenticator {
    /// An authenticator of `users`, whose usernames are prepared as `profile` says.
    pub(crate) fn new(
        users: Users,
        passwords: Argon2Pool,
        attempts: AttemptLimit,
        leaks: LeakChecks,
        profile: UsernameProfile,
        random: Arc<dyn Random>,
    ) -> Self {
        let verifiers = Verifiers { users, passwords, delegated: Delegated::default(), leaks, random };
        Self { verifiers, attempts, profile }
    }

    /// Makes the HTTP client that asks delegated verifiers, so that the first login need not.
    pub(crate) fn prepare_delegation(&self) {
        self.verifiers.delegated.prepare();
    }

    /// Makes the HTTP client that asks the range service, if there is one, so that the first login need not.
    pub(crate) fn prepare_leak_checks(&self) {
        self.verifiers.leaks.prepare();
    }

    /// Maps the memory of a verification, so that the first login need not wait for it.
    pub(crate) fn prepare_verification(&self) {
        self.verifiers.passwords.prepare();
    }

    /// Waits, for a short time, until the outcome of every attempt has been written.
    pub(crate) async fn settled(&self) {
        self.attempts.settled().await;
    }

    /// Verifies a resource owner's username and password with the verifiers of `chain`, after reserving the attempt.
    ///
    /// Every refused login costs one Argon2 verification and gets the same answer, whether or not there is such a user;
    /// if the username is locked, the answer comes at once. The caller has to give the reservation back, at the same
    /// time as it writes whatever else there is to write.
    ///
    /// # Errors
    /// `invalid_grant`; [`Error::unavailable`] when the store does not answer, a verifier says neither yes nor no, or
    /// too many verifications are waiting.
    pub async fn authenticate(
        &self,
        login: Login<'_>,
        chain: &Chain,
        now: Timestamp,
        record: &RequestRecord,
    ) -> Result<(AuthenticatedUser, Reservation), Error> {
        let prepared = Username::prepare(login.username, self.profile);
        // A username that nobody can have costs as much as an unknown one.
        let username = prepared.clone().unwrap_or_else(|_| Username::of_nobody(login.username));
        let turn = self.attempts.turn(&username, login.client_id, login.network).await?;
        let (reserved, stored) = tokio::join!(self.attempts.reserve(turn, now), self.verifiers.users.get(&username));
        if let Ok(Some(user)) = &stored {
            record.sub(user.subject.as_str());
        }
        let mut reservation = reserved.inspect_err(|refused| match refused {
            NotReserved::Locked(_) => record.alert(Alert::LockedUsernameTried),
            NotReserved::Exhausted(_) => record.alert(Alert::ExhaustedSourceTried),
            NotReserved::Failed(_) => {}
        })?;
        let decision = async {
            let stored = stored?;
            let (Ok(username), Ok(password)) = (prepared, Password::prepare(login.password)) else {
                let verified = self.verifiers.passwords.verify(None, None, username.as_str()).await;
                let mark = verified.map_err(|error| undecided(error, None))?.mark;
                let error = Error::invalid_credentials().because("the username or the password is not valid");
                return Ok(Decision::Refused { error, mark, leaked: false });
            };
            let submission =
                Submission { username, password, sent_password: login.password, client_id: login.client_id, now };
            let decision = decide(&self.verifiers, chain, &submission, stored, &mut reservation).await;
            if let Ok(Decision::Accepted(Identity { user, hashed: true, .. })) = &decision {
                self.verifiers.leaks.begin(user, &submission.password, now);
                if self.verifiers.leaks.knows(user) {
                    record.alert(Alert::LeakedPassword);
                }
            }
            decision
        };
        match decision.await {
            Ok(Decision::Accepted(identity)) => {
                reservation.note(Known::Right);
                record.sub(identity.user.subject.as_str());
                Ok((AuthenticatedUser::new(identity, now), reservation))
            }
            Ok(Decision::Refused { error, mark, leaked }) => {
                reservation.note(Known::Wrong);
                if leaked {
                    record.alert(Alert::LeakedPassword);
                }
                for alert in reservation.wrong(mark).await {
                    record.alert(alert);
                }
                Err(error)
            }
            Err(error) => {
                reservation.undecided().await;
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::chain::name::VerifierName;
    use crate::user::Subject;

    #[test]
    fn what_the_table_holds_takes_precedence_over_what_a_verifier_asserts() {
        let object = |value: Value| serde_json::from_value::<Object>(value).expect("an object");
        let value = |claims: &Object| serde_json::to_value(claims).expect("JSON");
        let now = Timestamp::from_unix(0);
        let verifier = VerifierName::parse("legacy").expect("a name");
        let username = Username::prepare("ann", UsernameProfile::CaseMapped).expect("a username");
        let subject = Subject::delegated(&verifier, "1").expect("a subject");
        let claims = object(json!({"role": "reader", "none": null}));
        let user = User { claims, ..User::new(username, subject, now) };
        let asserted = object(json!({"role": "admin", "none": 1, "email": "ann@example.com"}));
        let login = AuthenticatedUser::new(Identity::of_verifier(user.clone(), asserted), now);
        let merged = json!({"role": "reader", "none": null, "email": "ann@example.com"});
        assert_eq!(value(&login.claims), merged);
        let past = PastLogin {
            subject: &user.subject.clone(),
            password_generation: user.password_generation,
            session_generation: user.session_generation,
            asserted_claims: login.asserted_claims(),
            auth_time: now,
        };
        let resumed = AuthenticatedUser::resume(&past, Some(user)).expect("the same user");
        assert_eq!(value(&resumed.claims), merged, "a refresh says what the login said");
    }
}
