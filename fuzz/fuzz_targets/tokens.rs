//! Refresh tokens and opaque access tokens: one text for one token, and no text for both.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use passgrant::session::refresh_token::RefreshToken;
use passgrant::token::opaque::OpaqueToken;

fuzz_target!(|text: &str| {
    match (RefreshToken::parse(text), OpaqueToken::parse(text)) {
        (Ok(token), Err(_)) => {
            // Byte for byte: if two texts were the same token, a log or a filter that knows one would miss the other.
            assert_eq!(*token.expose(), text);
            assert_eq!(text.len(), RefreshToken::PREFIX.len() + 64);
            assert!(!text.contains(token.session_id().as_str()));
        }
        (Err(_), Ok(token)) => {
            assert_eq!(token.expose(), text);
            assert_eq!(text.len(), OpaqueToken::PREFIX.len() + 43);
            assert_ne!(URL_SAFE_NO_PAD.encode(token.digest()), text[OpaqueToken::PREFIX.len()..]);
        }
        (Ok(_), Ok(_)) => panic!("a refresh token is not an access token"),
        (Err(_), Err(_)) => {}
    }
});
