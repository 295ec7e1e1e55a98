//! Passwords that leaked after they were set: found at a login, by asking a range service.
//!
//! It is asked only once the password was right, by a task of its own that no answer waits for, and its failures are
//! never those of a login. What it said stands in the user's item, for the password of that generation only; every later
//! login with that password has it in its record.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use crate::clock::Timestamp;
use crate::name::named;
use crate::password::Password;
use crate::password::range::{LeakDigest, RangeService, RangeUrl};
use crate::store::outcome::{Changed, StoreError};
use crate::store::users::Users;
use crate::telemetry::record::Alert;
use crate::user::{LeakCheck, User};

/// How long an answer about a password is good.
const INTERVAL: Duration = Duration::from_hours(30 * 24);
/// How long a check that was begun keeps others from being begun: it may have failed, or have been frozen with its
/// process.
const RETRY: Duration = Duration::from_hours(1);
/// How many checks a process makes at once. A login that finds as many leaves the check to a later one.
const AT_ONCE: usize = 16;

/// What is done at a login about a password that has leaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeakPolicy {
    /// Nobody is asked.
    Off,
    /// It is logged.
    Log,
    /// It is logged, and from then on refused.
    Refuse,
}

impl LeakPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Off, Self::Log, Self::Refuse];

    /// The policy's name in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Log => "log",
            Self::Refuse => "refuse",
        }
    }
}

named!(LeakPolicy);

/// Checks passwords that were right.
pub(crate) struct LeakChecks {
    /// `None` if nobody is asked.
    service: Option<Arc<RangeService>>,
    users: Users,
    refuses: bool,
    at_once: Arc<Semaphore>,
}

impl LeakChecks {
    /// Checks that follow `policy`, and ask the service at `url`.
    pub(crate) fn new(policy: LeakPolicy, url: Option<RangeUrl>, users: Users) -> Self {
        let service = url.filter(|_| policy != LeakPolicy::Off).map(|url| Arc::new(RangeService::new(url)));
        Self { service, users, refuses: policy == LeakPolicy::Refuse, at_once: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Makes the HTTP client, so that the first login need not.
    pub(super) fn prepare(&self) {
        if let Some(service) = &self.service {
            service.prepare();
        }
    }

    /// Whether the user's own password is refused although it is right.
    pub(super) fn refuse(&self, user: &User) -> bool {
        self.refuses && self.knows(user)
    }

    /// Whether the user's own password is known to have leaked, where anybody asks: an earlier login found it out.
    pub(super) fn knows(&self, user: &User) -> bool {
        self.service.is_some() && user.leak_check().is_some_and(|check| check.leaked)
    }

    /// Begins to check the password of `user`, which was right and whose hash is in the users table, unless it was
    /// checked within the last 30 days.
    pub(super) fn begin(&self, user: &User, password: &Password, now: Timestamp) {
        let Some(service) = &self.service else {
            return;
        };
        if user.leak_check().is_some_and(|check| !is_due(check, now)) {
            return;
        }
        let (Ok(permit), Ok(runtime)) = (Arc::clone(&self.at_once).try_acquire_owned(), Handle::try_current()) else {
            return;
        };
        let check = Check {
            service: Arc::clone(service),
            users: self.users.clone(),
            digest: LeakDigest::of(password),
            user: user.clone(),
            now,
            _permit: permit,
        };
        drop(runtime.spawn(check.run().in_current_span()));
    }
}

/// If the clock was set back, more than the interval would be left.
fn is_due(check: &LeakCheck, now: Timestamp) -> bool {
    let left = check.due_at.since(now);
    left.is_zero() || left > INTERVAL
}

/// One check. It holds no password.
struct Check {
    service: Arc<RangeService>,
    users: Users,
    digest: LeakDigest,
    user: User,
    now: Timestamp,
    _permit: OwnedSemaphorePermit,
}

impl Check {
    async fn run(self) {
        if let Err(error) = self.ask().await {
            tracing::warn!(%error, "whether a password has leaked could not be written");
        }
    }

    /// The first write makes sure that of all logins, on whatever instance, one asks.
    async fn ask(&self) -> Result<(), StoreError> {
        let leaked_before = self.user.leak_check().is_some_and(|check| check.leaked);
        let begun = self.check(RETRY, leaked_before);
        if self.users.note_leak_check(&self.user, self.user.leak_check.as_ref(), &begun).await? == Changed::Unmet {
            return Ok(());
        }
        let leaked = match self.service.knows_digest(&self.digest).await {
            Ok(leaked) => leaked,
            Err(problem) => {
                tracing::warn!(%problem, "the range service did not say whether a password has leaked");
                return Ok(());
            }
        };
        let noted = self.users.note_leak_check(&self.user, Some(&begun), &self.check(INTERVAL, leaked)).await;
        // If the user has another password by now, nothing is known about that one.
        if leaked && !matches!(noted, Ok(Changed::Unmet)) {
            let (alert, sub) = (Alert::LeakedPassword.as_str(), self.user.subject.as_str());
            tracing::warn!(alert, sub, "the password of a user is on the range service's list of leaked ones");
        }
        noted.map(drop)
    }

    fn check(&self, next: Duration, leaked: bool) -> LeakCheck {
        LeakCheck { password_generation: self.user.password_generation, due_at: self.now + next, leaked }
    }
}
