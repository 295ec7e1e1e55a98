//! The clients of the tests.

#![expect(clippy::expect_used, reason = "a client that cannot be made has failed its test")]

use passgrant::audience::Audience;
use passgrant::client::Client;
use passgrant::client::authentication::ClientAuthentication;
use passgrant::client::id::{ClientId, Incarnation};
use passgrant::client::secret::{ClientSecret, Secrets, StoredSecret, WeakSecrets};
use passgrant::clock::Timestamp;
use passgrant::scope::Scope;
use zeroize::Zeroizing;

use crate::rig::clock::START;
use crate::rig::random::CountingRandom;

pub(crate) const SECRET: &str = "client-secret-of-the-tests";
pub(crate) const AUDIENCE: &str = "https://api.example.com";

pub(crate) fn scope(text: &str) -> Scope {
    Scope::parse_or_empty(text).expect("a scope")
}

pub(crate) fn secret(text: &str) -> StoredSecret {
    stored(text, WeakSecrets::Allowed)
}

/// A secret that somebody chose, as it is stored.
pub(crate) fn stored(text: &str, weak: WeakSecrets) -> StoredSecret {
    let secret = ClientSecret::chosen(Zeroizing::new(text.to_owned()), weak).expect("a secret");
    StoredSecret::new(&secret, Timestamp::from_unix(START), &CountingRandom::default()).expect("randomness")
}

/// Authentication by HTTP Basic with one of `secrets`.
pub(crate) fn by_basic(secrets: Vec<StoredSecret>) -> ClientAuthentication {
    ClientAuthentication::SecretBasic(Secrets::new(secrets).expect("one or two"))
}

/// A confidential client that may have `read write admin`, and has `read` by default.
pub(crate) fn client(id: &str) -> Client {
    let id = ClientId::parse(id).expect("a client id");
    let incarnation = Incarnation::generate(&CountingRandom::default()).expect("randomness");
    Client {
        scopes: scope("read write admin"),
        default_scopes: scope("read"),
        audiences: vec![Audience::parse(AUDIENCE).expect("an audience")],
        ..Client::new(id, incarnation, by_basic(vec![secret(SECRET)]), Timestamp::from_unix(START))
    }
}

/// A public client, otherwise like [`client`].
pub(crate) fn public_client(id: &str) -> Client {
    Client { authentication: ClientAuthentication::None, ..client(id) }
}
