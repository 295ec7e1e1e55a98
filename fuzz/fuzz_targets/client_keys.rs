//! The key sets that clients register: public keys alone, and nothing written that was not understood.

#![no_main]

use libfuzzer_sys::fuzz_target;
use passgrant::client::keys::ClientKeys;
use serde_json::Value;

const WRITTEN: [&str; 8] = ["kty", "n", "e", "crv", "x", "y", "kid", "alg"];
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

fuzz_target!(|json: &str| {
    let Ok(keys) = ClientKeys::parse(json) else { return };
    assert!(json.len() <= ClientKeys::MAX_BYTES);
    let names: Vec<String> = keys.names().collect();
    assert!((1..=ClientKeys::MAX_KEYS).contains(&names.len()));
    assert!(names.iter().all(|name| (1..=ClientKeys::MAX_NAME_BYTES).contains(&name.len())));

    let read: Value = serde_json::from_str(json).expect("JSON");
    let written = serde_json::to_value(&keys).expect("text");
    let written: Value = serde_json::from_str(written.as_str().expect("text")).expect("JSON");
    let pairs = read["keys"].as_array().expect("keys").iter().zip(written["keys"].as_array().expect("keys"));
    for (read, written) in pairs {
        assert!(PRIVATE.iter().all(|member| read.get(member).is_none()));
        for (member, value) in written.as_object().expect("a key") {
            assert!(WRITTEN.contains(&member.as_str()));
            assert_eq!(read.get(member), Some(value));
        }
    }
    assert_eq!(ClientKeys::parse(&written.to_string()), Ok(keys));
});
