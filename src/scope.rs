//! Scopes: what a token may be used for (RFC 6749, section 3.3).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// The most scope tokens that one scope may hold.
pub const MAX_TOKENS: usize = 64;

/// The scope token that asks for an ID token (OpenID Connect Core, section 3.1.2.1).
pub const OPENID: &str = "openid";
/// The scope token that asks for a refresh token (OpenID Connect Core, section 11).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// Text that is not a scope by RFC 6749, section 3.3, or that has more than [`MAX_TOKENS`] tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a scope is 1 to {MAX_TOKENS} tokens of printable ASCII without \" and \\, separated by single spaces")]
pub struct MalformedScope;

/// One scope token: `1*( %x21 / %x23-5B / %x5D-7E )`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScopeToken(Box<str>);

impl ScopeToken {
    /// Parses one token.
    ///
    /// # Errors
    /// [`MalformedScope`] when the text is empty or holds a character outside the grammar.
    pub fn parse(text: &str) -> Result<Self, MalformedScope> {
        let allowed = |byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if text.is_empty() || !text.bytes().all(allowed) {
            return Err(MalformedScope);
        }
        Ok(Self(text.into()))
    }

    /// The token as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A set of scope tokens that remembers the order in which they were first named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<ScopeToken>);

impl Scope {
    /// Parses `scope-token *( SP scope-token )`. A token named twice counts once.
    ///
    /// # Errors
    /// [`MalformedScope`] for anything outside the grammar, including the empty string, or for more than [`MAX_TOKENS`]
    /// tokens.
    pub fn parse(text: &str) -> Result<Self, MalformedScope> {
        Self::bounded(text.split(' ').map(ScopeToken::parse))
    }

    /// Parses the scope of a request, in which clients put more spaces (U+0020) than the grammar allows: they are
    /// ignored.
    ///
    /// # Errors
    /// As [`Scope::parse`]; also for text that is only spaces, which asks for something but does not say what.
    pub fn parse_requested(text: &str) -> Result<Self, MalformedScope> {
        let scope = Self::bounded(text.split(' ').filter(|token| !token.is_empty()).map(ScopeToken::parse))?;
        if scope.is_empty() { Err(MalformedScope) } else { Ok(scope) }
    }

    /// The scope of `tokens`, which are not looked at any further once there are too many.
    fn bounded(tokens: impl Iterator<Item = Result<ScopeToken, MalformedScope>>) -> Result<Self, MalformedScope> {
        let mut scope = Self::default();
        for token in tokens {
            scope.insert(token?);
            if scope.0.len() > MAX_TOKENS {
                return Err(MalformedScope);
            }
        }
        Ok(scope)
    }

    fn insert(&mut self, token: ScopeToken) {
        if !self.contains(&token) {
            self.0.push(token);
        }
    }

    /// Parses a scope, with the empty string for a scope without tokens, as in configuration and stored items.
    ///
    /// # Errors
    /// As [`Scope::parse`].
    pub fn parse_or_empty(text: &str) -> Result<Self, MalformedScope> {
        if text.is_empty() { Ok(Self::default()) } else { Self::parse(text) }
    }

    /// Whether it has no tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `token` is in it.
    #[must_use]
    pub fn contains(&self, token: &ScopeToken) -> bool {
        self.0.contains(token)
    }

    /// Whether a token written as `name` is in it.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.0.iter().any(|token| token.as_str() == name)
    }

    /// Whether every token of `other` is in it.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        other.0.iter().all(|token| self.contains(token))
    }

    /// The tokens, in order.
    pub fn iter(&self) -> impl Iterator<Item = &ScopeToken> {
        self.0.iter()
    }

    /// The tokens of this scope that are in `other` too, in this scope's order.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.iter().filter(|token| other.contains(token)).cloned().collect()
    }
}

impl FromIterator<ScopeToken> for Scope {
    fn from_iter<I: IntoIterator<Item = ScopeToken>>(tokens: I) -> Self {
        let mut scope = Self::default();
        tokens.into_iter().for_each(|token| scope.insert(token));
        scope
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(token.as_str())?;
        }
        Ok(())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse_or_empty(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_token_holds_exactly_the_characters_of_rfc_6749_section_3_3() {
        for byte in 0u8..=0x7F {
            let text = char::from(byte).to_string();
            let allowed = byte == 0x21 || (0x23..=0x5B).contains(&byte) || (0x5D..=0x7E).contains(&byte);
            assert_eq!(ScopeToken::parse(&text).is_ok(), allowed, "{byte:#x}");
        }
        assert!(ScopeToken::parse("é").is_err());
        assert!(ScopeToken::parse("").is_err());
    }

    #[test]
    fn extra_spaces_in_a_requested_scope_are_ignored_and_every_other_malformed_one_is_refused() {
        for requested in ["b a", " b a", "b a ", "b  a", "   b    a b  ", "b a b"] {
            assert_eq!(Scope::parse_requested(requested).expect("well formed").to_string(), "b a", "{requested:?}");
        }
        for malformed in ["", " ", "    ", "a\tb", "a\nb", "a\u{a0}b", "a\u{3000}b", "a \"b\"", "a \\", "\u{e9}", "a\0"]
        {
            assert_eq!(Scope::parse_requested(malformed), Err(MalformedScope), "{malformed:?}");
        }
        assert_eq!(
            Scope::parse_requested("a,b").expect("well formed").iter().count(),
            1,
            "a comma is one of its characters"
        );
        let spread = (0..=MAX_TOKENS).map(|n| format!("s{n}")).collect::<Vec<_>>().join("  ");
        assert_eq!(Scope::parse_requested(&spread), Err(MalformedScope), "the bound holds");
    }

    #[test]
    fn a_scope_is_separated_by_single_spaces() {
        for malformed in ["", " ", "a  b", " a", "a ", "a\tb"] {
            assert_eq!(Scope::parse(malformed), Err(MalformedScope), "{malformed:?}");
        }
        assert_eq!(Scope::parse("b a b").expect("well formed").to_string(), "b a");
    }

    #[test]
    fn a_scope_is_bounded() {
        let tokens = |count: usize| (0..count).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
        assert!(Scope::parse(&tokens(MAX_TOKENS)).is_ok());
        assert!(Scope::parse(&tokens(MAX_TOKENS + 1)).is_err());
    }

    #[test]
    fn a_scope_is_refused_at_its_bound_however_much_follows() {
        let without_end = (0..).map(|n| ScopeToken::parse(&format!("s{n}")));
        assert_eq!(Scope::bounded(without_end), Err(MalformedScope));
    }
}
