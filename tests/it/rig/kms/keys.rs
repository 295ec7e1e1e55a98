//! The keys of the doubles. RSA keys are slow to generate, so the process keeps them: the n-th of a spec is the same key
//! pair in every double, under another key id. Two keys of one double are always distinct.

use std::collections::HashMap;
use std::sync::Mutex;

use passgrant::random::{OsRandom, Random};
use passgrant::signing::local_kms::{KeyMaterial, KeySpec};
use zeroize::Zeroizing;

use super::lock;

static RSA: Mutex<Vec<KeyMaterial>> = Mutex::new(Vec::new());

/// The pairs of one double: how many there are of each spec, of KMS's keys and of data keys.
#[derive(Default)]
pub(super) struct Keys(Mutex<HashMap<&'static str, usize>>);

impl Keys {
    /// The next key of a spec.
    pub(super) fn next(&self, spec: KeySpec) -> KeyMaterial {
        if !matches!(spec, KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096) {
            return KeyMaterial::generate(spec).expect("a key");
        }
        let mut made = lock(&self.0);
        let made = made.entry(spec.name()).or_default();
        let index = *made;
        *made += 1;
        rsa_key(spec, index)
    }
}

fn rsa_key(spec: KeySpec, index: usize) -> KeyMaterial {
    let mut keys = lock(&RSA);
    loop {
        if let Some(key) = keys.iter().filter(|key| key.spec() == spec).nth(index) {
            return key.clone();
        }
        keys.push(KeyMaterial::generate(spec).expect("an RSA key"));
    }
}

/// A fresh HMAC key and its secret; `None` for a spec that is not HMAC.
pub(super) fn secret(spec: KeySpec) -> Option<(KeyMaterial, Vec<u8>)> {
    let length = match spec {
        KeySpec::Hmac256 => 32,
        KeySpec::Hmac384 => 48,
        KeySpec::Hmac512 => 64,
        _ => return None,
    };
    let mut secret = vec![0; length];
    OsRandom.fill(&mut secret).expect("random bytes");
    Some((KeyMaterial::of_secret(spec, Zeroizing::new(secret.clone()))?, secret))
}
