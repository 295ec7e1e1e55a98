//! Hashes that other implementations made, frozen in `tests/vectors/legacy.tsv`, and what must hold for each of them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::password::hash::Argon2Policy;
use crate::password::legacy::{ForeignHash, HashFormat, RefusedHash};
use crate::password::pool::Argon2Pool;
use crate::password::{Password, PasswordHash, Verified};
use crate::random::OsRandom;

const TABLE: &str = include_str!("../../../tests/vectors/legacy.tsv");

/// A hash, the password behind it, and the format if the shape does not tell it.
pub(super) struct Vector {
    pub(super) password: String,
    pub(super) format: Option<HashFormat>,
    pub(super) text: &'static str,
}

pub(super) fn vectors() -> Vec<Vector> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let vector = |line: &'static str| {
        let [password, format, text] = line.split('\t').collect::<Vec<_>>().try_into().expect("three columns");
        let password = serde_json::from_str(password).expect("a JSON string");
        let format = (format != "-").then(|| format.parse().expect("a format"));
        Vector { password, format, text }
    };
    lines.map(vector).collect()
}

pub(super) fn policy() -> Argon2Policy {
    Argon2Policy::new(64, 1, 1).expect("within bounds")
}

/// What is stored of a hash that another system made.
pub(super) fn stored(text: &str, format: Option<HashFormat>) -> PasswordHash {
    let foreign = ForeignHash::read(text, format).unwrap_or_else(|refused| panic!("{text}: {refused}"));
    foreign.into_stored(&policy(), &OsRandom).expect("randomness")
}

pub(super) async fn verified(password: &str, hash: &PasswordHash) -> Verified {
    let pool = Argon2Pool::new(policy(), Some(1), 8);
    let password = Password::prepare(password).expect("acceptable");
    pool.verify(Some(password), Some(hash), "ann").await.expect("a verification")
}

#[test]
fn there_is_a_vector_of_every_format() {
    let read = |vector: Vector| ForeignHash::read(vector.text, vector.format).expect("a vector").format();
    let formats: BTreeSet<HashFormat> = vectors().into_iter().map(read).collect();
    assert_eq!(formats, BTreeSet::from(HashFormat::ALL));
}

#[tokio::test]
async fn a_hash_of_every_original_implementation_verifies_its_password_and_no_other() {
    for Vector { password, format, text } in vectors() {
        let hash = stored(text, format);
        // bcrypt never read what comes after 72 bytes.
        let outdated = password.len() < 72 || !hash.as_phc().starts_with("$2");
        let outcome = verified(&password, &hash).await;
        assert_eq!((outcome.matches, outcome.outdated), (true, outdated), "{text}");
        // Each is also another one in its first byte, so that no truncation hides it.
        for wrong in [format!("x{password}"), password[..1].to_owned()] {
            assert!(!verified(&wrong, &hash).await.matches, "{text}: {wrong}");
        }
    }
}

#[test]
fn what_is_stored_is_read_again_as_it_is_and_shows_its_kind_and_nothing_else() {
    for Vector { format, text, .. } in vectors() {
        let hash = stored(text, format);
        let again = ForeignHash::read(hash.as_phc(), None).expect("what is stored can be imported");
        assert!(!again.needs_wrapping(), "{text}");
        assert_eq!(again.into_stored(&policy(), &OsRandom).expect("randomness"), hash, "{text}");
        let kind = hash.kind();
        assert!(kind.algorithm() != "unreadable" && !kind.parameters().is_empty(), "{text}");
        let last = hash.as_phc().rsplit('$').next().expect("one");
        assert!(!kind.to_string().contains(last), "{kind}");
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
        let debug = format!("{:?}", ForeignHash::read(text, format).expect("a vector"));
        assert!(debug.len() < 60, "{debug}");
    }
}

#[test]
fn no_digest_is_stored_that_is_not_wrapped_in_argon2id() {
    for Vector { format, text, .. } in vectors() {
        let foreign = ForeignHash::read(text, format).expect("a vector");
        let wraps = foreign.needs_wrapping();
        let hash = foreign.into_stored(&policy(), &OsRandom).expect("randomness");
        assert_eq!(wraps, hash.as_phc().starts_with("$wrapped$"), "{text}");
        if wraps {
            assert!(hash.as_phc().contains("$argon2id$v=19$m=64,t=1,p=1$"), "{text}");
            assert!(hash.kind().to_string().starts_with("argon2id("), "{text}");
            assert!(!hash.as_phc().contains(text.rsplit([':', '$', '}']).next().expect("one")), "{text}");
        }
    }
}

/// Changed in one character of its output, cut, or with more at its end.
#[tokio::test]
async fn a_hash_that_was_changed_is_refused_or_matches_nothing() {
    // One of each is enough, and the slowest is not needed.
    let mut kinds = BTreeSet::new();
    for Vector { password, format, text } in vectors() {
        let hash = stored(text, format);
        if !kinds.insert(hash.kind().algorithm().to_owned()) || text.contains("$1000000$") {
            continue;
        }
        let text = hash.as_phc();
        let (before, after) = text.split_at(text.len() - 5);
        let other = if after.starts_with('2') { "3" } else { "2" };
        let changed = format!("{before}{other}{}", &after[1..]);
        assert!(!verified(&password, &stored(&changed, None)).await.matches, "{changed}");
        for damaged in [before, &text[..text.len() / 2], &format!("{text}!"), &format!("{text}$x"), &text[1..]] {
            let Ok(foreign) = ForeignHash::read(damaged, None) else { continue };
            let hash = foreign.into_stored(&policy(), &OsRandom).expect("randomness");
            assert!(!verified(&password, &hash).await.matches, "{damaged}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Nothing is computed: a changed digest would be wrapped, and that is tested elsewhere.
    #[test]
    fn what_is_read_of_a_changed_hash_is_bounded_and_stable(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        length in 0_usize..4,
        new in "[ -~é]{0,4}",
        format in prop::option::of(prop::sample::select(HashFormat::ALL.to_vec())),
    ) {
        let vectors = vectors();
        let mut text: Vec<char> = which.get(&vectors).text.chars().collect();
        let from = at.index(text.len());
        let to = (from + length).min(text.len());
        text.splice(from..to, new.chars());
        let text: String = text.into_iter().collect();
        match ForeignHash::read(&text, format) {
            Ok(foreign) if !foreign.needs_wrapping() => {
                let hash = foreign.into_stored(&policy(), &OsRandom).expect("randomness");
                prop_assert!(hash.kind().algorithm() != "unreadable");
                let again = ForeignHash::read(hash.as_phc(), None).expect("stable");
                prop_assert_eq!(again.into_stored(&policy(), &OsRandom).expect("randomness"), hash);
            }
            Ok(_) => {}
            Err(refused) => {
                let message = refused.to_string();
                // Neither the salt nor the output.
                for secret in text.split(['$', ':', '}']).filter(|part| part.len() > 20) {
                    prop_assert!(!message.contains(secret), "{}", message);
                }
            }
        }
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,80}", format in prop::sample::select(HashFormat::ALL.to_vec())) {
        for format in [None, Some(format)] {
            let refused = ForeignHash::read(&text, format).err();
            prop_assert!(refused != Some(RefusedHash::Unknown) || format.is_none());
        }
        let hash: PasswordHash = serde_json::from_value(text.into()).expect("a string");
        prop_assert!(!hash.kind().algorithm().is_empty());
    }
}
