//! `PASSGRANT_AUTH_CHAINS`, with the delegated verifiers `a` to `d`.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use passgrant::chain::delegation::Delegation;
use passgrant::chain::name::ChainName;
use passgrant::chain::{Chain, Chains, CredentialVerifier};
use serde_json::json;

static DELEGATIONS: LazyLock<Vec<Arc<Delegation>>> = LazyLock::new(|| {
    let one = |name| json!({ "name": name, "url": "https://login.example.com", "secret_env": "PASSGRANT_S" });
    let settings = serde_json::from_value(["a", "b", "c", "d"].map(one).into_iter().collect()).expect("settings");
    Delegation::all(settings, &|_| Some("0123456789abcdef".repeat(2))).expect("sound")
});

fuzz_target!(|text: &str| {
    let Ok(chains) = Chains::parse(text, &DELEGATIONS) else { return };
    let mut delegate = false;
    for chain in text.split(';').filter(|_| !text.is_empty()) {
        let (name, verifiers) = chain.split_once('=').expect("a name and verifiers");
        let verifiers: Vec<&str> = verifiers.split(',').map(str::trim).collect();
        let name = ChainName::parse(name.trim()).expect("a name");
        let chain = chains.select(Some(name.as_str()), std::slice::from_ref(&name)).expect("what was written");
        let read: Vec<&str> = chain.verifiers().iter().map(verifier).collect();
        assert_eq!(read, verifiers);
        assert!((1..=Chain::MAX_VERIFIERS).contains(&read.len()));
        assert!(read.iter().enumerate().all(|(at, verifier)| !read[..at].contains(verifier)), "each once");
        assert!(chains.select(Some(name.as_str()), &[]).is_err(), "not the default, and not allowed");
        delegate |= read.iter().any(|verifier| *verifier != "directory");
    }
    assert_eq!(chains.delegate(), delegate);
    let default = chains.select(None, &[]).expect("the users table");
    assert!(matches!(default.verifiers(), [CredentialVerifier::Directory]));
});

fn verifier(verifier: &CredentialVerifier) -> &str {
    match verifier {
        CredentialVerifier::Directory => "directory",
        CredentialVerifier::Delegated(delegation) => delegation.name.as_str(),
    }
}
