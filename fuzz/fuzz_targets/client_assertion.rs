//! Client assertions (`private_key_jwt`): what is read before any key is looked at. Input with a line break is a header
//! and claims, to be encoded; input without one is the assertion itself.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use passgrant::authenticate::credentials::Credentials;
use passgrant::client::id::ClientId;
use passgrant::clock::Timestamp;
use passgrant::form::Form;
use passgrant::jose::algorithm::Algorithm;
use passgrant_fuzz::form_headers;
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const MAX_BYTES: usize = 8 * 1024;

fuzz_target!(|text: &str| {
    let assertion = match text.split_once('\n') {
        Some((header, claims)) => encode(header, claims),
        None => text.to_owned(),
    };
    let Some(credentials) = read(&assertion) else { return };
    assert!(assertion.len() <= MAX_BYTES);
    let [header, claims, signature] = assertion.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    // A member that is ignored here may hold a number that is too large to be read a second time.
    let (Some(header), Some(claims)) = (object(header), object(claims)) else { return };

    let algorithm: Algorithm = header["alg"].as_str().expect("a string").parse().expect("an algorithm");
    assert!(!algorithm.as_str().starts_with("HS") && algorithm != Algorithm::Es512);
    assert!(!header.contains_key("crit"));
    assert!(header.get("kid").is_none_or(|kid| kid.is_string() || kid.is_null()));
    assert_eq!(credentials.client_id(), ClientId::parse(claims["sub"].as_str().expect("a string")).ok().as_ref());
    assert!(claims["iss"].is_string() && claims["jti"].is_string());
    let times = credentials.proof().expect_err("not a secret");
    for (name, time) in ["exp", "nbf", "iat"].into_iter().zip(times) {
        assert_eq!(time, claims.get(name).map(|date| numeric_date(date).expect("a date")), "{name}");
    }

    let again = encode(&Value::from(header).to_string(), &Value::from(claims).to_string());
    if let Some(again) = read(&again) {
        assert_eq!((again.client_id(), again.proof()), (credentials.client_id(), credentials.proof()));
    } else {
        assert!(again.len() > MAX_BYTES);
    }
});

fn encode(header: &str, claims: &str) -> String {
    format!("{}.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).ok()
}

fn read(assertion: &str) -> Option<Credentials> {
    let pairs = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
    let body = Serializer::new(String::new()).extend_pairs(pairs).finish();
    Credentials::read(&form_headers(), &Form::parse(&form_headers(), body.as_bytes()).ok()?).ok()
}

/// Seconds since 1970, a fraction cut off (RFC 7519, section 2).
fn numeric_date(date: &Value) -> Option<Timestamp> {
    let truncated = || format!("{:.0}", date.as_f64()?.trunc()).parse().ok();
    date.as_u64().or_else(truncated).map(Timestamp::from_unix)
}
