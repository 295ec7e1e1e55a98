//! The form parser, compared with that of the `url` crate, which accepts everything.

#![no_main]

use std::collections::HashSet;

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use libfuzzer_sys::fuzz_target;
use passgrant::error::Kind;
use passgrant::form::{Form, MAX_BODY_BYTES};
use passgrant_fuzz::{form_headers, message};
use url::form_urlencoded::{Serializer, parse};

const MAX_PARAMETERS: usize = 64;

fuzz_target!(|data: &[u8]| {
    let Some((headers, body)) = message(data) else { return };
    let pairs: Vec<(String, String)> = parse(body).into_owned().collect();
    match Form::parse(&headers, body) {
        Ok(form) => {
            assert!(body.len() <= MAX_BODY_BYTES && !is_coded(&headers));
            check_media_types(&headers, &pairs);
            assert!(is_acceptable(&pairs));
            agree(&form, &pairs);
        }
        Err(error) if body.len() > MAX_BODY_BYTES => assert_eq!(error.kind(), Kind::BodyTooLarge),
        Err(error) if is_coded(&headers) => assert_eq!(error.kind(), Kind::BodyCoded),
        Err(error) => assert_eq!(error.kind(), Kind::InvalidRequest),
    }
    // What was read leniently and written well is accepted, unless a limit or a repetition forbids it.
    let written = Serializer::new(String::new()).extend_pairs(&pairs).finish();
    match Form::parse(&form_headers(), written.as_bytes()) {
        Ok(form) => agree(&form, &pairs),
        Err(_) => assert!(written.len() > MAX_BODY_BYTES || !is_acceptable(&pairs)),
    }
});

/// The elements of all headers with a name, as if they were folded into one header.
fn elements(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase());
    values.collect::<Vec<_>>().join(",").split(',').map(|element| element.trim().to_owned()).collect()
}

fn is_coded(headers: &HeaderMap) -> bool {
    elements(headers, &CONTENT_ENCODING).iter().any(|coding| !["", "identity"].contains(&coding.as_str()))
}

/// What must hold for the media types of a form, unless one has a quoted string, which may contain anything.
fn check_media_types(headers: &HeaderMap, pairs: &[(String, String)]) {
    let media_types = elements(headers, &CONTENT_TYPE);
    if media_types.iter().any(|media_type| media_type.contains('"')) {
        return;
    }
    for media_type in media_types {
        let mut parts = media_type.split(';').map(str::trim);
        assert_eq!(parts.next(), Some("application/x-www-form-urlencoded"));
        for charset in parts.filter(|parameter| !parameter.is_empty()) {
            let charset = charset.strip_prefix("charset=").expect("no other parameter");
            let is_ascii = pairs.iter().all(|(name, value)| name.is_ascii() && value.is_ascii());
            assert!(["utf-8", "utf8"].contains(&charset) || is_ascii);
        }
    }
}

fn is_acceptable(pairs: &[(String, String)]) -> bool {
    let mut names = HashSet::new();
    pairs.len() <= MAX_PARAMETERS && pairs.iter().all(|(name, _)| names.insert(name) || name == "resource")
}

fn agree(form: &Form, pairs: &[(String, String)]) {
    for (name, _) in pairs {
        let values = pairs.iter().filter(|(other, value)| other == name && !value.is_empty());
        assert!(form.values(name).eq(values.map(|(_, value)| value.as_str())));
        assert_eq!(form.value(name), form.values(name).next());
    }
}
