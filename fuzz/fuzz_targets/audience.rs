//! Audiences and resources (RFC 8707). The first line has the client's, the second has those that the request names,
//! each separated by spaces.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use passgrant::audience::Audience;
use passgrant::authorize::audience::granted;
use url::Url;

/// How many of each are read: more would only take longer.
const MOST: usize = 8;

fuzz_target!(|text: &str| {
    let (configured, requested) = text.split_once('\n').unwrap_or((text, ""));
    let configured: Vec<Audience> = configured.split(' ').take(MOST).filter_map(parse).collect();
    let requested: Vec<&str> = requested.split(' ').take(MOST).filter(|resource| !resource.is_empty()).collect();

    let registered: Vec<&str> = configured.iter().map(Audience::as_str).collect();
    let known: HashSet<String> = registered.iter().copied().map(normal).collect();
    let is_known = |resource: &&str| known.contains(&normal(resource));
    let Ok(audiences) = granted(&requested, &configured) else {
        return assert!(!requested.iter().all(is_known));
    };
    let audiences: Vec<&str> = audiences.iter().map(Audience::as_str).collect();
    if requested.is_empty() {
        return assert_eq!(audiences, registered);
    }
    assert!(requested.iter().all(is_known), "nothing beyond the client's");
    assert!(audiences.iter().all(|audience| registered.contains(audience)), "as it is registered");
    let asked: HashSet<String> = requested.iter().copied().map(normal).collect();
    let given: HashSet<String> = audiences.iter().copied().map(normal).collect();
    assert_eq!(given, asked);
    assert_eq!(given.len(), audiences.len(), "each once");
    for (one, other) in configured.iter().zip(configured.iter().skip(1)) {
        assert_eq!(one == other, normal(one.as_str()) == normal(other.as_str()));
    }
});

/// With the slash of an empty path (RFC 3986, section 6.2.3).
fn normal(text: &str) -> String {
    let after_authority = text.split_once(':').and_then(|(scheme, rest)| {
        let authority = rest.strip_prefix("//")?;
        Some(scheme.len() + 3 + authority.find(['/', '?']).unwrap_or(authority.len()))
    });
    match after_authority {
        Some(end) if !text[end..].starts_with('/') => format!("{}/{}", &text[..end], &text[end..]),
        _ => text.to_owned(),
    }
}

fn parse(text: &str) -> Option<Audience> {
    let audience = Audience::parse(text).ok()?;
    assert_eq!(audience.as_str(), text);
    assert!(text.len() <= Audience::MAX_BYTES);
    let (scheme, _) = text.split_once(':').expect("absolute");
    assert!(Url::parse(text).expect("a URL").scheme().eq_ignore_ascii_case(scheme));
    // RFC 3986, appendix A: no fragment, and no character that a URI cannot contain.
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte)));
    let mut escapes = text.split('%').skip(1).map(str::as_bytes);
    assert!(escapes.all(|rest| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit)));
    assert_eq!(serde_json::from_value::<Audience>(text.into()).expect("its own text"), audience);
    Some(audience)
}
