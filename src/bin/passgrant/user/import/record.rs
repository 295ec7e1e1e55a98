//! A user as a source describes them, before and after everything about them has been checked.

use passgrant::claims;
use passgrant::json::Object;
use passgrant::scope::Scope;
use passgrant::user::{Subject, User, Username, UsernameProfile};

use crate::user::import::given_hash::GivenHash;
use crate::user::import::wrong::Wrong;
use passgrant::password::legacy::HashFormat;

/// A value, and how many bytes into the record it is, if that is known.
pub(super) type Placed<T> = (T, Option<usize>);

/// What a source says of a user.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) username: Placed<String>,
    pub(super) sub: Option<Placed<String>>,
    pub(super) hash: Option<Placed<String>>,
    /// Where the shape of the hash is not enough.
    pub(super) hash_format: Option<HashFormat>,
    pub(super) claims: Option<Placed<Object>>,
    pub(super) scopes: Option<Scope>,
    pub(super) disabled: Option<bool>,
}

/// A user who can be imported. What the source does not say is `None`.
pub(super) struct Record {
    pub(super) username: Username,
    pub(super) sub: Option<Subject>,
    pub(super) hash: Option<GivenHash>,
    pub(super) claims: Option<Object>,
    pub(super) scopes: Option<Scope>,
    pub(super) disabled: Option<bool>,
}

impl Draft {
    /// Checks everything that can be checked without the table.
    pub(super) fn check(self, profile: UsernameProfile) -> Result<Record, Wrong> {
        let wrong = |at: Option<usize>, reason: String| Wrong { at, reason };
        let (name, at) = self.username;
        let username = Username::prepare(&name, profile)
            .map_err(|reason| wrong(at, format!("the username {:?} is not valid: {reason}", shortened(&name))))?;
        let sub = self.sub.map(|(sub, at)| {
            Subject::given(&sub)
                .map_err(|reason| wrong(at, format!("the sub {:?} is not valid: {reason}", shortened(&sub))))
        });
        let hash = self.hash.map(|(hash, at)| {
            let read = GivenHash::read(hash, self.hash_format);
            read.map_err(|reason| wrong(at, format!("the password hash: {reason}")))
        });
        let claims = self.claims.map(|(claims, at)| {
            claims::check(&claims).map_err(|reason| wrong(at, format!("the claims: {reason}"))).map(|()| claims)
        });
        Ok(Record {
            username,
            sub: sub.transpose()?,
            hash: hash.transpose()?,
            claims: claims.transpose()?,
            scopes: self.scopes,
            disabled: self.disabled,
        })
    }
}

impl Record {
    /// The user who `existing` becomes; without the password's hash, which is changed last.
    pub(super) fn merged_into(&self, existing: &User) -> User {
        let mut wanted = existing.clone();
        if let Some(claims) = &self.claims {
            wanted.claims = claims.clone();
        }
        if self.scopes.is_some() {
            wanted.allowed_scopes.clone_from(&self.scopes);
        }
        wanted.disabled = self.disabled.unwrap_or(existing.disabled);
        wanted
    }
}

/// The beginning of `text`, for a message.
fn shortened(text: &str) -> String {
    const MOST: usize = 64;
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}
