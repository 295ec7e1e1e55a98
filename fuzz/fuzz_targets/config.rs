//! The configuration: an environment, with one `NAME=value` per line.

#![no_main]

use std::collections::HashMap;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use passgrant::config::{Config, VARIABLES};
use passgrant::issuer::Issuer;
use url::Url;

/// What a secret may contain and a name may not: wherever an operator puts a secret, no error shows it.
const SECRET: &str = "S3CR3T~";

fuzz_target!(|text: &str| {
    let environment: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let config = match Config::read(&|name| environment.get(name).map(|value| (*value).to_owned())) {
        Ok(config) => config,
        Err(error) => {
            let error = error.to_string();
            let (name, reason) = error.split_once(": ").expect("a name and a reason");
            assert!(VARIABLES.iter().any(|variable| variable.name == name));
            assert!(!reason.is_empty());
            return assert!(!reason.contains(SECRET), "{error}");
        }
    };
    assert!((1..=64).contains(&config.password_min_length));
    assert!(config.verify_queue <= 100_000);
    assert!(config.client_cache.is_none_or(|time| time <= Duration::from_hours(1)));
    for key in &config.signing_keys {
        assert!(!key.name.is_empty() && key.name.trim() == key.name && !key.name.contains(['=', ',']));
        assert_eq!(key.to_string().parse().as_ref(), Ok(key));
    }
    assert!([&config.tables.clients, &config.tables.users, &config.tables.tokens].iter().all(|name| name.len() >= 3));
    assert!(config.cors_origins.iter().all(|origin| origin.to_str().is_ok_and(|origin| origin.contains("://"))));
    config.issuer.iter().for_each(check_issuer);
});

/// Every endpoint is where the router looks for it.
fn check_issuer(issuer: &Issuer) {
    assert_eq!(Issuer::parse(issuer.as_str()).as_ref(), Ok(issuer));
    let base = Url::parse(issuer.as_str()).expect("a URL");
    let endpoint = Url::parse(&issuer.url("/oauth2/token")).expect("a URL");
    assert_eq!(endpoint.origin(), base.origin());
    assert_eq!(endpoint.path(), format!("{}/oauth2/token", issuer.path()));
    assert!(issuer.path().is_empty() || (issuer.path().starts_with('/') && !issuer.path().ends_with('/')));
}
