//! Claim maps, as the table holds them, and the source of one claim, as the command line takes it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use passgrant::client::claim_map::{ClaimMap, ClaimSource};

const RESERVED: [&str; 8] = ["iss", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope"];

fuzz_target!(|text: &str| {
    if let Ok(source) = text.parse::<ClaimSource>() {
        assert_eq!(source.to_string(), text);
    }
    let Ok(map) = serde_json::from_str::<ClaimMap>(text) else { return };
    assert!(map.iter().count() <= ClaimMap::MAX_CLAIMS);
    for (name, source) in map.iter() {
        assert!(
            (1..=ClaimMap::MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
        );
        assert!(!RESERVED.contains(&name));
        let is_of_user = !matches!(source, ClaimSource::ClientId | ClaimSource::Scopes | ClaimSource::Literal(_));
        assert!(name != "sub" || is_of_user);
    }
    let written = serde_json::to_string(&map).expect("JSON");
    assert_eq!(serde_json::from_str::<ClaimMap>(&written).expect("its own text"), map);
});
