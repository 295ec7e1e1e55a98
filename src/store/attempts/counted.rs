//! Everything that counts, whatever username or source it counts for: for the command line.

use crate::store::attempts::{Attempts, AttemptsKey, StoredAttempts};
use crate::store::item::{Item, string};
use crate::store::key;
use crate::store::outcome::StoreError;
use crate::store::pages::Pages;
use crate::store::sources::{SourceKey, StoredSource};

/// What counts for one username, or for one source.
#[derive(Debug)]
pub enum Counted {
    /// The attempts for a username.
    Name(AttemptsKey, Box<StoredAttempts>),
    /// The usernames that a source has sent wrong passwords for, or a share of them.
    Source(SourceKey, StoredSource),
}

impl Attempts {
    /// What counts, by reading one of `segments` parts of the tokens table, the first of which is 0. They may be read at the
    /// same time; a change that is a few seconds old may not be seen yet, unless there is only one part.
    #[must_use]
    pub fn counted(&self, segment: u32, segments: u32) -> Pages<'_, Counted> {
        let request = self.tokens.scan_of(segment, segments);
        let request = request
            .filter_expression("begins_with(id, :names) OR begins_with(id, :sources)")
            .expression_attribute_values(":names", string(key::ATTEMPTS))
            .expression_attribute_values(":sources", string(key::SOURCE));
        Pages::new(request, |item| self.read_counted(item))
    }

    fn read_counted(&self, item: Item) -> Result<Counted, StoreError> {
        let key = self.tokens.key_of(&item);
        if key.starts_with(key::SOURCE) {
            let stored = self.tokens.stored(&key, item)?;
            return Ok(Counted::Source(SourceKey::found(key), stored));
        }
        let key = AttemptsKey::found(key);
        let stored = self.read(&key, Some(item))?;
        Ok(Counted::Name(key, Box::new(stored)))
    }
}
