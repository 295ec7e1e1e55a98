//! Keys as they are printed: never with their secret part.

use passgrant::jose::algorithm::Algorithm;
use passgrant::signing::in_process::InProcessKey;
use passgrant::signing::listed::ListedKey;
use passgrant::store::signing_keys::{KeyKind, KeyName, WrappedKey};
use serde::Serialize;

use crate::Context;
use crate::failure::Failure;
use crate::output::{details, rfc3339};

/// A wrapped key, and how it is listed.
#[derive(Serialize)]
pub(super) struct StoredKey<'a> {
    name: &'a KeyName,
    kid: &'a str,
    kind: KeyKind,
    listed_as: String,
    wrapped_by: &'a str,
    created_at: u64,
    #[serde(skip)]
    created: String,
}

impl<'a> StoredKey<'a> {
    pub(super) const HEADINGS: [&'static str; 4] = ["NAME", "KID", "KIND", "CREATED"];

    pub(super) fn new(key: &'a WrappedKey, listed: &ListedKey) -> Self {
        let created = rfc3339(key.created_at);
        Self {
            name: &key.name,
            kid: &key.key_id,
            kind: key.kind,
            listed_as: listed.to_string(),
            wrapped_by: &key.wrapped_by,
            created_at: key.created_at.as_unix(),
            created,
        }
    }

    pub(super) fn row(&self) -> [String; 4] {
        [self.name.to_string(), self.kid.to_owned(), self.kind.to_string(), self.created.clone()]
    }

    pub(super) fn print(&self, context: &Context) -> Result<(), Failure> {
        context.output.print(self, || {
            let rows = details([
                ("Name", self.name.to_string()),
                ("Key id", self.kid.to_owned()),
                ("Kind", self.kind.to_string()),
                ("Wrapped by", self.wrapped_by.to_owned()),
            ]);
            format!(
                "{rows}\n\nIt signs once PASSGRANT_SIGNING_KEYS of the function lists {0}. List it last to publish it, and first \
                 when every verifier has it.",
                self.listed_as
            )
        })
    }
}

/// A key of a data folder.
#[derive(Serialize)]
pub(super) struct KeptKey<'a> {
    kid: &'a str,
    alg: Algorithm,
}

impl<'a> KeptKey<'a> {
    pub(super) fn new(key: &'a InProcessKey, alg: Algorithm) -> Self {
        Self { kid: key.verification().key_id(), alg }
    }

    pub(super) fn print(&self, context: &Context) -> Result<(), Failure> {
        let rows = || details([("Key id", self.kid.to_owned()), ("Algorithm", self.alg.to_string())]);
        context.output.print(self, rows)
    }
}

/// What is shown of a deleted key.
#[derive(Serialize)]
pub(super) struct Deleted<'a> {
    pub(super) name: &'a KeyName,
    pub(super) deleted: bool,
}
