//! What is taken and what is not: bounds, edges and the rules of each family.

use crate::password::hash::Argon2Policy;
use crate::password::legacy::text;
use crate::password::legacy::vectors::{policy, stored, verified};
use crate::password::legacy::{ForeignHash, HashFormat, RefusedHash};
use crate::password::pool::{Argon2Pool, VerifyError};
use crate::password::{Password, PasswordHash, UnreadableHash};
use crate::random::OsRandom;

fn refused(text: &str, format: Option<HashFormat>) -> String {
    match ForeignHash::read(text, format) {
        Ok(_) => panic!("accepted: {text}"),
        Err(refused) => refused.to_string(),
    }
}

const B64_16: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const B64_32: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const BCRYPT_53: &str = "abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What would cost too much, and the same at the bound.
fn costly() -> Vec<(String, String)> {
    let pair = |text: &str, most: &str, more: &str| (text.replace('@', most), text.replace('@', more));
    let hex = "0".repeat(64);
    vec![
        pair(&format!("$2b$@${BCRYPT_53}"), "14", "15"),
        pair(&format!("bcrypt_sha256$$2b$@${BCRYPT_53}"), "14", "31"),
        pair(&format!("$pbkdf2-sha256$@${B64_16}${B64_32}"), "2000000", "2000001"),
        pair(&format!("$pbkdf2-sha512$i=@${B64_16}${B64_32}"), "1000000", "4294967295"),
        pair(&format!("pbkdf2_sha1$@$salt${B64_32}"), "2000000", "2000001"),
        pair(&format!("{{PBKDF2-SHA256}}@${B64_16}${B64_32}"), "2000000", "2000001"),
        pair(&format!("$scrypt$ln=@,r=8,p=1${B64_16}${B64_32}"), "17", "18"),
        pair(&format!("$scrypt$ln=14,r=8,p=@${B64_16}${B64_32}"), "16", "17"),
        pair(&format!("$scrypt$ln=10,r=@,p=1${B64_16}${B64_32}"), "64", "65"),
        pair(&format!("scrypt$16384$salt$8$@${B64_32}"), "16", "4294967295"),
        pair(&format!("$firebase-scrypt$r=8,m=@${B64_16}${B64_32}"), "17", "18"),
        pair(&format!("$6$rounds=@$salt${}", "a".repeat(86)), "1000000", "1000001"),
        pair(&format!("$5$rounds=@$salt${}", "a".repeat(43)), "1000000", "999999999"),
        pair("$P$@abcdefghabcdefghijabcdefghijab", "G", "H"),
        pair(&format!("$argon2id$v=19$m=@,t=1,p=1${B64_16}${B64_32}"), "262144", "262145"),
        pair(&format!("argon2$argon2id$v=19$m=65536,t=@,p=1${B64_16}${B64_32}"), "32", "33"),
        pair(&format!("$wrapped$sha1,prefix$$argon2id$v=19$m=65536,t=@,p=1${B64_16}${B64_32}"), "32", "33"),
        pair(&keycloak("@", &hex), "2000000", "2000001"),
    ]
}

