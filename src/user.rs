//! Users: the resource owners whose credentials are exchanged for tokens.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use precis_profiles::precis_core::profile::{PrecisFastInvocation as _, stabilize};
use precis_profiles::{UsernameCaseMapped, UsernameCasePreserved};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use uuid::Uuid;

use crate::chain::name::VerifierName;
use crate::client::id::ClientId;
use crate::clock::{Day, Timestamp};
use crate::json::Object;
use crate::name::named;
use crate::password::PasswordHash;
use crate::random::{Random, RandomFailed};
use crate::scope::Scope;

/// How usernames are prepared (RFC 8265, section 3): one choice for a whole deployment, made before its first user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsernameProfile {
    /// `UsernameCaseMapped`: `Ann` and `ann` are one user.
    CaseMapped,
    /// `UsernameCasePreserved`: `Ann` and `ann` are two users.
    CasePreserved,
}

impl UsernameProfile {
    /// Both profiles.
    pub const ALL: [Self; 2] = [Self::CaseMapped, Self::CasePreserved];

    /// The profile's name in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CaseMapped => "case_mapped",
            Self::CasePreserved => "case_preserved",
        }
    }
}

named!(UsernameProfile);

/// Text that the deployment's profile does not accept as a username.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a username has no spaces or control characters, and at most {} bytes", Username::MAX_BYTES)]
pub struct RefusedUsername;

/// A username in its prepared form, which is its key in the users table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Username(Box<str>);

impl Username {
    /// The longest username, in bytes, before and after preparation.
    pub const MAX_BYTES: usize = 512;

    /// Prepares a username. Text over the limit is refused before any work is spent on it. Spaces (U+0020) around a
    /// username are not part of it: they creep in when forms are filled in.
    ///
    /// # Errors
    /// [`RefusedUsername`] when the text is empty, too long, or the profile refuses it.
    pub fn prepare(text: &str, profile: UsernameProfile) -> Result<Self, RefusedUsername> {
        if text.len() > Self::MAX_BYTES {
            return Err(RefusedUsername);
        }
        let text = text.trim_matches(' ');
        // Once is not always enough (RFC 8264, section 7).
        let prepared: Cow<'_, str> = match profile {
            UsernameProfile::CaseMapped => stabilize(text, |text| UsernameCaseMapped::enforce(text)),
            UsernameProfile::CasePreserved => stabilize(text, |text| UsernameCasePreserved::enforce(text)),
        }
        .map_err(|_| RefusedUsername)?;
        if prepared.is_empty() || prepared.len() > Self::MAX_BYTES {
            return Err(RefusedUsername);
        }
        Ok(Self(prepared.into()))
    }

    /// What stands in for `text`, which is not a valid username: a username of its own that nobody can have, since no
    /// valid one holds a space.
    pub(crate) fn of_nobody(text: &str) -> Self {
        Self(format!(" {}", URL_SAFE_NO_PAD.encode(Sha256::digest(text))).into())
    }

    /// The prepared username.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Text that may not be a subject: from a delegated verifier, whose name comes first, or with a user who is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a subject is 1 to {} visible ASCII characters, including a verifier's name", Subject::MAX_BYTES)]
pub struct RefusedSubject;

/// A subject identifier, never given to another user (OpenID Connect Core, section 2, `sub`): a random UUID, or what a
/// delegated verifier calls a user who is not in the users table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(Box<str>);

impl Subject {
    /// The longest subject, in bytes (OpenID Connect Core, section 2).
    pub const MAX_BYTES: usize = 255;

    /// A fresh subject.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomFailed> {
        Ok(Self::of_random(*random.bytes::<16>()?))
    }

    /// The subject of the user that `verifier` calls `sub`. The verifier's name comes first, so that no verifier can
    /// speak for a user of the table, or for one of another verifier.
    ///
    /// # Errors
    /// [`RefusedSubject`] when `sub` is empty, too long, or holds anything but visible ASCII.
    pub fn delegated(verifier: &VerifierName, sub: &str) -> Result<Self, RefusedSubject> {
        if sub.is_empty() {
            return Err(RefusedSubject);
        }
        Self::given(&format!("{verifier}:{sub}"))
    }

    /// The subject that a user has had elsewhere, or in a table that was exported. Nobody can tell whether it is unique:
    /// that is for whoever brings the users.
    ///
    /// # Errors
    /// [`RefusedSubject`] when `text` is empty, too long, or holds anything but visible ASCII.
    pub fn given(text: &str) -> Result<Self, RefusedSubject> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > Self::MAX_BYTES || !visible {
            return Err(RefusedSubject);
        }
        Ok(Self(text.into()))
    }

    /// A subject made of bytes that are as good as random, in the form of [`Subject::generate`].
    #[must_use]
    pub fn of_random(bytes: [u8; 16]) -> Self {
        Self(Uuid::hyphenated(uuid::Builder::from_random_bytes(bytes).into_uuid()).to_string().into())
    }

    /// The identifier as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is known about whether a user's password has leaked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakCheck {
    /// The generation of the password that was checked. About another one it says nothing.
    pub password_generation: u64,
    /// When it is to be checked again.
    pub due_at: Timestamp,
    /// Whether it was on a list of leaked passwords.
    pub leaked: bool,
}

