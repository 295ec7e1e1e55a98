//! The client and the user of the samples in `events/`.

use passgrant::client::authentication::ClientAuthentication;
use passgrant::client::secret::WeakSecrets;
use passgrant::client::{Capability, Client};
use passgrant::clock::Timestamp;
use passgrant::password::Argon2Policy;
use passgrant::user::User;

use crate::rig::client::{self, scope, stored};
use crate::rig::clock::START;
use crate::rig::random::CountingRandom;
use crate::rig::user;

pub(crate) const CLIENT: &str = "demo-client";
pub(crate) const SECRET: &str = "demo-secret-for-sam-local-invoke";
pub(crate) const USER: &str = "demo-user";
pub(crate) const PASSWORD: &str = "correct-horse-battery-staple";

pub(crate) fn client() -> Client {
    let secret = stored(SECRET, WeakSecrets::Refused);
    Client {
        authentication: ClientAuthentication::SecretBasic(secret.into()),
        capabilities: Capability::ALL.to_vec(),
        scopes: scope("openid profile email"),
        default_scopes: scope("profile"),
        ..client::client(CLIENT)
    }
}

pub(crate) fn user(policy: &Argon2Policy) -> User {
    user::user(USER, PASSWORD, policy, &CountingRandom::default(), Timestamp::from_unix(START))
}
