//! The key sets that clients register: public keys only, each written or left out, and nothing written that was not
//! understood.

#![no_main]

use libfuzzer_sys::fuzz_target;
use passgrant::client::keys::ClientKeys;
use serde_json::Value;

const WRITTEN: [&str; 8] = ["kty", "n", "e", "crv", "x", "y", "kid", "alg"];
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

fuzz_target!(|json: &str| {
    let Ok((keys, left_out)) = ClientKeys::parse_and_tell(json) else { return };
    assert!(json.len() <= ClientKeys::MAX_BYTES);
    let names: Vec<String> = keys.names().collect();
    assert!((1..=ClientKeys::MAX_KEYS).contains(&(names.len() + left_out.len())));
    assert!(names.iter().all(|name| (1..=ClientKeys::MAX_NAME_BYTES).contains(&name.len())));

    let read: Value = serde_json::from_str(json).expect("JSON");
    let mut read: Vec<&Value> = read["keys"].as_array().expect("keys").iter().collect();
    assert!(read.iter().all(|key| PRIVATE.iter().all(|member| key.get(member).is_none())));
    for key in left_out.iter().rev() {
        assert!(!key.to_string().contains(char::is_control));
        read.remove(key.number - 1);
    }
    let written = serde_json::to_value(&keys).expect("text");
    let written: Value = serde_json::from_str(written.as_str().expect("text")).expect("JSON");
    let written_keys = written["keys"].as_array().expect("keys");
    assert_eq!(read.len(), written_keys.len(), "each key is there or left out");
    for (read, written) in read.into_iter().zip(written_keys) {
        for (member, value) in written.as_object().expect("a key") {
            assert!(WRITTEN.contains(&member.as_str()));
            assert_eq!(read.get(member), Some(value));
        }
    }
    assert_eq!(ClientKeys::parse_and_tell(&written.to_string()), Ok((keys, Vec::new())));
});