/// A registered user.
#[derive(Clone, Debug)]
pub struct User {
    /// The prepared username.
    pub username: Username,
    /// The `sub` of the user's tokens.
    pub subject: Subject,
    /// The password's hash; `None` for a user without a password of this service.
    pub password_hash: Option<PasswordHash>,
    /// Attributes, as JSON values.
    pub claims: Object,
    /// The scope the user may grant; `None`: whatever the client may have.
    pub allowed_scopes: Option<Scope>,
    /// A disabled user gets no tokens.
    pub disabled: bool,
    /// When the password was last set. A session begun under an earlier one is over.
    pub password_changed_at: Timestamp,
    /// Counts the passwords that were set, so that two changes within a second still differ.
    pub password_generation: u64,
    /// Counts how often all of the user's sessions were ended. One begun in an earlier generation is over.
    pub session_generation: u64,
    /// The day of the last login by the password grant; `None` if none was noted.
    pub last_login_day: Option<Day>,
    /// The client of the first login on that day; `None` if it was not noted.
    pub last_login_client: Option<ClientId>,
    /// What was found out about the password of some generation.
    pub leak_check: Option<LeakCheck>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the user was last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// A user whose subject is given from outside, and may have been that of a user who was deleted. The sessions of that
    /// user do not continue: they began in another generation.
    ///
    /// # Errors
    /// [`RandomFailed`] when there is no randomness.
    pub fn with_known_subject(
        username: Username,
        subject: Subject,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, RandomFailed> {
        let generation = u32::from_be_bytes(*random.bytes::<4>()?);
        Ok(Self { session_generation: generation.into(), ..Self::new(username, subject, now) })
    }

    /// A user who is created at `now`, enabled, and without a password or claims yet.
    #[must_use]
    pub fn new(username: Username, subject: Subject, now: Timestamp) -> Self {
        Self {
            username,
            subject,
            password_hash: None,
            claims: Object::new(),
            allowed_scopes: None,
            disabled: false,
            password_changed_at: now,
            password_generation: 1,
            session_generation: 0,
            last_login_day: None,
            last_login_client: None,
            leak_check: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// What was found out about the password that the user has now.
    #[must_use]
    pub fn leak_check(&self) -> Option<&LeakCheck> {
        self.leak_check.as_ref().filter(|check| check.password_generation == self.password_generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_mapped_profile_makes_one_user_of_two_spellings() {
        let prepare = |text| Username::prepare(text, UsernameProfile::CaseMapped);
        assert_eq!(prepare("Ann@Example.com"), prepare("ann@example.com"));
        assert_eq!(prepare("\u{ff21}nn"), prepare("ann"), "full-width forms are mapped (RFC 8265, section 3.3.1)");
        assert_ne!(
            Username::prepare("Ann", UsernameProfile::CasePreserved),
            Username::prepare("ann", UsernameProfile::CasePreserved)
        );
    }

    /// Normalisation separates the joiner from the virama that allows it.
    #[test]
    fn a_username_that_its_own_preparation_refuses_is_refused() {
        let reordered = "i\u{307}\u{94d}\u{200d}";
        for profile in UsernameProfile::ALL {
            assert_eq!(Username::prepare(reordered, profile), Err(RefusedUsername));
            assert!(Username::prepare("i\u{94d}\u{200d}", profile).is_ok());
        }
    }

    #[test]
    fn a_delegated_subject_is_its_verifiers_own() {
        let verifier = VerifierName::parse("legacy").expect("a name");
        let delegated = |sub: &str| Subject::delegated(&verifier, sub).map(|subject| subject.as_str().to_owned());
        assert_eq!(delegated("1001").as_deref(), Ok("legacy:1001"));
        assert!(delegated(&"x".repeat(248)).is_ok());
        for bad in ["", "a b", "a\n", "\u{e9}", &"x".repeat(249)] {
            assert_eq!(delegated(bad), Err(RefusedSubject), "{bad:?}");
        }
    }

    #[test]
    fn spaces_around_a_username_are_not_part_of_it_and_other_white_space_is_refused() {
        for profile in UsernameProfile::ALL {
            let ann = Username::prepare("ann", profile);
            for padded in [" ann", "ann ", "   ann  "] {
                assert_eq!(Username::prepare(padded, profile), ann, "{padded:?}");
            }
            for bad in [" ", "   ", "an n", " an n ", "ann\t", "\nann", "ann\u{a0}", "\u{3000}ann", "ann \u{2003}"] {
                assert_eq!(Username::prepare(bad, profile), Err(RefusedUsername), "{bad:?}");
            }
            let longest = "a".repeat(Username::MAX_BYTES);
            assert!(Username::prepare(&format!("{longest} "), profile).is_err(), "the bound is on what was sent");
        }
    }

    #[test]
    fn nobody_can_have_the_username_that_stands_in_for_one_that_is_not_valid() {
        let nobody = Username::of_nobody("not a name");
        for profile in UsernameProfile::ALL {
            assert_ne!(Username::prepare(nobody.as_str(), profile).as_ref(), Ok(&nobody));
        }
    }

    #[test]
    fn a_username_is_refused_by_its_profile_or_its_length() {
        for profile in UsernameProfile::ALL {
            for bad in ["", "a b", "a\0", "a\n", "\u{200b}"] {
                assert_eq!(Username::prepare(bad, profile), Err(RefusedUsername), "{bad:?}");
            }
            assert!(Username::prepare(&"a".repeat(Username::MAX_BYTES), profile).is_ok());
            assert!(Username::prepare(&"a".repeat(Username::MAX_BYTES + 1), profile).is_err());
        }
    }
}
