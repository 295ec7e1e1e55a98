//! The users of the tests.

#![expect(clippy::expect_used, reason = "a user who cannot be made has failed the test")]

use passgrant::clock::Timestamp;
use passgrant::password::{Argon2Policy, Password};
use passgrant::random::Random;
use passgrant::user::{Subject, User, Username, UsernameProfile};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) fn username(name: &str) -> Username {
    Username::prepare(name, UsernameProfile::CaseMapped).expect("a username")
}

/// A user whose password is hashed by `policy`.
pub(crate) fn user(name: &str, password: &str, policy: &Argon2Policy, random: &dyn Random, now: Timestamp) -> User {
    let password = Password::prepare(password).expect("a password");
    let subject = Subject::generate(random).expect("randomness");
    let mut user = User::new(username(name), subject, now);
    user.password_hash = Some(policy.hash(&password, random).expect("randomness"));
    user
}
