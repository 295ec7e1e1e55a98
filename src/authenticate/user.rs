//! Resource owner authentication (RFC 6749, section 4.3.2).

use std::ops::Deref;

pub use crate::authenticate::decision::Backends;
use crate::authenticate::decision::{Decision, Identity, Submission, decide, undecided};
use crate::authenticate::lockout::{CountedAttempt, Known, Locked, NotCounted};
use crate::chain::Chain;
use crate::client::id::ClientId;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::json::Object;
use crate::password::Password;
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

/// What is known of a user's login, where it is to count again.
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

/// A login in the past that counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotResumed;

impl AuthenticatedUser {
    /// What a delegated verifier asserted fills in what the users table leaves open; what stands there holds.
    fn new(identity: Identity, auth_time: Timestamp) -> Self {
        let Identity { mut user, asserted, stored } = identity;
        for (name, value) in &asserted {
            user.claims.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Self { user, asserted_claims: asserted, stored, auth_time }
    }

    /// The user of a login in the past, if `user` is the same, may still log in with the same password, and was not signed
    /// out everywhere since.
    ///
    /// # Errors
    /// [`NotResumed`] when the user is gone, disabled, another by the same name, has another password, or all of the user's
    /// sessions were ended.
    pub fn resume(past: &PastLogin<'_>, user: Option<User>) -> Result<Self, NotResumed> {
        let user = user.ok_or(NotResumed)?;
        let same = user.subject == *past.subject
            && user.password_generation == past.password_generation
            && user.session_generation == past.session_generation;
        if !same || user.disabled {
            return Err(NotResumed);
        }
        Ok(Self::new(Identity { user, asserted: past.asserted_claims.clone(), stored: true }, past.auth_time))
    }

    /// When the password was verified (OpenID Connect Core, section 2, `auth_time`).
    #[must_use]
    pub fn auth_time(&self) -> Timestamp {
        self.auth_time
    }

    /// What a delegated verifier asserted at the login, where the users table does not hold it.
    #[must_use]
    pub fn asserted_claims(&self) -> &Object {
        &self.asserted_claims
    }

    /// Whether the user is in the users table: somebody who can be disabled, and so may have a session.
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

/// A username and a password as they were sent, and by whom.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The username, not prepared.
    pub username: &'a str,
    /// The password, not prepared.
    pub password: &'a str,
    /// How the username is prepared.
    pub profile: UsernameProfile,
    /// The client, which has been authenticated.
    pub client_id: &'a ClientId,
}

/// Verifies a resource owner's username and password by the verifiers of `chain`, and counts the attempt before that.
///
/// Every user who is not let in, existing or not, costs one Argon2 verification and is answered alike; one whose name is
/// locked is answered at once. The attempt is for the caller to clear, beside what else there is to write.
///
/// # Errors
/// `invalid_grant`; [`Error::unavailable`] when the store does not answer, a verifier says neither yes nor no, or too many
/// verifications wait.
pub async fn authenticate(
    login: Login<'_>,
    chain: &Chain,
    backends: Backends<'_>,
    now: Timestamp,
    record: &RequestRecord,
) -> Result<(AuthenticatedUser, CountedAttempt), Error> {
    let prepared = Username::prepare(login.username, login.profile);
    // A name that nobody can have costs what an unknown one does.
    let username = prepared.clone().unwrap_or_else(|_| Username::of_nobody(login.username));
    let turn = backends.attempts.turn(&username).await?;
    let (counted, stored) = tokio::join!(backends.attempts.count(turn, now), backends.users.get(&username));
    if let Ok(Some(user)) = &stored {
        record.sub(user.subject.as_str());
    }
    let mut counted = counted.inspect_err(|refused| {
        if matches!(refused, NotCounted::Locked(_)) {
            record.alert(Alert::LockedUsernameTried);
        }
    })?;
    let decision = async {
        let stored = stored?;
        let (Ok(username), Ok(password)) = (prepared, Password::prepare(login.password)) else {
            let verified = backends.passwords.verify(None, None, username.as_str()).await;
            let mark = verified.map_err(|error| undecided(error, None))?.mark;
            let error = Error::invalid_credentials().because("the username or the password is none");
            return Ok(Decision::No { error, mark });
        };
        let submission =
            Submission { username, password, sent_password: login.password, client_id: login.client_id, now };
        decide(chain, &submission, stored, backends, &mut counted).await
    };
    match decision.await {
        Ok(Decision::Yes(identity)) => {
            counted.note(Known::Right);
            record.sub(identity.user.subject.as_str());
            Ok((AuthenticatedUser::new(identity, now), counted))
        }
        Ok(Decision::No { error, mark }) => {
            counted.note(Known::Wrong);
            if backends.attempts.wrong(counted, mark).await == Locked::Now {
                record.alert(Alert::UsernameLocked);
            }
            Err(error)
        }
        Err(error) => {
            backends.attempts.undecided(counted).await;
            Err(error)
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
    fn what_stands_in_the_table_holds_over_what_a_verifier_asserts() {
        let object = |value: Value| serde_json::from_value::<Object>(value).expect("an object");
        let value = |claims: &Object| serde_json::to_value(claims).expect("JSON");
        let now = Timestamp::from_unix(0);
        let verifier = VerifierName::parse("legacy").expect("a name");
        let username = Username::prepare("ann", UsernameProfile::CaseMapped).expect("a username");
        let subject = Subject::delegated(&verifier, "1").expect("a subject");
        let claims = object(json!({"role": "reader", "none": null}));
        let user = User { claims, ..User::new(username, subject, now) };
        let asserted = object(json!({"role": "admin", "none": 1, "email": "ann@example.com"}));
        let login = AuthenticatedUser::new(Identity { user: user.clone(), asserted, stored: true }, now);
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
