//! Scopes as they are given to options.

use passgrant::scope::{MalformedScope, Scope, ScopeToken};

use crate::output::warn;

/// Reads a scope; empty text is a scope without tokens. A comma, which separates scopes in other tools, is a character
/// like any other here: a warning says so.
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
