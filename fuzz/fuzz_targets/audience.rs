//! Audiences and resources (RFC 8707). The first line is what the client has, the second what the request names, each
//! parted by spaces.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use passgrant::audience::{Audience, granted};
use url::Url;

/// Of each: more only take longer.
const MOST: usize = 8;

fuzz_target!(|text: &str| {
    let (configured, requested) = text.split_once('\n').unwrap_or((text, ""));
    let configured: Vec<Audience> = configured.split(' ').take(MOST).filter_map(parse).collect();
    let requested: Vec<&str> = requested.split(' ').take(MOST).filter(|resource| !resource.is_empty()).collect();

    let known: Vec<&str> = configured.iter().map(Audience::as_str).collect();
    let Ok(audiences) = granted(&requested, &configured) else {
        return assert!(requested.iter().any(|resource| !known.contains(resource)));
    };
    if requested.is_empty() {
        return assert_eq!(audiences, configured);
    }
    assert!(requested.iter().all(|resource| known.contains(resource)), "nothing beyond the client's");
    let audiences: Vec<&str> = audiences.iter().map(Audience::as_str).collect();
    let (given, asked) = (audiences.iter().collect::<HashSet<_>>(), requested.iter().collect::<HashSet<_>>());
    assert_eq!(given, asked);
    assert_eq!(given.len(), audiences.len(), "each once");
});

fn parse(text: &str) -> Option<Audience> {
    let audience = Audience::parse(text).ok()?;
    assert_eq!(audience.as_str(), text);
    assert!(text.len() <= Audience::MAX_BYTES);
    let (scheme, _) = text.split_once(':').expect("absolute");
    assert!(Url::parse(text).expect("a URL").scheme().eq_ignore_ascii_case(scheme));
    // RFC 3986, appendix A: neither a fragment nor anything that no URI holds.
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte)));
    let mut escapes = text.split('%').skip(1).map(str::as_bytes);
    assert!(escapes.all(|rest| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit)));
    assert_eq!(serde_json::from_value::<Audience>(text.into()).expect("its own text"), audience);
    Some(audience)
}
