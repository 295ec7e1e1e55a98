//! Client assertions that have been used, in the tokens table: under `j#` and the digest of their client and
//! identifier.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::store::item::string;
use crate::store::key;
use crate::store::outcome::{Created, StoreError, held};
use crate::store::table::Table;

/// A client assertion that has been used.
#[derive(Serialize)]
struct UsedAssertion<'a> {
    /// Distinguishes the request that used it from every other.
    attempt: &'a str,
    expires_at: Timestamp,
}

/// The used assertions in the tokens table.
#[derive(Clone, Debug)]
pub struct UsedAssertions {
    tokens: Table,
}

impl UsedAssertions {
    pub(super) fn new(tokens: Table) -> Self {
        Self { tokens }
    }

    /// Records that the assertion with this digest has been used. A write that is sent again because its answer was
    /// lost is the same `attempt`, and not a second use.
    pub(crate) async fn put(&self, digest: &[u8], attempt: &str, expires_at: Timestamp) -> Result<Created, StoreError> {
        let item = self.tokens.item(&key::assertion(digest), UsedAssertion { attempt, expires_at })?;
        let request = self.tokens.put(item).condition_expression("attribute_not_exists(id) OR attempt = :attempt");
        let outcome = request.expression_attribute_values(":attempt", string(attempt)).send().await;
        Ok(Created::held(held(outcome)?))
    }
}
