//! Usernames and passwords: what PRECIS (RFC 8265) leaves of any text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use passgrant::password::Password;
use passgrant::user::{Username, UsernameProfile};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::is_nfc;

fuzz_target!(|text: &str| {
    for profile in UsernameProfile::ALL {
        let Ok(username) = Username::prepare(text, profile) else { continue };
        let prepared = username.as_str();
        assert!(text.len() <= Username::MAX_BYTES && (1..=Username::MAX_BYTES).contains(&prepared.len()));
        assert!(!prepared.contains(|c: char| c.is_whitespace() || c.is_control()));
        assert!(is_nfc(prepared));
        assert!(
            !prepared.is_ascii() || profile == UsernameProfile::CasePreserved || !prepared.contains(char::is_uppercase)
        );
        // What a listing shows is the same user when it is typed in again.
        assert_eq!(Username::prepare(prepared, profile).as_ref(), Ok(&username));
        // Spaces around it are not part of it, and everything else is.
        assert_eq!(Username::prepare(text.trim_matches(' '), profile).as_ref(), Ok(&username));
        let padded = format!(" {text}  ");
        assert!(padded.len() > Username::MAX_BYTES || Username::prepare(&padded, profile).as_ref() == Ok(&username));
    }
    if let Ok(password) = Password::prepare(text) {
        assert!(!text.is_empty() && text.len() <= Password::MAX_BYTES);
        assert!(!text.contains(char::is_control));
        assert_eq!(password.code_points(), text.nfc().count(), "nothing is cut or trimmed");
        // Another keyboard composes it, and it is accepted all the same.
        let composed: String = text.nfc().collect();
        assert!(Password::prepare(&composed).is_ok_and(|again| again.code_points() == password.code_points()));
    }
});
