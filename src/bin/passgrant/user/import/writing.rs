//! Writing a batch: hashes are wrapped where they must be, whoever is new is created, and whoever exists already is
//! treated as the command says.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::ValueEnum;
use passgrant::clock::{Clock as _, SystemClock};
use passgrant::password::{Argon2Policy, PasswordHash};
use passgrant::random::OsRandom;
use passgrant::store::Store;
use passgrant::store::backoff::Backoff;
use passgrant::store::outcome::{Changed, StoreError};
use passgrant::store::users::Users;
use passgrant::user::User;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::failure::Failure;
use crate::user::import::batch::Batch;
use crate::user::import::checkpoint::Marks;
use crate::user::import::cursor::Position;
use crate::user::import::given_hash::GivenHash;
use crate::user::import::record::Record;
use crate::user::import::source::{Entry, Found, Rejected};
use crate::user::import::summary::{Became, NO_HASH, UNKNOWN};
use crate::user::import::tried::Tried;
use crate::user::import::wrong::Place;

/// From how many bytes in the input on a user may be too large for the table.
const LARGE: usize = 64 * 1024;

/// How often a user is read again who is being changed by somebody else.
const ROUNDS: usize = 5;

const OTHER_SUBJECT: &str = "the user exists already, with another sub, which never changes";

/// What becomes of a user who exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnConflict {
    /// They stay as they are
    Skip,
    /// Their password, claims, scopes and state become what the file says of them
    Update,
    /// The import stops there
    Fail,
}

/// Writes batches.
pub(super) struct Writing {
    pub(super) store: Store,
    pub(super) argon2: Argon2Policy,
    pub(super) marks: Marks,
    pub(super) on_conflict: OnConflict,
    /// Whom a dry run has met; `None` if it is meant.
    pub(super) tried: Option<Tried>,
    pub(super) cores: Arc<Semaphore>,
    /// Whether users may have been written by a run that was interrupted.
    pub(super) resumed: bool,
}

/// What became of a batch.
pub(super) struct Done {
    pub(super) outcomes: Vec<Outcome>,
    /// Where the input goes on after what was done; `None` if nothing was.
    pub(super) end: Option<Position>,
    /// Why the import stops there.
    pub(super) stop: Option<Failure>,
}

/// What became of a user.
pub(super) struct Outcome {
    pub(super) hash: &'static str,
    pub(super) became: Became,
    pub(super) rejected: Option<Rejected>,
}

/// A user who is not written yet.
struct Pending {
    /// Which one of the batch.
    index: usize,
    start: Position,
    record: Record,
    user: User,
}

/// One permit for each core.
pub(super) fn cores() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(thread::available_parallelism().map_or(1, usize::from)))
}

impl Writing {
    pub(super) async fn write(&self, batch: Batch) -> Result<Done, Failure> {
        let ends: Vec<Position> = batch.found.iter().map(|found| found.end).collect();
        let mut outcomes: Vec<Option<Outcome>> = Vec::new();
        let mut open = Vec::new();
        for (index, found) in batch.found.into_iter().enumerate() {
            match self.pending(index, found)? {
                Ok(pending) => {
                    open.push(pending);
                    outcomes.push(None);
                }
                Err(outcome) => outcomes.push(Some(outcome)),
            }
        }
        let known = self.known(&open).await?;
        let stopped_at = if let Some(tried) = &self.tried {
            let mut stopped_at = None;
            for pending in open {
                let existing = known.get(pending.user.username.as_str());
                let exists = existing.is_some() || tried.said(&pending.user.username).is_some();
                if exists && self.on_conflict == OnConflict::Fail {
                    stopped_at = Some(pending);
                    break;
                }
                outcomes[pending.index] = Some(self.would(tried, &pending, existing));
            }
            stopped_at
        } else {
            self.hash(&mut open, &known).await?;
            self.create(open, &known, &mut outcomes).await?
        };
        let done = stopped_at.as_ref().map_or(ends.len(), |pending| pending.index);
        let stop = stopped_at.map(|Pending { start, record, .. }| {
            let Position { line, .. } = start;
            Failure::refused(format!("line {line}: the user {} exists already", record.username))
        });
        let outcomes = outcomes.into_iter().take(done).flatten().collect();
        Ok(Done { outcomes, end: done.checked_sub(1).map(|last| ends[last]), stop })
    }

