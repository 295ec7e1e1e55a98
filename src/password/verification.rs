//! One verification: what is computed for a user's hash, and what comes out.

use subtle::Choice;
use zeroize::Zeroizing;

use crate::password::Password;
use crate::password::argon2::Memory;
use crate::password::hash::{Argon2Policy, Computation, Expected, Mark, PasswordHash, UnreadableHash};
use crate::password::legacy::{Legacy, Wrapped};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whether the password is the one behind the hash.
    pub matches: bool,
    /// Whether the hash differs from what the live policy would make of the password: it is of another algorithm or has
    /// other parameters, or is of the password as it was sent. A hash that says nothing about a part of the password
    /// (bcrypt, of what comes after 72 bytes) is never outdated: hashing the password again would settle what nobody has
    /// verified.
    pub outdated: bool,
    /// What distinguishes the password from others that are tried for the same user.
    pub mark: Mark,
}

/// What is computed for a user, whatever hash there is: Argon2, so that a mark costs as much to test for everybody, and
/// more if a hash that another system made has to be computed too.
pub(super) struct Verification {
    stored: Stored,
    /// What is left to do of the live policy's work.
    rest: Option<Computation>,
    live: bool,
}

enum Stored {
    /// Argon2 of the password.
    Argon2(Expected),
    /// Argon2 of a digest of the password.
    Wrapped(Wrapped),
    /// Something else. The Argon2 that is computed in addition matches nothing.
    Legacy(Legacy, Expected),
}

impl Stored {
    fn expected(&self) -> &Expected {
        match self {
            Self::Argon2(expected) | Self::Legacy(_, expected) => expected,
            Self::Wrapped(wrapped) => &wrapped.expected,
        }
    }
}

impl Verification {
    /// The verification against `hash`, which belongs to the user with the username `name`.
    ///
    /// # Errors
    /// [`UnreadableHash`] when the hash cannot be read, or asks for more work than is allowed.
    pub(super) fn of(hash: Option<&PasswordHash>, policy: &Argon2Policy, name: &str) -> Result<Self, UnreadableHash> {
        let stored = match hash {
            None => Stored::Argon2(policy.of_nobody(name)),
            Some(hash) => match Wrapped::parse(hash.as_phc()) {
                Some(wrapped) => Stored::Wrapped(wrapped?),
                None if hash.as_phc().starts_with("$argon2") => Stored::Argon2(Expected::parse_phc(hash.as_phc())?),
                None => {
                    let legacy = Legacy::parse(hash.as_phc()).map_err(|_| UnreadableHash)?;
                    Stored::Legacy(legacy, policy.of_nobody(name))
                }
            },
        };
        let rest = policy.rest_of(&stored.expected().computation);
        let live = matches!(&stored, Stored::Argon2(expected) if policy.made(&expected.computation));
        Ok(Self { stored, rest, live })
    }

    /// Verifies `password`. Without one (it was refused) the cost is the same, and the answer is no.
    ///
    /// A password that its preparation changed is verified in both forms, for every user: a hash that was made elsewhere
    /// may be of either.
    pub(super) fn run(&self, password: Option<Password>, memory: &mut Memory) -> Verified {
        let refused = password.is_none();
        let password = password.unwrap_or_else(Password::none);
        let prepared = self.compute(&password.prepared, memory);
        let raw = password.raw.as_ref().map(|raw| self.compute(raw, memory));
        let of_raw = |found: fn(&Computed) -> Choice| raw.as_ref().map_or(Choice::from(0), found);
        let whole = prepared.whole() | of_raw(Computed::whole);
        Verified {
            matches: bool::from(prepared.matches | of_raw(|raw| raw.matches)) && !refused,
            outdated: bool::from(whole) && !(self.live && bool::from(prepared.matches)),
            mark: Mark::of(&prepared.argon2),
        }
    }

    fn compute(&self, form: &str, memory: &mut Memory) -> Computed {
        let (matches, is_whole, argon2) = match &self.stored {
            Stored::Argon2(expected) => {
                let computed = expected.computation.run(form.as_bytes(), memory);
                (expected.is(&computed), Choice::from(1), computed)
            }
            Stored::Wrapped(wrapped) => {
                let computed = wrapped.expected.computation.run(&wrapped.digest_of(form), memory);
                (wrapped.expected.is(&computed), Choice::from(1), computed)
            }
            Stored::Legacy(legacy, nobodys) => {
                let computed = nobodys.computation.run(form.as_bytes(), memory);
                (legacy.verifies(form), legacy.covers(form), computed)
            }
        };
        if let Some(rest) = &self.rest {
            rest.run(form.as_bytes(), memory);
        }
        Computed { matches, is_whole, argon2 }
    }
}

/// What was computed of one form of a password.
struct Computed {
    matches: Choice,
    /// Whether all of the password had a part in it.
    is_whole: Choice,
    argon2: Zeroizing<Vec<u8>>,
}

impl Computed {
    fn whole(&self) -> Choice {
        self.matches & self.is_whole
    }
}
