//! Client authentication by secret: the header and the body, with one method and one client per request.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use libfuzzer_sys::fuzz_target;
use passgrant::authenticate::credentials::Credentials;
use passgrant::client::id::ClientId;
use passgrant::error::Kind;
use passgrant::form::Form;
use passgrant_fuzz::{form_headers, message};
use url::form_urlencoded::byte_serialize;

fuzz_target!(|data: &[u8]| {
    let Some((mut headers, body)) = message(data) else { return };
    let Ok(form) = Form::parse(&form_headers(), body) else { return };
    let credentials = match Credentials::read(&headers, &form) {
        Ok(credentials) => credentials,
        Err(error) => return assert!(matches!(error.kind(), Kind::InvalidRequest | Kind::InvalidClient)),
    };
    if let Some(id) = credentials.client_id() {
        assert!((1..=ClientId::MAX_BYTES).contains(&id.as_str().len()));
        assert!(id.as_str().bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
        assert!(form.value("client_id").is_none_or(|in_body| in_body == id.as_str()), "one client");
    }
    let authorizations: Vec<&[u8]> = headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes).collect();
    let asserted = form.value("client_assertion").is_some() || form.value("client_assertion_type").is_some();
    let methods = authorizations.len() + usize::from(form.value("client_secret").is_some()) + usize::from(asserted);
    assert!(methods <= 1, "one method");

    let Ok([decoded, sent]) = credentials.proof() else { return assert!(asserted) };
    let [authorization] = authorizations[..] else {
        // In the body, nothing is decoded twice.
        assert_eq!(decoded, sent);
        return assert_eq!(sent.as_str(), form.value("client_secret").unwrap_or_default());
    };
    let authorization = std::str::from_utf8(authorization).expect("what was read");
    let (scheme, encoded) = authorization.split_once(' ').expect("a scheme");
    assert!(scheme.eq_ignore_ascii_case("basic"));
    let pair = STANDARD.decode(padded(encoded.trim_matches(' '))).expect("base64");
    let (id, secret) = std::str::from_utf8(&pair).expect("UTF-8").split_once(':').expect("a colon");
    assert_eq!(sent.as_str(), secret);
    if !id.contains(['+', '%']) {
        assert_eq!(credentials.client_id(), ClientId::parse(id).ok().as_ref());
    }
    if !secret.contains(['+', '%']) {
        assert_eq!(decoded, sent);
    }

    // What a careful client would send for the same credentials is read as the same credentials.
    let Some(id) = credentials.client_id() else { return };
    let form_encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", form_encoded(id.as_str()), form_encoded(decoded));
    let written = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).expect("ASCII");
    headers.insert(AUTHORIZATION, written);
    let Ok(again) = Credentials::read(&headers, &form) else { panic!("well formed") };
    assert_eq!(again.client_id(), Some(id));
    assert_eq!(again.proof().map(|[again, _]| again), Ok(decoded));
});

fn padded(base64: &str) -> String {
    let unpadded = base64.trim_end_matches('=');
    format!("{unpadded}{}", "=".repeat((4 - unpadded.len() % 4) % 4))
}
