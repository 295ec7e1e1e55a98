//! Resource owner authentication (RFC 6749, section 4.3.2).

use std::ops::Deref;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::password::{Password, Verifier, VerifyError};
use crate::store::users::Users;
use crate::user::{User, Username, UsernameProfile};

/// A resource owner who proved who they are, now or at the login that began a session.
#[derive(Clone, Debug)]
pub struct AuthenticatedUser {
    user: User,
    auth_time: Timestamp,
}

impl AuthenticatedUser {
    /// The user of a session that began at `auth_time`: for the session to make, once it has checked the user.
    pub(crate) fn resumed(user: User, auth_time: Timestamp) -> Self {
        Self { user, auth_time }
    }

    /// When the password was verified (OpenID Connect Core, section 2, `auth_time`).
    #[must_use]
    pub fn auth_time(&self) -> Timestamp {
        self.auth_time
    }
}

impl Deref for AuthenticatedUser {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

/// Verifies a resource owner's username and password.
///
/// Every user who is not let in, existing or not, costs one verification and is answered alike.
///
/// # Errors
/// `invalid_grant`; [`Error::unavailable`] when the store does not answer or too many verifications wait.
pub async fn authenticate(
    username: &str,
    password: &str,
    profile: UsernameProfile,
    users: &Users,
    verifier: &Verifier,
    now: Timestamp,
) -> Result<AuthenticatedUser, Error> {
    let username = Username::prepare(username, profile).ok();
    let password = Password::prepare(password).ok();
    let user = match &username {
        Some(username) => users.get(username).await?,
        None => None,
    };
    let hash = user.as_ref().and_then(|user| user.password_hash.as_ref());
    let outcome = verifier.verify(password, hash).await;
    let proven = outcome.map_err(|error| undecided(error, username.as_ref()))?;
    let refused = |reason: &str| Err(Error::invalid_credentials().because(reason));
    match user {
        Some(user) if proven && !user.disabled => Ok(AuthenticatedUser { user, auth_time: now }),
        Some(_) if proven => refused("disabled user"),
        Some(user) if user.password_hash.is_none() => refused("user without a password"),
        Some(_) => refused("wrong password"),
        None => refused("unknown user"),
    }
}

fn undecided(error: VerifyError, username: Option<&Username>) -> Error {
    match error {
        VerifyError::Overloaded => Error::unavailable().because(error),
        VerifyError::Unreadable(_) => {
            let username = username.map_or("", Username::as_str);
            Error::server_error().because(format!("user {username}: {error}"))
        }
        VerifyError::Interrupted => Error::server_error().because(error),
    }
}