fn keycloak(iterations: &str, value: &str) -> String {
    let data = format!(r#"{{"hashIterations":{iterations},"algorithm":"pbkdf2-sha256"}}"#);
    format!(r#"{{"secretData":{{"value":"{value}","salt":"{B64_16}"}},"credentialData":{data}}}"#)
}

#[test]
fn a_hash_that_costs_more_than_its_bound_is_refused_and_one_at_the_bound_is_taken() {
    for (most, more) in costly() {
        assert!(ForeignHash::read(&most, None).is_ok(), "{most}: {:?}", ForeignHash::read(&most, None).err());
        let message = refused(&more, None);
        assert!(message.contains("it costs too much to verify: at most"), "{more}: {message}");
    }
}

/// Argon2 has the bounds of the policy: one that was configured goes on to work.
#[tokio::test]
async fn a_stored_hash_beyond_a_bound_is_unreadable_and_nothing_is_computed() {
    let pool = Argon2Pool::new(policy(), Some(1), 8);
    for (_, more) in costly().into_iter().filter(|(_, more)| !more.contains("argon2")) {
        let hash: PasswordHash = serde_json::from_value(more.clone().into()).expect("a string");
        assert_eq!(hash.kind().to_string(), "unreadable", "{more}");
        let password = Password::prepare("guess").expect("acceptable");
        let outcome = pool.verify(Some(password), Some(&hash), "ann").await;
        assert_eq!(outcome, Err(VerifyError::Unreadable(UnreadableHash)), "{more}");
    }
}

#[test]
fn what_is_hardly_more_than_a_digest_is_refused_with_the_least_that_is_taken() {
    // Of ASP.NET Core's own tests: 250 and 50 iterations.
    for (weak, least) in [
        ("AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M", "aspnet_identity: it is too weak"),
        ("AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw", "at least 1000 iterations"),
        ("pbkdf2_sha256$0$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "at least 1000 iterations"),
        (&format!("$6$rounds=999$salt${}", "a".repeat(86)), "at least 1000 rounds"),
    ] {
        let message = refused(weak, None);
        assert!(message.contains(least), "{message}");
    }
}

#[test]
fn a_refusal_says_what_was_expected_and_never_shows_the_hash() {
    let sha1 = "abf7aad6438836dbe526aa231abde2d0eef74d42";
    let long = format!("$2b$10${}", "x".repeat(5000));
    for (text, format, expected) in [
        ("", None, "the shape does not tell the format of the hash: state it as one of argon2, bcrypt,"),
        (sha1, None, "the shape does not tell the format"),
        (sha1, Some(HashFormat::Sha256), "sha256: expected the digest in hexadecimal or base64"),
        (sha1, Some(HashFormat::Bcrypt), "bcrypt: "),
        ("$2b$10$short", None, "bcrypt: expected $2b$COST$"),
        ("$2b$10$short", Some(HashFormat::Phpass), "the stated format is phpass, but the hash has the shape of bcrypt"),
        (&format!("$2x$10${BCRYPT_53}"), None, "$2x$ marks hashes of a faulty implementation"),
        (&long, None, "bcrypt: expected at most 4096 bytes"),
        ("$pbkdf2-sha256$29000$AAAA$AAAA", None, "pbkdf2: expected an output of at least 16 bytes"),
        ("{NOOP}secret-password", None, "ldap: expected one of {SSHA}"),
        ("{SSHA}AAAA", None, "ldap: expected base64 of the digest and"),
        ("{CRYPT}ab1x5pYHoDR3k", None, "ldap: expected bcrypt, SHA-crypt, phpass or Argon2"),
        ("{\"type\":\"otp\",\"secretData\":{},\"credentialData\":{}}", None, "keycloak: expected a credential"),
        ("sha1:middle:salt:abf7aad6438836dbe526aa231abde2d0eef74d42", None, "POSITION is prefix or suffix"),
        ("$argon2id$v=19$m=64,t=1,p=1$c2hvcnQ", None, "argon2: expected Argon2 in the PHC string format"),
    ] {
        let message = refused(text, format);
        assert!(message.contains(expected), "{text}: {message}");
        for part in text.split(['$', '}', ':']).filter(|part| part.len() > 8 && !part.starts_with("pbkdf2")) {
            assert!(!message.contains(part), "{message}");
        }
    }
    assert_eq!(
        ForeignHash::read(sha1, None).err(),
        Some(RefusedHash::Unknown),
        "a bare digest does not say what made it"
    );
}

#[tokio::test]
async fn bcrypt_reads_72_bytes_of_a_password_and_what_it_did_not_read_is_not_made_part_of_a_new_hash() {
    // Made by the `bcrypt` package for Python, of 71, 72 and 100 characters: `tests/vectors/legacy.tsv`.
    let of = |letter: &str| {
        let table = include_str!("../../../tests/vectors/legacy.tsv");
        let line = table.lines().find(|line| line.starts_with(&format!("\"{}", letter.repeat(70)))).expect("a line");
        stored(line.rsplit('\t').next().expect("a hash"), None)
    };
    let outcome = async |letter: &str, times: usize, hash: &PasswordHash| {
        let outcome = verified(&letter.repeat(times), hash).await;
        (outcome.matches, outcome.matches && outcome.outdated)
    };
    let (whole, just, cut) = (of("x"), of("y"), of("z"));
    assert_eq!(outcome("x", 71, &whole).await, (true, true), "all of it was read, and its end");
    assert_eq!(outcome("x", 72, &whole).await, (false, false));
    assert_eq!(outcome("x", 70, &whole).await, (false, false));
    for (letter, hash) in [("y", &just), ("z", &cut)] {
        assert_eq!(outcome(letter, 71, hash).await, (false, false), "{letter}");
        for longer in [72, 73, 100, 1024] {
            assert_eq!(outcome(letter, longer, hash).await, (true, false), "{letter}, {longer}");
        }
    }
    // A digest is never cut.
    let digest_first = stored(&format!("bcrypt_sha256${}", whole.as_phc()), None);
    assert!(!outcome("x", 71, &digest_first).await.0, "of the digest, not of the password");
}

#[test]
fn a_password_with_a_nul_reaches_no_hash() {
    for text in ["\0", "a\0", "a\0b"] {
        assert!(Password::prepare(text).is_err(), "{text:?}");
    }
    let whole = crate::password::legacy::Legacy::parse("$2b$06$E9a/I0aBHlm40L1S64zVtuvBCRsHgDigvIAvm7GwbC3IAMo232gbC");
    let whole = whole.unwrap_or_else(|reason| panic!("{reason}"));
    assert!(bool::from(whole.verifies("correct horse battery staple")));
    assert!(!bool::from(whole.verifies("correct horse battery staple\0")));
    assert!(!bool::from(whole.verifies("correct horse battery staple\0more")));
}

#[tokio::test]
async fn a_password_of_more_than_128_bytes_matches_no_sha_crypt() {
    // Made by `mkpasswd -m sha-512 -R 1000` of 128 characters; the one of 129 begins with them.
    let table = include_str!("../../../tests/vectors/legacy.tsv");
    let line = table.lines().find(|line| line.starts_with(&format!("\"{}\"", "l".repeat(128)))).expect("a line");
    let hash = stored(line.rsplit('\t').next().expect("a hash"), None);
    assert!(verified(&"l".repeat(128), &hash).await.matches);
    assert!(!verified(&"l".repeat(129), &hash).await.matches);
}

#[tokio::test]
async fn an_empty_salt_is_a_salt() {
    // `printf password | openssl dgst -sha1 -binary | base64`, in a scheme that has room for a salt.
    for text in ["{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "sha1:prefix::5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"] {
        assert!(verified("password", &stored(text, None)).await.matches, "{text}");
        assert!(!verified("Password", &stored(text, None)).await.matches, "{text}");
    }
}

#[tokio::test]
async fn a_hash_of_the_password_as_it_was_sent_verifies_too() {
    // SHA-1 of "cafe" and a combining accent, which is prepared as "caf\u{e9}".
    let sent = "cafe\u{301}";
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, sent.as_bytes());
    let hash = stored(&text::to_hex(digest.as_ref()), Some(HashFormat::Sha1));
    let outcome = verified(sent, &hash).await;
    assert!(outcome.matches && outcome.outdated);
    assert!(!verified("caf\u{e9}", &hash).await.matches);
}

#[tokio::test]
async fn a_refused_password_and_a_mark_are_the_same_for_every_kind_of_hash() {
    let pool = Argon2Pool::new(policy(), Some(1), 8);
    let guess = || Password::prepare("correct horse battery staple").ok();
    let nobodys = pool.verify(guess(), None, "ann").await.expect("one").mark;
    let bcrypt = stored("$2b$06$E9a/I0aBHlm40L1S64zVtuvBCRsHgDigvIAvm7GwbC3IAMo232gbC", None);
    let outcome = pool.verify(guess(), Some(&bcrypt), "ann").await.expect("one");
    assert!(outcome.matches);
    assert_eq!(outcome.mark, nobodys, "a mark of Argon2, with the salt of the name");
    assert!(!pool.verify(None, Some(&bcrypt), "ann").await.expect("one").matches);
}

#[test]
fn a_digest_is_wrapped_under_a_fresh_salt_and_the_policy_that_is_given() {
    let wrap = |policy: &Argon2Policy| {
        let read = ForeignHash::read("sha1:abf7aad6438836dbe526aa231abde2d0eef74d42", None).expect("a digest");
        assert!(read.needs_wrapping() && read.format() == HashFormat::Sha1);
        read.into_stored(policy, &OsRandom).expect("randomness")
    };
    assert_ne!(wrap(&policy()), wrap(&policy()));
    let other = Argon2Policy::new(128, 2, 1).expect("within bounds");
    assert_eq!(wrap(&other).kind().to_string(), "argon2id(sha1) m=128,t=2,p=1");
}

#[test]
fn kinds_are_as_reports_write_them() {
    for (text, kind) in [
        ("$2y$05$xDwNIfJG029anMMjCpvfnuzyNpaxjziOP.2edmOczeXe4r2azjEPq", "bcrypt cost=5"),
        (
            "$argon2i$v=16$m=128,t=2,p=2$dUOEOEQ1i1amnKOBPeQ58Q$BxBc1qhK0QQxM810YmShEsz5xYC14bhiQVfiSj9MYIo",
            "argon2i v=16,m=128,t=2,p=2",
        ),
        (
            "$pbkdf2-sha256$1500$Xqt1bu393/ufU2rtfa.1Ng$PO8SdaQd9mDUSAd07cDi6HxEz2xXRyOdK/JOA25tDI8",
            "pbkdf2-sha256 i=1500",
        ),
        ("AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==", "pbkdf2-sha1 i=1000"),
        (
            "$scrypt$ln=9,r=8,p=3$XWsNofTeW8vZ+9+7t9aasw$CEuoN0OfoCJC7kZm6iyCKOxHWn3fV8YqJ0c9UulbQcM",
            "scrypt ln=9,r=8,p=3",
        ),
        ("$5$i2dBKZL8ZCa.XGGy$tHJTKkHyhxpUKy49oNCp9shFu3gCGQsWmHRVH.I8vTD", "sha256-crypt rounds=5000"),
        ("$P$BX6r6bEnqjZ7qzekPtUQnI5ImdbPiQ.", "phpass rounds=8192"),
    ] {
        assert_eq!(stored(text, None).kind().to_string(), kind);
    }
}
