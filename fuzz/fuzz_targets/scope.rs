//! Scopes: the grammar of RFC 6749, section 3.3, written down a second time.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use passgrant::scope::{MAX_TOKENS, Scope, ScopeToken};

fuzz_target!(|text: &str| {
    let tokens: Vec<&str> = text.split(' ').collect();
    let distinct = tokens.iter().collect::<HashSet<_>>().len();
    requested(text);
    let is_scope = tokens.iter().all(|token| !token.is_empty() && token.chars().all(is_token_character));
    let Ok(scope) = Scope::parse(text) else {
        assert!(!is_scope || distinct > MAX_TOKENS);
        return;
    };
    assert!(is_scope && distinct <= MAX_TOKENS);
    assert_eq!(scope.iter().count(), distinct);
    let mut in_order = tokens.iter();
    assert!(scope.iter().all(|token| in_order.any(|other| *other == token.as_str())), "in the order first named");

    assert_eq!(Scope::parse(&scope.to_string()).as_ref(), Ok(&scope));
    assert_eq!(Scope::parse_or_empty(text).as_ref(), Ok(&scope));
    let written = serde_json::to_string(&scope).expect("a string");
    assert_eq!(serde_json::from_str::<Scope>(&written).expect("its own text"), scope);

    let every_other: Scope = scope.iter().step_by(2).cloned().collect();
    assert!(scope.includes(&every_other) && scope.includes(&scope));
    assert_eq!(scope.intersection(&every_other), every_other);
    assert_eq!(every_other.includes(&scope), every_other == scope);
    assert!(scope.iter().all(|token| ScopeToken::parse(token.as_str()).as_ref() == Ok(token)));
});

fn is_token_character(c: char) -> bool {
    c.is_ascii_graphic() && c != '"' && c != '\\'
}

/// How a request may write it differently: with more spaces, and in no other way.
fn requested(text: &str) {
    let tokens: Vec<&str> = text.split(' ').filter(|token| !token.is_empty()).collect();
    let distinct = tokens.iter().collect::<HashSet<_>>().len();
    let is_scope = distinct > 0 && tokens.iter().all(|token| token.chars().all(is_token_character));
    match Scope::parse_requested(text) {
        Ok(scope) => {
            assert!(is_scope && distinct <= MAX_TOKENS);
            assert_eq!(Scope::parse(&tokens.join(" ")), Ok(scope));
        }
        Err(_) => assert!(!is_scope || distinct > MAX_TOKENS),
    }
}
