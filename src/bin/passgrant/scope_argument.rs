//! Scopes as options name them.

use passgrant::scope::{MalformedScope, Scope, ScopeToken};

use crate::output::warn;

/// Reads a scope; the empty text is none. A comma, which other tools separate them by, is a character like any other:
/// whoever writes one is told so.
///
/// # Errors
/// [`MalformedScope`].
pub(crate) fn parse(text: &str) -> Result<Scope, MalformedScope> {
    let scope = Scope::parse_or_empty(text)?;
    for token in scope.iter().map(ScopeToken::as_str).filter(|token| token.contains(',')) {
        warn(&format!("scopes are separated by spaces: {token} is one scope"));
    }
    Ok(scope)
}
