//! Who a dry run has met already: somebody who is in the input more than once exists by the second time, when it is meant.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use passgrant::user::{Subject, Username};
use sha2::{Digest as _, Sha256};

use crate::user::import::record::Record;

/// A part of a digest that tells users, and what is said of them, from each other. There may be millions.
type Mark = [u8; 8];

/// What was said of a user the last time.
#[derive(Clone, Copy)]
pub(super) struct Said {
    sub: Option<Mark>,
    all: Mark,
}

/// The users who would have been written.
#[derive(Default)]
pub(super) struct Tried(Mutex<HashMap<Mark, Said>>);

impl Tried {
    /// What was said of `username` before, if they would have been written.
    pub(super) fn said(&self, username: &Username) -> Option<Said> {
        let tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.get(&mark(username.as_str())).copied()
    }

    /// Notes that `record` would have been written.
    pub(super) fn note(&self, record: &Record) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = tried.entry(mark(record.username.as_str()));
        let sub = record.sub.as_ref().map(Subject::as_str).map(mark);
        let all = mark_of(record);
        // The subject of the first time stays.
        said.and_modify(|said| said.all = all).or_insert(Said { sub, all });
    }
}

impl Said {
    /// Whether `record` gives the user another subject than they would have.
    pub(super) fn is_of_other_subject(self, record: &Record) -> bool {
        record.sub.as_ref().is_some_and(|sub| Some(mark(sub.as_str())) != self.sub)
    }

    /// Whether `record` says the same again.
    pub(super) fn is_same(self, record: &Record) -> bool {
        self.all == mark_of(record)
    }
}

fn mark(text: &str) -> Mark {
    first(Sha256::digest(text))
}

/// The mark of everything that `record` says, but for the names.
fn mark_of(record: &Record) -> Mark {
    let mut digest = Sha256::new();
    let hash = record.hash.as_ref().map(|hash| first(Sha256::digest(hash.text())));
    let scopes = record.scopes.as_ref().map(ToString::to_string);
    let claims = record.claims.as_ref().map(|claims| serde_json::to_string(claims).unwrap_or_default());
    digest.update(format!("{hash:?} {scopes:?} {:?} {claims:?}", record.disabled));
    first(digest.finalize())
}

fn first(digest: impl AsRef<[u8]>) -> Mark {
    let mut mark = Mark::default();
    for (to, from) in mark.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    mark
}
