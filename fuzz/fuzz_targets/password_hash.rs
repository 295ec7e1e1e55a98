//! Stored password hashes: what is read, and the bounds on the work that Argon2 may be asked for. Nothing is computed.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use libfuzzer_sys::fuzz_target;
use passgrant::password::{Argon2Policy, PasswordHash};

fuzz_target!(|text: &str| {
    let hash: PasswordHash = serde_json::from_value(text.into()).expect("any string");
    assert_eq!(serde_json::to_value(&hash).expect("a string"), text);
    assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    assert!(!hash.kind().algorithm().is_empty());
    let Ok(parameters) = hash.parameters() else { return };
    let [memory_kib, passes, lanes] = parameters;
    assert!(Argon2Policy::new(memory_kib, passes, lanes).is_ok(), "no more work than is configurable");

    let fields: Vec<&str> = text.split('$').collect();
    assert!(fields[0].is_empty() && ["argon2d", "argon2i", "argon2id"].contains(&fields[1]));
    let (salt, output) = (fields[fields.len() - 2], fields[fields.len() - 1]);
    assert!((8..=48).contains(&STANDARD_NO_PAD.decode(salt).expect("base64").len()));
    assert!((10..=64).contains(&STANDARD_NO_PAD.decode(output).expect("base64").len()));
    let written = |name| {
        // The last one counts.
        let value = fields.iter().rev().flat_map(|field| field.rsplit(',')).find_map(|field| field.strip_prefix(name));
        value.map(|value: &str| value.parse::<u32>().expect("a number"))
    };
    for (name, value) in ["m=", "t=", "p="].into_iter().zip(parameters) {
        assert!(written(name).is_none_or(|written| written == value), "{name}");
    }
    assert!(written("v=").is_none_or(|version| [0x10, 0x13].contains(&version)));

    let again = format!("${}$v=19$m={memory_kib},t={passes},p={lanes}${salt}${output}", fields[1]);
    let again: PasswordHash = serde_json::from_value(again.into()).expect("any string");
    assert_eq!(again.parameters(), Ok(parameters));
});