    /// The user of a part of the input, if there is one who can be written.
    fn pending(&self, index: usize, found: Found) -> Result<Result<Pending, Outcome>, Failure> {
        let record = match found.entry {
            Entry::Rejected(rejected) => return Ok(Err(Outcome::rejected(UNKNOWN, rejected))),
            Entry::Record(record) => *record,
        };
        let (username, began) = (record.username.clone(), self.marks.began);
        let user = match &record.sub {
            Some(subject) => User::with_known_subject(username, subject.clone(), began, &OsRandom)?,
            None => User::new(username, self.marks.subject(&record.username, found.start)?, began),
        };
        let user = User {
            claims: record.claims.clone().unwrap_or_default(),
            allowed_scopes: record.scopes.clone(),
            disabled: record.disabled.unwrap_or_default(),
            ..user
        };
        if found.bytes > LARGE && self.store.users.stored_bytes(&user)? > Users::MAX_BYTES - LARGE / 8 {
            let reason = format!("too large: expected a user who takes less than {} KiB", Users::MAX_BYTES / 1024);
            let rejected = Rejected { place: Place { line: found.start.line, column: None }, reason };
            return Ok(Err(Outcome::rejected(hash_of(&record), rejected)));
        }
        Ok(Ok(Pending { index, start: found.start, record, user }))
    }

    /// The users who exist already, as far as that must be known before anything is written: it saves the work of
    /// wrapping hashes that nobody needs.
    async fn known(&self, open: &[Pending]) -> Result<HashMap<String, User>, Failure> {
        let wraps = open.iter().any(|pending| pending.record.hash.as_ref().is_some_and(GivenHash::needs_wrapping));
        if open.is_empty() || !(self.tried.is_some() || wraps) {
            return Ok(HashMap::new());
        }
        let names: Vec<_> = open.iter().map(|pending| &pending.user.username).collect();
        let found = self.persist(|| self.store.users.get_many(&names)).await?;
        Ok(found.into_iter().map(|user| (user.username.as_str().to_owned(), user)).collect())
    }

    /// Makes the hashes that are stored, with all cores where that costs an Argon2 each.
    async fn hash(&self, open: &mut [Pending], known: &HashMap<String, User>) -> Result<(), Failure> {
        let mut wrapping = Vec::new();
        for (at, pending) in open.iter_mut().enumerate() {
            let Some(hash) = pending.record.hash.clone() else { continue };
            if !hash.needs_wrapping() {
                pending.user.password_hash = Some(hash.stored(&self.argon2)?);
                continue;
            }
            let existing = known.get(pending.user.username.as_str());
            if existing.is_some() && self.on_conflict != OnConflict::Update {
                continue;
            }
            let existing = existing.and_then(|user| user.password_hash.clone());
            let (cores, argon2) = (Arc::clone(&self.cores), self.argon2.clone());
            let wrapped = tokio::spawn(async move {
                let _permit = cores.acquire_owned().await;
                spawn_blocking(move || hash.stored_unless(existing.as_ref(), &argon2)).await
            });
            wrapping.push((at, wrapped));
        }
        for (at, wrapped) in wrapping {
            open[at].user.password_hash = Some(wrapped.await???);
        }
        Ok(())
    }

