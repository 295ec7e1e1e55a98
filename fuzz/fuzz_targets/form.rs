//! The form parser against that of the `url` crate, which accepts everything.

#![no_main]

use std::collections::HashSet;

use http::header::CONTENT_TYPE;
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
            assert!(body.len() <= MAX_BODY_BYTES);
            assert_eq!(headers.get_all(CONTENT_TYPE).iter().count(), 1);
            assert!(is_acceptable(&pairs));
            agree(&form, &pairs);
        }
        Err(error) if body.len() > MAX_BODY_BYTES => assert_eq!(error.kind(), Kind::BodyTooLarge),
        Err(error) => assert_eq!(error.kind(), Kind::InvalidRequest),
    }
    // What was read leniently and written well is accepted, unless a limit or a repetition forbids it.
    let written = Serializer::new(String::new()).extend_pairs(&pairs).finish();
    match Form::parse(&form_headers(), written.as_bytes()) {
        Ok(form) => agree(&form, &pairs),
        Err(_) => assert!(written.len() > MAX_BODY_BYTES || !is_acceptable(&pairs)),
    }
});

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
