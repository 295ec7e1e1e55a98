//! Password hashes as other systems write them: what is accepted is stored in a form that can be verified and is read
//! again as it is, and a refusal shows nothing of the hash. The format may stand in a line of its own before the hash.
//! Nothing is computed: no digest is wrapped.

#![no_main]

use libfuzzer_sys::fuzz_target;
use passgrant::password::Argon2Policy;
use passgrant::password::legacy::{ForeignHash, HashFormat};
use passgrant::random::OsRandom;

fuzz_target!(|input: &str| {
    let stated = input.split_once('\n').and_then(|(format, text)| Some((format.parse::<HashFormat>().ok()?, text)));
    let (format, text) = stated.map_or((None, input), |(format, text)| (Some(format), text));
    let foreign = match ForeignHash::read(text, format) {
        Ok(foreign) => foreign,
        Err(refused) => {
            let message = refused.to_string();
            let mut parts = text.split(|c: char| !c.is_ascii_alphanumeric());
            assert!(!parts.any(|part| part.len() > 16 && message.contains(part)), "{message}");
            return;
        }
    };
    assert!(format.is_none_or(|format| format == foreign.format()));
    assert!(text.len() <= 4096);
    if foreign.needs_wrapping() {
        return;
    }
    let policy = Argon2Policy::new(8, 1, 1).expect("the least there is");
    let stored = foreign.into_stored(&policy, &OsRandom).expect("nothing is wrapped");
    assert_ne!(stored.kind().algorithm(), "unreadable", "what is imported can be verified");
    let text = serde_json::to_value(&stored).expect("a string");
    let again = ForeignHash::read(text.as_str().expect("a string"), None).expect("what is stored can be imported");
    assert!(!again.needs_wrapping());
    assert_eq!(again.into_stored(&policy, &OsRandom).expect("nothing is wrapped"), stored);
});