    /// Creates whoever is new. Gives the user at whom the import stops, before whom all are written and after whom
    /// nobody is.
    async fn create(
        &self,
        mut open: Vec<Pending>,
        known: &HashMap<String, User>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Option<Pending>, Failure> {
        let mut stopped_at = None;
        // An answer that did not come may have been a yes.
        let calls = AtomicUsize::new(0);
        while !open.is_empty() {
            // Whoever has no hash yet must not be created without it, even if who was in the way is gone by now.
            let is_held_up = open.iter().any(Pending::lacks_hash);
            let taken = if is_held_up {
                let in_the_way = |pending: &Pending| known.get(pending.user.username.as_str()).cloned();
                open.iter().map(|pending| in_the_way(pending).filter(|_| pending.lacks_hash())).collect()
            } else {
                let users: Vec<&User> = open.iter().map(|pending| &pending.user).collect();
                calls.store(0, Ordering::Relaxed);
                let create = || {
                    calls.fetch_add(1, Ordering::Relaxed);
                    self.store.users.create_all(&users)
                };
                self.persist(create).await?
            };
            let in_doubt = self.resumed || calls.load(Ordering::Relaxed) > 1;
            let all_created = !is_held_up && taken.iter().all(Option::is_none);
            let mut left = Vec::new();
            for (pending, existing) in open.into_iter().zip(taken) {
                match existing {
                    None if all_created => outcomes[pending.index] = Some(pending.became(Became::Created)),
                    None => left.push(pending),
                    Some(existing) if self.is_own(&pending, &existing, in_doubt) => {
                        outcomes[pending.index] = Some(pending.became(Became::Created));
                    }
                    Some(existing) => match self.on_conflict {
                        OnConflict::Skip => outcomes[pending.index] = Some(pending.became(Became::Skipped)),
                        OnConflict::Update => {
                            outcomes[pending.index] = Some(self.update(&pending, existing).await?);
                        }
                        OnConflict::Fail => {
                            stopped_at = Some(pending);
                            break;
                        }
                    },
                }
            }
            open = left;
        }
        Ok(stopped_at)
    }

    /// Whether this import created `existing` for this very part of the input: in a run that was interrupted, or by a
    /// call whose answer was lost. Only a subject that the input does not give says so by itself. Otherwise there has to be
    /// a doubt, and all of the user has to be as it would be created, so that another line about the same user is not taken
    /// for the first.
    fn is_own(&self, pending: &Pending, existing: &User, in_doubt: bool) -> bool {
        existing.subject == pending.user.subject
            && existing.created_at == self.marks.began
            && (pending.record.sub.is_none() || (in_doubt && pending.is_created_as(existing)))
    }

    /// Changes `existing` into what the record says of them.
    async fn update(&self, pending: &Pending, mut existing: User) -> Result<Outcome, Failure> {
        for _ in 0..ROUNDS {
            if let Some(other) = pending.of_other_subject(&existing) {
                return Ok(other);
            }
            let wanted = pending.wanted(&existing);
            if is_same(&wanted, &existing) {
                return Ok(pending.became(Became::Unchanged));
            }
            let now = SystemClock.now();
            let changed = self.persist(|| self.store.users.replace(&existing, &wanted, now)).await?;
            if changed == Changed::Written {
                if wanted.password_hash != existing.password_hash {
                    self.persist(|| self.store.attempts.forget(&existing.username)).await?;
                }
                return Ok(pending.became(Became::Updated));
            }
            match self.persist(|| self.store.users.get(&existing.username)).await? {
                Some(read) => existing = read,
                None => break,
            }
        }
        Ok(pending.rejected("somebody else is changing this user: import it again"))
    }

    /// What would become of a user.
    fn would(&self, tried: &Tried, pending: &Pending, existing: Option<&User>) -> Outcome {
        let said = tried.said(&pending.user.username);
        if (existing.is_some() || said.is_some()) && self.on_conflict == OnConflict::Skip {
            return pending.became(Became::Skipped);
        }
        if let Some(other) = existing.and_then(|existing| pending.of_other_subject(existing)) {
            return other;
        }
        if existing.is_none() && said.is_some_and(|said| said.is_of_other_subject(&pending.record)) {
            return pending.rejected(OTHER_SUBJECT);
        }
        tried.note(&pending.record);
        if let Some(said) = said {
            return pending.became(if said.is_same(&pending.record) { Became::Unchanged } else { Became::Updated });
        }
        let Some(existing) = existing else { return pending.became(Became::Created) };
        let hash = pending.record.hash.clone().filter(|hash| !hash.needs_wrapping());
        let hash = hash.and_then(|hash| hash.stored(&self.argon2).ok());
        let same_hash = pending.record.hash.is_none() || (hash.is_some() && hash == existing.password_hash);
        let same = same_hash && is_same(&pending.record.merged_into(existing), existing);
        pending.became(if same { Became::Unchanged } else { Became::Updated })
    }

    async fn persist<T, C>(&self, call: impl Fn() -> C) -> Result<T, StoreError>
    where
        C: Future<Output = Result<T, StoreError>>,
    {
        Backoff::new(&OsRandom).persist(sleep, call).await
    }
}

impl Pending {
    fn became(&self, became: Became) -> Outcome {
        Outcome { hash: hash_of(&self.record), became, rejected: None }
    }

    fn rejected(&self, reason: &str) -> Outcome {
        let place = Place { line: self.start.line, column: None };
        Outcome::rejected(hash_of(&self.record), Rejected { place, reason: reason.to_owned() })
    }

    /// Whether `existing` is what this would be created as. A digest is wrapped under a fresh salt each time.
    fn is_created_as(&self, existing: &User) -> bool {
        let is_wrapped = self.record.hash.as_ref().is_some_and(GivenHash::needs_wrapping);
        let wanted = self.record.merged_into(existing);
        let wanted =
            if is_wrapped { wanted } else { User { password_hash: self.user.password_hash.clone(), ..wanted } };
        is_same(&wanted, existing) && existing.claims == self.user.claims
    }

    fn lacks_hash(&self) -> bool {
        self.record.hash.is_some() && self.user.password_hash.is_none()
    }

    fn of_other_subject(&self, existing: &User) -> Option<Outcome> {
        let other = self.record.sub.as_ref().is_some_and(|sub| *sub != existing.subject);
        other.then(|| self.rejected(OTHER_SUBJECT))
    }

    fn wanted(&self, existing: &User) -> User {
        let mut wanted = self.record.merged_into(existing);
        let hash: Option<&PasswordHash> = self.user.password_hash.as_ref();
        if hash.is_some() {
            wanted.password_hash = hash.cloned();
        }
        wanted
    }
}

impl Outcome {
    fn rejected(hash: &'static str, rejected: Rejected) -> Self {
        Self { hash, became: Became::Rejected, rejected: Some(rejected) }
    }
}

fn hash_of(record: &Record) -> &'static str {
    record.hash.as_ref().map_or(NO_HASH, GivenHash::format)
}

fn is_same(one: &User, other: &User) -> bool {
    one.password_hash == other.password_hash
        && one.claims == other.claims
        && one.allowed_scopes == other.allowed_scopes
        && one.disabled == other.disabled
}
